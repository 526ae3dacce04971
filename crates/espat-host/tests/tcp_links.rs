//! TCP links and servers on real sockets of the loopback interface.

#[cfg(test)]
mod places;
#[cfg(test)]
mod stand_in;

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::SocketAddr;
    use std::time::Duration;

    use espat_core::{CloseCause, CloseHow, Connect, Instant, Listen, NetError, SocketOptions};
    use espat_host::{NetOptions, Publish};
    use socket2::SockRef;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use crate::places;
    use crate::stand_in::{Ask, Bench, DEADLINE, Fed, socket, start, tcp};

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        (listener, at)
    }

    /// A link of the module and its peer.
    async fn linked(bench: &mut Bench, to: impl FnOnce(&mut Connect)) -> TcpStream {
        let (listener, at) = listener().await;
        let mut connect = tcp(at);
        to(&mut connect);
        bench.ask(Ask::Connect(socket(0), connect));
        let (peer, from) = timeout(DEADLINE, listener.accept()).await.unwrap().unwrap();
        assert_eq!(bench.connected(socket(0)).await, from);
        peer
    }

    async fn read_all(peer: &mut TcpStream) -> Vec<u8> {
        let mut all = Vec::new();
        timeout(DEADLINE, peer.read_to_end(&mut all))
            .await
            .unwrap()
            .unwrap();
        all
    }

    #[tokio::test]
    async fn payload_goes_both_ways_and_the_link_ends_after_it() {
        let (_serial, mut bench) = start(NetOptions::default());
        let mut peer = linked(&mut bench, |_| {}).await;
        bench.ask(Ask::Send(socket(0), None, b"ping".to_vec()));
        assert_eq!(bench.next().await, Fed::Sent(socket(0), 4));
        let mut ping = [0; 4];
        timeout(DEADLINE, peer.read_exact(&mut ping))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&ping, b"ping");
        peer.write_all(b"pong pong").await.unwrap();
        drop(peer);
        let (all, cause) = bench.read_to_end(socket(0), 4).await;
        assert_eq!(
            (all.as_slice(), cause),
            (&b"pong pong"[..], CloseCause::Fin)
        );
        let counts = bench.handle.counts();
        assert_eq!((counts.net_in, counts.net_out), (9, 4));
    }

    #[tokio::test]
    async fn nothing_is_read_without_credit() {
        let (_serial, mut bench) = start(NetOptions::default());
        let mut peer = linked(&mut bench, |_| {}).await;
        let payload: Vec<u8> = (0..64 << 20)
            .map(|n: u32| n.to_le_bytes()[n as usize % 3])
            .collect();
        let mut written = 0;
        // The peer writes until the kernel's buffers are full: a write then waits.
        while let Ok(n) = timeout(Duration::from_millis(500), peer.write(&payload[written..])).await
        {
            written += n.unwrap();
            assert!(written < payload.len(), "somebody reads without credit");
        }
        bench.settle().await;
        assert_eq!(bench.drain(), []);
        bench.ask(Ask::Read(socket(0), 100));
        let Fed::Data(_, None, first) = bench.next().await else {
            panic!("no data")
        };
        assert_eq!(first, payload[..100]);
        bench.settle().await;
        assert_eq!(bench.drain(), [], "a credit is for one piece of data");
        drop(peer);
        let (rest, cause) = bench.read_to_end(socket(0), 1 << 20).await;
        assert!(rest == payload[100..written], "bytes are lost or changed");
        assert_eq!(cause, CloseCause::Fin);
    }

    #[tokio::test]
    async fn an_end_with_nothing_before_it_shows_without_credit() {
        let (_serial, mut bench) = start(NetOptions::default());
        let peer = linked(&mut bench, |_| {}).await;
        drop(peer);
        assert_eq!(bench.next().await, Fed::Closed(socket(0), CloseCause::Fin));
    }

    #[tokio::test]
    async fn an_end_waits_for_the_data_before_it() {
        let (_serial, mut bench) = start(NetOptions::default());
        let mut peer = linked(&mut bench, |_| {}).await;
        peer.write_all(b"last words").await.unwrap();
        peer.shutdown().await.unwrap();
        bench.settle().await;
        assert_eq!(bench.drain(), []);
        let (all, cause) = bench.read_to_end(socket(0), 3).await;
        assert_eq!(
            (all.as_slice(), cause),
            (&b"last words"[..], CloseCause::Fin)
        );
        assert_eq!(
            read_all(&mut peer).await,
            b"",
            "the module's side is closed too"
        );
    }

    #[tokio::test]
    async fn a_reset_is_told_apart() {
        let (_serial, mut bench) = start(NetOptions::default());
        let peer = linked(&mut bench, |_| {}).await;
        bench.ask(Ask::Read(socket(0), 10));
        SockRef::from(&peer)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(peer);
        assert_eq!(
            bench.next().await,
            Fed::Closed(socket(0), CloseCause::Reset)
        );
    }

    #[tokio::test]
    async fn a_send_to_a_peer_that_reset_fails_while_data_waits_to_be_read() {
        let (_serial, mut bench) = start(NetOptions::default());
        let mut peer = linked(&mut bench, |_| {}).await;
        peer.write_all(b"last words").await.unwrap();
        SockRef::from(&peer)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(peer);
        bench.settle().await;
        for _ in 0..2 {
            bench.ask(Ask::Send(socket(0), None, b"lost".to_vec()));
            assert_eq!(bench.next().await, Fed::SendFailed(socket(0)));
        }
        let (all, cause) = bench.read_to_end(socket(0), 4).await;
        assert_eq!(
            (all.as_slice(), cause),
            (&b"last words"[..], CloseCause::Reset)
        );
    }

    #[tokio::test]
    async fn bytes_of_a_send_that_was_taken_back_do_not_count_for_the_next() {
        let (_serial, mut bench) = start(NetOptions::default());
        let mut peer = linked(&mut bench, |_| {}).await;
        bench.ask_all([
            Ask::Send(socket(0), None, b"four".to_vec()),
            Ask::CancelSend(socket(0)),
        ]);
        bench.ask(Ask::Send(socket(0), None, b"two".to_vec()));
        assert_eq!(bench.next().await, Fed::Sent(socket(0), 3));
        let mut both = [0; 7];
        timeout(DEADLINE, peer.read_exact(&mut both))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&both, b"fourtwo");
        assert_eq!(bench.handle.counts().net_out, 7);
    }

    #[tokio::test]
    async fn connects_that_fail_say_why() {
        let (_serial, mut bench) = start(NetOptions::default());
        let (_nobody, at) = places::refusing();
        bench.ask(Ask::Connect(socket(0), tcp(at)));
        assert_eq!(
            bench.next().await,
            Fed::Failed(socket(0), NetError::Refused)
        );
        let deny = NetOptions {
            policy: espat_host::Policy {
                deny: vec!["127.0.0.0/8".parse().unwrap()],
                ..Default::default()
            },
            ..NetOptions::default()
        };
        let (_serial, mut bench) = start(deny);
        bench.ask(Ask::Connect(socket(0), tcp(at)));
        assert_eq!(bench.next().await, Fed::Failed(socket(0), NetError::Denied));
        for (n, nobody) in [(1, "0.0.0.0"), (2, "::"), (3, "::ffff:0.0.0.0")] {
            let nobody = SocketAddr::new(nobody.parse().unwrap(), at.port());
            bench.ask(Ask::Connect(socket(n), tcp(nobody)));
            assert_eq!(
                bench.next().await,
                Fed::Failed(socket(n), NetError::Unreachable)
            );
        }
    }

    #[tokio::test]
    async fn a_connect_that_is_not_answered_times_out() {
        let (_serial, mut bench) = start(NetOptions::default());
        // A listener whose backlog is full answers no more.
        let full =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        full.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into())
            .unwrap();
        full.listen(0).unwrap();
        let at = full.local_addr().unwrap().as_socket().unwrap();
        let _waiting = TcpStream::connect(at).await.unwrap();
        let mut connect = tcp(at);
        connect.deadline = Instant::from_millis(300);
        bench.ask(Ask::Connect(socket(0), connect));
        let (now, fed) = bench.next_at().await;
        assert_eq!(fed, Fed::Failed(socket(0), NetError::TimedOut));
        assert!(now >= Instant::from_millis(300));
    }

    #[tokio::test]
    async fn what_the_kernel_does_not_take_waits_and_can_be_taken_back() {
        let (_serial, mut bench) = start(NetOptions::default());
        let mut peer = linked(&mut bench, |_| {}).await;
        let payload = vec![b'x'; 32 << 20];
        bench.ask(Ask::Send(socket(0), None, payload.clone()));
        let Fed::Sent(_, first) = bench.next().await else {
            panic!("nothing is sent")
        };
        assert!(first < payload.len());
        bench.ask(Ask::CancelSend(socket(0)));
        bench.ask(Ask::Close(socket(0), CloseHow::Fin));
        let all = read_all(&mut peer).await;
        let more: usize = bench
            .drain()
            .iter()
            .map(|fed| if let Fed::Sent(_, n) = fed { *n } else { 0 })
            .sum();
        assert_eq!(all.len(), first + more);
    }

    #[tokio::test]
    async fn an_orderly_close_sends_what_was_taken_and_spares_it_a_reset() {
        let (_serial, mut bench) = start(NetOptions::default());
        let mut peer = linked(&mut bench, |_| {}).await;
        peer.write_all(b"never read").await.unwrap();
        let payload = vec![b'x'; 16 << 20];
        bench.ask(Ask::Send(socket(0), None, payload.clone()));
        bench.ask(Ask::Close(socket(0), CloseHow::Fin));
        assert_eq!(read_all(&mut peer).await.len(), payload.len());
    }

    #[tokio::test]
    async fn of_too_many_closed_links_the_oldest_is_reset() {
        let (_serial, mut bench) = start(NetOptions::default());
        let mut peers = Vec::new();
        for _ in 0..65 {
            let mut peer = linked(&mut bench, |_| {}).await;
            peer.write_all(b"never read").await.unwrap();
            bench.ask(Ask::Close(socket(0), CloseHow::Fin));
            bench.settle().await;
            peers.push(peer);
        }
        assert!(peers[0].write_all(b"more").await.is_err());
        peers[1].write_all(b"more").await.unwrap();
    }

    #[tokio::test]
    async fn resets_reach_the_peer() {
        for how in [CloseHow::Reset, CloseHow::Vanish] {
            let (_serial, mut bench) = start(NetOptions::default());
            let mut peer = linked(&mut bench, |_| {}).await;
            bench.ask(Ask::Close(socket(0), how));
            let read = timeout(DEADLINE, peer.read(&mut [0; 8])).await.unwrap();
            assert_eq!(
                read.unwrap_err().kind(),
                ErrorKind::ConnectionReset,
                "{how:?}"
            );
        }
        let (_serial, mut bench) = start(NetOptions::default());
        let linger = SocketOptions {
            linger_s: Some(0),
            ..SocketOptions::default()
        };
        let mut peer = linked(&mut bench, |to| to.options = linger).await;
        bench.ask(Ask::Close(socket(0), CloseHow::Fin));
        let read = timeout(DEADLINE, peer.read(&mut [0; 8])).await.unwrap();
        assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_local_address_binds_the_stations() {
        let options = NetOptions {
            ip: "127.0.0.9".parse().unwrap(),
            ..NetOptions::default()
        };
        let (_serial, mut bench) = start(options);
        let module = |to: &mut Connect| to.local_ip = Some("192.0.2.7".parse().unwrap());
        let peer = linked(&mut bench, module).await;
        assert_eq!(peer.peer_addr().unwrap().ip().to_string(), "127.0.0.9");
    }

    #[tokio::test]
    async fn maps_lead_names_and_addresses_elsewhere() {
        let (listener, at) = listener().await;
        let maps = [format!("box.test:80={at}"), "192.0.2.9=127.0.0.1".into()];
        let maps = maps.iter().map(|map| map.parse().unwrap()).collect();
        let (_serial, mut bench) = start(NetOptions {
            maps,
            ..NetOptions::default()
        });
        let mut named = tcp("192.0.2.1:80".parse().unwrap());
        named.name = Some("Box.Test".into());
        let bare = tcp(SocketAddr::new("192.0.2.9".parse().unwrap(), at.port()));
        let mut peers = Vec::new();
        for (n, to) in [named, bare].into_iter().enumerate() {
            let link = socket(u32::try_from(n).unwrap());
            bench.ask(Ask::Connect(link, to));
            let (peer, from) = timeout(DEADLINE, listener.accept()).await.unwrap().unwrap();
            assert_eq!(bench.connected(link).await, from);
            peers.push(peer);
        }
    }

    fn server(port: u16) -> Listen {
        Listen {
            port,
            is_v6: false,
            options: SocketOptions::default(),
            tls: None,
        }
    }

    #[tokio::test]
    async fn clients_are_accepted_one_a_credit() {
        let at = places::free();
        let publish = vec![format!("8080={at}").parse::<Publish>().unwrap()];
        let (_serial, mut bench) = start(NetOptions {
            publish,
            ..NetOptions::default()
        });
        bench.ask(Ask::Listen(socket(7), server(8080)));
        assert_eq!(bench.next().await, Fed::Listening(socket(7), at.port()));
        let mut first = TcpStream::connect(at).await.unwrap();
        let second = TcpStream::connect(at).await.unwrap();
        bench.settle().await;
        assert_eq!(bench.drain(), []);
        bench.ask(Ask::Accept(socket(7)));
        let Fed::Accepted(listener, accepted, peer, local) = bench.next().await else {
            panic!("no client")
        };
        assert_eq!((listener, accepted.is_accepted()), (socket(7), true));
        assert_eq!(peer, first.local_addr().unwrap());
        assert_eq!(local, SocketAddr::new(at.ip(), 8080));
        bench.settle().await;
        assert_eq!(bench.drain(), []);
        bench.ask(Ask::Send(accepted, None, b"hello".to_vec()));
        bench.ask(Ask::Close(accepted, CloseHow::Fin));
        assert_eq!(read_all(&mut first).await, b"hello");
        bench.ask(Ask::Accept(socket(7)));
        let Fed::Accepted(_, other, peer, _) = bench.next().await else {
            panic!("no client")
        };
        assert_ne!(other, accepted);
        assert_eq!(peer, second.local_addr().unwrap());
        bench.ask(Ask::Close(socket(7), CloseHow::Fin));
        bench.settle().await;
        let refused = TcpStream::connect(at).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn a_taken_port_becomes_a_free_one() {
        let (_listener, at) = listener().await;
        let (_serial, mut bench) = start(NetOptions::default());
        bench.ask(Ask::Listen(socket(0), server(at.port())));
        let Fed::Listening(_, port) = bench.next().await else {
            panic!("no server")
        };
        assert_ne!(port, at.port());
        bench.ask(Ask::Accept(socket(0)));
        let _client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let Fed::Accepted(_, _, _, local) = bench.next().await else {
            panic!("no client")
        };
        assert_eq!(local.port(), at.port(), "the module knows its own port");
    }
}
