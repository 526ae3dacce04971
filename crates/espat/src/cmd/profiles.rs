//! `espat profiles`: the firmware lines.

use espat_core::profile::PROFILES;
use serde::Serialize;

use super::{print_json, print_table};
use crate::cli::ListOptions;

#[derive(Serialize)]
struct Row {
    name: &'static str,
    chip: &'static str,
    version: &'static str,
    source: &'static str,
    default: bool,
}

pub(super) fn run(options: &ListOptions) -> anyhow::Result<()> {
    let row = |(i, p): (usize, &&'static espat_core::Profile)| Row {
        name: p.name,
        chip: p.chip,
        version: p.version,
        source: p.source,
        default: i == 0,
    };
    let rows: Vec<_> = PROFILES.iter().enumerate().map(row).collect();
    if options.json {
        return print_json(&rows);
    }
    let rows: Vec<_> = rows
        .iter()
        .map(|r| [r.name, r.chip, r.version, r.source].map(str::to_owned))
        .collect();
    Ok(print_table(["NAME", "CHIP", "VERSION", "SOURCE"], &rows)?)
}
