//! The table of commands: what exists, in which forms, and who handles it. `AT+CMD?`, `espat commands` and
//! docs/commands.md come from it.

use super::cx::Cx;
use super::index;
use super::operation::Handled;
use crate::commands;
use crate::nvs::Scope;
use crate::profile::{Features, Profile};
use crate::syntax::args::Args;
use crate::syntax::line::Form;

/// One command.
pub(crate) struct Command {
    /// What follows `AT`, in upper case.
    pub(crate) name: &'static str,
    pub(crate) query: Option<fn(&mut Cx<'_>) -> Handled>,
    pub(crate) set: Option<fn(&mut Cx<'_>, &mut Args<'_>) -> Handled>,
    pub(crate) execute: Option<fn(&mut Cx<'_>) -> Handled>,
    pub(crate) scope: Scope,
    /// What a firmware line must have for the command to exist.
    needs: Features,
    /// What it must have beside that for the form to exist.
    query_needs: Features,
    set_needs: Features,
    execute_needs: Features,
    /// It fails while the Wi-Fi driver is off (`AT+CWINIT=0`).
    pub(crate) needs_wifi: bool,
    /// What it does, in a line.
    summary: &'static str,
    /// The place in the vendor's manual.
    anchor: &'static str,
}

impl Command {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            query: None,
            set: None,
            execute: None,
            scope: Scope::Sysstore,
            needs: Features::empty(),
            query_needs: Features::empty(),
            set_needs: Features::empty(),
            execute_needs: Features::empty(),
            needs_wifi: false,
            summary: "",
            anchor: "",
        }
    }

    pub(crate) const fn query(self, handler: fn(&mut Cx<'_>) -> Handled) -> Self {
        Self {
            query: Some(handler),
            ..self
        }
    }

    pub(crate) const fn set(self, handler: fn(&mut Cx<'_>, &mut Args<'_>) -> Handled) -> Self {
        Self {
            set: Some(handler),
            ..self
        }
    }

    pub(crate) const fn execute(self, handler: fn(&mut Cx<'_>) -> Handled) -> Self {
        Self {
            execute: Some(handler),
            ..self
        }
    }

    pub(crate) const fn needs(self, features: Features) -> Self {
        Self {
            needs: features,
            ..self
        }
    }

    pub(crate) const fn query_needs(self, features: Features) -> Self {
        Self {
            query_needs: features,
            ..self
        }
    }

    pub(crate) const fn set_needs(self, features: Features) -> Self {
        Self {
            set_needs: features,
            ..self
        }
    }

    pub(crate) const fn execute_needs(self, features: Features) -> Self {
        Self {
            execute_needs: features,
            ..self
        }
    }

    pub(crate) const fn needs_wifi(self) -> Self {
        Self {
            needs_wifi: true,
            ..self
        }
    }

    /// A reset forgets what the command sets, whatever `AT+SYSSTORE` says.
    pub(crate) const fn not_kept(self) -> Self {
        Self {
            scope: Scope::Current,
            ..self
        }
    }

    /// The command's sibling on NonOS whose settings a reset forgets.
    pub(crate) const fn current(self, name: &'static str) -> Self {
        self.sibling(name, Scope::Current)
    }

    /// The command's sibling on NonOS whose settings are kept.
    pub(crate) const fn default(self, name: &'static str) -> Self {
        self.sibling(name, Scope::Default)
    }

    const fn sibling(self, name: &'static str, scope: Scope) -> Self {
        Self {
            name,
            scope,
            needs: Features::SUFFIXES,
            ..self
        }
    }

    /// Whether a firmware line has the form.
    pub(crate) fn has(&self, profile: &Profile, form: Form) -> bool {
        let (is_there, needs) = match form {
            Form::Test => (false, Features::empty()),
            Form::Query => (self.query.is_some(), self.query_needs),
            Form::Set => (self.set.is_some(), self.set_needs),
            Form::Execute => (self.execute.is_some(), self.execute_needs),
        };
        is_there && profile.features.contains(self.needs.union(needs))
    }

    /// `anchor`: page and anchor of the vendor's manual; or `behaviour:` and a section where the manual lacks it.
    pub(crate) const fn doc(self, anchor: &'static str, summary: &'static str) -> Self {
        Self {
            anchor,
            summary,
            ..self
        }
    }
}

/// All commands, in the order in which the firmware registers them.
fn all() -> impl Iterator<Item = &'static Command> {
    commands::FAMILIES
        .iter()
        .flat_map(|(_, files)| files.iter().copied().flatten())
}

/// The commands of a firmware line, in the order of `AT+CMD?`.
pub(crate) fn of(profile: &Profile) -> impl Iterator<Item = &'static Command> {
    all().filter(|command| profile.features.contains(command.needs))
}

/// Finds a command by its name in upper case.
pub(crate) fn find(profile: &Profile, name: &[u8]) -> Option<&'static Command> {
    index::find(name).filter(|command| profile.features.contains(command.needs))
}

/// What tools and documents show of a command.
#[derive(Clone, Copy, Debug)]
pub struct CommandInfo {
    /// The family: `basic`, `wifi`, `tcpip`.
    pub family: &'static str,
    /// Its full name, such as `AT+CIPMUX`, is `AT` and this.
    pub name: &'static str,
    /// The forms that it has.
    pub forms: &'static [Form],
    /// What it does, in a line.
    pub summary: &'static str,
    /// The place in the vendor's manual.
    pub anchor: &'static str,
}

/// The commands of a firmware line, in the order of `AT+CMD?`.
pub fn commands_of(profile: &Profile) -> impl Iterator<Item = CommandInfo> {
    commands::FAMILIES.iter().flat_map(move |&(family, files)| {
        let rows = files
            .iter()
            .copied()
            .flatten()
            .filter(move |command| profile.features.contains(command.needs));
        rows.map(move |command| CommandInfo {
            family,
            name: command.name,
            forms: command.forms(profile),
            summary: command.summary,
            anchor: command.anchor,
        })
    })
}

impl Command {
    fn forms(&self, profile: &Profile) -> &'static [Form] {
        use Form::{Execute, Query, Set};
        match (
            self.has(profile, Query),
            self.has(profile, Set),
            self.has(profile, Execute),
        ) {
            (false, false, false) => &[],
            (true, false, false) => &[Query],
            (false, true, false) => &[Set],
            (false, false, true) => &[Execute],
            (true, true, false) => &[Query, Set],
            (true, false, true) => &[Query, Execute],
            (false, true, true) => &[Set, Execute],
            (true, true, true) => &[Query, Set, Execute],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::PROFILES;
    use alloc::collections::BTreeSet;

    #[test]
    fn rows_are_complete_and_their_names_unique() {
        let mut names = BTreeSet::new();
        for command in all() {
            assert!(names.insert(command.name), "{} stands twice", command.name);
            assert_eq!(command.name, command.name.to_ascii_uppercase());
            assert!(
                PROFILES.iter().any(|p| !command.forms(p).is_empty()),
                "{} has no form on any line",
                command.name
            );
            for profile in PROFILES
                .iter()
                .filter(|p| p.features.contains(command.needs))
            {
                assert!(
                    !command.forms(profile).is_empty(),
                    "{} has no form on {}",
                    command.name,
                    profile.name
                );
            }
            assert!(
                !command.anchor.is_empty() && !command.summary.is_empty(),
                "{} has no doc",
                command.name
            );
            let found = index::find(command.name.as_bytes());
            assert_eq!(found.map(|found| found.name), Some(command.name));
        }
    }
}
