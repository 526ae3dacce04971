//! Names: by the host's resolver, which is `getaddrinfo`, so that /etc/hosts counts (offline only /etc/hosts is asked); or by
//! the module's own name servers, of which the host's resolver knows nothing.

mod ask;
mod message;

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::task::{Context, Poll};

use espat_core::{Family, Instant, NetError, QueryId};
use tokio::sync::Semaphore;

use super::capture::Capture;

/// The port that name servers listen on.
pub(super) const PORT: u16 = 53;

/// Look-ups by the host's resolver that this process may have at a time. One that nobody waits for any more cannot be ended,
/// and each holds a thread of the pool that settings are written on: without a bound, a module that asks and takes back would
/// come to write none while the resolver is slow.
static SEATS: Semaphore = Semaphore::const_new(64);

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
            let look_up = move || Ok((name.as_str(), 0).to_socket_addrs()?.collect());
            let found: io::Result<Vec<SocketAddr>> = seated(&SEATS, look_up).await;
            let found = found.map_err(|error| not_found(query, &error))?;
            Ok(found.into_iter().map(|addr| addr.ip()).collect())
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
        capture: Option<Capture>,
    ) -> Self {
        let servers = ask::Servers { servers, capture };
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

/// Does what blocks, when there is a seat. The seat is taken for as long as that lasts, whoever waits.
async fn seated<T: Send + 'static>(
    seats: &'static Semaphore,
    look_up: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let seat = seats.acquire().await.map_err(io::Error::other)?;
    let thread = tokio::task::spawn_blocking(move || {
        let _seat = seat;
        look_up()
    });
    thread.await.map_err(io::Error::other)?
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
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::task::Waker;

    use super::*;

    #[test]
    fn addresses_of_the_wrong_family_do_not_count() {
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(choose(vec![v6, v4, v4], Family::PreferV4), Ok(vec![v4, v6]));
        assert_eq!(choose(vec![v6, v4], Family::V6), Ok(vec![v6]));
        assert_eq!(choose(vec![v6], Family::V4), Err(NetError::NotFound));
    }

    #[tokio::test]
    async fn look_ups_that_were_taken_back_keep_their_seats() {
        static SEATS: Semaphore = Semaphore::const_new(2);
        static BEGUN: AtomicUsize = AtomicUsize::new(0);
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let ends = Arc::new(Mutex::new(ends));
        for _ in 0..100 {
            let ends = Arc::clone(&ends);
            let slow = seated(&SEATS, move || {
                BEGUN.fetch_add(1, Ordering::SeqCst);
                let _ = ends.lock().unwrap().recv();
                Ok(())
            });
            let polled = pin!(slow).poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
        }
        assert_eq!(SEATS.available_permits(), 0);
        drop(end);
        // As those end, others have their turn.
        assert_eq!(seated(&SEATS, || Ok(7)).await.unwrap(), 7);
        assert!(BEGUN.load(Ordering::SeqCst) <= 2);
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
