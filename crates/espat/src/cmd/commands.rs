//! `espat commands`: the AT commands of a firmware line.

use espat_core::commands_of;
use espat_core::profile::PROFILES;
use serde::Serialize;

use super::{print_json, print_table};
use crate::cli::CommandsOptions;

#[derive(Serialize)]
struct Row {
    name: String,
    family: &'static str,
    forms: Vec<&'static str>,
    summary: &'static str,
    /// Page and anchor of the vendor's manual.
    manual: &'static str,
}

pub(super) fn run(options: &CommandsOptions) -> anyhow::Result<()> {
    let profile = options.profile.map_or(PROFILES[0], |p| p.0);
    let row = |c: espat_core::CommandInfo| Row {
        name: format!("AT{}", c.name),
        family: c.family,
        forms: c.forms.iter().copied().map(super::form).collect(),
        summary: c.summary,
        manual: c.anchor,
    };
    let rows: Vec<_> = commands_of(profile).map(row).collect();
    if options.list.json {
        return print_json(&rows);
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|r| [r.name, r.forms.join(" "), r.summary.to_owned()])
        .collect();
    Ok(print_table(["COMMAND", "FORMS", "WHAT IT DOES"], &rows)?)
}
