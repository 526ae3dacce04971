//! The module as an SSL client against the `openssl` command: what `tls_client.rs` shows with rustls, once more.

#[cfg(test)]
mod host;
#[cfg(test)]
mod places;
#[cfg(test)]
mod tls_peers;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use espat_core::profile::testing;
    use espat_core::{ModuleConfig, Profile};
    use espat_host::{KeyLog, MapRule, NetOptions};
    use tokio::time::Instant;

    use crate::host::{DEADLINE, Host};
    use crate::places;
    use crate::tls_peers::{Authorities, Folder, NOW, Openssl, Pair, Says};

    /// Each version of the protocol, and a firmware line that speaks it.
    fn versions() -> [(&'static str, &'static Profile); 2] {
        [
            ("-tls1_2", ModuleConfig::new().profile),
            ("-tls1_3", &testing::TLS_1_3),
        ]
    }

    /// The two authorities, and a certificate of ours for `openssl`.
    fn made() -> Authorities {
        let made = Authorities::new();
        let own = made.ours.issue(&Says::name("server.test"));
        made.folder.put_pair("cert.pem", "key.pem", &own);
        made
    }

    #[tokio::test]
    async fn a_server_is_checked_in_modes_2_and_3_only() {
        let made = made();
        for (version, profile) in versions() {
            let Some((_server, at)) = Openssl::server_of(&made.folder, &[version]).await else {
                return;
            };
            let mut host = Host::of_profile(profile, made.folder.net()).await;
            host.set_clock().await;
            host.checks_a_server_in_modes_2_and_3_only(at, version)
                .await;
        }
    }

    #[tokio::test]
    async fn a_server_may_ask_for_a_certificate() {
        let made = made();
        let ca = made.folder.file("client_ca.0.pem");
        for (version, profile) in versions() {
            let asks = ["-CAfile", &ca, "-Verify", "1", "-verify_return_error"];
            let Some((mut server, at)) =
                Openssl::server_of(&made.folder, &[&asks[..], &[version]].concat()).await
            else {
                return;
            };
            let mut host = Host::of_profile(profile, made.folder.net()).await;
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
        let made = made();
        let (cert, key) = (made.folder.file("cert.pem"), made.folder.file("key.pem"));
        for (version, profile) in versions() {
            let names = ["-servername", "x", "-cert2", &cert, "-key2", &key];
            let more = [&names[..], &["-tlsextdebug", version]].concat();
            let Some((mut server, at)) = Openssl::server_of(&made.folder, &more).await else {
                return;
            };
            let map: MapRule = format!("www.example.org=127.0.0.1:{}", at.port())
                .parse()
                .unwrap();
            let net = NetOptions {
                maps: vec![map],
                ..made.folder.net()
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
        let made = made();
        for (version, profile) in versions() {
            // The server takes the first of its own that is offered.
            let Some((mut server, at)) =
                Openssl::server_of(&made.folder, &["-alpn", "b,c", version]).await
            else {
                return;
            };
            let mut host = Host::of_profile(profile, made.folder.net()).await;
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
        let made = made();
        let expired = made.ours.issue(&Says {
            valid: (NOW - 200, NOW - 100),
            ..Says::name("server.test")
        });
        made.folder.put_pair("cert.pem", "key.pem", &expired);
        for (version, profile) in versions() {
            let Some((_server, at)) = Openssl::server_of(&made.folder, &[version]).await else {
                return;
            };
            let mut host = Host::of_profile(profile, made.folder.net()).await;
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
        let made = made();
        // With `-quiet` the server writes on its standard output what comes and nothing else, not even its port, and sends what
        // stands on its standard input.
        let at = places::free();
        let (accept, cert, key) = (
            at.to_string(),
            made.folder.file("cert.pem"),
            made.folder.file("key.pem"),
        );
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
        host.prepare_bulk().await;
        let begun = Instant::now();
        while !host.connects(at).await {
            assert!(begun.elapsed() < DEADLINE, "the server does not begin");
        }
        host.carries_a_hundred_megabytes_each_way().await;
        echo.abort();
    }

    #[tokio::test]
    async fn the_key_log_is_the_servers() {
        let made = made();
        for (version, profile) in versions() {
            let (ours, theirs) = (
                made.folder.file(&format!("ours{version}.log")),
                made.folder.file(&format!("theirs{version}.log")),
            );
            let Some((mut server, at)) =
                Openssl::server_of(&made.folder, &["-keylogfile", &theirs, version]).await
            else {
                return;
            };
            let net = NetOptions {
                key_log: Some(KeyLog::open(ours.as_ref()).unwrap()),
                ..made.folder.net()
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

    #[tokio::test]
    async fn the_chosen_cipher_suites_are_the_ones_that_are_offered() {
        let newer = Profile::find("esp32-4.1").unwrap();
        let ca = Pair::authority("ca");
        let folder = Folder::new();
        let own = ca.issue(&Says::name("server.test"));
        folder.put_pair("cert.pem", "key.pem", &own);
        // The server takes one suite only, ECDHE-ECDSA-AES128-GCM-SHA256 or its RSA twin: 0xC02B, 0xC02F.
        let taken = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
        let arguments = ["-tls1_2", "-cipher", taken];
        let Some((mut server, at)) = Openssl::server_of(&folder, &arguments).await else {
            return;
        };
        let mut host = Host::of_profile(newer, NetOptions::default()).await;
        for (suites, connects) in [
            ("0", true),
            ("2,0xC023,0xC027", false),
            // What nobody knows is left out; what is left is not enough.
            ("1,0xFAFA", false),
            // Of TLS 1.3, which the firmware speaks but the server does not.
            ("1,0x1301", false),
            ("3,0xFAFA,0xC02B,0xC02F", true),
        ] {
            host.ok(&format!("AT+CIPSSLCCIPHER={suites}")).await;
            assert_eq!(host.connects(at).await, connects, "{suites}");
            if connects {
                host.says("over it\n").await;
                server.until("over it").await;
                host.close().await;
            }
        }
        server.stop().await;
    }

    #[tokio::test]
    async fn the_openssl_command_sees_the_certificate_and_the_names() {
        let ca = Pair::authority("ca");
        let folder = Folder::new();
        folder.put("client_ca.0.pem", &ca.certificate_pem());
        let me = ca.issue(&Says::name("me"));
        folder.put_pair("client_cert.0.pem", "client_key.0.pem", &me);
        let own = ca.issue(&Says::name("server.test"));
        folder.put_pair("cert.pem", "key.pem", &own);
        let ca_file = folder.file("client_ca.0.pem");
        let arguments = ["-CAfile", &ca_file, "-Verify", "1", "-alpn", "mqtt"];
        let Some((mut server, at)) = Openssl::server_of(&folder, &arguments).await else {
            return;
        };
        let mut host = Host::on(folder.net()).await;
        host.set_clock().await;
        host.ok("AT+CIPSSLCCONF=3").await;
        host.ok("AT+CIPSSLCCN=\"server.test\"").await;
        host.ok("AT+CIPSSLCSNI=\"sni.test\"").await;
        host.ok("AT+CIPSSLCALPN=2,\"http/1.1\",\"mqtt\"").await;
        assert!(host.connects(at).await);
        server
            .until("advertised by the client: http/1.1, mqtt")
            .await;
        server.until("ALPN protocols selected: mqtt").await;
        server.until("subject=CN = me").await;
        host.says("hello\n").await;
        server.until("hello").await;
        server.say("back\n").await;
        host.wait("+IPD,5:back\n").await;
        // `Q` ends the server in an orderly way.
        server.say("Q\n").await;
        host.wait("CLOSED\r\n").await;
    }

    #[tokio::test]
    async fn old_versions_and_weak_certificates_are_taken_as_the_firmware_does() {
        let Some((server, at)) = weak_server().await else {
            return;
        };
        let mut host = Host::on(NetOptions::default()).await;
        assert!(host.connects(at).await);
        server.stop().await;
        let Some((server, at)) = weak_server().await else {
            return;
        };
        let mut host = Host::of_profile(&testing::TLS_1_3, NetOptions::default()).await;
        assert!(!host.connects(at).await, "this one wants TLS 1.2");
        server.stop().await;
    }

    /// TLS 1.0 with an RSA key of 1024 bits, signed with SHA-1.
    async fn weak_server() -> Option<(Openssl, SocketAddr)> {
        let folder = Folder::new();
        let file = &folder.file("weak.pem");
        let made = tokio::process::Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:1024", "-sha1", "-nodes"])
            .args(["-subj", "/CN=weak", "-keyout", file, "-out"])
            .arg(format!("{file}.crt"))
            .output()
            .await
            .ok()?;
        assert!(made.status.success(), "{made:?}");
        let cert = format!("{file}.crt");
        let arguments = ["-cert", &cert, "-key", file, "-tls1"];
        let strength = ["-cipher", "DEFAULT:@SECLEVEL=0"];
        Openssl::server(&[arguments.as_slice(), strength.as_slice()].concat()).await
    }
}
