//! The named scenarios: plans that ship with the program.

use super::PlanFile;
use super::table::near;

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
    "busy-until-dns-fails",
    "busy-until-reset",
    "busy-while-connecting",
    "closed-before-send-ok",
    "closed-during-payload",
    "closed-with-unread-data",
    "crash-in-handshake",
    "datagram-tail-lost",
    "dialect-fail",
    "dialect-ping",
    "dialect-prompt-space",
    "dialect-recvdata-comma",
    "dns-on-second-try",
    "dns-servers-lost",
    "glued-close",
    "hung-module",
    "ipd-after-prompt",
    "ipd-before-recv",
    "ipd-before-send-ok",
    "ipd-header-lost",
    "ipd-inside-send",
    "jitter",
    "link-id-collision",
    "links-die-silently",
    "links-exhausted",
    "one-byte-at-a-time",
    "passive-ipd-late",
    "passive-ipd-once",
    "passthrough-loses-bytes",
    "passthrough-no-exit",
    "payload-byte-lost",
    "prompt-lost",
    "receive-overrun",
    "receiving-stops",
    "report-inside-echo",
    "reset-inside-report",
    "reset-inside-send",
    "reset-loses-settings",
    "send-fail-then-ok",
    "send-fails-but-arrives",
    "send-ok-late",
    "send-ok-missing",
    "serial-bytes-lost",
    "slow-dns",
    "split-ipd-header",
    "status-lies",
    "time-stays-1970",
    "tls-config-refused",
    "tls-handshake-fails",
    "tls-out-of-memory",
    "udp-link-refused",
    "udp-peer-changes",
    "unannounced-reset",
    "wifi-drop",
    "wifi-drop-inside-send",
    "wifi-new-address",
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

/// The way out where there is no scenario of that name.
#[must_use]
pub fn scenario_hint(name: &str) -> String {
    let near = near(name, SCENARIOS.iter().map(|scenario| scenario.name));
    let list = || "`espat scenarios` lists what there is".to_owned();
    near.map_or_else(list, |near| format!("did you mean `{near}`?"))
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
