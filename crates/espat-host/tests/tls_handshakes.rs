//! Handshakes that break off: at any of their bytes, in both directions, with each implementation on the other side.

#[cfg(test)]
mod host;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod tls_peers;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::Duration;

    use espat_core::profile::testing;
    use espat_core::{Listen, NetError, SocketOptions, TlsRules, TlsServer};
    use espat_host::NetOptions;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::{Instant, timeout};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ConnectionTrafficSecrets;

    use crate::host::DEADLINE;
    use crate::stand_in::{Ask, Bench, Fed, socket, start, tls};
    use crate::tls_peers::{
        FLIGHT, Folder, Openssl, Pair, echo_server, flights, listener, patient_flights,
        server_config, unset_flight,
    };

    fn reset(stream: TcpStream) {
        let socket = socket2::SockRef::from(&stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// How a cut connection goes on.
    #[derive(Clone, Copy, Debug)]
    enum Cut {
        Stall,
        Reset,
    }

    /// Carries a connection to `server` whose answer breaks off after `bytes`.
    async fn cut(listener: TcpListener, server: SocketAddr, bytes: usize, how: Cut) {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(server).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (from_server, mut to_server) = server.into_split();
        let onward = tokio::spawn(async move {
            let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
            from_client
        });
        let mut answer = from_server.take(bytes as u64);
        tokio::io::copy(&mut answer, &mut to_client).await.unwrap();
        match how {
            // Until the client gives up.
            Cut::Stall => drop(onward.await.unwrap()),
            Cut::Reset => {
                onward.abort();
                drop(onward.await);
                // The other half went with its task; the socket goes with this one.
                let socket = socket2::SockRef::from(to_client.as_ref());
                socket.set_linger(Some(Duration::ZERO)).unwrap();
                to_client.forget();
            }
        }
    }

    async fn breaks_off(bench: &mut Bench, server: SocketAddr) {
        for how in [Cut::Stall, Cut::Reset] {
            // Nothing, a header's part, a record's part, and more than one record.
            for bytes in [0, 3, 40, 200, 400] {
                let (listener, at) = listener().await;
                let cutting = tokio::spawn(cut(listener, server, bytes, how));
                let begun = Instant::now();
                let (rules, expected) = match how {
                    Cut::Stall => (flights(), NetError::TimedOut),
                    Cut::Reset => (patient_flights(), NetError::Other),
                };
                bench.ask(Ask::Connect(socket(0), tls(rules, at)));
                let failed = Fed::Failed(socket(0), expected);
                assert_eq!(bench.next().await, failed, "{how:?} after {bytes}");
                // A flight that got further than another one has a time of its own.
                let took = begun.elapsed();
                assert!(
                    matches!(how, Cut::Reset) || took < unset_flight(),
                    "{took:?}"
                );
                cutting.await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn a_rustls_server_may_break_off_anywhere() {
        let (_serial, mut bench) = start(NetOptions::default());
        let (at, _) = echo_server(server_config(&Pair::authority("anybody"), None)).await;
        breaks_off(&mut bench, at).await;
    }

    #[tokio::test]
    async fn an_openssl_server_may_break_off_anywhere() {
        let folder = Folder::new();
        let own = Pair::authority("anybody");
        folder.put_pair("cert.pem", "key.pem", &own);
        let Some((_server, at)) = Openssl::server_of(&folder, &[]).await else {
            return;
        };
        let (_serial, mut bench) = start(NetOptions::default());
        breaks_off(&mut bench, at).await;
    }

    /// An SSL server that takes a client.
    async fn serving(bench: &mut Bench, rules: TlsRules) -> SocketAddr {
        let server = TlsServer {
            rules,
            verify: None,
        };
        let on = Listen {
            port: 0,
            is_v6: false,
            options: SocketOptions::default(),
            tls: Some(server),
        };
        bench.ask(Ask::Listen(socket(9), on));
        let Fed::Listening(_, port) = bench.next().await else {
            panic!("the server does not listen");
        };
        bench.ask(Ask::Accept(socket(9)));
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// What `openssl s_client` says first, up to `bytes`.
    async fn clients_first_words(bytes: usize) -> Option<Vec<u8>> {
        let (listener, at) = listener().await;
        let at = at.to_string();
        let _client = Openssl::start(&["s_client", "-connect", &at])?;
        let (mut stream, _) = timeout(DEADLINE, listener.accept()).await.unwrap().unwrap();
        let mut words = vec![0; bytes];
        stream.read_exact(&mut words).await.unwrap();
        Some(words)
    }

    #[tokio::test]
    async fn a_client_that_stalls_or_goes_is_given_up_and_the_next_one_is_served() {
        let (_serial, mut bench) = start(NetOptions::default());
        let at = serving(&mut bench, flights()).await;
        let Some(words) = clients_first_words(200).await else {
            return;
        };
        for bytes in [0, 3, 40, 200] {
            let mut goes = TcpStream::connect(at).await.unwrap();
            goes.write_all(&words[..bytes]).await.unwrap();
            reset(goes);
            let begun = Instant::now();
            let mut stalls = TcpStream::connect(at).await.unwrap();
            stalls.write_all(&words[..bytes]).await.unwrap();
            let mut rest = Vec::new();
            let ended = timeout(DEADLINE, stalls.read_to_end(&mut rest)).await;
            assert!(ended.is_ok(), "after {bytes} bytes it is waited for");
            let took = begun.elapsed();
            assert!(took > FLIGHT / 2 && took < unset_flight(), "{took:?}");
        }
        let at = at.to_string();
        let begun = Instant::now();
        let mut peer = loop {
            let peer = Openssl::start(&["s_client", "-connect", &at]).unwrap();
            // A client that this computer holds up for so long is given up too, and comes again.
            match timeout(FLIGHT * 10, bench.next()).await {
                Ok(fed) => {
                    assert!(matches!(fed, Fed::Accepted(..)), "{fed:?}");
                    break peer;
                }
                Err(_) => assert!(begun.elapsed() < DEADLINE, "the next one is not served"),
            }
        };
        peer.until("CONNECTED").await;
    }

    #[tokio::test]
    async fn clients_that_stall_give_way_to_one_that_does_not() {
        let (_serial, mut bench) = start(NetOptions::default());
        let at = serving(&mut bench, patient_flights()).await;
        let mut stalled = Vec::new();
        for _ in 0..16 {
            stalled.push(TcpStream::connect(at).await.unwrap());
        }
        let at = at.to_string();
        let Some(_peer) = Openssl::start(&["s_client", "-connect", &at]) else {
            return;
        };
        assert!(matches!(bench.next().await, Fed::Accepted(..)));
        // One of them has gone, the others are still waited for.
        let mut gone = 0;
        for stream in &mut stalled {
            let read = timeout(Duration::from_millis(20), stream.read_u8()).await;
            gone += usize::from(read.is_ok());
        }
        assert_eq!(gone, 1);
    }

    /// A record of TLS 1.3: `kind` 22 is of a handshake, 23 payload.
    fn sealed(
        secrets: &ConnectionTrafficSecrets,
        sequence: u64,
        kind: u8,
        message: &[u8],
    ) -> Vec<u8> {
        let (key, iv, cipher) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => {
                (key, iv, openssl::symm::Cipher::aes_128_gcm())
            }
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => {
                (key, iv, openssl::symm::Cipher::aes_256_gcm())
            }
            other @ ConnectionTrafficSecrets::Chacha20Poly1305 { .. } | other => {
                panic!("{:?} was agreed on", std::mem::discriminant(other))
            }
        };
        let mut nonce = iv.as_ref().to_vec();
        for (byte, of_sequence) in nonce[4..].iter_mut().zip(sequence.to_be_bytes()) {
            *byte ^= of_sequence;
        }
        let inner = [message, &[kind]].concat();
        let len = u8::try_from(inner.len() + 16).unwrap();
        let header = [23, 3, 3, 0, len];
        let mut tag = [0; 16];
        let body = openssl::symm::encrypt_aead(
            cipher,
            key.as_ref(),
            Some(&nonce),
            &header,
            &inner,
            &mut tag,
        );
        [header.as_slice(), &body.unwrap(), &tag].concat()
    }

    #[tokio::test]
    async fn half_a_key_update_holds_up_what_is_sent_and_nothing_else() {
        let (_serial, mut bench) = start(NetOptions::default());
        let (listener, at) = listener().await;
        let rules = testing::TLS_1_3.limits.tls;
        bench.ask(Ask::Connect(socket(0), tls(rules, at)));
        let (stream, _) = listener.accept().await.unwrap();
        let mut config = server_config(&Pair::authority("anybody"), None);
        config.enable_secret_extraction = true;
        config.send_tls13_tickets = 0;
        let peer = TlsAcceptor::from(Arc::new(config)).accept(stream).await;
        bench.connected(socket(0)).await;
        let (mut stream, session) = peer.unwrap().into_inner();
        let (sequence, secrets) = session.dangerous_extract_secrets().unwrap().tx;
        // A KeyUpdate without its last byte, right after payload.
        let payload = sealed(&secrets, sequence, 23, b"hello");
        let half = sealed(&secrets, sequence + 1, 22, &[24, 0, 0, 1]);
        stream.write_all(&[payload, half].concat()).await.unwrap();
        bench.ask(Ask::Read(socket(0), 100));
        let hello = Fed::Data(socket(0), None, b"hello".to_vec());
        assert_eq!(bench.next().await, hello);
        bench.ask(Ask::Read(socket(0), 100));
        bench.settle().await;
        bench.ask(Ask::Send(socket(0), None, b"payload".to_vec()));
        bench.settle().await;
        // Nothing goes out so far, and the module, which runs on this thread, does nothing meanwhile.
        let before = thread_time();
        let mut record = [0; 5];
        let said = timeout(FLIGHT, stream.read_exact(&mut record)).await;
        assert!(said.is_err(), "{record:?}");
        let spent = thread_time() - before;
        assert!(spent < FLIGHT / 4, "{spent:?}");
        let rest = sealed(&secrets, sequence + 2, 22, &[0]);
        stream.write_all(&rest).await.unwrap();
        assert_eq!(bench.next().await, Fed::Sent(socket(0), 7));
        stream.read_exact(&mut record).await.unwrap();
        assert_eq!(record[0], 23);
    }

    /// The time that this thread has computed for.
    fn thread_time() -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).unwrap()
    }
}
