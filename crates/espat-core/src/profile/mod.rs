//! Firmware lines: everything that differs between chips and versions is data here, and only here.
//!
//! A profile is `Limits` (numbers), `Features` (which commands and forms exist), `Quirks` (deviations in behaviour),
//! `Texts` (what it says of itself), `Delays` (what takes how long in realistic timing) and `Factory` (first values).

#[macro_use]
mod evidence;
#[macro_use]
mod values;

mod esp32;
mod esp32c3;
mod esp32c6;
mod esp8266;
mod features;
mod partitions;
mod quirks;
pub mod rom;
pub mod testing;

pub use evidence::{Basis, Evidence, Mark};
pub use features::Features;
pub use quirks::Quirks;
pub use values::Value;
use values::Values as _;

use alloc::vec::Vec;
use core::ops::RangeInclusive;
use core::time::Duration;

use crate::tls::TlsRules;

/// One firmware line on one chip.
#[derive(Debug)]
pub struct Profile {
    /// Its name on the command line.
    pub name: &'static str,
    /// The chip.
    pub chip: &'static str,
    /// The firmware release.
    pub version: &'static str,
    /// What was read for it.
    pub source: &'static str,
    /// The line that it is made from; the default has none. A value without evidence of its own is that line's.
    pub nearest: Option<&'static Self>,
    /// What its values rest on.
    pub evidence: &'static [Evidence],
    /// Numbers.
    pub limits: Limits,
    /// Which commands and forms exist.
    pub features: Features,
    /// Deviations in behaviour.
    pub quirks: Quirks,
    /// What it says of itself.
    pub texts: Texts,
    /// What takes how long in realistic timing.
    pub delays: Delays,
    /// First values.
    pub factory: Factory,
    /// `AT+CIUPDATE`.
    pub upgrade: Upgrade,
}

/// All profiles, the default first.
pub const PROFILES: &[&Profile] = &[
    &esp32::ESP32_2_2,
    &esp8266::ESP8266_NONOS_1_7,
    &esp8266::ESP8266_2_2,
    &esp32::ESP32_2_4,
    &esp32c3::ESP32C3_3_3,
    &esp32::ESP32_4_1,
    &esp32c6::ESP32C6_5_0,
];

impl Profile {
    /// The profile of that name, or the newest one of a chip, as `esp32`.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        let is_of_chip = |p: &&Self| p.name.split('-').next() == Some(name);
        let newest = || PROFILES.iter().copied().filter(is_of_chip);
        let exact = PROFILES.iter().copied().find(|p| p.name == name);
        exact.or_else(|| newest().max_by_key(|p| release(p.version)))
    }

    /// Whether it is a line of that release, as `2.4`, or of a later one. For tools that name many lines at once; the module asks what
    /// a line does.
    #[must_use]
    pub fn is_from(&self, first: &str) -> bool {
        release(self.version) >= release(first)
    }

    /// All values, in the order of their declaration.
    #[must_use]
    pub fn values(&self) -> Vec<Value> {
        let mut list = Vec::new();
        self.limits.list("limits", "", &mut list);
        self.features.list("features", "", &mut list);
        self.quirks.list("quirks", "", &mut list);
        self.texts.list("texts", "", &mut list);
        self.delays.list("delays", "", &mut list);
        self.factory.list("factory", "", &mut list);
        self.upgrade.list("upgrade", "", &mut list);
        list
    }
}

/// The numbers of a release.
fn release(version: &str) -> Vec<u16> {
    let numbers = version.split('.').map(str::parse);
    numbers.map(Result::unwrap_or_default).collect()
}

values! {
    /// Numbers of a firmware line.
    pub struct Limits {
        /// Links (ids 0 to `links` - 1).
        pub links: u8,
        /// Bytes of a command line, its terminator included.
        pub line_bytes: usize,
        /// Payload bytes of one `AT+CIPSEND`.
        pub send_bytes: usize,
        /// Bytes of one `AT+CIPRECVDATA`.
        pub read_bytes: usize,
        /// Payload bytes of one active `+IPD`.
        pub ipd_bytes: usize,
        /// Payload bytes of a datagram that arrives whole.
        pub datagram_bytes: usize,
        /// Bytes that a link may hold in passive mode.
        pub receive_window: usize,
        /// Bytes that a TCP socket holds for sending.
        pub send_buffer: usize,
        /// Bytes that the UART driver holds for sending.
        pub uart_tx: usize,
        /// Serial bytes further apart than this belong to different chunks.
        pub chunk_gap: Duration,
        /// Silence on both sides of `+++`.
        pub escape_guard: Duration,
        /// Bytes that make a packet in passthrough.
        pub passthrough_packet: usize,
        /// How long passthrough waits for a packet to fill.
        pub passthrough_interval: Duration,
        /// Bytes that passthrough holds for a link that takes nothing.
        pub passthrough_buffer: usize,
        /// How long a full buffer holds the host MCU back.
        pub passthrough_stall: Duration,
        /// Bytes of a remote host's name.
        pub host_bytes: usize,
        /// Baud rates of `AT+UART_CUR`.
        pub baud: (u32, u32),
        /// What `AT+RFPOWER` takes, in quarters of a dBm.
        pub rf_power: RangeInclusive<i32>,
        /// The steps that the radio has, lowest first.
        pub rf_power_steps: &'static [RfStep],
        /// Stations that the softAP can serve.
        pub softap_stations: u8,
        /// How long a TCP connect waits.
        pub connect_timeout: Duration,
        /// How long a name resolution by the host's resolver waits.
        pub resolve_timeout: Duration,
        /// Payload bytes of `AT+PING`'s echo request.
        pub ping_bytes: usize,
        /// How long `AT+PING` waits for the answer.
        pub ping_timeout: Duration,
        /// When time servers are asked.
        pub sntp: SntpTimes,
        /// How long one name server is asked.
        pub name_server_timeout: Duration,
        /// What the TLS library accepts.
        pub tls: TlsRules,
        /// SSL links at a time, clients of the server included.
        pub ssl_links: u8,
        /// What `AT+CWMODE` takes.
        pub wifi_modes: RangeInclusive<i32>,
        /// What `AT+CWSTAPROTO` and `AT+CWAPPROTO` take: bits for b, g, n, LR, ax.
        pub wifi_protocols: &'static [u8],
        /// What `AT+SYSMSG` takes.
        pub sysmsg: RangeInclusive<i32>,
        /// What `AT+SLEEP` takes.
        pub sleep_modes: RangeInclusive<i32>,
        /// Milliseconds that `AT+GSLP` takes.
        pub deep_sleep_ms: RangeInclusive<i32>,
        /// Hours that `AT+CIPSNTPCFG` takes.
        pub time_zones: RangeInclusive<i32>,
        /// How many protocols `AT+CIPSSLCALPN` takes; 0 takes them away.
        pub alpn: RangeInclusive<i32>,
    }
}

values! {
    /// When time servers are asked (lwIP, `sntp.c` and `sntp_opts.h`).
    pub struct SntpTimes {
        /// How long a server may take to answer.
        pub answer: Duration,
        /// The first wait where no other server is left to ask; it doubles with each further one.
        pub retry: Duration,
        /// It doubles up to that.
        pub retry_max: Duration,
        /// From an answer to the next question.
        pub update: Duration,
    }
}

impl Limits {
    /// What the radio makes of a transmit power.
    #[must_use]
    pub fn radio_power(&self, wanted: u8) -> u8 {
        let mut steps = self.rf_power_steps.iter().rev();
        let step = steps.find(|step| step.from <= wanted);
        step.map_or(wanted, |step| step.gives)
    }
}

/// One step of the transmit power.
#[derive(Debug)]
pub struct RfStep {
    /// The lowest value that leads to it.
    pub from: u8,
    /// What it is, and what is read back.
    pub gives: u8,
}

values! {
    /// What a firmware line says of itself.
    pub struct Texts {
        /// The lines of `AT+GMR`, without line ends.
        pub gmr: &'static [&'static str],
        /// First value of `AT+SYSRAM?`: free heap.
        pub free_heap: u32,
        /// Second value of `AT+SYSRAM?`: the least there has been.
        pub free_heap_min: u32,
        /// What ROM and boot loader say where the AT port shows it.
        pub rom: rom::Rom,
        /// `AT+MDNS`: what the announced service says of itself.
        pub mdns: &'static [(&'static str, &'static str)],
    }
}

values! {
    /// `AT+CIUPDATE`: where it goes and what it may write.
    pub struct Upgrade {
        /// The vendor's server.
        pub host: &'static str,
        /// Its port for HTTP.
        pub port: u16,
        /// Its port for HTTPS.
        pub https_port: u16,
        /// What the module shows of itself. The vendor's tokens are not in here.
        pub token: &'static str,
        /// When the firmware gives up.
        pub timeout: Duration,
        /// Bytes of a request; the rest is cut off.
        pub request_bytes: usize,
        /// Bytes of one read.
        pub read_bytes: usize,
        /// Bytes of a version, and of a partition's name.
        pub name_bytes: usize,
        /// Bytes of the partition that a new firmware goes to.
        pub firmware_bytes: usize,
        /// The other partitions.
        pub partitions: &'static [Partition],
    }
}

/// A partition of the flash.
#[derive(Debug)]
pub struct Partition {
    /// Its name.
    pub name: &'static str,
    /// Its type in the table of partitions.
    pub kind: u8,
    /// Its subtype there.
    pub subtype: u8,
    /// Where it begins in the flash.
    pub address: u32,
    /// Its size.
    pub bytes: usize,
}

impl Partition {
    const fn new(name: &'static str, kind: u8, subtype: u8, address: u32, bytes: usize) -> Self {
        Self {
            name,
            kind,
            subtype,
            address,
            bytes,
        }
    }
}

/// A namespace of `AT+SYSMFG` as it comes.
#[derive(Debug)]
pub struct Manufactured {
    /// Its name.
    pub namespace: &'static str,
    /// Its keys and their values.
    pub keys: &'static [(&'static str, FactoryValue)],
}

/// A value of `AT+SYSMFG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactoryValue {
    /// A byte.
    U8(u8),
    /// A byte with a sign.
    I8(i8),
    /// Four bytes with a sign.
    I32(i32),
    /// Text.
    Text(&'static str),
}

values! {
    /// What takes how long in realistic timing.
    pub struct Delays {
        /// From reset to `ready`.
        pub boot: Duration,
        /// From the join's start to association.
        pub associate: Duration,
        /// From association to the address.
        pub dhcp: Duration,
        /// Until a wrong password is noticed.
        pub wrong_password: Duration,
        /// Until a missing access point is noticed: a scan of all channels.
        pub no_ap: Duration,
        /// One scan.
        pub scan: Duration,
        /// From a result's last byte to the next report.
        pub report_gap: Duration,
        /// How long a host MCU whose pauses are shorter than that can keep a report waiting; then its next line waits.
        pub report_patience: Duration,
        /// Time servers are asked first after a random time up to that.
        pub sntp_start: Duration,
        /// From `AT+RST`'s OK to the reset.
        pub reset: Duration,
        /// One write of the settings.
        pub flash: Duration,
    }
}

values! {
    /// First values.
    pub struct Factory {
        /// `AT+CWMODE`.
        pub wifi_mode: u8,
        /// `AT+CWSTAPROTO`, `AT+CWAPPROTO`.
        pub wifi_protocols: u8,
        /// The name server that is asked while there is no other.
        pub name_server: core::net::Ipv4Addr,
        /// `AT+CWHOSTNAME`.
        pub host_name: &'static str,
        /// The end of the station's MAC address follows it.
        pub host_name_has_mac: bool,
        /// The fields of `AT+CWLAP`, a bit each as in `AT+CWLAPOPT`.
        pub scan_fields: u16,
        /// How the station joins again by itself: seconds between attempts, and how many attempts, 0 for as many as it takes.
        pub reconnect: (u16, u16),
        /// The servers of `AT+CIPSNTPCFG` without servers.
        pub sntp_servers: [&'static str; 3],
        /// `AT+SLEEP`.
        pub sleep_mode: u8,
        /// `AT+RFPOWER`.
        pub rf_power: u8,
        /// The UART.
        pub uart: crate::output::UartConfig,
        /// `AT+SYSMFG`: what a module comes with.
        pub manufacturing: &'static [Manufactured],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_alone_is_its_newest_line() {
        let found = |name| Profile::find(name).map(|p| p.name);
        assert_eq!(found("esp32"), Some("esp32-4.1"));
        assert_eq!(found("esp8266"), Some("esp8266-2.2"));
        assert_eq!(found("esp32-2.2"), Some("esp32-2.2"));
        assert_eq!(found("esp"), None);
        assert!(PROFILES[0].is_from("2.2") && !PROFILES[0].is_from("2.4"));
    }
}
