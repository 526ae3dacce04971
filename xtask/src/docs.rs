//! `cargo xtask docs`: the documents that are made from what the program itself works with.

mod commands;
mod profiles;
mod scenarios;

use crate::process::{Done, root, say};

/// The documents.
fn documents() -> [(&'static str, String); 3] {
    [
        ("docs/commands.md", commands::text()),
        ("docs/profiles.md", profiles::text()),
        ("docs/scenarios.md", scenarios::text()),
    ]
}

/// Writes the documents.
pub(crate) fn write() -> Done {
    for (name, text) in documents() {
        let path = root().join(name);
        std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        say(&format!("wrote {name}"));
    }
    Ok(())
}

/// Checks that the committed documents are what would be written.
pub(crate) fn check() -> Done {
    for (name, text) in documents() {
        let path = root().join(name);
        let committed =
            std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        if committed != text {
            return Err(format!(
                "{name} is out of date; `cargo xtask docs` writes it"
            ));
        }
    }
    Ok(())
}
