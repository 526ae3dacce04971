//! Options of `replay`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use espat_host::{Publish, SerialName};

use crate::value::{self, ProfileName, Secret};

/// Options of `replay`.
#[derive(Args, Debug)]
pub(crate) struct ReplayOptions {
    /// Transcripts, or folders of them
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Run them on this firmware line, whatever they say themselves
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<ProfileName>,
    /// Where the transcripts are that `@given` names [default: the nearest folder `_given` beside or above a file]
    #[arg(long, value_name = "DIR")]
    pub(crate) given: Option<PathBuf>,
    /// Write a report in JUnit's form
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Run them under a fault plan: a scenario's name or a plan's FILE; repeatable
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "port")]
    pub(crate) fault: Vec<String>,
    /// Where the chance of all fault plans comes from [default: their own seeds]
    #[arg(long, value_name = "N", value_parser = value::seed, allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// Run them on the module behind this serial port; 115200 baud unless said otherwise
    ///
    /// Each `~` lasts at least as long as it says, and what the module says may come up to --patience later.
    ///
    /// Example: --port /dev/ttyUSB0@115200
    #[arg(long, value_name = "DEVICE[@BAUD]", help_heading = "Real module")]
    pub(crate) port: Option<SerialName>,
    #[command(flatten)]
    pub(crate) on_port: OnPortOptions,
}

/// What a module behind a port needs.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Real module")]
pub(crate) struct OnPortOptions {
    /// The value of {secret:NAME} in what is sent, repeatable; {secret} is named `secret`
    ///
    /// Other users can read a command line: the value can stand in the environment variable ESPAT_SECRET_NAME instead.
    #[arg(
        long,
        value_name = "NAME=VALUE",
        requires = "port",
        allow_hyphen_values = true
    )]
    pub(crate) secret: Vec<Secret>,
    /// What brings the module to where a transcript begins [default: reset]
    #[arg(long, value_name = "HOW", requires = "port")]
    pub(crate) prepare: Option<Prepare>,
    /// This computer's address as the module reaches it [default: that of the way to other networks]
    #[arg(long, value_name = "ADDR", requires = "port", value_parser = value::ipv4)]
    pub(crate) ip: Option<Ipv4Addr>,
    /// The same for IPv6
    #[arg(long, value_name = "ADDR", requires = "port", value_parser = value::ipv6)]
    pub(crate) ip6: Option<Ipv6Addr>,
    /// The module's address, for clients of its servers
    #[arg(long, value_name = "ADDR", requires = "port", value_parser = value::ipv4)]
    pub(crate) module_ip: Option<Ipv4Addr>,
    /// Its server on PORT is reached at ADDR:PORT, repeatable
    #[arg(long, value_name = "PORT=ADDR:PORT", requires = "port")]
    pub(crate) reach: Vec<Publish>,
    /// How long an answer may take, in seconds [default: 10]
    #[arg(long, value_name = "SECONDS", requires = "port", value_parser = value::seconds)]
    pub(crate) patience: Option<Duration>,
    /// Do not run transcripts whose times are longer than this in all, in seconds
    #[arg(long, value_name = "SECONDS", requires = "port", value_parser = value::seconds)]
    pub(crate) time_max: Option<Duration>,
    /// The module is an `espat run` that was started as the directives of the transcripts say
    #[arg(long, requires = "port")]
    pub(crate) arranged: bool,
}

/// Values of `--prepare`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Prepare {
    /// AT+RST: what the module keeps, stays
    #[default]
    Reset,
    /// AT+RESTORE: as from the factory, what the module kept is gone
    Restore,
    /// Nothing: the opening of the port has started it
    None,
}

impl ReplayOptions {
    /// The secrets of the environment, and over them those of the command line.
    pub(crate) fn secrets(&self) -> BTreeMap<String, Vec<u8>> {
        const PREFIX: &str = "ESPAT_SECRET_";
        let mut secrets = BTreeMap::new();
        for (name, value) in std::env::vars() {
            if let Some(name) = name.strip_prefix(PREFIX) {
                secrets.insert(name.to_ascii_lowercase(), value.into_bytes());
            }
        }
        let given = self.on_port.secret.iter();
        secrets.extend(given.map(|s| (s.name.clone(), s.value.clone().into_bytes())));
        secrets
    }
}
