//! Real echo requests on the loopback interface, where the system allows them.

#[cfg(test)]
mod stand_in;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};
    use std::time::Duration;

    use espat_core::{Instant, NetError, QueryId};
    use espat_host::{NetOptions, Policy};
    use socket2::{Domain, Protocol, Socket, Type};

    use crate::stand_in::{Ask, Bench, DEADLINE, Fed, start};

    /// Whether this user may ping at all; otherwise why the test is skipped.
    fn may_ping(ip: &str) -> bool {
        let (domain, protocol) = match ip.parse().unwrap() {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
        };
        let has_address = std::net::UdpSocket::bind((ip, 0)).is_ok();
        let may = [Type::DGRAM, Type::RAW]
            .into_iter()
            .any(|way| Socket::new(domain, way, Some(protocol)).is_ok());
        if !(has_address && may) {
            println!("skipped: this computer lets the user send no ICMP to {ip}");
        }
        has_address && may
    }

    fn ping(query: u32, ip: &str, name: Option<&str>) -> Ask {
        let never = Instant::from_micros(u64::MAX);
        let to = SocketAddr::new(ip.parse().unwrap(), 0);
        Ask::Ping(QueryId::new(query), to, name.map(str::to_owned), 64, never)
    }

    async fn answer(bench: &mut Bench, query: u32) -> Result<Duration, NetError> {
        let fed = bench.next().await;
        let Fed::Pinged(of, result) = fed else {
            panic!("{fed:?} instead of an answer to {query}")
        };
        assert_eq!(of, QueryId::new(query));
        result
    }

    #[tokio::test]
    async fn loopback_answers_in_both_families() {
        let (_serial, mut bench) = start(NetOptions::default());
        for (query, ip) in [(0, "127.0.0.1"), (1, "::1"), (2, "127.0.0.2")] {
            if may_ping(ip) {
                bench.ask(ping(query, ip, None));
                let time = answer(&mut bench, query).await.unwrap();
                assert!(time < DEADLINE, "{time:?}");
            }
        }
    }

    #[tokio::test]
    async fn pings_of_many_modules_at_once_are_not_mixed_up() {
        if !may_ping("127.0.0.1") {
            return;
        }
        let mut benches: Vec<_> = (0..8).map(|_| start(NetOptions::default())).collect();
        for (_, bench) in &benches {
            (0..8).for_each(|query| bench.ask(ping(query, "127.0.0.1", None)));
        }
        for (_, bench) in &mut benches {
            let mut answered = Vec::new();
            while answered.len() < 8 {
                let Fed::Pinged(query, Ok(_)) = bench.next().await else {
                    panic!("no answer")
                };
                assert!(!answered.contains(&query), "{query} is answered twice");
                answered.push(query);
            }
            bench.settle().await;
            assert_eq!(bench.drain(), []);
        }
    }

    #[tokio::test]
    async fn a_map_without_ports_leads_a_ping_elsewhere() {
        if !may_ping("127.0.0.1") {
            return;
        }
        let maps = ["box.test=127.0.0.1", "192.0.2.9=127.0.0.3:80"];
        let (_serial, mut bench) = start(NetOptions {
            maps: maps.iter().map(|map| map.parse().unwrap()).collect(),
            policy: Policy {
                offline: true,
                ..Policy::default()
            },
            ..NetOptions::default()
        });
        bench.ask(ping(0, "192.0.2.1", Some("BOX.test")));
        answer(&mut bench, 0).await.unwrap();
        bench.ask(ping(1, "192.0.2.9", None));
        answer(&mut bench, 1).await.unwrap();
    }

    #[tokio::test]
    async fn the_policy_counts_for_pings() {
        let offline = Policy {
            offline: true,
            ..Policy::default()
        };
        let deny = Policy {
            deny: vec!["127.0.0.0/8".parse().unwrap()],
            ..Policy::default()
        };
        for (policy, ip, why) in [
            (offline.clone(), "192.0.2.1", NetError::Denied),
            (offline, "0.0.0.0", NetError::Unreachable),
            (deny, "127.0.0.1", NetError::Denied),
            (Policy::default(), "169.254.1.1", NetError::Denied),
        ] {
            let (_serial, mut bench) = start(NetOptions {
                policy,
                ..NetOptions::default()
            });
            bench.ask(ping(0, ip, None));
            assert_eq!(answer(&mut bench, 0).await, Err(why), "{ip}");
        }
    }
}
