//! What each setting is called in the flash, and which values it may have: one row a key.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use super::sense;
use super::settings::{Setting, Settings, StaticIp};
use crate::config::{ConfigError, Mac, ModuleConfig};
use crate::net::Kind;
use crate::net::dial::Target;
use crate::net::host::Host;
use crate::output::{StoreValue, Transport};
use crate::syntax::args::parse_ascii;

/// One key.
struct Row {
    key: &'static str,
    get: fn(&Settings) -> StoreValue,
    /// `None`: the value is not allowed.
    set: fn(&mut Settings, &StoreValue, &ModuleConfig) -> Option<()>,
}

/// The keys of all settings that a module keeps, for tools that read what it kept.
pub fn setting_keys() -> impl Iterator<Item = &'static str> {
    rows().map(|row| row.key)
}

fn rows() -> impl Iterator<Item = &'static Row> {
    GROUPS.iter().copied().flatten()
}

/// Why a value by itself is refused.
const NOT_ALLOWED: &str = "has a value that this profile does not allow";

impl Settings {
    /// The settings as they were kept. Keys that are unknown here are left alone: another version may have kept them.
    pub(crate) fn decode(config: &ModuleConfig) -> Result<Self, ConfigError> {
        let mut settings = Self::factory(config);
        for row in rows() {
            let kept = config.nvs.iter().rev().find(|(key, _)| key == row.key);
            let Some((key, value)) = kept.filter(|(_, value)| *value != StoreValue::Default) else {
                continue;
            };
            (row.set)(&mut settings, value, config).ok_or_else(|| ConfigError::Setting {
                key: key.clone(),
                why: NOT_ALLOWED,
            })?;
        }
        let is_kept = |key: &str| {
            let kept = config.nvs.iter().rev().find(|(known, _)| known == key);
            kept.is_some_and(|(_, value)| *value != StoreValue::Default)
        };
        // Of a file that was edited by hand: an address alone is enough, as for `AT+CIPSTA`.
        if let Some(net) = settings.station_ip.as_mut()
            && !is_kept("station.gateway")
            && !is_kept("station.netmask")
        {
            *net = StaticIp::with_defaults(net.ip);
        }
        if let Some((key, why)) = sense::fault(&settings, config, is_kept) {
            let key = key.to_owned();
            return Err(ConfigError::Setting { key, why });
        }
        Ok(settings)
    }
}

impl Setting {
    /// Adds the keys of this setting with the values that they have in `settings`.
    pub(crate) fn encode(&self, settings: &Settings, values: &mut Vec<(&'static str, StoreValue)>) {
        let rows = self.rows().iter();
        values.extend(rows.map(|row| (row.key, (row.get)(settings))));
    }

    fn rows(&self) -> &'static [Row] {
        match self {
            Self::Uart(_) => UART,
            Self::SysMsg(_) => SYSMSG,
            Self::WifiMode(_) => WIFI_MODE,
            Self::Station(_) => STATION,
            Self::SoftAp(_) => SOFTAP,
            Self::Country(_) => COUNTRY,
            Self::AutoConnect(_) => AUTO_CONNECT,
            Self::Reconnect(..) => RECONNECT,
            Self::Dhcp(_) => DHCP,
            Self::DhcpPool(_) => DHCP_POOL,
            Self::StationIp(_) => STATION_IP,
            Self::SoftApIp(_) => SOFTAP_IP,
            Self::StationMac(_) => STATION_MAC,
            Self::SoftApMac(_) => SOFTAP_MAC,
            Self::StationProtocols(_) => STATION_PROTOCOLS,
            Self::SoftApProtocols(_) => SOFTAP_PROTOCOLS,
            Self::Ssl(_) => SSL,
            Self::Tcp(_) => TCP,
            Self::TcpKeepAlive(_) => TCP_KEEP_ALIVE,
            Self::Ipv6(_) => IPV6,
            Self::NameServers(_) => NAME_SERVERS,
            Self::ReconnectSteps(_) => PASSTHROUGH,
            Self::SavedLink(_) => SAVED_LINK,
        }
    }
}

/// What can be a stored value.
trait Kept: Sized {
    fn show(&self) -> StoreValue;
    fn read(value: &StoreValue) -> Option<Self>;
}

macro_rules! kept_numbers {
    ($($number:ty)+) => {$(
        impl Kept for $number {
            fn show(&self) -> StoreValue {
                StoreValue::Int((*self).into())
            }

            fn read(value: &StoreValue) -> Option<Self> {
                match value {
                    StoreValue::Int(number) => Self::try_from(*number).ok(),
                    StoreValue::Text(_) | StoreValue::Default => None,
                }
            }
        }
    )+};
}

kept_numbers!(u8 u16 u32 i32);

impl Kept for bool {
    fn show(&self) -> StoreValue {
        StoreValue::Int((*self).into())
    }

    fn read(value: &StoreValue) -> Option<Self> {
        match u8::read(value)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Kept for Vec<u8> {
    fn show(&self) -> StoreValue {
        StoreValue::Text(self.clone())
    }

    fn read(value: &StoreValue) -> Option<Self> {
        match value {
            StoreValue::Text(text) => Some(text.clone()),
            StoreValue::Int(_) | StoreValue::Default => None,
        }
    }
}

macro_rules! kept_addresses {
    ($($address:ty)+) => {$(
        impl Kept for $address {
            fn show(&self) -> StoreValue {
                StoreValue::Text(self.to_string().into_bytes())
            }

            fn read(value: &StoreValue) -> Option<Self> {
                parse_ascii(&Vec::read(value)?)
            }
        }
    )+};
}

kept_addresses!(Ipv4Addr IpAddr);

impl Kept for Mac {
    fn show(&self) -> StoreValue {
        StoreValue::Text(self.to_string().into_bytes())
    }

    fn read(value: &StoreValue) -> Option<Self> {
        Self::parse(&Vec::read(value)?)
    }
}

impl Kept for Host {
    fn show(&self) -> StoreValue {
        let text = match self {
            Self::Literal(ip) => ip.to_string(),
            Self::Name(name) => name.clone(),
        };
        StoreValue::Text(text.into_bytes())
    }

    fn read(value: &StoreValue) -> Option<Self> {
        Self::parse(&Vec::read(value)?)
    }
}

impl Kept for Kind {
    fn show(&self) -> StoreValue {
        StoreValue::Text(self.name().into())
    }

    fn read(value: &StoreValue) -> Option<Self> {
        Self::parse(&Vec::read(value)?)
    }
}

impl<T: Kept> Kept for Option<T> {
    fn show(&self) -> StoreValue {
        self.as_ref().map_or(StoreValue::Default, T::show)
    }

    fn read(value: &StoreValue) -> Option<Self> {
        T::read(value).map(Some)
    }
}

/// `row!("key", s => s.place)`, with `in 0..=9` for the numbers or `len 0..=9` for the lengths that are allowed. `maybe` where
/// the place belongs to something that there is or is not; then with how it begins.
macro_rules! row {
    ($key:literal, $s:ident => $place:expr $(, in $range:expr)? $(, len $len:expr)?) => {
        Row {
            key: $key,
            get: |$s| $place.show(),
            set: |$s, value, _| {
                let value = Kept::read(value)?;
                $(if !($range).contains(&value) { return None; })?
                $(if !($len).contains(&Vec::len(&value)) { return None; })?
                $place = value;
                Some(())
            },
        }
    };
    (maybe $new:expr, $key:literal, $s:ident => $all:expr, $field:ident $(, in $range:expr)? $(, len $len:expr)?) => {
        Row {
            key: $key,
            get: |$s| $all.as_ref().map_or(StoreValue::Default, |all| all.$field.show()),
            set: |$s, value, _| {
                let value = Kept::read(value)?;
                $(if !($range).contains(&value) { return None; })?
                $(if !($len).contains(&Vec::len(&value)) { return None; })?
                $all.get_or_insert_with($new).$field = value;
                Some(())
            },
        }
    };
}

/// The start of a saved link whose keys come one by one.
fn nowhere() -> Target {
    let tcp = Kind {
        transport: Transport::Tcp,
        is_v6: false,
    };
    Target::new(tcp, Host::Name(String::new()), 0)
}

const GROUPS: &[&[Row]] = &[
    UART,
    SYSMSG,
    WIFI_MODE,
    COUNTRY,
    AUTO_CONNECT,
    STATION,
    STATION_IP,
    STATION_MAC,
    STATION_PROTOCOLS,
    SOFTAP,
    SOFTAP_IP,
    SOFTAP_MAC,
    SOFTAP_PROTOCOLS,
    RECONNECT,
    DHCP,
    DHCP_POOL,
    IPV6,
    NAME_SERVERS,
    PASSTHROUGH,
    SAVED_LINK,
    SSL,
    TCP,
    TCP_KEEP_ALIVE,
];

const UART: &[Row] = &[
    Row {
        key: "uart.baud",
        get: |s| s.uart.baud.show(),
        set: |s, value, config| {
            let (min, max) = config.profile.limits.baud;
            s.uart.baud = u32::read(value).filter(|baud| (min..=max).contains(baud))?;
            Some(())
        },
    },
    row!("uart.data_bits", s => s.uart.data_bits, in 5..=8),
    row!("uart.stop_bits", s => s.uart.stop_bits, in 1..=3),
    row!("uart.parity", s => s.uart.parity, in 0..=2),
    row!("uart.flow", s => s.uart.flow, in 0..=3),
];
const SYSMSG: &[Row] = &[row!("sysmsg", s => s.sysmsg, in 0..=7)];
const WIFI_MODE: &[Row] = &[row!("wifi.mode", s => s.wifi_mode, in 0..=3)];
const COUNTRY: &[Row] = &[
    row!("country.policy", s => s.country.policy, in 0..=1),
    row!("country.code", s => s.country.code, len 0..=3),
    row!("country.first_channel", s => s.country.first_channel, in 1..=14),
    row!("country.channels", s => s.country.channels, in 1..=14),
];
const AUTO_CONNECT: &[Row] = &[row!("wifi.auto_connect", s => s.auto_connect)];
const STATION: &[Row] = &[
    row!(maybe Default::default, "station.ssid", s => s.station, ssid, len 0..=32),
    row!(maybe Default::default, "station.password", s => s.station, password, len 0..=64),
    row!(maybe Default::default, "station.bssid", s => s.station, bssid),
    row!(maybe Default::default, "station.pci", s => s.station, pci, in 0..=1),
    row!(maybe Default::default, "station.listen_interval", s => s.station, listen_interval, in 0..=100),
    row!(maybe Default::default, "station.scan_mode", s => s.station, scan_mode, in 0..=1),
    row!(maybe Default::default, "station.pmf", s => s.station, pmf, in 0..=3),
];
const STATION_IP: &[Row] = &[
    row!(maybe || StaticIp::ZERO, "station.ip", s => s.station_ip, ip),
    row!(maybe || StaticIp::ZERO, "station.gateway", s => s.station_ip, gateway),
    row!(maybe || StaticIp::ZERO, "station.netmask", s => s.station_ip, netmask),
];
const STATION_MAC: &[Row] = &[row!("station.mac", s => s.station_mac)];
const STATION_PROTOCOLS: &[Row] = &[row!("station.protocols", s => s.station_protocols, in 0..=31)];
const SOFTAP: &[Row] = &[
    row!("softap.ssid", s => s.softap.ssid, len 1..=32),
    row!("softap.password", s => s.softap.password, len 0..=64),
    row!("softap.channel", s => s.softap.channel, in 1..=14),
    row!("softap.encryption", s => s.softap.encryption, in 0..=4),
    Row {
        key: "softap.stations_max",
        get: |s| s.softap.stations_max.show(),
        set: |s, value, config| {
            let max = config.profile.limits.softap_stations;
            s.softap.stations_max = u8::read(value).filter(|n| (1..=max).contains(n))?;
            Some(())
        },
    },
    row!("softap.hidden", s => s.softap.hidden),
];
const SOFTAP_IP: &[Row] = &[
    row!("softap.ip", s => s.softap_ip.ip),
    row!("softap.gateway", s => s.softap_ip.gateway),
    row!("softap.netmask", s => s.softap_ip.netmask),
];
const SOFTAP_MAC: &[Row] = &[row!("softap.mac", s => s.softap_mac)];
const SOFTAP_PROTOCOLS: &[Row] = &[row!("softap.protocols", s => s.softap_protocols, in 0..=31)];
const RECONNECT: &[Row] = &[
    row!("reconnect.interval_s", s => s.reconnect.0, in 0..=7200),
    row!("reconnect.attempts", s => s.reconnect.1, in 0..=1000),
];
const DHCP: &[Row] = &[row!("dhcp.interfaces", s => s.dhcp, in 0..=3)];
const DHCP_POOL: &[Row] = &[
    row!(maybe Default::default, "dhcp.lease_min", s => s.dhcp_pool, lease_min, in 1..=2880),
    row!(maybe Default::default, "dhcp.start", s => s.dhcp_pool, start),
    row!(maybe Default::default, "dhcp.end", s => s.dhcp_pool, end),
];
const IPV6: &[Row] = &[row!("ipv6.enabled", s => s.ipv6)];
const NAME_SERVERS: &[Row] = &[
    row!("dns.manual", s => s.name_servers.manual),
    row!("dns.server1", s => s.name_servers.servers[0]),
    row!("dns.server2", s => s.name_servers.servers[1]),
    row!("dns.server3", s => s.name_servers.servers[2]),
];
const PASSTHROUGH: &[Row] =
    &[row!("passthrough.reconnect_100ms", s => s.reconnect_steps, in 1..=36_000)];
const SAVED_LINK: &[Row] = &[
    row!(maybe nowhere, "saved_link.type", s => s.saved_link, kind),
    row!(maybe nowhere, "saved_link.host", s => s.saved_link, host),
    row!(maybe nowhere, "saved_link.port", s => s.saved_link, port),
    row!(maybe nowhere, "saved_link.keep_alive_s", s => s.saved_link, keep_alive_s, in 0..=7200),
    row!(maybe nowhere, "saved_link.local_port", s => s.saved_link, local_port),
];
const SSL: &[Row] = &[
    row!("link0.ssl_auth_mode", s => s.ssl[0].auth_mode, in 0..=3),
    row!("link0.ssl_pki", s => s.ssl[0].pki),
    row!("link0.ssl_ca", s => s.ssl[0].ca),
    row!("link1.ssl_auth_mode", s => s.ssl[1].auth_mode, in 0..=3),
    row!("link1.ssl_pki", s => s.ssl[1].pki),
    row!("link1.ssl_ca", s => s.ssl[1].ca),
    row!("link2.ssl_auth_mode", s => s.ssl[2].auth_mode, in 0..=3),
    row!("link2.ssl_pki", s => s.ssl[2].pki),
    row!("link2.ssl_ca", s => s.ssl[2].ca),
    row!("link3.ssl_auth_mode", s => s.ssl[3].auth_mode, in 0..=3),
    row!("link3.ssl_pki", s => s.ssl[3].pki),
    row!("link3.ssl_ca", s => s.ssl[3].ca),
    row!("link4.ssl_auth_mode", s => s.ssl[4].auth_mode, in 0..=3),
    row!("link4.ssl_pki", s => s.ssl[4].pki),
    row!("link4.ssl_ca", s => s.ssl[4].ca),
];
/// `AT+CIPTCPOPT` takes no more.
const SEND_TIMEOUT_MS_MAX: u32 = i32::MAX.unsigned_abs();
const TCP: &[Row] = &[
    row!("link0.linger_s", s => s.tcp[0].linger_s, in -1..=65_535),
    row!("link0.nodelay", s => s.tcp[0].nodelay),
    row!("link0.send_timeout_ms", s => s.tcp[0].send_timeout_ms, in 0..=SEND_TIMEOUT_MS_MAX),
    row!("link1.linger_s", s => s.tcp[1].linger_s, in -1..=65_535),
    row!("link1.nodelay", s => s.tcp[1].nodelay),
    row!("link1.send_timeout_ms", s => s.tcp[1].send_timeout_ms, in 0..=SEND_TIMEOUT_MS_MAX),
    row!("link2.linger_s", s => s.tcp[2].linger_s, in -1..=65_535),
    row!("link2.nodelay", s => s.tcp[2].nodelay),
    row!("link2.send_timeout_ms", s => s.tcp[2].send_timeout_ms, in 0..=SEND_TIMEOUT_MS_MAX),
    row!("link3.linger_s", s => s.tcp[3].linger_s, in -1..=65_535),
    row!("link3.nodelay", s => s.tcp[3].nodelay),
    row!("link3.send_timeout_ms", s => s.tcp[3].send_timeout_ms, in 0..=SEND_TIMEOUT_MS_MAX),
    row!("link4.linger_s", s => s.tcp[4].linger_s, in -1..=65_535),
    row!("link4.nodelay", s => s.tcp[4].nodelay),
    row!("link4.send_timeout_ms", s => s.tcp[4].send_timeout_ms, in 0..=SEND_TIMEOUT_MS_MAX),
];
const TCP_KEEP_ALIVE: &[Row] = &[
    row!("link0.keep_alive_s", s => s.tcp_keep_alive_s[0], in 0..=7200),
    row!("link1.keep_alive_s", s => s.tcp_keep_alive_s[1], in 0..=7200),
    row!("link2.keep_alive_s", s => s.tcp_keep_alive_s[2], in 0..=7200),
    row!("link3.keep_alive_s", s => s.tcp_keep_alive_s[3], in 0..=7200),
    row!("link4.keep_alive_s", s => s.tcp_keep_alive_s[4], in 0..=7200),
];

#[cfg(test)]
mod tests {
    use super::super::settings::Credentials;
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec;

    fn config(nvs: &[(&str, StoreValue)]) -> ModuleConfig {
        let nvs = nvs
            .iter()
            .map(|(key, value)| (String::from(*key), value.clone()));
        ModuleConfig {
            nvs: nvs.collect(),
            ..ModuleConfig::new()
        }
    }

    fn encode_all(settings: &Settings) -> Vec<(&'static str, StoreValue)> {
        rows().map(|row| (row.key, (row.get)(settings))).collect()
    }

    #[test]
    fn keys_are_unique_and_no_key_is_a_table_of_others() {
        let keys: BTreeSet<_> = setting_keys().collect();
        assert_eq!(keys.len(), setting_keys().count());
        for key in &keys {
            let inside = alloc::format!("{key}.");
            assert!(
                !keys.iter().any(|other| other.starts_with(&inside)),
                "{key}"
            );
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let mut settings = Settings::factory(&config(&[]));
        settings.uart.baud = 9600;
        settings.station = Some(Credentials {
            ssid: vec![0, 255, b'"'],
            bssid: Some(Mac([1, 2, 3, 4, 5, 6])),
            ..Credentials::default()
        });
        settings.dhcp_pool = Some(Default::default());
        settings.station_ip = Some(StaticIp::with_defaults([192, 0, 2, 9].into()));
        settings.ssl[4].auth_mode = 3;
        settings.tcp[3].linger_s = 7;
        settings.name_servers.manual = true;
        settings.name_servers.servers[1] = Some([192, 0, 2, 53].into());
        settings.auto_connect = false;
        settings.saved_link = Some(Target {
            host: Host::Name("example.org".into()),
            port: 7,
            ..nowhere()
        });
        let values = encode_all(&settings);
        let decoded = Settings::decode(&config(&values)).unwrap();
        assert_eq!(encode_all(&decoded), values);
    }

    #[test]
    fn the_first_values_come_back_where_nothing_was_kept() {
        let factory = Settings::factory(&config(&[]));
        let unknown = config(&[
            ("coffee", StoreValue::Int(3)),
            ("sysmsg", StoreValue::Default),
        ]);
        let decoded = Settings::decode(&unknown).unwrap();
        assert_eq!(encode_all(&decoded), encode_all(&factory));
    }

    #[test]
    fn a_value_that_is_not_allowed_names_its_key() {
        let cases = [
            ("uart.baud", StoreValue::Int(79)),
            ("uart.parity", StoreValue::Int(3)),
            ("wifi.mode", StoreValue::Text(b"3".to_vec())),
            ("station.ssid", StoreValue::Text(vec![b'x'; 33])),
            ("station.bssid", StoreValue::Text(b"1:2".to_vec())),
            ("softap.ip", StoreValue::Text(b"192.168.4".to_vec())),
            ("ipv6.enabled", StoreValue::Int(2)),
            ("dns.server1", StoreValue::Text(b"example.com".to_vec())),
        ];
        for (key, value) in cases {
            let error = Settings::decode(&config(&[(key, value)])).unwrap_err();
            let why = NOT_ALLOWED;
            assert_eq!(
                error,
                ConfigError::Setting {
                    key: key.into(),
                    why
                }
            );
        }
    }
}
