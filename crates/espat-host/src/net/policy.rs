//! Where the module may go, and what goes elsewhere: `--map`, `--publish`, `--offline`, `--allow`, `--deny`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Why the value of a network option cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A map without its two sides.
    #[error(
        "`{0}` is no map: write HOST[:PORT]=ADDR[:PORT], for example api.example.com:80=127.0.0.1:8080"
    )]
    Map(String),
    /// A map from nothing, or from something that is neither a name nor an address.
    #[error(
        "`{0}` is neither a host name nor an address: write a name, 192.0.2.1, or [2001:db8::1] before a port"
    )]
    Host(String),
    /// Something else where an address has to stand.
    #[error(
        "`{0}` is no address: write 192.0.2.1, 192.0.2.1:80 or [2001:db8::1]:80; a name has to be resolved first"
    )]
    Address(String),
    /// A port out of range.
    #[error("`{0}` is no port: ports are 1 to 65535")]
    Port(String),
    /// A publication without its two sides.
    #[error("`{0}` publishes nothing: write PORT=ADDR:PORT, for example 80=127.0.0.1:8080")]
    Publish(String),
    /// Something else where a network has to stand.
    #[error("`{0}` is no network: write ADDR/BITS, for example 192.0.2.0/24, or a single address")]
    Cidr(String),
}

/// `--map HOST[:PORT]=ADDR[:PORT]`: what is for the one goes to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapRule {
    host: Host,
    port: Option<u16>,
    to: IpAddr,
    to_port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Name(String),
    Addr(IpAddr),
}

/// `--publish PORT=ADDR:PORT`: the module's server on that port listens there. Port 0 is a free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish {
    /// The module's port.
    pub port: u16,
    /// Where it is reached.
    pub at: SocketAddr,
}

/// A network: `ADDR/BITS`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    bits: u8,
}

/// Where the module may connect and send to.
///
/// Everywhere but 169.254.0.0/16; with any `allow` nowhere else; `deny` wins; `offline` leaves loopback only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Loopback only.
    pub offline: bool,
    /// If there are any, everything else is denied.
    pub allow: Vec<Cidr>,
    /// Denied even where allowed.
    pub deny: Vec<Cidr>,
}

const LINK_LOCAL: Cidr = Cidr {
    network: IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)),
    bits: 16,
};

impl Policy {
    /// Whether the module may go to that address.
    #[must_use]
    pub fn permits(&self, ip: IpAddr) -> bool {
        (!self.offline || ip.to_canonical().is_loopback()) && self.permits_online(ip)
    }

    /// The same without regard to `offline`.
    pub(super) fn permits_online(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        if self.deny.iter().any(|net| net.contains(ip)) {
            return false;
        }
        if self.allow.is_empty() {
            !LINK_LOCAL.contains(ip)
        } else {
            self.allow.iter().any(|net| net.contains(ip))
        }
    }
}

/// Where what is for `remote` really goes: the most telling map wins, a name before an address and a port before none.
pub(super) fn mapped(
    maps: &[MapRule],
    name: Option<&str>,
    remote: SocketAddr,
) -> Option<SocketAddr> {
    let rank = |rule: &&MapRule| match (&rule.host, rule.port) {
        (Host::Name(known), port) if name.is_some_and(|n| known.eq_ignore_ascii_case(n)) => {
            match port {
                Some(port) if port == remote.port() => Some(0),
                Some(_) => None,
                None => Some(1),
            }
        }
        (Host::Addr(known), port) if *known == remote.ip() => match port {
            Some(port) if port == remote.port() => Some(2),
            Some(_) => None,
            None => Some(3),
        },
        (Host::Name(_) | Host::Addr(_), _) => None,
    };
    let (_, rule) = maps
        .iter()
        .filter_map(|rule| Some((rank(&rule)?, rule)))
        .min_by_key(|(rank, _)| *rank)?;
    Some(SocketAddr::new(
        rule.to,
        rule.to_port.unwrap_or_else(|| remote.port()),
    ))
}

/// The address of a mapped name.
pub(super) fn mapped_name(maps: &[MapRule], name: &str) -> Option<IpAddr> {
    let of_name = |rule: &&MapRule| matches!(&rule.host, Host::Name(known) if known.eq_ignore_ascii_case(name));
    let rule = maps
        .iter()
        .filter(of_name)
        .min_by_key(|rule| rule.port.is_some())?;
    Some(rule.to)
}

impl FromStr for MapRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (from, to) = text
            .split_once('=')
            .ok_or_else(|| RuleError::Map(text.into()))?;
        let (host, port) = split_port(from)?;
        let (to, to_port) = split_port(to)?;
        let is_name = !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        let host = match host.parse() {
            Ok(ip) => Host::Addr(ip),
            Err(_) if is_name => Host::Name(host.into()),
            Err(_) => return Err(RuleError::Host(host.into())),
        };
        let to = to.parse().map_err(|_| RuleError::Address(to.into()))?;
        Ok(Self {
            host,
            port,
            to,
            to_port,
        })
    }
}

impl FromStr for Publish {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (port, at) = text
            .split_once('=')
            .ok_or_else(|| RuleError::Publish(text.into()))?;
        let port = parse_port(port)?;
        let at = at.parse().map_err(|_| RuleError::Publish(text.into()))?;
        Ok(Self { port, at })
    }
}

impl FromStr for Cidr {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let error = || RuleError::Cidr(text.into());
        let (network, bits) = match text.split_once('/') {
            Some((network, bits)) => (network, Some(bits.parse::<u8>().map_err(|_| error())?)),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_| error())?;
        let bits_max = if network.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(bits_max);
        if bits > bits_max {
            return Err(error());
        }
        Ok(Self { network, bits })
    }
}

impl Cidr {
    /// Whether the address is in the network.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.network, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                (network.to_bits() ^ ip.to_bits()) & mask == 0
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.bits))
                    .unwrap_or(0);
                (network.to_bits() ^ ip.to_bits()) & mask == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Splits `HOST[:PORT]`, where HOST may be `[v6]` or a bare IPv6 address.
fn split_port(text: &str) -> Result<(&str, Option<u16>), RuleError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest
            .split_once(']')
            .ok_or_else(|| RuleError::Host(text.into()))?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(parse_port(port)?))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(RuleError::Host(text.into())),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    match text.rsplit_once(':') {
        Some((host, port)) => Ok((host, Some(parse_port(port)?))),
        None => Ok((text, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, RuleError> {
    text.parse()
        .ok()
        .filter(|&port| port != 0)
        .ok_or_else(|| RuleError::Port(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str]) -> Vec<MapRule> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_most_telling_map_wins() {
        let maps = rules(&[
            "a.test=10.0.0.1",
            "a.test:80=127.0.0.1:8080",
            "192.0.2.7:5=[::1]:6",
            "192.0.2.7=10.0.0.2",
        ]);
        let real = |name, remote| mapped(&maps, name, at(remote));
        assert_eq!(
            real(Some("A.TEST"), "192.0.2.1:80"),
            Some(at("127.0.0.1:8080"))
        );
        assert_eq!(
            real(Some("a.test"), "192.0.2.1:81"),
            Some(at("10.0.0.1:81"))
        );
        assert_eq!(real(None, "192.0.2.7:5"), Some(at("[::1]:6")));
        assert_eq!(real(None, "192.0.2.7:9"), Some(at("10.0.0.2:9")));
        assert_eq!(real(Some("b.test"), "192.0.2.1:80"), None);
    }

    #[test]
    fn a_mapped_name_has_the_address_of_its_map() {
        let maps = rules(&[
            "a.test:80=10.0.0.9:1",
            "a.test=10.0.0.1",
            "b.test:80=10.0.0.2",
        ]);
        let ip = |name| mapped_name(&maps, name).map(|ip| ip.to_string());
        assert_eq!(ip("a.test").as_deref(), Some("10.0.0.1"));
        assert_eq!(ip("b.test").as_deref(), Some("10.0.0.2"));
        assert_eq!(ip("10.0.0.1"), None);
    }

    #[test]
    fn a_map_can_have_ipv6_on_both_sides() {
        let maps = rules(&["[::1]:80=[::2]:81", "2001:db8::1=::3"]);
        assert_eq!(mapped(&maps, None, at("[::1]:80")), Some(at("[::2]:81")));
        assert_eq!(
            mapped(&maps, None, at("[2001:db8::1]:7")),
            Some(at("[::3]:7"))
        );
    }

    #[test]
    fn wrong_rules_are_named() {
        let map = |text: &str| text.parse::<MapRule>().unwrap_err();
        assert_eq!(map("a.test"), RuleError::Map("a.test".into()));
        assert_eq!(map("=10.0.0.1"), RuleError::Host(String::new()));
        assert_eq!(map("a b=10.0.0.1"), RuleError::Host("a b".into()));
        assert_eq!(map("a.test=b.test"), RuleError::Address("b.test".into()));
        assert_eq!(map("a.test:0=10.0.0.1"), RuleError::Port("0".into()));
        assert_eq!(map("a.test:http=10.0.0.1"), RuleError::Port("http".into()));
        assert_eq!(map("[::1=10.0.0.1"), RuleError::Host("[::1".into()));
        assert_eq!(
            "80=8080".parse::<Publish>(),
            Err(RuleError::Publish("80=8080".into()))
        );
        assert_eq!(
            "x=127.0.0.1:1".parse::<Publish>(),
            Err(RuleError::Port("x".into()))
        );
        for text in ["10.0.0.0/33", "10.0.0/8", "::/129", "x/8", "10.0.0.0/"] {
            assert_eq!(text.parse::<Cidr>(), Err(RuleError::Cidr(text.into())));
        }
    }

    #[test]
    fn policies() {
        let cidrs = |texts: &[&str]| {
            texts
                .iter()
                .map(|t| t.parse().unwrap())
                .collect::<Vec<Cidr>>()
        };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let default = Policy::default();
        assert!(default.permits(ip("192.0.2.1")) && default.permits(ip("2001:db8::1")));
        assert!(
            !default.permits(ip("169.254.169.254")) && !default.permits(ip("::ffff:169.254.0.1"))
        );
        let offline = Policy {
            offline: true,
            ..Policy::default()
        };
        assert!(
            offline.permits(ip("127.0.0.2"))
                && offline.permits(ip("::1"))
                && !offline.permits(ip("192.0.2.1"))
        );
        let allow = Policy {
            allow: cidrs(&["192.0.2.0/24", "::1"]),
            deny: cidrs(&["192.0.2.7"]),
            offline: false,
        };
        assert!(allow.permits(ip("192.0.2.1")) && allow.permits(ip("::1")));
        assert!(!allow.permits(ip("192.0.2.7")) && !allow.permits(ip("127.0.0.1")));
        let all = Policy {
            allow: cidrs(&["0.0.0.0/0"]),
            ..Policy::default()
        };
        assert!(all.permits(ip("169.254.0.1")) && !all.permits(ip("::1")));
    }
}
