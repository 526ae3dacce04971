//! UDP links, and names, on the loopback interface.

#[cfg(test)]
mod stand_in;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};

    use espat_core::{Family, Instant, NetError, QueryId};
    use espat_host::{NetOptions, Policy};
    use tokio::net::UdpSocket;
    use tokio::time::timeout;

    use crate::stand_in::{Ask, Bench, DEADLINE, Fed, socket, start, udp};

    async fn peer() -> (UdpSocket, SocketAddr) {
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = peer.local_addr().unwrap();
        (peer, at)
    }

    async fn receive(peer: &UdpSocket) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 2048];
        let (n, from) = timeout(DEADLINE, peer.recv_from(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        (buffer[..n].to_vec(), from)
    }

    async fn datagram(bench: &mut Bench) -> (Vec<u8>, SocketAddr) {
        let fed = bench.next().await;
        let Fed::Data(_, Some(from), bytes) = fed else {
            panic!("{fed:?} instead of a datagram")
        };
        (bytes, from)
    }

    #[tokio::test]
    async fn datagrams_go_both_ways_one_a_credit() {
        let (_serial, mut bench) = start(NetOptions::default());
        let (peer, at) = peer().await;
        bench.ask(Ask::Connect(socket(0), udp(at)));
        let local = bench.connected(socket(0)).await;
        assert_eq!(local.ip().to_string(), "127.0.0.1");
        bench.ask(Ask::Send(socket(0), None, b"one".to_vec()));
        assert_eq!(bench.next().await, Fed::Sent(socket(0), 3));
        assert_eq!(receive(&peer).await, (b"one".to_vec(), local));
        peer.send_to(b"two", local).await.unwrap();
        peer.send_to(b"three", local).await.unwrap();
        bench.settle().await;
        assert_eq!(bench.drain(), []);
        bench.ask(Ask::Read(socket(0), 1472));
        assert_eq!(datagram(&mut bench).await, (b"two".to_vec(), at));
        bench.settle().await;
        assert_eq!(bench.drain(), []);
        bench.ask(Ask::Read(socket(0), 4));
        bench.settle().await;
        assert_eq!(bench.drain(), [], "a datagram is never cut");
        bench.ask(Ask::Read(socket(0), 5));
        assert_eq!(datagram(&mut bench).await, (b"three".to_vec(), at));
    }

    #[tokio::test]
    async fn more_datagrams_than_there_is_room_for_are_dropped_and_counted() {
        let (_serial, mut bench) = start(NetOptions {
            datagrams_max: 3,
            ..NetOptions::default()
        });
        let (peer, at) = peer().await;
        bench.ask(Ask::Connect(socket(0), udp(at)));
        let local = bench.connected(socket(0)).await;
        for n in 0..5 {
            peer.send_to(&[n], local).await.unwrap();
        }
        let dropped = async {
            while bench.handle.counts().datagrams_dropped < 2 {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, dropped).await.unwrap();
        for n in 0..3 {
            bench.ask(Ask::Read(socket(0), 100));
            assert_eq!(datagram(&mut bench).await.0, [n]);
        }
        peer.send_to(&[9], local).await.unwrap();
        bench.ask(Ask::Read(socket(0), 100));
        assert_eq!(datagram(&mut bench).await.0, [9]);
        assert_eq!(bench.handle.counts().datagrams_dropped, 2);
    }

    #[tokio::test]
    async fn a_taken_local_port_becomes_a_free_one() {
        let (_serial, mut bench) = start(NetOptions::default());
        let (taken, at) = peer().await;
        let (_peer, remote) = peer().await;
        let mut connect = udp(remote);
        connect.local_port = at.port();
        bench.ask(Ask::Connect(socket(0), connect));
        assert_ne!(bench.connected(socket(0)).await.port(), at.port());
        drop(taken);
    }

    #[tokio::test]
    async fn a_link_out_of_loopback_is_bound_to_all_addresses() {
        let (_serial, mut bench) = start(NetOptions::default());
        bench.ask(Ask::Connect(socket(0), udp("192.0.2.1:7".parse().unwrap())));
        assert!(bench.connected(socket(0)).await.ip().is_unspecified());
        let ip = "127.0.0.5".parse().unwrap();
        let (_serial, mut bench) = start(NetOptions {
            ip,
            ..NetOptions::default()
        });
        bench.ask(Ask::Connect(socket(0), udp("127.0.0.1:7".parse().unwrap())));
        assert_eq!(bench.connected(socket(0)).await.ip(), IpAddr::V4(ip));
    }

    #[tokio::test]
    async fn broadcasts_reach_the_interface_and_answers_come_back() {
        let (_serial, mut bench) = start(NetOptions::default());
        let hearer = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let port = hearer.local_addr().unwrap().port();
        let all = SocketAddr::new("255.255.255.255".parse().unwrap(), port);
        bench.ask(Ask::Connect(socket(0), udp(all)));
        bench.connected(socket(0)).await;
        bench.ask(Ask::Send(socket(0), None, b"anyone?".to_vec()));
        assert_eq!(bench.next().await, Fed::Sent(socket(0), 7));
        let (bytes, from) = receive(&hearer).await;
        assert_eq!(bytes, b"anyone?");
        hearer.send_to(b"me", from).await.unwrap();
        bench.ask(Ask::Read(socket(0), 100));
        let (bytes, from) = datagram(&mut bench).await;
        assert_eq!((bytes.as_slice(), from.port()), (&b"me"[..], port));
    }

    #[tokio::test]
    async fn a_group_is_joined_on_loopback_and_shared() {
        let group = SocketAddr::new("239.255.77.77".parse().unwrap(), 27_777);
        let (_serial, mut first) = start(NetOptions::default());
        let (_other_serial, mut second) = start(NetOptions::default());
        for bench in [&mut first, &mut second] {
            let mut connect = udp(group);
            connect.local_port = group.port();
            bench.ask(Ask::Connect(socket(0), connect));
            assert_eq!(bench.connected(socket(0)).await.port(), group.port());
            bench.ask(Ask::Read(socket(0), 100));
        }
        first.ask(Ask::Send(socket(0), None, b"all".to_vec()));
        let (bytes, from) = datagram(&mut second).await;
        assert_eq!((bytes.as_slice(), from.port()), (&b"all"[..], group.port()));
    }

    #[tokio::test]
    async fn a_mapped_peer_is_shown_as_the_module_knows_it() {
        let (peer, at) = peer().await;
        let maps = vec![format!("192.0.2.53:53={at}").parse().unwrap()];
        let (_serial, mut bench) = start(NetOptions {
            maps,
            ..NetOptions::default()
        });
        let known: SocketAddr = "192.0.2.53:53".parse().unwrap();
        bench.ask(Ask::Connect(socket(0), udp("127.0.0.1:9".parse().unwrap())));
        bench.connected(socket(0)).await;
        bench.ask(Ask::Send(socket(0), Some((known, None)), b"?".to_vec()));
        assert_eq!(bench.next().await, Fed::Sent(socket(0), 1));
        let (_, from) = receive(&peer).await;
        peer.send_to(b"!", from).await.unwrap();
        bench.ask(Ask::Read(socket(0), 100));
        assert_eq!(datagram(&mut bench).await, (b"!".to_vec(), known));
    }

    #[tokio::test]
    async fn a_link_that_names_nobody_listens_whatever_is_denied() {
        let offline = Policy {
            offline: true,
            ..Policy::default()
        };
        let allow = Policy {
            allow: vec!["192.0.2.0/24".parse().unwrap()],
            ..Policy::default()
        };
        for policy in [offline, allow] {
            let stays = policy.offline;
            let (_serial, mut bench) = start(NetOptions {
                policy,
                ..NetOptions::default()
            });
            bench.ask(Ask::Connect(socket(0), udp("0.0.0.0:0".parse().unwrap())));
            let local = bench.connected(socket(0)).await;
            assert_eq!(local.ip().is_loopback(), stays);
            bench.ask(Ask::Read(socket(0), 1472));
            let (peer, at) = peer().await;
            let to = SocketAddr::new([127, 0, 0, 1].into(), local.port());
            peer.send_to(b"heard", to).await.unwrap();
            assert_eq!(datagram(&mut bench).await, (b"heard".to_vec(), at));
        }
    }

    #[tokio::test]
    async fn a_denied_target_loses_its_datagrams() {
        let policy = Policy {
            offline: true,
            ..Policy::default()
        };
        let (_serial, mut bench) = start(NetOptions {
            policy,
            ..NetOptions::default()
        });
        bench.ask(Ask::Connect(socket(0), udp("192.0.2.1:7".parse().unwrap())));
        assert_eq!(bench.next().await, Fed::Failed(socket(0), NetError::Denied));
        bench.ask(Ask::Connect(socket(1), udp("127.0.0.1:7".parse().unwrap())));
        bench.connected(socket(1)).await;
        let target = Some(("192.0.2.1:7".parse().unwrap(), None));
        bench.ask(Ask::Send(socket(1), target, b"lost".to_vec()));
        assert_eq!(bench.next().await, Fed::Sent(socket(1), 4));
        assert_eq!(bench.handle.counts().datagrams_dropped, 1);
    }

    fn resolve(n: u32, name: &str, family: Family) -> Ask {
        Ask::Resolve(
            QueryId::new(n),
            name.into(),
            family,
            Vec::new(),
            Instant::from_millis(60_000),
        )
    }

    #[tokio::test]
    async fn names_are_found_by_map_and_by_the_host() {
        let maps = vec!["box.test=192.0.2.4".parse().unwrap()];
        let (_serial, mut bench) = start(NetOptions {
            maps,
            ..NetOptions::default()
        });
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let query = QueryId::new;
        bench.ask(resolve(0, "BOX.test", Family::PreferV4));
        assert_eq!(
            bench.next().await,
            Fed::Resolved(query(0), Ok(vec![ip("192.0.2.4")]))
        );
        bench.ask(resolve(1, "box.test", Family::V6));
        assert_eq!(
            bench.next().await,
            Fed::Resolved(query(1), Err(NetError::NotFound))
        );
        bench.ask(resolve(2, "localhost", Family::V4));
        assert_eq!(
            bench.next().await,
            Fed::Resolved(query(2), Ok(vec![ip("127.0.0.1")]))
        );
    }

    #[tokio::test]
    async fn offline_only_this_machines_names_are_known() {
        let policy = Policy {
            offline: true,
            ..Policy::default()
        };
        let (_serial, mut bench) = start(NetOptions {
            policy,
            ..NetOptions::default()
        });
        bench.ask(resolve(0, "localhost", Family::V4));
        let Fed::Resolved(_, Ok(found)) = bench.next().await else {
            panic!("no localhost")
        };
        assert_eq!(found, ["127.0.0.1".parse::<IpAddr>().unwrap()]);
        bench.ask(resolve(1, "elsewhere.invalid", Family::V4));
        let denied = Fed::Resolved(QueryId::new(1), Err(NetError::Denied));
        assert_eq!(bench.next().await, denied);
    }

    #[tokio::test]
    async fn a_cancelled_query_is_never_answered() {
        let (_serial, mut bench) = start(NetOptions::default());
        bench.ask(resolve(0, "localhost", Family::V4));
        bench.ask(Ask::Cancel(QueryId::new(0)));
        bench.ask(resolve(1, "localhost", Family::V4));
        let Fed::Resolved(query, _) = bench.next().await else {
            panic!("no answer")
        };
        assert_eq!(query, QueryId::new(1));
    }
}
