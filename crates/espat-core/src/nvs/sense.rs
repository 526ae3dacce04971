//! What makes sense of kept settings together: what no command would have left, a hand with an editor did.

use super::settings::Settings;
use crate::config::{Mac, ModuleConfig};
use crate::net::host::Host;
use core::net::{IpAddr, Ipv4Addr};

/// Something that is wrong, and where: the first of these keys that was kept.
struct Fault {
    is_there: bool,
    keys: &'static [&'static str],
    why: &'static str,
}

/// The first fault of settings that were read from `kept` keys, and the key to name.
pub(super) fn fault(
    settings: &Settings,
    config: &ModuleConfig,
    is_kept: impl Fn(&str) -> bool,
) -> Option<(&'static str, &'static str)> {
    let faults = wifi(settings)
        .into_iter()
        .chain(addresses(settings))
        .chain(links(settings, config));
    // What nobody wrote there is the configuration's own.
    faults.filter(|fault| fault.is_there).find_map(|fault| {
        let key = fault.keys.iter().find(|key| is_kept(key))?;
        Some((*key, fault.why))
    })
}

fn wifi(settings: &Settings) -> [Fault; 5] {
    /// Manual, `AT+CWSAP`: `<ecn>` 1 is WEP, which is not supported; a password has 8 bytes or more.
    const WEP: u8 = 1;
    const PASSWORD_BYTES_MIN: usize = 8;
    let (station, softap) = (&settings.station, &settings.softap);
    [
        Fault {
            is_there: station.as_ref().is_some_and(|with| with.ssid.is_empty()),
            keys: &[
                "station.ssid",
                "station.password",
                "station.bssid",
                "station.pci",
                "station.listen_interval",
                "station.scan_mode",
                "station.pmf",
            ],
            why: "says nothing without `station.ssid`, which has 1 to 32 bytes",
        },
        Fault {
            is_there: softap.encryption == WEP,
            keys: &["softap.encryption"],
            why: "cannot be 1: WEP is not supported",
        },
        Fault {
            is_there: softap.encryption != 0 && softap.password.len() < PASSWORD_BYTES_MIN,
            keys: &["softap.password", "softap.encryption"],
            why: "is not enough: with encryption, `softap.password` has 8 to 64 bytes",
        },
        Fault {
            is_there: settings.station_protocols == 0,
            keys: &["station.protocols"],
            why: "cannot be 0: some protocol is needed",
        },
        Fault {
            is_there: settings.softap_protocols == 0,
            keys: &["softap.protocols"],
            why: "cannot be 0: some protocol is needed",
        },
    ]
}

fn addresses(settings: &Settings) -> [Fault; 8] {
    const NO_ADDRESS: &str = "is no address that an interface can have";
    const NO_MAC: &str = "is no MAC address that an interface can have";
    let servers = settings.name_servers.servers;
    let [first, second, third] = servers;
    let is_double = |a: Option<IpAddr>, b| a == b && a.is_some();
    [
        Fault {
            is_there: settings.station_ip.is_some_and(|net| is_nobodys(net.ip)),
            keys: &["station.ip", "station.gateway", "station.netmask"],
            why: "says nothing: `station.ip` has to be an address that an interface can have",
        },
        Fault {
            is_there: is_nobodys(settings.softap_ip.ip),
            keys: &["softap.ip"],
            why: NO_ADDRESS,
        },
        Fault {
            is_there: settings.dhcp_pool.is_some_and(|pool| pool.end < pool.start),
            keys: &["dhcp.end", "dhcp.start"],
            why: "makes a range that ends before it starts",
        },
        Fault {
            is_there: is_nobodys_mac(settings.station_mac),
            keys: &["station.mac"],
            why: NO_MAC,
        },
        Fault {
            is_there: is_nobodys_mac(settings.softap_mac),
            keys: &["softap.mac"],
            why: NO_MAC,
        },
        Fault {
            is_there: settings.station_mac == settings.softap_mac,
            keys: &["station.mac", "softap.mac"],
            why: "is the other interface's MAC address",
        },
        Fault {
            is_there: servers.iter().flatten().any(|ip| ip.is_unspecified()),
            keys: &["dns.server1", "dns.server2", "dns.server3"],
            why: "is no server's address, or one of those below it",
        },
        Fault {
            is_there: is_double(first, second)
                || is_double(second, third)
                || is_double(first, third),
            keys: &["dns.server3", "dns.server2"],
            why: "is a server that stands there already",
        },
    ]
}

fn links(settings: &Settings, config: &ModuleConfig) -> [Fault; 3] {
    let link = settings.saved_link.as_ref();
    let is_nowhere = |host: &Host| matches!(host, Host::Name(name) if name.is_empty());
    let host_bytes = config.profile.limits.host_bytes;
    [
        Fault {
            is_there: link.is_some_and(|link| link.port == 0 || is_nowhere(&link.host)),
            keys: &[
                "saved_link.host",
                "saved_link.port",
                "saved_link.type",
                "saved_link.keep_alive_s",
                "saved_link.local_port",
            ],
            why: "says nothing without both `saved_link.host` and `saved_link.port`, which is not 0",
        },
        Fault {
            is_there: link.is_some_and(|link| {
                let name = link.host.name();
                name.is_some_and(|name| name.len() > host_bytes)
            }),
            keys: &["saved_link.host"],
            why: "is longer than a host's name may be",
        },
        Fault {
            is_there: link.is_some_and(|link| {
                let is_other_family =
                    matches!(link.host, Host::Literal(ip) if ip.is_ipv6() != link.kind.is_v6);
                is_other_family || !link.kind.exists_on(config.profile)
            }),
            keys: &["saved_link.type", "saved_link.host"],
            why: "does not fit: the type is of the other IP version than the host, or the firmware has no such links",
        },
    ]
}

fn is_nobodys(ip: Ipv4Addr) -> bool {
    ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast()
}

fn is_nobodys_mac(mac: Mac) -> bool {
    mac.0[0] & 1 != 0 || mac == Mac([0; 6])
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;
    use crate::config::ConfigError;
    use crate::nvs::StaticIp;
    use crate::output::StoreValue;

    fn decode(nvs: &[(&str, StoreValue)]) -> Result<Settings, ConfigError> {
        let nvs = nvs
            .iter()
            .map(|(key, value)| (String::from(*key), value.clone()));
        Settings::decode(&ModuleConfig {
            nvs: nvs.collect(),
            ..ModuleConfig::new()
        })
    }

    /// The key that is named where these are kept.
    fn named(nvs: &[(&str, StoreValue)]) -> String {
        match decode(nvs) {
            Err(ConfigError::Setting { key, .. }) => key,
            other => panic!("{nvs:?}: {other:?}"),
        }
    }

    fn text(text: &str) -> StoreValue {
        StoreValue::Text(text.into())
    }

    fn int(number: i64) -> StoreValue {
        StoreValue::Int(number)
    }

    #[test]
    fn a_value_that_makes_no_sense_is_named() {
        let softap_mac = ModuleConfig::new().addresses.softap_mac.to_string();
        for (key, value) in [
            ("station.password", text("secret")),
            ("station.ssid", text("")),
            ("softap.encryption", int(1)),
            ("softap.encryption", int(3)),
            ("station.protocols", int(0)),
            ("softap.protocols", int(0)),
            ("station.ip", text("0.0.0.0")),
            ("station.gateway", text("192.0.2.1")),
            ("softap.ip", text("255.255.255.255")),
            ("dhcp.start", text("192.168.4.200")),
            ("station.mac", text("01:00:00:00:00:01")),
            ("station.mac", text(&softap_mac)),
            ("softap.mac", text("00:00:00:00:00:00")),
            ("dns.server1", text("0.0.0.0")),
            ("saved_link.host", text("example.org")),
            ("saved_link.port", int(80)),
            ("link3.send_timeout_ms", int(1 << 31)),
        ] {
            assert_eq!(named(&[(key, value)]), key);
        }
    }

    #[test]
    fn of_values_that_do_not_go_together_one_that_was_kept_is_named() {
        let key = named(&[
            ("softap.encryption", int(3)),
            ("softap.password", text("short")),
        ]);
        assert_eq!(key, "softap.password");
        let key = named(&[
            ("dhcp.start", text("192.168.4.9")),
            ("dhcp.end", text("192.168.4.8")),
        ]);
        assert_eq!(key, "dhcp.end");
        let key = named(&[
            ("dns.server1", text("192.0.2.1")),
            ("dns.server2", text("192.0.2.1")),
        ]);
        assert_eq!(key, "dns.server2");
        let host = ("saved_link.host", text("192.0.2.1"));
        let key = named(&[host.clone(), ("saved_link.port", int(0))]);
        assert_eq!(key, "saved_link.host");
        let key = named(&[
            host,
            ("saved_link.port", int(80)),
            ("saved_link.type", text("TCPv6")),
        ]);
        assert_eq!(key, "saved_link.type");
    }

    #[test]
    fn an_address_alone_is_enough() {
        let settings = decode(&[("station.ip", text("192.0.2.9"))]).unwrap();
        let ip = Ipv4Addr::new(192, 0, 2, 9);
        assert_eq!(settings.station_ip, Some(StaticIp::with_defaults(ip)));
    }
}
