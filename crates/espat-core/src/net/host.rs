//! Remote hosts: a literal address or a name, and how a name becomes an address.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::exec::cx::Cx;
use crate::input::NetError;
use crate::net::link::LinkId;
use crate::nvs::Settings;
use crate::output::{Family, QueryId, SocketOptions};
use crate::profile::{Features, Profile};
use crate::syntax::args::parse_ascii;

/// A remote host as the host MCU wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Literal(IpAddr),
    Name(String),
}

impl Host {
    /// Reads a literal or a name. `None`: it can be neither.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if let Some(ip) = parse_ascii(text) {
            return Some(Self::Literal(ip));
        }
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        let only_digits = text.iter().all(|b| b.is_ascii_digit() || *b == b'.');
        if text.is_empty() || only_digits || !text.iter().all(is_name) {
            return None;
        }
        Some(Self::Name(String::from_utf8_lossy(text).into_owned()))
    }

    /// The name, where it is one.
    pub(crate) fn name(&self) -> Option<&String> {
        match self {
            Self::Literal(_) => None,
            Self::Name(name) => Some(name),
        }
    }

    /// Its address, or the question for it.
    pub(crate) fn resolve(&self, cx: &mut Cx<'_>, family: Family) -> Lookup {
        match self {
            Self::Literal(ip) => Lookup::Known(*ip),
            Self::Name(name) => {
                let query = cx.net.queries.begin();
                let servers = name_servers(cx);
                let limits = &cx.env.profile().limits;
                let patience = match u32::try_from(servers.len()) {
                    Ok(0) | Err(_) => limits.resolve_timeout,
                    Ok(n) => limits.name_server_timeout * n,
                };
                let deadline = cx.env.now + patience;
                let name = name.clone();
                cx.env.out.resolve(query, name, family, servers, deadline);
                Lookup::Asked(query)
            }
        }
    }
}

/// The name servers that the module asks, itself; none while it has those of its network, for whom the host's resolver
/// stands. IPv6 servers wait for `AT+CIPV6=1`.
fn name_servers(cx: &Cx<'_>) -> Vec<IpAddr> {
    let (set, ipv6) = (&cx.nvs.live.name_servers, cx.nvs.live.ipv6);
    if !set.manual && cx.wifi.station.name_server().is_some() {
        return Vec::new();
    }
    let servers = set.servers.into_iter().flatten();
    let servers: Vec<IpAddr> = servers
        .filter(|ip| set.manual && (ipv6 || ip.is_ipv4()))
        .collect();
    if servers.is_empty() {
        return vec![cx.env.profile().factory.name_server.into()];
    }
    servers
}

/// The name servers that `AT+CIPDNS?` shows.
pub(crate) fn name_servers_shown(cx: &Cx<'_>) -> Vec<IpAddr> {
    let asked = name_servers(cx);
    if asked.is_empty() {
        let leased = cx.wifi.station.name_server();
        return leased.into_iter().map(IpAddr::from).collect();
    }
    asked
}

/// What is known of a host's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    Known(IpAddr),
    Asked(QueryId),
}

impl Lookup {
    /// The answer to the question, where it is the answer to this one.
    pub(crate) fn answered(
        self,
        query: QueryId,
        result: Result<&[IpAddr], NetError>,
    ) -> Option<Result<IpAddr, NetError>> {
        if self != Self::Asked(query) {
            return None;
        }
        Some(result.and_then(|ips| ips.first().copied().ok_or(NetError::NotFound)))
    }
}

/// A socket's options from `AT+CIPTCPOPT` of a link's number and the link's own keep-alive, 0 where it has none.
pub(crate) fn socket_options(
    profile: &Profile,
    settings: &Settings,
    id: LinkId,
    keep_alive_s: u16,
) -> SocketOptions {
    let tcp = &settings.tcp[id.index()];
    let of_number = if profile.features.contains(Features::TCP_KEEP_ALIVE) {
        settings.tcp_keep_alive_s[id.index()]
    } else {
        0
    };
    SocketOptions {
        linger_s: u16::try_from(tcp.linger_s).ok(),
        nodelay: tcp.nodelay,
        keep_alive_s: if keep_alive_s > 0 {
            keep_alive_s
        } else {
            of_number
        },
    }
}

/// `0.0.0.0` and `::`, which stand for nobody.
pub(crate) fn is_nobody(addr: SocketAddr) -> bool {
    addr.ip().is_unspecified() || addr.port() == 0
}
