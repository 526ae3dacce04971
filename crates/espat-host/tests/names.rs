//! Names by the module's own name servers: our own on loopback, honest, broken and hostile, and Debian's.

#[cfg(test)]
mod name_server;
#[cfg(test)]
mod places;
#[cfg(test)]
mod stand_in;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};

    use espat_core::{Family, Instant, NetError, QueryId};
    use espat_host::{NetOptions, Policy, SerialStream};

    use crate::name_server::daemon::{Daemon, MANY};
    use crate::name_server::{A, Act, Asked, CNAME, NameServer, address, alias, name, rest};
    use crate::stand_in::{Ask, Bench, Fed, start};

    /// What the module knows its servers as.
    const SERVERS: [&str; 3] = ["208.67.222.222", "192.0.2.53", "192.0.2.54"];

    type Found = Result<Vec<IpAddr>, NetError>;

    /// A module whose name servers are led to these.
    struct Resolver {
        _serial: SerialStream,
        bench: Bench,
        servers: Vec<IpAddr>,
        queries: u32,
    }

    impl Resolver {
        fn new(servers: &[SocketAddr]) -> Self {
            Self::with(servers, NetOptions::default())
        }

        fn with(servers: &[SocketAddr], mut net: NetOptions) -> Self {
            let known = SERVERS.iter().zip(servers);
            let maps = known.map(|(known, at)| format!("{known}:53={at}").parse().unwrap());
            net.maps.extend(maps);
            let (serial, bench) = start(net);
            let servers = SERVERS[..servers.len()].iter();
            Self {
                _serial: serial,
                bench,
                servers: servers.map(|ip| ip.parse().unwrap()).collect(),
                queries: 0,
            }
        }

        /// Asks for a name within so many seconds.
        fn ask(&mut self, name: &str, family: Family, seconds: u64) -> QueryId {
            let query = QueryId::new(self.queries);
            self.queries += 1;
            let servers = self.servers.clone();
            let deadline = Instant::from_millis(seconds * 1000);
            self.bench
                .ask(Ask::Resolve(query, name.into(), family, servers, deadline));
            query
        }

        async fn find_as(&mut self, name: &str, family: Family) -> Found {
            let query = self.ask(name, family, 60);
            let fed = self.bench.next().await;
            let Fed::Resolved(answered, result) = fed else {
                panic!("{fed:?} instead of an answer")
            };
            assert_eq!(answered, query);
            result
        }

        async fn find(&mut self, name: &str) -> Found {
            self.find_as(name, Family::V4).await
        }
    }

    fn ips(texts: &[&str]) -> Found {
        Ok(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    const NOT_FOUND: Found = Err(NetError::NotFound);
    const TIMED_OUT: Found = Err(NetError::TimedOut);

    fn box_test() -> Vec<crate::name_server::Record> {
        vec![
            address("box.test", "192.0.2.7"),
            address("box.test", "192.0.2.8"),
            address("box.test", "2001:db8::7"),
            address("six.test", "2001:db8::6"),
        ]
    }

    #[tokio::test]
    async fn a_server_is_asked_for_the_family_that_counts() {
        let mut server = NameServer::saying(box_test()).await;
        let mut resolver = Resolver::new(&[server.at]);
        let v4 = ips(&["192.0.2.7", "192.0.2.8"]);
        assert_eq!(resolver.find("box.test").await, v4);
        assert_eq!(resolver.find("BOX.Test").await, v4, "case does not count");
        let v6 = resolver.find_as("box.test", Family::V6).await;
        assert_eq!(v6, ips(&["2001:db8::7"]));
        assert_eq!(resolver.find_as("box.test", Family::PreferV4).await, v4);
        let questions = ["box.test", "BOX.Test", "box.test", "box.test"];
        assert_eq!(server.questions(), questions);
        let only_v6 = resolver.find_as("six.test", Family::PreferV4).await;
        assert_eq!(only_v6, ips(&["2001:db8::6"]));
        assert_eq!(resolver.find("six.test").await, NOT_FOUND);
        assert_eq!(resolver.find("no..name").await, NOT_FOUND);
        let long = format!("{}.test", "x".repeat(64));
        assert_eq!(resolver.find(&long).await, NOT_FOUND);
    }

    #[tokio::test]
    async fn aliases_are_followed_within_an_answer_and_by_asking_again() {
        let server = NameServer::saying(vec![
            address("box.test", "192.0.2.7"),
            alias("b.test", "c.test"),
            alias("a.test", "b.test"),
            alias("c.test", "box.test"),
        ])
        .await;
        let mut resolver = Resolver::new(&[server.at]);
        assert_eq!(resolver.find("a.test").await, ips(&["192.0.2.7"]));

        let mut server = NameServer::start(|asked| {
            let records = match asked.name.as_str() {
                "a.test" => [alias("a.test", "b.test")],
                "b.test" => [alias("b.test", "box.test")],
                _ => [address("box.test", "192.0.2.7")],
            };
            vec![Act::Say(asked.reply(&records))]
        })
        .await;
        let mut resolver = Resolver::new(&[server.at]);
        assert_eq!(resolver.find("a.test").await, ips(&["192.0.2.7"]));
        assert_eq!(server.questions(), ["a.test", "b.test", "box.test"]);
    }

    #[tokio::test]
    async fn aliases_in_a_circle_end() {
        let circle = vec![alias("a.test", "b.test"), alias("b.test", "a.test")];
        let server = NameServer::saying(circle).await;
        assert_eq!(Resolver::new(&[server.at]).find("a.test").await, NOT_FOUND);

        let mut server = NameServer::start(|asked| {
            let mut answer = asked.head(0, 1);
            answer.extend(name(&asked.name));
            let next = format!("x{}", asked.name);
            answer.extend(rest(CNAME, &name(&next)));
            vec![Act::Say(answer)]
        })
        .await;
        assert_eq!(Resolver::new(&[server.at]).find("a.test").await, NOT_FOUND);
        assert_eq!(server.questions().len(), 8);
    }

    #[tokio::test]
    async fn an_answer_without_room_in_a_datagram_comes_over_tcp() {
        let mut server = NameServer::start(|asked| match asked.over_tcp {
            false => vec![Act::Say(asked.truncated())],
            true => vec![Act::Say(asked.reply(&box_test()))],
        })
        .await;
        let mut resolver = Resolver::new(&[server.at]);
        let found = resolver.find("box.test").await;
        assert_eq!(found, ips(&["192.0.2.7", "192.0.2.8"]));
        assert_eq!(server.questions(), ["box.test", "box.test over TCP"]);
    }

    #[tokio::test]
    async fn an_answer_of_64_kib_is_read_up_to_a_bound() {
        let server = NameServer::start(|asked| {
            let many: Vec<_> = (0..2000_u16)
                .map(|n| {
                    (
                        "box.test",
                        A,
                        vec![10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]],
                    )
                })
                .collect();
            match asked.over_tcp {
                false => vec![Act::Say(asked.truncated())],
                true => vec![Act::Say(asked.reply(&many))],
            }
        })
        .await;
        let found = Resolver::new(&[server.at]).find("box.test").await.unwrap();
        assert_eq!(found.len(), 256);
        assert_eq!(found[0].to_string(), "10.0.0.0");
    }

    #[tokio::test(start_paused = true)]
    async fn tcp_that_fails_leads_to_the_next_server() {
        let bad = |over_tcp: fn(&Asked) -> Vec<u8>| {
            NameServer::start(move |asked| match asked.over_tcp {
                false => vec![Act::Say(asked.truncated())],
                true => vec![Act::Say(over_tcp(asked))],
            })
        };
        let truncated = bad(Asked::truncated).await;
        let garbage = bad(|_| vec![0xff; 40]).await;
        let good = NameServer::saying(box_test()).await;
        let mut resolver = Resolver::new(&[truncated.at, garbage.at, good.at]);
        let found = resolver.find("box.test").await;
        assert_eq!(found, ips(&["192.0.2.7", "192.0.2.8"]));
        let empty = bad(|_| Vec::new()).await;
        let mut resolver = Resolver::new(&[empty.at]);
        assert_eq!(resolver.find("box.test").await, TIMED_OUT);
    }

    #[tokio::test]
    async fn a_server_without_an_answer_leads_to_the_next_one_at_once() {
        for code in [1, 2, 3, 4, 5] {
            let refusing = NameServer::start(move |asked| vec![Act::Say(asked.refuse(code))]);
            let mut refusing = refusing.await;
            let mut good = NameServer::saying(box_test()).await;
            let mut resolver = Resolver::new(&[refusing.at, good.at]);
            let found = resolver.find("box.test").await;
            assert_eq!(found, ips(&["192.0.2.7", "192.0.2.8"]));
            assert_eq!((refusing.questions().len(), good.questions().len()), (1, 1));
            let mut resolver = Resolver::new(&[refusing.at]);
            assert_eq!(resolver.find("box.test").await, NOT_FOUND);
        }
        let mut empty = NameServer::saying(vec![]).await;
        let mut unasked = NameServer::saying(box_test()).await;
        let mut resolver = Resolver::new(&[empty.at, unasked.at]);
        let found = resolver.find("box.test").await;
        assert_eq!(found, NOT_FOUND, "a name without addresses is an answer");
        assert_eq!((empty.questions().len(), unasked.questions().len()), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_is_asked_four_times_in_seven_seconds() {
        let mut silent = NameServer::silent().await;
        let mut resolver = Resolver::new(&[silent.at]);
        let begin = tokio::time::Instant::now();
        let query = resolver.ask("box.test", Family::V4, 60);
        let mut at = Vec::new();
        for _ in 0..4 {
            silent.question().await;
            at.push(begin.elapsed().as_millis() / 100 * 100);
        }
        assert_eq!(at, [0, 1000, 2000, 4000]);
        assert_eq!(resolver.bench.next().await, Fed::Resolved(query, TIMED_OUT));
        assert_eq!(begin.elapsed().as_millis() / 100 * 100, 7000);
        assert!(silent.questions().is_empty());

        // Nobody at the port at all is no different. A port that was free a moment ago may be the next server's.
        let gone = "127.0.0.1:1".parse().unwrap();
        for deaf in [silent.at, gone] {
            let good = NameServer::saying(box_test()).await;
            let mut resolver = Resolver::new(&[deaf, good.at]);
            let begin = tokio::time::Instant::now();
            let found = resolver.find("box.test").await;
            assert_eq!(found, ips(&["192.0.2.7", "192.0.2.8"]));
            assert_eq!(begin.elapsed().as_millis() / 100 * 100, 7000);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_module_decides_when_to_give_up() {
        let mut silent = NameServer::silent().await;
        let mut resolver = Resolver::new(&[silent.at]);
        let query = resolver.ask("box.test", Family::V4, 2);
        assert_eq!(resolver.bench.next().await, Fed::Resolved(query, TIMED_OUT));
        silent.questions();
        let query = resolver.ask("box.test", Family::V4, 60);
        silent.question().await;
        resolver.bench.ask(Ask::Cancel(query));
        resolver.bench.settle().await;
        tokio::time::sleep(std::time::Duration::from_secs(20)).await;
        assert_eq!(silent.questions().len(), 0, "a cancelled question goes on");
        assert_eq!(resolver.bench.drain(), []);
    }

    /// What is wrong with an answer.
    type Flaw = fn(&Asked) -> Act;

    const FLAWS: &[(&str, Flaw)] = &[
        ("another id", |asked| {
            let mut answer = asked.reply(&[address("box.test", "192.0.2.66")]);
            answer[1] ^= 1;
            Act::Say(answer)
        }),
        ("another port", |asked| {
            Act::SayFromElsewhere(asked.reply(&[address("box.test", "192.0.2.66")]))
        }),
        ("no answer but a question", |asked| {
            let mut answer = asked.reply(&[address("box.test", "192.0.2.66")]);
            answer[2] &= 0x7f;
            Act::Say(answer)
        }),
        ("another opcode", |asked| {
            let mut answer = asked.reply(&[address("box.test", "192.0.2.66")]);
            answer[2] |= 0x28;
            Act::Say(answer)
        }),
        ("another question", |asked| {
            let mut answer = asked.reply(&[address("box.test", "192.0.2.66")]);
            answer[13] ^= 1;
            Act::Say(answer)
        }),
        ("another type asked for", |asked| {
            let mut answer = asked.reply(&[address("box.test", "192.0.2.66")]);
            let question = 12 + name("box.test").len();
            answer[question + 1] = 28;
            Act::Say(answer)
        }),
        ("no question", |asked| {
            let mut answer = asked.head(0, 1);
            answer.truncate(12);
            answer[5] = 0;
            answer.extend(name("box.test"));
            answer.extend(rest(A, &[192, 0, 2, 66]));
            Act::Say(answer)
        }),
        ("a name that points to itself", |asked| {
            let mut answer = asked.head(0, 1);
            let at = u16::try_from(answer.len()).unwrap() | 0xc000;
            answer.extend(at.to_be_bytes());
            answer.extend(rest(A, &[192, 0, 2, 66]));
            Act::Say(answer)
        }),
        ("two names that point to each other", |asked| {
            let mut answer = asked.head(0, 1);
            let at = u16::try_from(answer.len()).unwrap() | 0xc000;
            answer.extend((at + 2).to_be_bytes());
            answer.extend(at.to_be_bytes());
            answer.extend(rest(A, &[192, 0, 2, 66]));
            Act::Say(answer)
        }),
        ("an address that is cut", |asked| {
            let mut answer = asked.reply(&[address("box.test", "192.0.2.66")]);
            answer.pop();
            Act::Say(answer)
        }),
        ("an address of three bytes", |asked| {
            Act::Say(asked.reply(&[("box.test", A, vec![192, 0, 2])]))
        }),
        ("fewer records than promised", |asked| {
            let mut answer = asked.reply(&[address("box.test", "192.0.2.66")]);
            answer[6..8].copy_from_slice(&[0xff, 0xff]);
            Act::Say(answer)
        }),
        ("nothing", |_| Act::Say(Vec::new())),
        ("half a header", |asked| {
            Act::Say(asked.head(0, 0)[..6].to_vec())
        }),
        ("noise", |_| {
            Act::Say((0..512_u32).map(|n| (n * 167 % 251) as u8).collect())
        }),
        ("too long", |asked| {
            let mut answer = asked.reply(&[address("box.test", "192.0.2.66")]);
            answer.resize(9000, 0);
            Act::Say(answer)
        }),
        ("64 KiB", |asked| {
            let mut answer = asked.reply(&[address("box.test", "192.0.2.66")]);
            answer.resize(65_507, 0);
            Act::Say(answer)
        }),
    ];

    #[tokio::test(start_paused = true)]
    async fn what_is_no_answer_is_not_heard() {
        for &(what, flaw) in FLAWS {
            let server = NameServer::start(move |asked| {
                let good = asked.reply(&[address("box.test", "192.0.2.7")]);
                vec![flaw(asked), Act::Say(good)]
            })
            .await;
            let mut resolver = Resolver::new(&[server.at]);
            let found = resolver.find("box.test").await;
            assert_eq!(found, ips(&["192.0.2.7"]), "{what}, then the answer");

            let flawed = NameServer::start(move |asked| vec![flaw(asked)]).await;
            let mut resolver = Resolver::new(&[flawed.at]);
            assert_eq!(resolver.find("box.test").await, TIMED_OUT, "{what} alone");
            let mut resolver = Resolver::new(&[flawed.at, server.at]);
            let found = resolver.find("box.test").await;
            assert_eq!(found, ips(&["192.0.2.7"]), "the next server, after {what}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_wrong_answers_changes_nothing() {
        let server = NameServer::start(|asked| {
            let mut wrong = asked.reply(&[address("box.test", "192.0.2.66")]);
            wrong[0] ^= 0x80;
            let flood = std::iter::repeat_with(|| Act::Say(wrong.clone())).take(2000);
            flood.collect()
        })
        .await;
        let mut resolver = Resolver::new(&[server.at]);
        assert_eq!(resolver.find("box.test").await, TIMED_OUT);
        let good = NameServer::saying(box_test()).await;
        let mut resolver = Resolver::new(&[server.at, good.at]);
        let found = resolver.find("box.test").await;
        assert_eq!(found, ips(&["192.0.2.7", "192.0.2.8"]));
    }

    #[tokio::test]
    async fn addresses_of_other_names_do_not_count() {
        let server = NameServer::saying(vec![
            address("evil.test", "192.0.2.66"),
            alias("evil.test", "box.test"),
            address("box.test", "192.0.2.7"),
        ])
        .await;
        let mut resolver = Resolver::new(&[server.at]);
        assert_eq!(resolver.find("box.test").await, ips(&["192.0.2.7"]));
        assert_eq!(resolver.find("other.test").await, NOT_FOUND);
    }

    #[tokio::test]
    async fn maps_and_policy_hold_for_servers_and_names() {
        let mut server = NameServer::saying(box_test()).await;
        let offline = Policy {
            offline: true,
            ..Policy::default()
        };
        let net = |policy: &Policy| NetOptions {
            policy: policy.clone(),
            maps: vec!["mapped.test=192.0.2.99".parse().unwrap()],
            ..NetOptions::default()
        };
        // A server that is led to loopback is within what --offline permits; one that is not is never asked.
        let mut resolver = Resolver::with(&[server.at], net(&offline));
        let v4 = ips(&["192.0.2.7", "192.0.2.8"]);
        assert_eq!(resolver.find("box.test").await, v4);
        resolver.servers = vec!["192.0.2.200".parse().unwrap()];
        assert_eq!(resolver.find("box.test").await, Err(NetError::Denied));
        resolver.servers.push(SERVERS[0].parse().unwrap());
        assert_eq!(resolver.find("box.test").await, v4);
        assert_eq!(server.questions().len(), 2);

        let denied = Policy {
            deny: vec!["127.0.0.0/8".parse().unwrap()],
            ..Policy::default()
        };
        let mut resolver = Resolver::with(&[server.at], net(&denied));
        assert_eq!(resolver.find("box.test").await, Err(NetError::Denied));
        let mapped = resolver.find("Mapped.test").await;
        assert_eq!(
            mapped,
            ips(&["192.0.2.99"]),
            "a mapped name needs no server"
        );
        assert_eq!(server.questions().len(), 0);
    }

    /// What both of Debian's servers know.
    async fn check(daemon: &Daemon) {
        let mut resolver = Resolver::new(&[daemon.at]);
        assert_eq!(resolver.find("box.test").await, ips(&["192.0.2.7"]));
        let v6 = ips(&["2001:db8::7"]);
        assert_eq!(resolver.find_as("box.test", Family::V6).await, v6);
        assert_eq!(resolver.find("alias2.test").await, ips(&["192.0.2.7"]));
        assert_eq!(resolver.find_as("alias2.test", Family::V6).await, v6);
        assert_eq!(resolver.find("nowhere.test").await, NOT_FOUND);
        let many = resolver.find("many.test").await.unwrap();
        assert_eq!(many.len(), usize::from(MANY), "over TCP");
    }

    #[tokio::test]
    async fn dnsmasq_is_asked() {
        if let Some(daemon) = Daemon::dnsmasq() {
            check(&daemon).await;
        }
    }

    #[tokio::test]
    async fn unbound_is_asked() {
        if let Some(daemon) = Daemon::unbound() {
            check(&daemon).await;
        }
    }
}
