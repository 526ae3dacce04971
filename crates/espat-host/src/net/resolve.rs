//! Names: by the host's resolver, which is `getaddrinfo`, so that /etc/hosts counts (offline only /etc/hosts is asked); or by
//! the module's own name servers, of which the host's resolver knows nothing.

mod ask;
mod message;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use espat_core::{Family, Instant, NetError, QueryId};

/// The port that name servers listen on.
pub(super) const PORT: u16 = 53;

/// A name that is being resolved.
pub(super) struct Resolution {
    pub(super) query: QueryId,
    pub(super) deadline: Instant,
    family: Family,
    lookup: Lookup,
}

type Lookup = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, NetError>> + Send>>;

impl Resolution {
    pub(super) fn by_host(query: QueryId, name: &str, family: Family, deadline: Instant) -> Self {
        let name = name.to_owned();
        let lookup = Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await;
            let found = found.map_err(|error| not_found(query, &error))?;
            Ok(found.map(|addr| addr.ip()).collect())
        });
        Self {
            query,
            deadline,
            family,
            lookup,
        }
    }

    /// Asks `servers`, one after the other.
    pub(super) fn by_servers(
        query: QueryId,
        name: &str,
        family: Family,
        servers: Vec<SocketAddr>,
        deadline: Instant,
    ) -> Self {
        Self {
            query,
            deadline,
            family,
            lookup: Box::pin(ask::addresses(name.to_owned(), family, servers)),
        }
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> Poll<Result<Vec<IpAddr>, NetError>> {
        match self.lookup.as_mut().poll(cx) {
            Poll::Ready(found) => Poll::Ready(found.and_then(|found| choose(found, self.family))),
            Poll::Pending if now >= self.deadline => Poll::Ready(Err(NetError::TimedOut)),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn not_found(query: QueryId, error: &io::Error) -> NetError {
    tracing::debug!("{query}: {error}");
    NetError::NotFound
}

/// The addresses of the family asked for, each once, in the order of preference.
pub(super) fn choose(found: Vec<IpAddr>, family: Family) -> Result<Vec<IpAddr>, NetError> {
    let mut chosen: Vec<IpAddr> = Vec::new();
    for ip in found {
        let counts = match family {
            Family::V4 => ip.is_ipv4(),
            Family::V6 => ip.is_ipv6(),
            Family::PreferV4 => true,
        };
        if counts && !chosen.contains(&ip) {
            chosen.push(ip);
        }
    }
    chosen.sort_by_key(IpAddr::is_ipv6);
    if chosen.is_empty() {
        Err(NetError::NotFound)
    } else {
        Ok(chosen)
    }
}

/// The addresses that this machine knows by itself.
pub(super) fn in_hosts_file(name: &str) -> Vec<IpAddr> {
    find_in_hosts(
        &std::fs::read_to_string("/etc/hosts").unwrap_or_default(),
        name,
    )
}

fn find_in_hosts(hosts: &str, name: &str) -> Vec<IpAddr> {
    let lines = hosts
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    lines
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let ip = words.next()?.parse().ok()?;
            words
                .any(|word| word.eq_ignore_ascii_case(name))
                .then_some(ip)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_wrong_family_do_not_count() {
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(choose(vec![v6, v4, v4], Family::PreferV4), Ok(vec![v4, v6]));
        assert_eq!(choose(vec![v6, v4], Family::V6), Ok(vec![v6]));
        assert_eq!(choose(vec![v6], Family::V4), Err(NetError::NotFound));
    }

    #[test]
    fn a_hosts_file_has_comments_and_aliases() {
        let hosts = "127.0.0.1 localhost\n# 192.0.2.9 alias\n192.0.2.1\tbox Alias # other\n";
        assert_eq!(
            find_in_hosts(hosts, "alias"),
            ["192.0.2.1".parse::<IpAddr>().unwrap()]
        );
        assert!(find_in_hosts(hosts, "other").is_empty());
    }
}
