//! What a module is made from.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::output::StoreValue;
use crate::profile::{PROFILES, Profile};
use crate::tls::Slots;

/// Everything that a [`Module`](crate::Module) is made from. Start from [`ModuleConfig::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct ModuleConfig {
    /// The firmware line.
    pub profile: &'static Profile,
    /// Realistic delays, or none.
    pub timing: Timing,
    /// Where reports may come.
    pub reports: Reports,
    /// What ends a command line.
    pub terminator: Terminator,
    /// Where the log UART goes.
    pub log_port: LogPort,
    /// Everything random in the module comes from here.
    pub seed: u64,
    /// Serial bytes that may go out before the first `SerialSent`.
    pub serial_credit: usize,
    /// Addresses of the module.
    pub addresses: Addresses,
    /// The access points and stations around the module.
    pub air: Air,
    /// The settings as they were kept.
    pub nvs: Vec<(String, StoreValue)>,
    /// Whether settings survive the process: then a setting waits for `Stored`. Otherwise it is kept in RAM, over resets.
    pub durable: bool,
    /// The slots that hold usable certificates and keys.
    pub slots: Slots,
    /// `AT+CIUPDATE` and the firmware that it installed.
    pub upgrade: UpgradeConfig,
    /// What partitions of the flash hold, by name; the others are as they came.
    pub partitions: Vec<(String, Vec<u8>)>,
}

/// Where `AT+CIUPDATE` goes, and what it has installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpgradeConfig {
    /// The server; `None`: the vendor's.
    pub server: Option<UpgradeServer>,
    /// What the module shows of itself there; `None`: the profile's.
    pub token: Option<String>,
    /// The version that an upgrade installed; `None`: the profile's own firmware runs.
    pub installed: Option<String>,
}

/// A server for upgrades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// HTTPS, whichever of the two `AT+CIUPDATE` asks for.
    pub https: bool,
}

impl UpgradeServer {
    /// Reads `http://HOST[:PORT]` or `https://HOST[:PORT]`; HOST is a name or an IPv4 address.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let (https, place) = match url.split_once("://")? {
            ("http", place) => (false, place),
            ("https", place) => (true, place),
            _ => return None,
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        let (host, port) = match place.split_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|&port| port > 0)?),
            None => (place, if https { 443 } else { 80 }),
        };
        let is_of_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        let is_number = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let is_host = !host.is_empty()
            && host.bytes().all(is_of_name)
            && (!is_number || host.parse::<Ipv4Addr>().is_ok());
        is_host.then(|| Self {
            host: host.into(),
            port,
            https,
        })
    }
}

/// The module's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The station's factory MAC address.
    pub station_mac: Mac,
    /// The softAP's factory MAC address.
    pub softap_mac: Mac,
    /// The address that the station gets by DHCP.
    pub station_ip: Ipv4Addr,
    /// The IPv6 address that the station gets.
    pub station_ip6: Ipv6Addr,
}

/// A MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Mac {
    /// The IPv6 link-local address that an interface with this MAC address gives itself.
    pub(crate) fn link_local(self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.0;
        let words = [
            u16::from_be_bytes([a ^ 0x02, b]),
            u16::from_be_bytes([c, 0xff]),
            u16::from_be_bytes([0xfe, d]),
        ];
        Ipv6Addr::new(
            0xfe80,
            0,
            0,
            0,
            words[0],
            words[1],
            words[2],
            u16::from_be_bytes([e, f]),
        )
    }

    /// Reads `aa:bb:cc:dd:ee:ff`, in either case.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut mac = [0; 6];
        let mut parts = text.split(|&b| b == b':');
        for byte in &mut mac {
            let part = parts
                .next()
                .filter(|p| p.len() == 2 && p.iter().all(u8::is_ascii_hexdigit))?;
            *byte = u8::from_str_radix(core::str::from_utf8(part).ok()?, 16).ok()?;
        }
        parts.next().is_none().then_some(Self(mac))
    }
}

/// How the module spends time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Boot, joins, scans and the gap before reports take plausible times (profile data).
    Realistic,
    /// No artificial delay anywhere.
    Fast,
}

/// Where unsolicited reports may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reports {
    /// Not from a command's first byte to its result, nor inside a send.
    Between,
    /// Wherever real modules were seen to do it; the seed chooses.
    Anywhere,
}

/// What ends a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminator {
    /// CR LF only, as the firmware has it.
    CrLf,
    /// CR LF, or a lone CR or LF.
    Lenient,
}

/// Where the log UART's texts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPort {
    /// Nowhere: they are not made.
    Off,
    /// To a port of their own: marked [`Mark::Log`](crate::Mark::Log), not counted as serial credit.
    Separate,
    /// Into the AT stream, as on boards with one UART.
    Shared,
}

/// What is in the air around the module.
#[derive(Clone, Debug, Default)]
pub struct Air {
    /// The access points that can be heard. Empty: every SSID can be joined, and a scan finds one named `espat`.
    pub access_points: Vec<AccessPoint>,
    /// The stations that join the module's softAP while it is on.
    pub stations: Vec<AirStation>,
    /// No access point can be heard, until [`AirEvent::Back`](crate::AirEvent::Back).
    pub is_lost: bool,
}

/// An access point in the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPoint {
    /// Its name, up to 32 bytes.
    pub ssid: Vec<u8>,
    /// Its password; empty: open.
    pub password: Vec<u8>,
    /// Its MAC address.
    pub bssid: Mac,
    /// Its channel, 1 to 14.
    pub channel: u8,
    /// Its strength at the module, in dBm.
    pub rssi: i8,
    /// Whether it answers.
    pub answers: Answers,
}

impl AccessPoint {
    /// An access point on channel 1, at -50 dBm, with a BSSID made from its name.
    #[must_use]
    pub fn new(ssid: &[u8], password: &[u8]) -> Self {
        let hash = ssid.iter().fold(0xcbf2_9ce4_u32, |h, &b| {
            (h ^ u32::from(b)).wrapping_mul(0x0100_0193)
        });
        let [a, b, c, d] = hash.to_be_bytes();
        Self {
            ssid: ssid.to_vec(),
            password: password.to_vec(),
            bssid: Mac([0x02, 0xe5, a, b, c, d]),
            channel: 1,
            rssi: -50,
            answers: Answers::Always,
        }
    }
}

/// How an access point answers a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// As it should.
    Always,
    /// It is heard in scans but never answers a join: the join times out.
    Never,
    /// It associates but gives no address: the join times out after `WIFI CONNECTED`.
    NoDhcp,
}

/// A station that joins the module's softAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AirStation {
    /// Its MAC address.
    pub mac: Mac,
    /// Its address; `None`: the next of the softAP's DHCP range.
    pub ip: Option<Ipv4Addr>,
}

impl ModuleConfig {
    /// The default module: profile `esp32-2.2`, realistic timing, an air in which every SSID can be joined.
    #[must_use]
    pub fn new() -> Self {
        Self {
            profile: PROFILES[0],
            timing: Timing::Realistic,
            reports: Reports::Between,
            terminator: Terminator::CrLf,
            log_port: LogPort::Off,
            seed: 0,
            serial_credit: 4096,
            addresses: Addresses {
                station_mac: Mac([0x24, 0x0a, 0xc4, 0x00, 0x00, 0x10]),
                softap_mac: Mac([0x24, 0x0a, 0xc4, 0x00, 0x00, 0x11]),
                station_ip: Ipv4Addr::LOCALHOST,
                station_ip6: Ipv6Addr::LOCALHOST,
            },
            air: Air::default(),
            nvs: vec![],
            durable: false,
            slots: Slots::default(),
            upgrade: UpgradeConfig::default(),
            partitions: vec![],
        }
    }
}

impl ModuleConfig {
    /// Serial bytes that may stand in the module and its port together. Without the UART's pace it is the port's buffer
    /// that counts.
    pub(crate) fn tx_window(&self) -> usize {
        match self.timing {
            Timing::Realistic => self.profile.limits.uart_tx,
            Timing::Fast => self.profile.limits.uart_tx.max(self.serial_credit),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.serial_credit == 0 {
            return Err(ConfigError::NoSerialCredit);
        }
        let fits = |ap: &AccessPoint| {
            (1..=32).contains(&ap.ssid.len())
                && ap.password.len() <= 64
                && (1..=14).contains(&ap.channel)
        };
        match self.air.access_points.iter().position(|ap| !fits(ap)) {
            Some(index) => Err(ConfigError::AccessPoint { index }),
            None => Ok(()),
        }
    }
}

impl Default for ModuleConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a module cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A kept setting has a value that the profile does not allow, or not beside the others.
    Setting {
        /// Its key.
        key: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An access point's SSID is empty or longer than 32 bytes, its password longer than 64, or its channel not 1 to 14.
    AccessPoint {
        /// Its position in [`Air::access_points`].
        index: usize,
    },
    /// No serial byte could ever go out.
    NoSerialCredit,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { key, why } => write!(f, "the kept setting `{key}` {why}"),
            Self::AccessPoint { index } => write!(
                f,
                "access point {index}: an SSID has 1 to 32 bytes, a password up to 64, a channel is 1 to 14"
            ),
            Self::NoSerialCredit => f.write_str("serial_credit must be at least 1"),
        }
    }
}

impl core::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_for_upgrades_is_a_url_without_a_path() {
        let read = |url| UpgradeServer::parse(url).map(|s| (s.host, s.port, s.https));
        assert_eq!(
            read("http://ota.test"),
            Some(("ota.test".into(), 80, false))
        );
        assert_eq!(
            read("https://127.0.0.1/"),
            Some(("127.0.0.1".into(), 443, true))
        );
        assert_eq!(
            read("https://ota.test:8443"),
            Some(("ota.test".into(), 8443, true))
        );
        for wrong in [
            "ota.test",
            "ftp://ota.test",
            "http://",
            "http://:80",
            "http://ota.test:",
            "http://ota.test:0",
            "http://ota.test:65536",
            "http://ota.test/v1",
            "http://1.2.3",
            "http://me@ota.test",
            "http://[::1]:80",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
