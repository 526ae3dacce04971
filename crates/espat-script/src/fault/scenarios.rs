//! The named scenarios: plans that ship with the program.

use super::PlanFile;

/// A scenario's name and its text.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// The plan file.
    pub text: &'static str,
}

macro_rules! scenarios {
    ($($name:literal),* $(,)?) => {
        &[$(Scenario {
            name: $name,
            text: include_str!(concat!("../../scenarios/", $name, ".toml")),
        }),*]
    };
}

const SCENARIOS: &[Scenario] = scenarios!["busy-for-seconds", "ipd-inside-send"];

/// All scenarios, by name.
#[must_use]
pub fn scenarios() -> &'static [Scenario] {
    SCENARIOS
}

/// The scenario of that name.
#[must_use]
pub fn scenario(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

impl Scenario {
    /// Its plan.
    ///
    /// # Panics
    /// Never: a test reads each of them.
    #[must_use]
    pub fn plan(&self) -> PlanFile {
        PlanFile::parse(self.text, &format!("{}.toml", self.name))
            .unwrap_or_else(|error| panic!("the scenarios are tested: {error}"))
    }
}
