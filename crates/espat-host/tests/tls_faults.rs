//! SSL links whose peers misbehave, and what a link tells of its end; bulk data; certificates that change.

#[cfg(test)]
mod host;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod tls_peers;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use espat_core::{CloseCause, CloseHow, NetError};
    use espat_host::{KeyLog, NetOptions};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::{Instant, timeout};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::server::TlsStream;

    use crate::host::{DEADLINE, Host};
    use crate::stand_in::{Ask, Bench, Fed, socket, start, tls};
    use crate::tls_peers::{
        FLIGHT, Folder, Pair, Says, echo_server, flights, listener, patient_flights, server_config,
        unset_flight,
    };

    /// A link of the stand-in and its rustls peer.
    async fn linked(bench: &mut Bench) -> TlsStream<TcpStream> {
        let (listener, at) = listener().await;
        bench.ask(Ask::Connect(socket(0), tls(patient_flights(), at)));
        let (stream, from) = timeout(DEADLINE, listener.accept()).await.unwrap().unwrap();
        let config = server_config(&Pair::authority("anybody"), None);
        let peer = TlsAcceptor::from(Arc::new(config)).accept(stream).await;
        assert_eq!(bench.connected(socket(0)).await, from);
        peer.unwrap()
    }

    #[tokio::test]
    async fn a_stalled_handshake_ends_after_the_time_of_a_flight() {
        let (_serial, mut bench) = start(NetOptions::default());
        // Nothing at all, and bytes that never become a message.
        for drips in [false, true] {
            let (listener, at) = listener().await;
            bench.ask(Ask::Connect(socket(0), tls(flights(), at)));
            let (mut stream, _) = listener.accept().await.unwrap();
            let begun = Instant::now();
            let dripping = tokio::spawn(async move {
                stream.write_all(b"\x16\x03\x03\x40\x00\x02").await.unwrap();
                while drips && stream.write_all(b"\x00").await.is_ok() {
                    tokio::time::sleep(FLIGHT / 10).await;
                }
                let mut all = Vec::new();
                let _ = stream.read_to_end(&mut all).await;
            });
            let failed = Fed::Failed(socket(0), NetError::TimedOut);
            assert_eq!(bench.next().await, failed);
            assert!(begun.elapsed() < unset_flight(), "{:?}", begun.elapsed());
            dripping.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_handshake_that_is_reset_closed_or_answered_with_garbage_fails() {
        let (_serial, mut bench) = start(NetOptions::default());
        for (said, reset, expected) in [
            (&b""[..], false, NetError::Tls),
            (b"", true, NetError::Other),
            (b"HTTP/1.0 400 Bad Request\r\n\r\n", false, NetError::Tls),
            (b"\x15\x03\x03\x00\x02\x02\x28", false, NetError::Tls),
            (&[0; 1000], false, NetError::Tls),
        ] {
            let (listener, at) = listener().await;
            bench.ask(Ask::Connect(socket(0), tls(patient_flights(), at)));
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 64];
            stream.read_exact(&mut hello).await.unwrap();
            stream.write_all(said).await.unwrap();
            if reset {
                socket2::SockRef::from(&stream)
                    .set_linger(Some(Duration::ZERO))
                    .unwrap();
            } else {
                stream.shutdown().await.unwrap();
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            }
            drop(stream);
            assert_eq!(
                bench.next().await,
                Fed::Failed(socket(0), expected),
                "{said:?}"
            );
        }
    }

    #[tokio::test]
    async fn an_end_with_close_notify_is_told_from_one_without() {
        for (orderly, expected) in [(true, CloseCause::Fin), (false, CloseCause::Tls)] {
            let (_serial, mut bench) = start(NetOptions::default());
            let mut peer = linked(&mut bench).await;
            peer.write_all(b"last words").await.unwrap();
            peer.flush().await.unwrap();
            if orderly {
                peer.shutdown().await.unwrap();
            } else {
                peer.get_mut().0.shutdown().await.unwrap();
            }
            let (all, cause) = bench.read_to_end(socket(0), 4).await;
            assert_eq!((all.as_slice(), cause), (&b"last words"[..], expected));
        }
    }

    #[tokio::test]
    async fn they_are_told_apart_while_the_module_waits_for_data_too() {
        for (orderly, expected) in [(true, CloseCause::Fin), (false, CloseCause::Tls)] {
            let (_serial, mut bench) = start(NetOptions::default());
            let mut peer = linked(&mut bench).await;
            bench.ask(Ask::Read(socket(0), 100));
            bench.settle().await;
            if orderly {
                peer.shutdown().await.unwrap();
            } else {
                peer.get_mut().0.shutdown().await.unwrap();
            }
            assert_eq!(bench.next().await, Fed::Closed(socket(0), expected));
        }
    }

    #[tokio::test]
    async fn a_link_without_credit_sees_its_peer_vanish() {
        let (_serial, mut bench) = start(NetOptions::default());
        let mut peer = linked(&mut bench).await;
        peer.get_mut().0.shutdown().await.unwrap();
        assert_eq!(bench.next().await, Fed::Closed(socket(0), CloseCause::Tls));
    }

    #[tokio::test]
    async fn the_modules_end_comes_after_its_payload_with_close_notify() {
        let (_serial, mut bench) = start(NetOptions::default());
        let mut peer = linked(&mut bench).await;
        // More than the kernel takes at once: the rest goes out after the link is forgotten.
        let payload: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        bench.ask(Ask::Send(socket(0), None, payload.clone()));
        bench.ask(Ask::Close(socket(0), CloseHow::Fin));
        let mut all = Vec::new();
        // Without close_notify rustls ends with an error.
        timeout(DEADLINE, peer.read_to_end(&mut all))
            .await
            .unwrap()
            .unwrap();
        assert!(all == payload);
    }

    #[tokio::test]
    async fn a_send_that_is_taken_back_leaves_the_link_usable() {
        let (_serial, mut bench) = start(NetOptions::default());
        let mut peer = linked(&mut bench).await;
        bench.ask(Ask::Send(socket(0), None, vec![b'a'; 8 << 20]));
        bench.settle().await;
        bench.ask(Ask::CancelSend(socket(0)));
        bench.ask(Ask::Send(socket(0), None, b"the end".to_vec()));
        bench.ask(Ask::Close(socket(0), CloseHow::Fin));
        let mut all = Vec::new();
        timeout(DEADLINE, peer.read_to_end(&mut all))
            .await
            .unwrap()
            .unwrap();
        assert!(
            all.ends_with(b"athe end") && all.len() < 8 << 20,
            "{}",
            all.len()
        );
    }

    #[tokio::test]
    async fn a_hundred_megabytes_go_each_way_unchanged() {
        let own = Pair::authority("anybody");
        let (at, _) = echo_server(server_config(&own, None)).await;
        let mut host = Host::on(NetOptions::default()).await;
        host.prepare_bulk().await;
        assert!(host.connects(at).await);
        host.carries_a_hundred_megabytes_each_way().await;
    }

    #[tokio::test]
    async fn certificates_that_come_and_go_are_noticed() {
        let ca = Pair::authority("ca");
        let folder = Folder::new();
        let mut host = Host::on(folder.net()).await;
        host.set_clock().await;
        let said = host.command("AT+CIPSSLCCONF=2").await;
        assert!(said.starts_with("NO CA FOUND\r\n"), "{said:?}");
        let path = folder.put("client_ca.0.pem", &ca.certificate_pem());
        until(&mut host, "AT+CIPSSLCCONF=2", "OK").await;
        let (at, _) = echo_server(server_config(&ca.issue(&Says::name("a")), None)).await;
        assert!(host.connects(at).await);
        host.close().await;
        // The new CA counts from the next handshake on.
        folder.put(
            "client_ca.0.pem",
            &Pair::authority("other").certificate_pem(),
        );
        let begun = Instant::now();
        while host.connects(at).await {
            host.close().await;
            assert!(begun.elapsed() < DEADLINE, "the old CA still counts");
        }
        std::fs::remove_file(path).unwrap();
        until(&mut host, "AT+CIPSSLCCONF=2", "NO CA FOUND").await;
        // What cannot be used counts as empty: no PEM, an encrypted key, a key of another certificate.
        let (me, other) = (ca.issue(&Says::name("me")), ca.issue(&Says::name("other")));
        folder.put("client_cert.0.pem", b"no certificate");
        until(&mut host, "AT+CIPSSLCCONF=1", "NO CERT FOUND").await;
        folder.put("client_cert.0.pem", &me.certificate_pem());
        until(&mut host, "AT+CIPSSLCCONF=1", "NO PRVT_KEY FOUND").await;
        let cipher = openssl::symm::Cipher::aes_128_cbc();
        let encrypted = me
            .key
            .private_key_to_pem_pkcs8_passphrase(cipher, b"geheim")
            .unwrap();
        folder.put("client_key.0.pem", &encrypted);
        folder.put("client_cert.1.pem", &me.certificate_pem());
        folder.put("client_key.1.pem", &other.key_pem());
        folder.put_pair("client_cert.2.pem", "client_key.2.pem", &me);
        until(&mut host, "AT+CIPSSLCCONF=1,2", "OK").await;
        for number in [0, 1] {
            let said = host.command(&format!("AT+CIPSSLCCONF=1,{number}")).await;
            assert!(said.starts_with("NO PRVT_KEY FOUND"), "{number}: {said:?}");
        }
    }

    /// Repeats a command until its answer has `text` in it.
    async fn until(host: &mut Host, line: &str, text: &str) {
        let begun = Instant::now();
        while !host.command(line).await.contains(text) {
            assert!(begun.elapsed() < DEADLINE, "{line} never says {text}");
        }
    }

    #[tokio::test]
    async fn the_key_log_has_the_secrets_of_each_link_for_its_owner() {
        use std::os::unix::fs::MetadataExt;
        let folder = Folder::new();
        let path = folder.path().join("keys.log");
        let own = Pair::authority("anybody");
        let (at, _) = echo_server(server_config(&own, None)).await;
        let mut host = Host::on(NetOptions {
            key_log: Some(KeyLog::open(&path).unwrap()),
            ..NetOptions::default()
        })
        .await;
        for _ in 0..2 {
            assert!(host.connects(at).await);
            host.close().await;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(
                (words[0], words[1].len(), words[2].len()),
                ("CLIENT_RANDOM", 64, 96)
            );
        }
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }
}
