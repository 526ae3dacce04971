//! `espat profiles`: the firmware lines, their values and what these rest on.

use std::io::{self, Write};

use espat_core::profile::PROFILES;
use espat_core::{Profile, commands_of};
use serde::Serialize;

use super::print_json;
use crate::cli::ProfilesOptions;

#[derive(Serialize)]
struct Line {
    name: &'static str,
    chip: &'static str,
    version: &'static str,
    source: &'static str,
    /// The line whose values it has where there is no evidence of its own.
    nearest: Option<&'static str>,
    default: bool,
    values: Vec<Row>,
}

/// A value and what it rests on.
#[derive(Serialize)]
struct Row {
    name: String,
    about: &'static str,
    value: String,
    /// What the default profile has there, where that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    mark: String,
    source: &'static str,
    /// The profile that the source speaks of, and how it is known there.
    of: &'static str,
    mark_there: String,
}

/// Two lines side by side.
#[derive(Serialize)]
struct Comparison {
    profiles: [&'static str; 2],
    values: Vec<Pair>,
    commands: Vec<Difference>,
}

#[derive(Serialize)]
struct Pair {
    name: String,
    about: &'static str,
    values: [String; 2],
    marks: [String; 2],
    sources: [&'static str; 2],
}

/// A command or a form that one line lacks.
#[derive(Serialize)]
struct Difference {
    name: String,
    /// The forms that each line has.
    forms: [Vec<&'static str>; 2],
}

pub(super) fn run(options: &ProfilesOptions) -> anyhow::Result<()> {
    let is_json = options.list.json;
    match options.names[..] {
        [a, b] => {
            let comparison = compare(a.0, b.0);
            if is_json {
                print_json(&comparison)
            } else {
                Ok(print_comparison(&comparison)?)
            }
        }
        [one] => {
            let line = line(one.0, true);
            if is_json {
                print_json(&line)
            } else {
                Ok(print_lines(&[line])?)
            }
        }
        _ => {
            let lines: Vec<_> = PROFILES.iter().map(|p| line(p, false)).collect();
            if is_json {
                print_json(&lines)
            } else {
                print_overview(&lines)?;
                Ok(print_lines(&lines)?)
            }
        }
    }
}

/// A profile with all its values, or those in which it differs from the default.
fn line(profile: &'static Profile, all: bool) -> Line {
    let default = PROFILES[0];
    let rows = profile.values().into_iter().zip(default.values());
    let rows = rows.filter(|(here, there)| all || here.text != there.text);
    Line {
        name: profile.name,
        chip: profile.chip,
        version: profile.version,
        source: profile.source,
        nearest: profile.nearest.map(|p| p.name),
        default: profile.name == default.name,
        values: rows
            .map(|(here, there)| {
                let basis = basis(profile, &here.name);
                Row {
                    default: (here.text != there.text).then_some(there.text),
                    name: here.name,
                    about: here.about,
                    value: here.text,
                    mark: basis.mark,
                    source: basis.source,
                    of: basis.of,
                    mark_there: basis.mark_there,
                }
            })
            .collect(),
    }
}

struct Basis {
    mark: String,
    source: &'static str,
    of: &'static str,
    mark_there: String,
}

fn basis(profile: &Profile, value: &str) -> Basis {
    // A test of the core holds that every value has evidence.
    let basis = profile.basis(value);
    Basis {
        mark: profile
            .mark(value)
            .map_or_else(String::new, |m| m.to_string()),
        source: basis.map_or("", |b| b.evidence.source),
        of: basis.map_or("", |b| b.of),
        mark_there: basis.map_or_else(String::new, |b| b.evidence.mark.to_string()),
    }
}

fn compare(a: &'static Profile, b: &'static Profile) -> Comparison {
    let both = a.values().into_iter().zip(b.values());
    let values = both.filter(|(a, b)| a.text != b.text).map(|(here, there)| {
        let [left, right] = [a, b].map(|p| basis(p, &here.name));
        Pair {
            name: here.name,
            about: here.about,
            values: [here.text, there.text],
            marks: [left.mark, right.mark],
            sources: [left.source, right.source],
        }
    });
    Comparison {
        profiles: [a.name, b.name],
        values: values.collect(),
        commands: differences(a, b),
    }
}

fn differences(a: &Profile, b: &Profile) -> Vec<Difference> {
    let mut names: Vec<&str> = commands_of(a).map(|c| c.name).collect();
    for command in commands_of(b) {
        if !names.contains(&command.name) {
            names.push(command.name);
        }
    }
    let forms = |profile, name| {
        let command = commands_of(profile).find(|c| c.name == name);
        let forms = command.map_or(&[][..], |c| c.forms);
        forms.iter().copied().map(super::form).collect()
    };
    let rows = names.into_iter().map(|name| Difference {
        name: format!("AT{name}"),
        forms: [forms(a, name), forms(b, name)],
    });
    rows.filter(|row| row.forms[0] != row.forms[1]).collect()
}

/// What there is to choose from, before pages of values.
fn print_overview(lines: &[Line]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let width = lines.iter().map(|line| line.name.len()).max();
    let width = width.unwrap_or(0);
    for line in lines {
        let short = line.name.split('-').next().unwrap_or_default();
        let is_newest = Profile::find(short).is_some_and(|p| p.name == line.name);
        let mut notes = vec![];
        if line.default {
            notes.push("the default".to_owned());
        }
        if is_newest {
            notes.push(format!("also {short}"));
        }
        let notes = match &notes[..] {
            [] => String::new(),
            notes => format!("  ({})", notes.join(", ")),
        };
        writeln!(
            out,
            "{:width$}  {:8}  {:7}{notes}",
            line.name, line.chip, line.version
        )?;
    }
    writeln!(
        out,
        "\nWhat differs from the default, and how it is known; `espat profiles NAME` shows all of a profile:\n"
    )?;
    out.flush()
}

fn print_lines(lines: &[Line]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (i, line) in lines.iter().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        let is_default = if line.default { " (the default)" } else { "" };
        writeln!(
            out,
            "{}{is_default}: {}, firmware {}",
            line.name, line.chip, line.version
        )?;
        writeln!(out, "  read: {}", line.source)?;
        if let Some(nearest) = line.nearest {
            writeln!(out, "  nearest line: {nearest}")?;
        }
        let width = line.values.iter().map(|row| row.name.len()).max();
        for row in &line.values {
            write!(out, "  {:1$}  {2}", row.name, width.unwrap_or(0), row.value)?;
            if let Some(default) = row.default.as_deref().filter(|_| !line.default) {
                write!(out, "  (default: {default})")?;
            }
            writeln!(out)?;
            writeln!(out, "      {}", row.about)?;
            writeln!(out, "      {}", known(row, line.name))?;
        }
    }
    out.flush()
}

/// How a value is known, in a line.
fn known(row: &Row, line: &str) -> String {
    let Row {
        mark,
        source,
        of,
        mark_there,
        ..
    } = row;
    if *of == line {
        format!("{mark}: {source}")
    } else {
        format!("{mark} from {of}, there {mark_there}: {source}")
    }
}

fn print_comparison(comparison: &Comparison) -> io::Result<()> {
    let [a, b] = comparison.profiles;
    let width = a.len().max(b.len());
    let mut out = io::stdout().lock();
    for pair in &comparison.values {
        writeln!(out, "{}: {}", pair.name, pair.about)?;
        for i in 0..2 {
            let name = comparison.profiles[i];
            writeln!(out, "  {name:width$}  {}", pair.values[i])?;
            writeln!(
                out,
                "  {:width$}    {}: {}",
                "", pair.marks[i], pair.sources[i]
            )?;
        }
    }
    for command in &comparison.commands {
        writeln!(out, "{}", command.name)?;
        for i in 0..2 {
            let forms = match &command.forms[i][..] {
                [] => "no such command".to_owned(),
                forms => forms.join(" "),
            };
            writeln!(out, "  {:width$}  {forms}", comparison.profiles[i])?;
        }
    }
    if comparison.values.is_empty() && comparison.commands.is_empty() {
        writeln!(out, "{a} and {b} are the same")?;
    }
    out.flush()
}
