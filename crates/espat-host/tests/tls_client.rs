//! The module as an SSL client, against rustls and against the `openssl` command.

#[cfg(test)]
mod host;
#[cfg(test)]
mod tls_peers;

#[cfg(test)]
mod tests {
    use espat_core::profile::testing;
    use espat_host::{MapRule, NetOptions};
    use tokio_rustls::rustls::ProtocolVersion;

    use crate::host::Host;
    use crate::tls_peers::{
        Authorities, Folder, NOW, Openssl, Pair, Says, Seen, echo_server, listener, server_config,
    };

    #[tokio::test]
    async fn an_unverified_link_carries_payload_in_both_versions() {
        let own = Pair::authority("anybody");
        let profiles = [
            (
                espat_core::ModuleConfig::new().profile,
                ProtocolVersion::TLSv1_2,
            ),
            (&testing::TLS_1_3, ProtocolVersion::TLSv1_3),
        ];
        for (profile, version) in profiles {
            let (at, mut seen) = echo_server(server_config(&own, None)).await;
            let mut host = Host::of_profile(profile, NetOptions::default()).await;
            assert!(host.connects(at).await);
            let expected = Seen {
                sni: None,
                alpn: None,
                version,
                has_certificate: false,
            };
            assert_eq!(seen.recv().await.unwrap(), Some(expected));
            host.says("ping").await;
            host.wait("+IPD,4:ping").await;
            let said = host.command("AT+CIPSTATUS").await;
            assert!(
                said.contains("+CIPSTATUS:0,\"SSL\",\"127.0.0.1\""),
                "{said}"
            );
            host.close().await;
        }
    }

    #[tokio::test]
    async fn passive_receive_counts_bytes_of_the_wire() {
        let own = Pair::authority("anybody");
        // A record of AES-GCM: 5 bytes of header, 16 of check, and 8 of nonce or 1 of type.
        for (profile, overhead) in [
            (espat_core::ModuleConfig::new().profile, 29),
            (&testing::TLS_1_3, 22),
        ] {
            let (at, _) = echo_server(server_config(&own, None)).await;
            let mut host = Host::of_profile(profile, NetOptions::default()).await;
            host.ok("AT+CIPRECVMODE=1").await;
            assert!(host.connects(at).await);
            for text in ["ping", "0123456789"] {
                host.says(text).await;
                let on_wire = text.len() + overhead;
                host.wait(&format!("+IPD,{on_wire}\r\n")).await;
                let said = host.command("AT+CIPRECVLEN?").await;
                assert!(
                    said.starts_with(&format!("+CIPRECVLEN:{on_wire},")),
                    "{said}"
                );
                // A piece of it, then the rest: the count goes down with what is read.
                let said = host.command("AT+CIPRECVDATA=3").await;
                assert!(
                    said.contains(&format!("+CIPRECVDATA:3,{}", &text[..3])),
                    "{said}"
                );
                let said = host.command("AT+CIPRECVDATA=100").await;
                assert!(said.contains(&text[3..]), "{said}");
                let said = host.command("AT+CIPRECVLEN?").await;
                assert!(said.starts_with("+CIPRECVLEN:0,"), "{said}");
            }
        }
    }

    #[tokio::test]
    async fn a_server_is_checked_in_modes_2_and_3_only() {
        let Authorities { folder, ours } = Authorities::new();
        let server = ours.issue(&Says::with_alternative("server.test", "other.test"));
        let plain = ours.issue(&Says::name("server.test"));
        let mut host = Host::on(folder.net()).await;
        host.set_clock().await;
        // A subject without alternative names is checked as well as one with others.
        for own in [&server, &plain] {
            let (at, _) = echo_server(server_config(own, None)).await;
            host.checks_a_server_in_modes_2_and_3_only(at, "rustls")
                .await;
        }
        // A server that asks for certificates.
        for (conf, works) in [
            ("0", false),
            ("1,0", true),
            ("1,1", false),
            ("2,0,0", false),
            ("3,0,0", true),
            ("3,1,0", false),
        ] {
            let (at, mut seen) = echo_server(server_config(&server, Some(&ours))).await;
            host.ok(&format!("AT+CIPSSLCCONF={conf}")).await;
            host.ok("AT+CIPSSLCCN=\"server.test\"").await;
            assert_eq!(host.connects(at).await, works, "{conf}");
            let seen = seen.recv().await.unwrap();
            assert_eq!(seen.is_some_and(|seen| seen.has_certificate), works);
            if works {
                host.close().await;
            }
        }
    }

    #[tokio::test]
    async fn a_wildcard_is_one_whole_label_and_a_name_is_no_domain() {
        let ca = Pair::authority("ca");
        let folder = Folder::new();
        folder.put("client_ca.0.pem", &ca.certificate_pem());
        let mut host = Host::on(folder.net()).await;
        host.set_clock().await;
        host.ok("AT+CIPSSLCCONF=2").await;
        for (of_server, name, works) in [
            ("*.example.test", "www.example.test", true),
            ("*.example.test", "WWW.Example.test", true),
            ("*.example.test", "a.www.example.test", false),
            ("*.example.test", "example.test", false),
            ("w*.example.test", "www.example.test", false),
            ("www.example.test", ".example.test", false),
        ] {
            let own = ca.issue(&Says::name(of_server));
            let (at, _) = echo_server(server_config(&own, None)).await;
            host.ok(&format!("AT+CIPSSLCCN=\"{name}\"")).await;
            assert_eq!(host.connects(at).await, works, "{of_server} {name}");
            if works {
                host.close().await;
            }
        }
    }

    #[tokio::test]
    async fn names_and_protocols_are_sent_as_set() {
        let own = Pair::authority("anybody");
        let mut config = server_config(&own, None);
        config.alpn_protocols = vec![b"b".to_vec(), b"c".to_vec()];
        let (at, mut seen) = echo_server(config).await;
        let map: MapRule = format!("www.example.org=127.0.0.1:{}", at.port())
            .parse()
            .unwrap();
        let mut host = Host::on(NetOptions {
            maps: vec![map],
            ..NetOptions::default()
        })
        .await;
        host.ok("AT+CIPMUX=1").await;
        let mut link = async |line: &str| {
            host.ok(line).await;
            host.ok("AT+CIPSTART=0,\"SSL\",\"www.example.org\",443")
                .await;
            host.ok("AT+CIPCLOSE=0").await;
            let seen = seen.recv().await.unwrap().unwrap();
            (seen.sni.unwrap(), seen.alpn)
        };
        let host_name = "www.example.org".to_owned();
        assert_eq!(link("AT").await, (host_name.clone(), None));
        // The server's order decides; a client that offers nothing of it would be refused.
        let line = "AT+CIPSSLCALPN=0,3,\"a\",\"c\",\"b\"";
        assert_eq!(link(line).await, (host_name.clone(), Some(b"b".to_vec())));
        let line = "AT+CIPSSLCALPN=0,1,\"c\"";
        assert_eq!(link(line).await, (host_name, Some(b"c".to_vec())));
        let line = "AT+CIPSSLCSNI=5,\"other.test\"";
        assert_eq!(link(line).await.0, "other.test");
    }

    #[tokio::test]
    async fn dates_count_against_the_modules_clock() {
        let ca = Pair::authority("ca");
        let folder = Folder::new();
        folder.put("client_ca.0.pem", &ca.certificate_pem());
        let expired = ca.issue(&Says {
            valid: (NOW - 200, NOW - 100),
            ..Says::name("old")
        });
        let (at, _) = echo_server(server_config(&expired, None)).await;
        let mut host = Host::on(folder.net()).await;
        host.ok("AT+CIPSSLCCONF=2").await;
        assert!(!host.connects(at).await, "no clock: it is 1970");
        for (clock, works) in [(NOW - 150, true), (NOW, false), (NOW - 300, false)] {
            host.ok(&format!("AT+SYSTIMESTAMP={clock}")).await;
            assert_eq!(host.connects(at).await, works, "{clock}");
            if works {
                host.close().await;
            }
        }
        // Who checks nothing needs no clock.
        let mut host = Host::on(folder.net()).await;
        assert!(host.connects(at).await);
        // On a firmware line where dates count with the clock only, 1970 is no time.
        let mut host = Host::of_profile(&testing::TLS_1_3, folder.net()).await;
        host.ok("AT+CIPSSLCCONF=2").await;
        assert!(host.connects(at).await, "no clock, no dates");
        host.close().await;
        host.set_clock().await;
        assert!(!host.connects(at).await);
    }

    #[tokio::test]
    async fn a_pre_shared_key_is_bytes_and_an_identity() {
        for (version, profile) in [
            ("-tls1_2", espat_core::ModuleConfig::new().profile),
            ("-tls1_3", &testing::TLS_1_3),
        ] {
            // "secret", in hexadecimal. Without a certificate there is nothing but the key.
            let arguments = [
                "-nocert",
                "-psk",
                "736563726574",
                "-psk_identity",
                "client-1",
                version,
            ];
            let Some((mut server, at)) = Openssl::server(&arguments).await else {
                return;
            };
            let mut host = Host::of_profile(profile, NetOptions::default()).await;
            assert!(!host.connects(at).await, "no key");
            host.ok("AT+CIPSSLCPSK=\"wrong\",\"client-1\"").await;
            assert!(!host.connects(at).await, "another key");
            host.ok("AT+CIPSSLCPSK=\"secret\",\"client-1\"").await;
            assert!(host.connects(at).await, "{version}");
            host.says("over psk\n").await;
            server.until("over psk").await;
            server.stop().await;
        }
    }

    #[tokio::test]
    async fn the_time_out_of_a_link_counts_through_the_handshake() {
        let newer = espat_core::Profile::find("esp32-4.1").unwrap();
        // It takes the connection and says nothing.
        let (_mute, at) = listener().await;
        let port = at.port();
        let mut host = Host::of_profile(newer, NetOptions::default()).await;
        let begun = tokio::time::Instant::now();
        let said = host
            .command(&format!("AT+CIPSTART=\"SSL\",\"127.0.0.1\",{port},,,500"))
            .await;
        let took = begun.elapsed();
        assert!(said.ends_with("ERROR\r\n"), "{said:?}");
        // A flight of a handshake may take 10 s.
        let limits = tokio::time::Duration::from_millis(500)..tokio::time::Duration::from_secs(9);
        assert!(limits.contains(&took), "{took:?}");
        host.wait("CLOSED\r\n").await;
        host.ok("AT").await;
    }

    #[tokio::test]
    async fn a_key_in_hexadecimal_digits_may_have_a_nul() {
        let newer = espat_core::Profile::find("esp32c3-3.3").unwrap();
        let arguments = [
            "-nocert",
            "-psk",
            "610062ff",
            "-psk_identity",
            "client-1",
            "-tls1_2",
        ];
        let Some((mut server, at)) = Openssl::server(&arguments).await else {
            return;
        };
        let mut host = Host::of_profile(newer, NetOptions::default()).await;
        host.ok("AT+CIPSSLCPSKHEX=\"61\",\"client-1\"").await;
        assert!(!host.connects(at).await, "what stands before the NUL");
        host.ok("AT+CIPSSLCPSKHEX=\"610062FF\",\"client-1\"").await;
        assert!(host.connects(at).await);
        host.says("over psk\n").await;
        server.until("over psk").await;
        server.stop().await;
    }

    #[tokio::test]
    async fn who_wants_a_key_takes_no_certificate_and_who_has_a_ca_offers_no_key() {
        let ca = Pair::authority("ca");
        let folder = Folder::new();
        folder.put("client_ca.0.pem", &ca.certificate_pem());
        let own = ca.issue(&Says::name("server.test"));
        let (at, _) = echo_server(server_config(&own, None)).await;
        for profile in [espat_core::ModuleConfig::new().profile, &testing::TLS_1_3] {
            let mut host = Host::of_profile(profile, folder.net()).await;
            host.set_clock().await;
            host.ok("AT+CIPSSLCPSK=\"secret\",\"client-1\"").await;
            assert!(
                !host.connects(at).await,
                "nobody has vouched for the server"
            );
            host.ok("AT+CIPSSLCCONF=2").await;
            assert!(host.connects(at).await, "the CA has");
            host.close().await;
            let keys = [
                "-nocert",
                "-psk",
                "736563726574",
                "-psk_identity",
                "client-1",
            ];
            let Some((server, keyed)) = Openssl::server(&keys).await else {
                return;
            };
            assert!(!host.connects(keyed).await, "a key is no certificate");
            host.ok("AT+CIPSSLCCONF=0").await;
            assert!(host.connects(keyed).await);
            server.stop().await;
        }
    }
}
