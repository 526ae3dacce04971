//! docs/commands.md: the commands and the firmware lines that have them.

use std::fmt::Write;

use espat_core::profile::PROFILES;
use espat_core::{CommandInfo, Form, Profile, commands_of};

pub(super) fn text() -> String {
    let mut text = String::from(
        "# AT commands\n\n\
         Made by `cargo xtask docs` from the table that the module itself works with. A command that is not here is not\n\
         built: it answers ERROR, as an unknown command does on the chip.\n\n\
         Forms: **T**est `AT+X=?`, **Q**uery `AT+X?`, **S**et `AT+X=...`, **E**xecute `AT+X`. The firmware lines are those of\n\
         `espat profiles`; `espat commands --profile NAME` shows one. The last column is the page and anchor in Espressif's manual,\n\
         or a section of [behaviour.md](behaviour.md).\n",
    );
    let mut family = "";
    for row in rows() {
        if row[0].family != family {
            family = row[0].family;
            // Writing to a String never fails.
            let _ = write!(
                text,
                "\n## {family}\n\n| command | forms | what it does | lines | manual |\n|---|---|---|---|---|\n"
            );
        }
        let _ = writeln!(text, "{}", line(&row));
    }
    text
}

/// Every command that some line has, with what each line has of it, in the order of the table.
fn rows() -> Vec<Vec<CommandInfo>> {
    let mut rows: Vec<Vec<CommandInfo>> = Vec::new();
    for command in PROFILES.iter().flat_map(|profile| commands_of(profile)) {
        match rows.iter_mut().find(|row| row[0].name == command.name) {
            Some(row) => row.push(command),
            None => rows.push(vec![command]),
        }
    }
    let families: Vec<_> = rows.iter().map(|row| row[0].family).collect();
    rows.sort_by_key(|row| families.iter().position(|f| *f == row[0].family));
    rows
}

fn line(row: &[CommandInfo]) -> String {
    let all = |form| row.iter().any(|command| command.forms.contains(&form));
    let forms: Vec<Form> = [Form::Query, Form::Set, Form::Execute]
        .into_iter()
        .filter(|form| all(*form))
        .collect();
    let command = &row[0];
    format!(
        "| `AT{}` | {} | {} | {} | {} |",
        command.name,
        letters(&forms),
        command.summary.replace('|', "\\|"),
        lines(command.name, &forms),
        command.anchor
    )
}

/// Which lines have the command, and with which forms where some are missing.
fn lines(name: &str, all: &[Form]) -> String {
    let forms_on = |profile: &Profile| {
        commands_of(profile)
            .find(|c| c.name == name)
            .map(|c| c.forms)
    };
    if PROFILES
        .iter()
        .all(|profile| forms_on(profile) == Some(all))
    {
        return "all".to_owned();
    }
    let on: Vec<_> = PROFILES
        .iter()
        .filter_map(|profile| {
            let forms = forms_on(profile)?;
            Some(if forms == all {
                profile.name.to_owned()
            } else {
                format!("{} ({})", profile.name, letters(forms))
            })
        })
        .collect();
    on.join(", ")
}

fn letters(forms: &[Form]) -> String {
    forms.iter().copied().map(letter).collect()
}

fn letter(form: Form) -> char {
    match form {
        Form::Test => 'T',
        Form::Query => 'Q',
        Form::Set => 'S',
        Form::Execute => 'E',
    }
}
