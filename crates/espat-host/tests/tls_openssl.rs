//! The module as an SSL client against the `openssl` command: what `tls_client.rs` shows with rustls, once more.

#[cfg(test)]
mod host;
#[cfg(test)]
mod tls_peers;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use espat_core::profile::testing;
    use espat_core::{ModuleConfig, Profile};
    use espat_host::{KeyLog, MapRule, NetOptions};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::{Instant, timeout};

    use crate::host::{DEADLINE, Host};
    use crate::tls_peers::{Folder, NOW, Openssl, Pair, Says};

    /// Each version of the protocol, and a firmware line that speaks it.
    fn versions() -> [(&'static str, &'static Profile); 2] {
        [
            ("-tls1_2", ModuleConfig::new().profile),
            ("-tls1_3", &testing::TLS_1_3),
        ]
    }

    /// Certificates of two authorities, as the module's slots and as files for `openssl`.
    struct Made {
        folder: Folder,
        ca: Pair,
    }

    impl Made {
        fn new() -> Self {
            let (ours, theirs) = (Pair::authority("ours"), Pair::authority("theirs"));
            let folder = Folder::new();
            folder.put("client_ca.0.pem", &ours.certificate_pem());
            folder.put("client_ca.1.pem", &theirs.certificate_pem());
            let (me, stranger) = (
                ours.issue(&Says::name("me")),
                theirs.issue(&Says::name("stranger")),
            );
            folder.put_pair("client_cert.0.pem", "client_key.0.pem", &me);
            folder.put_pair("client_cert.1.pem", "client_key.1.pem", &stranger);
            let own = ours.issue(&Says::name("server.test"));
            folder.put_pair("cert.pem", "key.pem", &own);
            Self { folder, ca: ours }
        }

        fn file(&self, name: &str) -> String {
            self.folder.path().join(name).to_str().unwrap().to_owned()
        }

        fn net(&self) -> NetOptions {
            NetOptions {
                certificates: self.folder.certificates(),
                ..NetOptions::default()
            }
        }

        /// `openssl s_server` with the certificate of ours.
        async fn server(&self, more: &[&str]) -> Option<(Openssl, SocketAddr)> {
            self.server_with("cert.pem", "key.pem", more).await
        }

        async fn server_with(
            &self,
            cert: &str,
            key: &str,
            more: &[&str],
        ) -> Option<(Openssl, SocketAddr)> {
            let (cert, key) = (self.file(cert), self.file(key));
            let own = ["-cert", &cert, "-key", &key];
            Openssl::server(&[own.as_slice(), more].concat()).await
        }
    }

    #[tokio::test]
    async fn a_server_is_checked_in_modes_2_and_3_only() {
        let made = Made::new();
        for (version, profile) in versions() {
            let Some((_server, at)) = made.server(&[version]).await else {
                return;
            };
            let mut host = Host::of_profile(profile, made.net()).await;
            host.set_clock().await;
            for (conf, name, works) in [
                ("0", "", true),
                ("0", "wrong.test", true),
                ("1,0", "wrong.test", true),
                ("2,0,0", "", true),
                ("2,0,0", "server.test", true),
                ("2,0,0", "wrong.test", false),
                ("2,0,1", "", false),
                ("3,0,0", "server.test", true),
                ("3,0,0", "wrong.test", false),
                ("3,0,1", "server.test", false),
            ] {
                host.ok(&format!("AT+CIPSSLCCONF={conf}")).await;
                host.ok(&format!("AT+CIPSSLCCN=\"{name}\"")).await;
                assert_eq!(host.connects(at).await, works, "{version} {conf} {name:?}");
                if works {
                    host.close().await;
                }
            }
        }
    }

    #[tokio::test]
    async fn a_server_may_ask_for_a_certificate() {
        let made = Made::new();
        let ca = made.file("client_ca.0.pem");
        for (version, profile) in versions() {
            let asks = ["-CAfile", &ca, "-Verify", "1", "-verify_return_error"];
            let Some((mut server, at)) = made.server(&[&asks[..], &[version]].concat()).await
            else {
                return;
            };
            let mut host = Host::of_profile(profile, made.net()).await;
            host.set_clock().await;
            for (conf, works) in [
                ("0", false),
                ("1,1", false),
                ("1,0", true),
                ("2,0,0", false),
                ("3,1,0", false),
                ("3,0,0", true),
            ] {
                host.ok(&format!("AT+CIPSSLCCONF={conf}")).await;
                let is_up = host.connects(at).await;
                if works {
                    assert!(is_up, "{version} {conf}");
                    server.until("subject=CN = me").await;
                    host.says("hello\n").await;
                    server.until("hello").await;
                    host.close().await;
                } else if is_up {
                    // In TLS 1.3 the client is done before the server has looked at its certificate.
                    assert_eq!(version, "-tls1_3");
                    host.wait("CLOSED\r\n").await;
                }
            }
        }
    }

    #[tokio::test]
    async fn names_are_sent_as_set_and_none_for_a_literal() {
        let made = Made::new();
        let (cert, key) = (made.file("cert.pem"), made.file("key.pem"));
        for (version, profile) in versions() {
            let names = ["-servername", "x", "-cert2", &cert, "-key2", &key];
            let more = [&names[..], &["-tlsextdebug", version]].concat();
            let Some((mut server, at)) = made.server(&more).await else {
                return;
            };
            let map: MapRule = format!("www.example.org=127.0.0.1:{}", at.port())
                .parse()
                .unwrap();
            let net = NetOptions {
                maps: vec![map],
                ..made.net()
            };
            let mut host = Host::of_profile(profile, net).await;
            // The text that ends what is said of a handshake.
            let end = "CIPHER is";
            let literal = format!("\"127.0.0.1\",{}", at.port());
            let named = "\"www.example.org\",443".to_owned();
            for (sni, to, expected) in [
                ("", &literal, None),
                ("", &named, Some("www.example.org")),
                ("other.test", &named, Some("other.test")),
                ("other.test", &literal, Some("other.test")),
                ("", &literal, None),
            ] {
                host.ok(&format!("AT+CIPSSLCSNI=\"{sni}\"")).await;
                host.ok(&format!("AT+CIPSTART=\"SSL\",{to}")).await;
                let said = server.all_until(end).await.concat();
                let found = said
                    .split_once("Hostname in TLS extension: \"")
                    .and_then(|(_, rest)| rest.split('"').next());
                assert_eq!(found, expected, "{version} {sni:?} {to}: {said}");
                assert_eq!(said.contains("\"server name\""), expected.is_some());
                host.close().await;
            }
        }
    }

    #[tokio::test]
    async fn protocols_are_offered_in_their_order() {
        let made = Made::new();
        for (version, profile) in versions() {
            // The server takes the first of its own that is offered.
            let Some((mut server, at)) = made.server(&["-alpn", "b,c", version]).await else {
                return;
            };
            let mut host = Host::of_profile(profile, made.net()).await;
            for (line, offered, selected) in [
                ("1,\"c\"", "c", Some("c")),
                ("2,\"c\",\"b\"", "c, b", Some("b")),
                ("3,\"x\",\"c\",\"a\"", "x, c, a", Some("c")),
                ("2,\"x\",\"y\"", "x, y", None),
            ] {
                host.ok(&format!("AT+CIPSSLCALPN={line}")).await;
                assert_eq!(host.connects(at).await, selected.is_some(), "{line}");
                // Of a handshake that fails it says nothing before the next one.
                if let Some(selected) = selected {
                    let seen = server.until("advertised by the client: ").await;
                    assert!(seen.trim_end().ends_with(&format!(": {offered}")), "{seen}");
                    server.until(&format!("selected: {selected}")).await;
                    host.close().await;
                }
            }
        }
    }

    #[tokio::test]
    async fn dates_count() {
        let made = Made::new();
        let expired = made.ca.issue(&Says {
            valid: (NOW - 200, NOW - 100),
            ..Says::name("server.test")
        });
        made.folder.put_pair("old.pem", "old-key.pem", &expired);
        for (version, profile) in versions() {
            let server = made.server_with("old.pem", "old-key.pem", &[version]).await;
            let Some((_server, at)) = server else {
                return;
            };
            let mut host = Host::of_profile(profile, made.net()).await;
            host.ok("AT+CIPSSLCCONF=2").await;
            for (clock, works) in [(NOW - 300, false), (NOW - 150, true), (NOW, false)] {
                host.ok(&format!("AT+SYSTIMESTAMP={clock}")).await;
                assert_eq!(host.connects(at).await, works, "{version} {clock}");
                if works {
                    host.close().await;
                }
            }
        }
    }

    #[tokio::test]
    async fn a_hundred_megabytes_go_each_way_unchanged() {
        const TOTAL: usize = 100 << 20;
        let piece: Vec<u8> = (0..1 << 16)
            .map(|n: u32| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
            .collect();
        let made = Made::new();
        // With `-quiet` the server writes on its standard output what comes and nothing else, not even its port, and sends what
        // stands on its standard input.
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = free.local_addr().unwrap();
        drop(free);
        let (accept, cert, key) = (at.to_string(), made.file("cert.pem"), made.file("key.pem"));
        let arguments = [
            "s_server", "-quiet", "-accept", &accept, "-cert", &cert, "-key", &key,
        ];
        let Some(server) = Openssl::start(&arguments) else {
            return;
        };
        let (_server, mut input, mut output) = server.into_pipes();
        let echo = tokio::spawn(async move {
            tokio::io::copy(&mut output, &mut input).await.unwrap();
        });
        let mut host = Host::on(NetOptions::default()).await;
        // With flow control on the UART nothing is thrown away where this computer is slow.
        host.ok("AT+UART_CUR=115200,8,1,0,3").await;
        host.ok("AT+CIPMODE=1").await;
        let begun = Instant::now();
        while !host.connects(at).await {
            assert!(begun.elapsed() < DEADLINE, "the server does not begin");
        }
        host.send(b"AT+CIPSEND\r\n").await;
        host.wait(">").await;
        let (serial, _module) = (host.serial, host.module);
        let (mut from, mut to) = tokio::io::split(serial);
        let sent = piece.clone();
        let writing = tokio::spawn(async move {
            for _ in 0..TOTAL / sent.len() {
                to.write_all(&sent).await.unwrap();
            }
            to
        });
        let mut buffer = vec![0; piece.len()];
        for n in 0..TOTAL / piece.len() {
            let read = timeout(DEADLINE, from.read_exact(&mut buffer)).await;
            read.unwrap().unwrap();
            assert!(buffer == piece, "piece {n} differs");
        }
        writing.await.unwrap();
        echo.abort();
    }

    #[tokio::test]
    async fn the_key_log_is_the_servers() {
        let made = Made::new();
        for (version, profile) in versions() {
            let (ours, theirs) = (
                made.file(&format!("ours{version}.log")),
                made.file(&format!("theirs{version}.log")),
            );
            let Some((mut server, at)) = made.server(&["-keylogfile", &theirs, version]).await
            else {
                return;
            };
            let net = NetOptions {
                key_log: Some(KeyLog::open(ours.as_ref()).unwrap()),
                ..made.net()
            };
            let mut host = Host::of_profile(profile, net).await;
            assert!(host.connects(at).await);
            // The server's side of the handshake may end after the module's, and its log with it.
            server.until("CIPHER is ").await;
            host.close().await;
            let lines = |path: &str| {
                let text = std::fs::read_to_string(path).unwrap();
                let mut lines: Vec<String> = text
                    .lines()
                    .filter(|line| !line.starts_with('#'))
                    .map(str::to_owned)
                    .collect();
                lines.sort_unstable();
                lines
            };
            let known = lines(&ours);
            assert!(!known.is_empty());
            let of_server = lines(&theirs);
            assert!(
                known.iter().all(|line| of_server.contains(line)),
                "{known:?} and {of_server:?}"
            );
        }
    }
}
