//! `cargo xtask docs`: the documents that are made from the core's tables.

use std::fmt::Write;

use espat_core::profile::PROFILES;
use espat_core::{CommandInfo, Form, Profile, commands_of};

use crate::process::{Done, root, say};

const COMMANDS: &str = "docs/commands.md";

/// Writes the documents.
pub(crate) fn write() -> Done {
    let path = root().join(COMMANDS);
    std::fs::write(&path, commands()).map_err(|e| format!("{}: {e}", path.display()))?;
    say(&format!("wrote {COMMANDS}"));
    Ok(())
}

/// Checks that the committed documents are what would be written.
pub(crate) fn check() -> Done {
    let path = root().join(COMMANDS);
    let committed =
        std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    if committed == commands() {
        return Ok(());
    }
    Err(format!(
        "{COMMANDS} is out of date; `cargo xtask docs` writes it"
    ))
}

fn commands() -> String {
    let mut text = String::from(
        "# AT commands\n\n\
         Made by `cargo xtask docs` from the table that the module itself works with. A command that is not here is not\n\
         built: it answers ERROR, as an unknown command does on the chip.\n\n\
         Forms: **T**est `AT+X=?`, **Q**uery `AT+X?`, **S**et `AT+X=...`, **E**xecute `AT+X`. The last column is the page and anchor\n\
         in Espressif's manual.\n",
    );
    for profile in PROFILES {
        write_profile(&mut text, profile);
    }
    text
}

fn write_profile(text: &mut String, profile: &Profile) {
    let all: Vec<_> = commands_of(profile).collect();
    // Writing to a String never fails.
    let _ = write!(
        text,
        "\n## {}: {} {}, {} commands\n",
        profile.name,
        profile.chip,
        profile.version,
        all.len()
    );
    let mut family = "";
    for command in &all {
        if command.family != family {
            family = command.family;
            let _ = write!(
                text,
                "\n### {family}\n\n| command | forms | what it does | manual |\n|---|---|---|---|\n"
            );
        }
        let _ = writeln!(text, "{}", row(command));
    }
}

fn row(command: &CommandInfo) -> String {
    let forms: String = command.forms.iter().copied().map(letter).collect();
    format!(
        "| `AT{}` | {forms} | {} | {} |",
        command.name,
        command.summary.replace('|', "\\|"),
        command.anchor
    )
}

fn letter(form: Form) -> char {
    match form {
        Form::Test => 'T',
        Form::Query => 'Q',
        Form::Set => 'S',
        Form::Execute => 'E',
    }
}
