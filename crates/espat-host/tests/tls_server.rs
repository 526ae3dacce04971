//! The module as an SSL server, against rustls and against the `openssl` command.

#[cfg(test)]
mod host;
#[cfg(test)]
mod places;
#[cfg(test)]
mod tls_peers;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::os::unix::fs::MetadataExt;
    use std::sync::Arc;

    use espat_core::profile::testing;
    use espat_host::{Certificates, NetOptions, Publish};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::timeout;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, ProtocolVersion};

    use crate::host::{DEADLINE, Host};
    use crate::places;
    use crate::tls_peers::{Folder, Openssl, Pair, Says, provider};

    /// A place for the module's port 443.
    fn published() -> (SocketAddr, Publish) {
        let at = places::free();
        (at, format!("443={at}").parse().unwrap())
    }

    async fn serving(certificates: Certificates, ca: &str) -> (Host, SocketAddr) {
        let (at, publish) = published();
        let net = NetOptions {
            certificates,
            publish: vec![publish],
            ..NetOptions::default()
        };
        let mut host = Host::on(net).await;
        host.ok("AT+CIPMUX=1").await;
        host.ok(&format!("AT+CIPSERVER=1,443,\"SSL\"{ca}")).await;
        (host, at)
    }

    fn client(authority: &Pair, own: Option<&Pair>) -> TlsConnector {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(authority.roots());
        TlsConnector::from(Arc::new(match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let (chain, key) = own.rustls();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }))
    }

    async fn connect(
        client: &TlsConnector,
        at: SocketAddr,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(at).await?;
        let name = ServerName::try_from("server.test").unwrap();
        let shaken = timeout(DEADLINE, client.connect(name, stream));
        shaken.await.expect("the handshake takes too long")
    }

    fn server_folder(ca: &Pair) -> Folder {
        let folder = Folder::new();
        let own = ca.issue(&Says::with_alternative("server.test", "server.test"));
        folder.put_pair("server_cert.0.pem", "server_key.0.pem", &own);
        folder
    }

    #[tokio::test]
    async fn clients_come_when_their_handshakes_are_done() {
        let ca = Pair::authority("ca");
        let folder = server_folder(&ca);
        let (mut host, at) = serving(folder.certificates(), "").await;
        let mut peer = connect(&client(&ca, None), at).await.unwrap();
        let version = peer.get_ref().1.protocol_version();
        assert_eq!(version, Some(ProtocolVersion::TLSv1_2));
        host.wait("0,CONNECT\r\n").await;
        peer.write_all(b"ping").await.unwrap();
        host.wait("+IPD,0,4:ping").await;
        host.send(b"AT+CIPSEND=0,4\r\n").await;
        host.wait(">").await;
        host.send(b"pong").await;
        host.wait("SEND OK\r\n").await;
        let mut pong = [0; 4];
        peer.read_exact(&mut pong).await.unwrap();
        assert_eq!(&pong, b"pong");
        let said = host.command("AT+CIPSTATUS").await;
        assert!(
            said.contains("+CIPSTATUS:0,\"SSL\",\"127.0.0.1\""),
            "{said}"
        );
        peer.shutdown().await.unwrap();
        host.wait("0,CLOSED\r\n").await;
        // The module's own end comes with close_notify: rustls would complain otherwise.
        let mut peer = connect(&client(&ca, None), at).await.unwrap();
        host.wait("0,CONNECT\r\n").await;
        host.ok("AT+CIPCLOSE=0").await;
        assert_eq!(peer.read(&mut pong).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_client_that_stalls_delays_nobody_and_takes_no_number() {
        let ca = Pair::authority("ca");
        let folder = server_folder(&ca);
        let (mut host, at) = serving(folder.certificates(), "").await;
        let mut stalled = Vec::new();
        for said in [&b""[..], b"\x16\x03\x01", b"GET / HTTP/1.0\r\n\r\n"] {
            let mut stream = TcpStream::connect(at).await.unwrap();
            stream.write_all(said).await.unwrap();
            stalled.push(stream);
        }
        let mut peers = Vec::new();
        for id in 0..5 {
            peers.push(connect(&client(&ca, None), at).await.unwrap());
            host.wait(&format!("{id},CONNECT\r\n")).await;
        }
        // What is no TLS is refused at once.
        let mut rest = Vec::new();
        let mut garbage = stalled.pop().unwrap();
        timeout(DEADLINE, garbage.read_to_end(&mut rest))
            .await
            .unwrap()
            .ok();
        let said = host.command("AT+CIPSTATUS").await;
        assert_eq!(said.matches("+CIPSTATUS:").count(), 5, "{said}");
    }

    #[tokio::test]
    async fn with_a_ca_clients_have_to_show_a_certificate_of_it() {
        let (ca, other) = (Pair::authority("ca"), Pair::authority("other"));
        let folder = server_folder(&ca);
        folder.put("server_ca.0.pem", &ca.certificate_pem());
        let (mut host, at) = serving(folder.certificates(), ",1").await;
        let stranger = other.issue(&Says::name("stranger"));
        let expired = ca.issue(&Says {
            valid: (1_000_000_000, 1_000_000_100),
            ..Says::name("late")
        });
        let friend = ca.issue(&Says::name("friend"));
        let refused = connect(&client(&ca, Some(&friend)), at).await;
        assert!(refused.is_err(), "it is 1970 on the module's clock");
        host.set_clock().await;
        for own in [None, Some(&stranger), Some(&expired)] {
            assert!(connect(&client(&ca, own), at).await.is_err());
        }
        let _peer = connect(&client(&ca, Some(&friend)), at).await.unwrap();
        // The first of all to be told, and the first number.
        assert_eq!(host.wait("CONNECT\r\n").await, "0,CONNECT\r\n");
        // The clock goes on as the module's does.
        host.ok("AT+SYSTIMESTAMP=1000000050").await;
        let _late = connect(&client(&ca, Some(&expired)), at).await.unwrap();
        host.wait("1,CONNECT\r\n").await;
    }

    #[tokio::test]
    async fn without_a_certificate_one_is_made_and_kept_for_its_owner() {
        let (certs, state) = (Folder::new(), Folder::new());
        let open = || Certificates::open(Some(certs.path()), Some(state.path())).unwrap();
        let (mut host, at) = serving(open(), "").await;
        let target = at.to_string();
        let arguments = ["s_client", "-connect", &target, "-servername", "espat"];
        let Some(mut peer) = Openssl::start(&arguments) else {
            return;
        };
        peer.until("0 s:CN = espat").await;
        peer.until("-----BEGIN CERTIFICATE-----").await;
        let first = peer.until("").await;
        host.wait("0,CONNECT\r\n").await;
        peer.input.write_all(b"hello\n").await.unwrap();
        host.wait("+IPD,0,6:hello\n").await;
        peer.stop().await;
        host.wait("0,CLOSED\r\n").await;
        let kept = std::fs::metadata(state.path().join("self_signed_server.pem")).unwrap();
        assert_eq!(kept.mode() & 0o777, 0o600);
        // Another module with this state shows the same one.
        let (_host, at) = serving(open(), "").await;
        let target = at.to_string();
        let mut peer = Openssl::start(&["s_client", "-connect", &target]).unwrap();
        peer.until("-----BEGIN CERTIFICATE-----").await;
        assert_eq!(peer.until("").await, first);
    }

    #[tokio::test]
    async fn the_newest_version_is_the_profiles() {
        let ca = Pair::authority("ca");
        let folder = server_folder(&ca);
        let (at, publish) = published();
        let net = NetOptions {
            certificates: folder.certificates(),
            publish: vec![publish],
            ..NetOptions::default()
        };
        let mut host = Host::of_profile(&testing::TLS_1_3, net).await;
        host.ok("AT+CIPMUX=1").await;
        host.ok("AT+CIPSERVER=1,443,\"SSL\"").await;
        let mut peer = connect(&client(&ca, None), at).await.unwrap();
        let version = peer.get_ref().1.protocol_version();
        assert_eq!(version, Some(ProtocolVersion::TLSv1_3));
        host.wait("0,CONNECT\r\n").await;
        peer.write_all(b"ping").await.unwrap();
        host.wait("+IPD,0,4:ping").await;
    }
}
