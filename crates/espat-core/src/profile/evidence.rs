//! What the values of a profile rest on.

use core::fmt;

use super::Profile;

/// How a value is known, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// The vendor's documents say so.
    Documented,
    /// Open sources say so.
    Source,
    /// A module printed it, and somebody published that.
    Transcript,
    /// It follows from a text in a released firmware library.
    Strings,
    /// A host driver that is in use depends on it.
    Driver,
    /// It follows from other evidence.
    Inferred,
    /// It is that of the nearest line.
    Extrapolated,
    /// Nothing was found.
    Decided,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Documented => "documented",
            Self::Source => "source",
            Self::Transcript => "transcript",
            Self::Strings => "strings",
            Self::Driver => "driver",
            Self::Inferred => "inferred",
            Self::Extrapolated => "extrapolated",
            Self::Decided => "decided without evidence",
        })
    }
}

/// What one value of a profile rests on.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    /// The value's name.
    pub value: &'static str,
    /// How it is known.
    pub mark: Mark,
    /// Where it can be looked up: a manual and its section, a release and its file, an issue, a driver; or the reason.
    pub source: &'static str,
}

/// The evidence of a value, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Basis {
    /// What the value rests on.
    pub evidence: &'static Evidence,
    /// The profile whose evidence it is. Where that is another one, the value is extrapolated from there.
    pub of: &'static str,
}

impl Profile {
    /// What a value rests on: its own evidence, or that of the nearest line that has some.
    #[must_use]
    pub fn basis(&self, value: &str) -> Option<Basis> {
        let own = self.evidence.iter().find(|e| e.value == value);
        own.map_or_else(
            || self.nearest?.basis(value),
            |evidence| {
                Some(Basis {
                    evidence,
                    of: self.name,
                })
            },
        )
    }

    /// How a value is known: as its own evidence says, or extrapolated.
    #[must_use]
    pub fn mark(&self, value: &str) -> Option<Mark> {
        let basis = self.basis(value)?;
        Some(if basis.of == self.name {
            basis.evidence.mark
        } else {
            Mark::Extrapolated
        })
    }
}

/// A table of evidence. A line names one or more values of the profile, how they are known and where that can be looked up; a value that
/// does not exist does not compile.
macro_rules! evidence {
    ($($($part:ident $(.$field:ident)+),+ : $mark:ident, $source:expr;)*) => {{
        $($(exists!($part $(.$field)+);)+)*
        &[$($($crate::profile::Evidence {
            value: concat!(stringify!($part) $(, ".", stringify!($field))+),
            mark: $crate::profile::Mark::$mark,
            source: $source,
        },)+)*]
    }};
}

macro_rules! exists {
    (features.$flag:ident) => {
        const _: $crate::profile::Features = $crate::profile::Features::$flag;
    };
    ($part:ident $(.$field:ident)+) => {
        const _: fn(&$crate::profile::Profile) = |profile| {
            let _ = &profile.$part$(.$field)+;
        };
    };
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use super::super::PROFILES;
    use super::*;

    fn values(profile: &Profile) -> BTreeMap<alloc::string::String, alloc::string::String> {
        let values = profile.values();
        values.into_iter().map(|v| (v.name, v.text)).collect()
    }

    #[test]
    fn every_value_that_is_not_the_nearest_lines_has_evidence() {
        for profile in PROFILES {
            let nearest = profile.nearest.map(values).unwrap_or_default();
            let own = |value: &str| profile.evidence.iter().any(|e| e.value == value);
            for (name, text) in values(profile) {
                let is_same = nearest.get(&name) == Some(&text);
                assert!(
                    is_same || own(&name),
                    "{}: {name} is {text} and has no evidence",
                    profile.name
                );
            }
        }
    }

    #[test]
    fn evidence_is_for_values_that_exist_and_stands_once() {
        for profile in PROFILES {
            let values = values(profile);
            let mut seen = Vec::new();
            for evidence in profile.evidence {
                let Evidence {
                    value,
                    mark,
                    source,
                } = evidence;
                let name = profile.name;
                assert!(values.contains_key(*value), "{name}: there is no {value}");
                assert!(!seen.contains(value), "{name}: {value} stands twice");
                assert!(
                    *mark != Mark::Extrapolated,
                    "{name}: {value} is extrapolated if nothing stands here"
                );
                assert!(!source.is_empty(), "{name}: {value} has no source");
                seen.push(value);
            }
        }
    }

    #[test]
    fn a_line_has_evidence_of_its_own_and_its_nearest_line_ends_at_the_default() {
        for profile in PROFILES {
            let mut chain = alloc::vec![*profile];
            while let Some(nearest) = chain[chain.len() - 1].nearest {
                assert!(
                    !core::ptr::eq(profile.evidence, nearest.evidence),
                    "{} has the evidence of {}",
                    profile.name,
                    nearest.name
                );
                chain.push(nearest);
                assert!(chain.len() <= PROFILES.len(), "{}: a ring", profile.name);
            }
            assert!(core::ptr::eq(chain[chain.len() - 1], PROFILES[0]));
        }
    }
}
