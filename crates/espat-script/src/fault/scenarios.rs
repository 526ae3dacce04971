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

const SCENARIOS: &[Scenario] = scenarios![
    "boot-noise",
    "busy-for-seconds",
    "dns-on-second-try",
    "glued-close",
    "hung-module",
    "ipd-inside-send",
    "jitter",
    "link-id-collision",
    "links-exhausted",
    "one-byte-at-a-time",
    "passthrough-loses-bytes",
    "passthrough-no-exit",
    "slow-dns",
    "split-ipd-header",
    "time-stays-1970",
    "tls-handshake-fails",
    "udp-peer-changes",
    "wrong-baud",
];

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
