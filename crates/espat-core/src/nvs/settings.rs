//! The settings that survive a reset (behaviour.md 4.20): their types, first values, and changes.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use crate::config::{Mac, ModuleConfig};
use crate::net::dial::Target;
use crate::output::UartConfig;

/// Every setting that can be kept.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `AT+UART_DEF`.
    pub(crate) uart: UartConfig,
    /// `AT+SYSMSG`.
    pub(crate) sysmsg: u8,
    /// `AT+CWMODE`: bit 0 station, bit 1 softAP.
    pub(crate) wifi_mode: u8,
    /// The last access point that was joined.
    pub(crate) station: Option<Credentials>,
    pub(crate) softap: SoftAp,
    pub(crate) country: Country,
    /// `AT+CWAUTOCONN`.
    pub(crate) auto_connect: bool,
    /// `AT+CWRECONNCFG`: interval in seconds, number of attempts (0: forever).
    pub(crate) reconnect: (u16, u16),
    /// `AT+CWDHCP`: bit 0 station, bit 1 softAP.
    pub(crate) dhcp: u8,
    pub(crate) dhcp_pool: Option<DhcpPool>,
    /// `AT+CIPSTA`, valid while the station's DHCP is off.
    pub(crate) station_ip: Option<StaticIp>,
    pub(crate) softap_ip: StaticIp,
    pub(crate) station_mac: Mac,
    pub(crate) softap_mac: Mac,
    /// `AT+CWSTAPROTO`, `AT+CWAPPROTO`: bits for b, g, n, LR, ax.
    pub(crate) station_protocols: u8,
    pub(crate) softap_protocols: u8,
    /// `AT+CIPSSLCCONF`, a link each.
    pub(crate) ssl: [SslConf; 5],
    /// `AT+CIPTCPOPT`, a link each.
    pub(crate) tcp: [TcpOptions; 5],
    /// The idle seconds before keep-alive probes, by `AT+CIPTCPOPT` or `AT+CIPSTART`, a link each; 0: off.
    pub(crate) tcp_keep_alive_s: [u16; 5],
    /// `AT+CIPV6`.
    pub(crate) ipv6: bool,
    /// `AT+CIPDNS`.
    pub(crate) name_servers: NameServers,
    /// `AT+CIPRECONNINTV`, in steps of 100 ms.
    pub(crate) reconnect_steps: u16,
    /// `AT+SAVETRANSLINK`.
    pub(crate) saved_link: Option<Target>,
}

/// How a station joins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) ssid: Vec<u8>,
    pub(crate) password: Vec<u8>,
    pub(crate) bssid: Option<Mac>,
    /// Only access points with WPA or better.
    pub(crate) pci: u8,
    /// Beacons; 0 is the driver's default, 3.
    pub(crate) listen_interval: u8,
    pub(crate) scan_mode: u8,
    pub(crate) pmf: u8,
}

/// `AT+CWCOUNTRY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Country {
    pub(crate) policy: u8,
    pub(crate) code: Vec<u8>,
    pub(crate) first_channel: u8,
    pub(crate) channels: u8,
}

impl Default for Country {
    /// What ESP-IDF starts with (its manual, `esp_wifi_set_country`).
    fn default() -> Self {
        Self {
            policy: 0,
            code: b"CN".to_vec(),
            first_channel: 1,
            channels: 13,
        }
    }
}

impl Country {
    /// Manual, `AT+CWCOUNTRY`.
    pub(crate) const CODE_BYTES: usize = 3;
    pub(crate) const LAST_CHANNEL: u8 = 14;

    /// Whether a country can be like that. Channels past 14 are refused: decided without evidence.
    pub(crate) fn is_sensible(&self) -> bool {
        let first = self.first_channel;
        self.code.len() <= Self::CODE_BYTES
            && (1..=Self::LAST_CHANNEL).contains(&first)
            && (1..=Self::LAST_CHANNEL + 1 - first).contains(&self.channels)
    }

    /// Whether a scan in this country listens on a channel.
    pub(crate) fn has(&self, channel: u8) -> bool {
        (self.first_channel..self.first_channel.saturating_add(self.channels)).contains(&channel)
    }
}

/// `AT+CWSAP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SoftAp {
    pub(crate) ssid: Vec<u8>,
    pub(crate) password: Vec<u8>,
    pub(crate) channel: u8,
    pub(crate) encryption: u8,
    pub(crate) stations_max: u8,
    pub(crate) hidden: bool,
}

/// `AT+CWDHCPS`: what the softAP hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DhcpPool {
    pub(crate) lease_min: u16,
    pub(crate) start: Ipv4Addr,
    pub(crate) end: Ipv4Addr,
}

impl DhcpPool {
    /// What stands for a pool that was never set.
    pub(crate) const ZERO: Self = Self {
        lease_min: 0,
        start: Ipv4Addr::UNSPECIFIED,
        end: Ipv4Addr::UNSPECIFIED,
    };
}

impl Default for DhcpPool {
    /// What stands for an end of the pool that a hand-edited file leaves out.
    fn default() -> Self {
        Self {
            lease_min: 120,
            start: Ipv4Addr::new(192, 168, 4, 2),
            end: Ipv4Addr::new(192, 168, 4, 101),
        }
    }
}

/// An address set by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StaticIp {
    pub(crate) ip: Ipv4Addr,
    pub(crate) gateway: Ipv4Addr,
    pub(crate) netmask: Ipv4Addr,
}

impl StaticIp {
    /// What an interface without an address shows.
    pub(crate) const ZERO: Self = Self {
        ip: Ipv4Addr::UNSPECIFIED,
        gateway: Ipv4Addr::UNSPECIFIED,
        netmask: Ipv4Addr::UNSPECIFIED,
    };

    /// The softAP's first address.
    pub(crate) const SOFTAP: Self = Self {
        ip: Ipv4Addr::new(192, 168, 4, 1),
        gateway: Ipv4Addr::new(192, 168, 4, 1),
        netmask: Ipv4Addr::new(255, 255, 255, 0),
    };

    /// A /24 with its gateway at .1.
    pub(crate) fn with_defaults(ip: Ipv4Addr) -> Self {
        let [a, b, c, _] = ip.octets();
        Self {
            ip,
            gateway: Ipv4Addr::new(a, b, c, 1),
            netmask: Ipv4Addr::new(255, 255, 255, 0),
        }
    }

    /// Whether an address lies in this network.
    pub(crate) fn contains(self, ip: Ipv4Addr) -> bool {
        ip & self.netmask == self.ip & self.netmask
    }
}

/// `AT+CIPSSLCCONF` of one link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SslConf {
    pub(crate) auth_mode: u8,
    pub(crate) pki: u8,
    pub(crate) ca: u8,
}

/// `AT+CIPTCPOPT` of one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TcpOptions {
    /// Seconds; -1: off.
    pub(crate) linger_s: i32,
    pub(crate) nodelay: bool,
    /// Milliseconds; 0: none.
    pub(crate) send_timeout_ms: u32,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            linger_s: -1,
            nodelay: false,
            send_timeout_ms: 0,
        }
    }
}

/// `AT+CIPDNS`: whom the module asks for names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NameServers {
    /// The servers below count, otherwise those of the network.
    pub(crate) manual: bool,
    /// None of them: the firmware's own.
    pub(crate) servers: [Option<IpAddr>; 3],
}

impl Settings {
    /// The first values.
    pub(crate) fn factory(config: &ModuleConfig) -> Self {
        let factory = &config.profile.factory;
        let addresses = &config.addresses;
        let [.., d, e, f] = addresses.softap_mac.0;
        Self {
            uart: factory.uart,
            sysmsg: 0,
            wifi_mode: factory.wifi_mode,
            station: None,
            softap: SoftAp {
                ssid: alloc::format!("ESP_{d:02X}{e:02X}{f:02X}").into_bytes(),
                password: Vec::new(),
                channel: 1,
                encryption: 0,
                stations_max: 4,
                hidden: false,
            },
            country: Country::default(),
            auto_connect: true,
            reconnect: factory.reconnect,
            dhcp: 0b11,
            dhcp_pool: None,
            station_ip: None,
            softap_ip: StaticIp::SOFTAP,
            station_mac: addresses.station_mac,
            softap_mac: addresses.softap_mac,
            station_protocols: factory.wifi_protocols,
            softap_protocols: factory.wifi_protocols,
            ssl: [SslConf::default(); 5],
            tcp: [TcpOptions::default(); 5],
            tcp_keep_alive_s: [0; 5],
            ipv6: false,
            name_servers: NameServers::default(),
            reconnect_steps: 1,
            saved_link: None,
        }
    }
}

/// One change of a setting.
#[derive(Clone, Debug)]
pub(crate) enum Setting {
    Uart(UartConfig),
    SysMsg(u8),
    WifiMode(u8),
    Station(Credentials),
    SoftAp(SoftAp),
    Country(Country),
    AutoConnect(bool),
    Reconnect(u16, u16),
    Dhcp(u8),
    DhcpPool(Option<DhcpPool>),
    StationIp(Option<StaticIp>),
    SoftApIp(StaticIp),
    StationMac(Mac),
    SoftApMac(Mac),
    StationProtocols(u8),
    SoftApProtocols(u8),
    Ssl([SslConf; 5]),
    Tcp([TcpOptions; 5]),
    TcpKeepAlive([u16; 5]),
    Ipv6(bool),
    NameServers(NameServers),
    ReconnectSteps(u16),
    SavedLink(Option<Target>),
}

impl Setting {
    /// Whether it is kept whatever `AT+SYSSTORE` says (behaviour.md 4.10).
    pub(crate) fn is_always_kept(&self) -> bool {
        matches!(
            self,
            Self::Uart(_) | Self::AutoConnect(_) | Self::SavedLink(_)
        )
    }

    pub(crate) fn apply(&self, settings: &mut Settings) {
        match self.clone() {
            Self::Uart(uart) => settings.uart = uart,
            Self::SysMsg(bits) => settings.sysmsg = bits,
            Self::WifiMode(mode) => settings.wifi_mode = mode,
            Self::Station(credentials) => settings.station = Some(credentials),
            Self::SoftAp(softap) => settings.softap = softap,
            Self::Country(country) => settings.country = country,
            Self::AutoConnect(on) => settings.auto_connect = on,
            Self::Reconnect(interval_s, attempts) => settings.reconnect = (interval_s, attempts),
            Self::Dhcp(bits) => settings.dhcp = bits,
            Self::DhcpPool(pool) => settings.dhcp_pool = pool,
            Self::StationIp(ip) => settings.station_ip = ip,
            Self::SoftApIp(ip) => settings.softap_ip = ip,
            Self::StationMac(mac) => settings.station_mac = mac,
            Self::SoftApMac(mac) => settings.softap_mac = mac,
            Self::StationProtocols(bits) => settings.station_protocols = bits,
            Self::SoftApProtocols(bits) => settings.softap_protocols = bits,
            Self::Ssl(ssl) => settings.ssl = ssl,
            Self::Tcp(tcp) => settings.tcp = tcp,
            Self::TcpKeepAlive(seconds) => settings.tcp_keep_alive_s = seconds,
            Self::Ipv6(on) => settings.ipv6 = on,
            Self::NameServers(servers) => settings.name_servers = servers,
            Self::ReconnectSteps(steps) => settings.reconnect_steps = steps,
            Self::SavedLink(target) => settings.saved_link = target,
        }
    }
}
