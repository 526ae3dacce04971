//! What the user says of the module's network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::capture::Capture;
use super::policy::{MapRule, Policy, Publish};
use super::tls::{Certificates, KeyLog};

/// Datagrams of one link that may wait for the module.
const DATAGRAMS_MAX: usize = 64;
const MDNS_PORT: u16 = 5353;

/// How the module meets the real network. See the command line's options of the same names.
#[derive(Clone, Debug)]
pub struct NetOptions {
    /// The address that servers and UDP ports bind to.
    pub ip: Ipv4Addr,
    /// The same for IPv6.
    pub ip6: Ipv6Addr,
    /// What goes elsewhere.
    pub maps: Vec<MapRule>,
    /// Where servers are reached.
    pub publish: Vec<Publish>,
    /// Where the module may go.
    pub policy: Policy,
    /// Datagrams of one link that may wait for the module; more are dropped and counted.
    pub datagrams_max: usize,
    /// What SSL links and SSL servers show and trust.
    pub certificates: Certificates,
    /// Where the secrets of SSL links go.
    pub key_log: Option<KeyLog>,
    /// Where what the sockets carry goes.
    pub capture: Option<Capture>,
    /// The port of multicast DNS, for `AT+MDNS`.
    pub mdns_port: u16,
}

impl Default for NetOptions {
    fn default() -> Self {
        Self {
            ip: Ipv4Addr::LOCALHOST,
            ip6: Ipv6Addr::LOCALHOST,
            maps: Vec::new(),
            publish: Vec::new(),
            policy: Policy::default(),
            datagrams_max: DATAGRAMS_MAX,
            certificates: Certificates::default(),
            key_log: None,
            capture: None,
            mdns_port: MDNS_PORT,
        }
    }
}

impl NetOptions {
    /// Where the module's server on that port listens.
    pub(super) fn place(&self, port: u16, is_v6: bool) -> SocketAddr {
        let published = self.publish.iter().find(|publish| publish.port == port);
        let ip = if is_v6 {
            self.ip6.into()
        } else {
            self.ip.into()
        };
        published.map_or_else(|| SocketAddr::new(ip, port), |publish| publish.at)
    }

    /// Whether the policy lets the module send to that address. A group on the loopback interface counts as loopback.
    pub(super) fn permits(&self, ip: IpAddr) -> bool {
        if self.ip.is_loopback() && ip.is_multicast() {
            self.policy.permits_online(ip)
        } else {
            self.policy.permits(ip)
        }
    }

    /// Whether datagrams to `ip` reach the module's whole network. The system is asked only about an address that could be it.
    pub(super) fn is_broadcast(&self, ip: Ipv4Addr) -> bool {
        ip.is_broadcast() || could_be_broadcast(self.ip, ip) && ip == self.broadcast()
    }

    /// The broadcast address of the interface that has the module's address.
    pub(super) fn broadcast(&self) -> Ipv4Addr {
        if self.ip.is_loopback() {
            return Ipv4Addr::new(127, 255, 255, 255);
        }
        let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
        // 255.255.255.255 goes out by the default interface where the network of the address is not known.
        directed_broadcast(&routes, self.ip).unwrap_or(Ipv4Addr::BROADCAST)
    }
}

/// Whether some network with `ours` in it has the broadcast address `ip`: from the first bit that differs on it has ones only.
fn could_be_broadcast(ours: Ipv4Addr, ip: Ipv4Addr) -> bool {
    let differ = ours.to_bits() ^ ip.to_bits();
    let host_bits = u32::MAX.checked_shr(differ.leading_zeros()).unwrap_or(0);
    differ != 0 && ip.to_bits() & host_bits == host_bits
}

/// The broadcast address of the closest network without a gateway that `ip` is in, from the kernel's table of routes.
fn directed_broadcast(routes: &str, ip: Ipv4Addr) -> Option<Ipv4Addr> {
    let networks = routes.lines().skip(1).filter_map(|line| {
        let column = |n| {
            let hex = line.split_ascii_whitespace().nth(n)?;
            // The table is in the machine's byte order.
            Some(u32::from_be_bytes(
                u32::from_str_radix(hex, 16).ok()?.to_ne_bytes(),
            ))
        };
        let (network, gateway, mask) = (column(1)?, column(2)?, column(7)?);
        (gateway == 0 && mask != 0 && ip.to_bits() & mask == network).then_some((mask, network))
    });
    let (mask, network) = networks.max()?;
    Some(Ipv4Addr::from_bits(network | !mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_asked_about_few_addresses() {
        let ours = Ipv4Addr::new(192, 168, 2, 9);
        let could_be = |ip: [u8; 4]| could_be_broadcast(ours, ip.into());
        for broadcast in [[192, 168, 2, 255], [192, 168, 2, 15], [192, 168, 255, 255]] {
            assert!(could_be(broadcast), "{broadcast:?}");
        }
        for other in [
            [192, 168, 2, 9],
            [192, 168, 2, 1],
            [8, 8, 8, 8],
            [127, 0, 0, 1],
        ] {
            assert!(!could_be(other), "{other:?}");
        }
    }

    #[test]
    fn a_group_on_loopback_is_within_offline() {
        let policy = |deny: &[&str]| Policy {
            offline: true,
            deny: deny.iter().map(|net| net.parse().unwrap()).collect(),
            ..Policy::default()
        };
        let group: IpAddr = [239, 1, 2, 3].into();
        let permits = |ip: [u8; 4], policy| {
            let ip = ip.into();
            let options = NetOptions {
                ip,
                policy,
                ..NetOptions::default()
            };
            options.permits(group)
        };
        assert!(permits([127, 0, 0, 1], policy(&[])));
        assert!(!permits([127, 0, 0, 1], policy(&["239.0.0.0/8"])));
        assert!(!permits([192, 0, 2, 1], policy(&[])));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_broadcast_address_is_that_of_the_closest_network() {
        let routes = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n\
            eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\n\
            eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n\
            tun0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\n";
        let broadcast = |ip: [u8; 4]| directed_broadcast(routes, ip.into()).map(|ip| ip.octets());
        assert_eq!(broadcast([192, 168, 2, 9]), Some([192, 168, 2, 255]));
        assert_eq!(broadcast([192, 168, 7, 9]), Some([192, 168, 255, 255]));
        assert_eq!(broadcast([10, 0, 0, 1]), None);
    }
}
