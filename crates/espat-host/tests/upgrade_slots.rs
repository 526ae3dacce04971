//! Certificates and keys that `AT+CIUPDATE` writes: they take the place of files, in links and servers that are there.

#[cfg(test)]
mod host;
#[cfg(test)]
mod places;
#[cfg(test)]
mod tls_peers;
#[cfg(test)]
mod upgrade_server;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use espat_host::{Module, NetOptions};
    use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};

    use crate::host::Host;
    use crate::places;
    use crate::tls_peers::{Folder, Pair, Says, echo_server, server_config};
    use crate::upgrade_server::{Act, Server, answer, config, module, partition, serves};

    /// A module with a clock and a server of SSL links that asks for what `ca` says, and where that is.
    async fn serving(url: &str, mut net: NetOptions, ca: &str) -> (Host, SocketAddr) {
        let at = places::free();
        net.publish = vec![format!("443={at}").parse().unwrap()];
        let mut host = Host::joined(Module::new(config(url)).net(net)).await;
        host.set_clock().await;
        host.ok("AT+CIPMUX=1").await;
        host.ok(&format!("AT+CIPSERVER=1,443,\"SSL\"{ca}")).await;
        (host, at)
    }

    #[tokio::test]
    async fn a_partition_of_cas_replaces_those_of_the_folder() {
        let (ours, theirs) = (Pair::authority("ours"), Pair::authority("theirs"));
        let peer = ours.issue(&Says::name("server.test"));
        let (to, _) = echo_server(server_config(&peer, None)).await;
        let certs = Folder::new();
        certs.put("client_ca.0.pem", &theirs.certificate_pem());
        certs.put("client_ca.1.pem", &ours.certificate_pem());
        let list = partition(&[
            &ours.certificate_pem(),
            &theirs.certificate.to_der().unwrap(),
        ]);
        let mut server = Server::start(serves("v2.4.0.0", &list)).await;
        let state = Folder::new();
        let url = server.url("http");
        let mut host = module(&url, Some(state.path()), Some(&certs)).await;
        host.set_clock().await;
        host.ok("AT+CIPSSLCCONF=2,0,0").await;
        assert!(!host.connects(to).await);
        host.ok("AT+CIUPDATE=0,\"v2.4.0.0\",\"client_ca\"").await;
        assert!(server.request().await.contains("&filename=client_ca.bin "));
        assert!(host.connects(to).await);
        host.close().await;
        host.ok("AT+CIPSSLCCONF=2,0,1").await;
        assert!(!host.connects(to).await);
        // The folder changes: it does not count for this kind any more.
        certs.put("client_ca.1.pem", &theirs.certificate_pem());
        host.ok("AT+CIPSSLCCONF=2,0,0").await;
        assert!(host.connects(to).await);
        host.close().await;
        host.ok("AT+RESTORE").await;
        host.wait("ready\r\n").await;
        host.stop().await;
        // It stays over restarts, until its file is taken away.
        let mut host = module(&url, Some(state.path()), Some(&certs)).await;
        host.set_clock().await;
        host.ok("AT+CIPSSLCCONF=2,0,0").await;
        assert!(host.connects(to).await);
        host.stop().await;
        std::fs::remove_file(state.path().join("partitions/client_ca.bin")).unwrap();
        let mut host = module(&url, Some(state.path()), Some(&certs)).await;
        host.set_clock().await;
        host.ok("AT+CIPSSLCCONF=2,0,0").await;
        assert!(!host.connects(to).await);
    }

    #[tokio::test]
    async fn a_partition_that_is_no_list_leaves_its_slots_empty() {
        let ours = Pair::authority("ours");
        let certs = Folder::new();
        certs.put("client_ca.0.pem", &ours.certificate_pem());
        let server = Server::start(serves("v2.4.0.0", &ours.certificate_pem())).await;
        let mut host = module(&server.url("http"), None, Some(&certs)).await;
        host.ok("AT+CIPSSLCCONF=2,0,0").await;
        host.ok("AT+CIUPDATE=0,\"v2.4.0.0\",\"client_ca\"").await;
        let said = host.command("AT+CIPSSLCCONF=2,0,0").await;
        assert_eq!(said, "NO CA FOUND\r\n\r\nERROR\r\n");
        // Another module with the same folder has its own.
        let mut other = module(&server.url("http"), None, Some(&certs)).await;
        other.ok("AT+CIPSSLCCONF=2,0,0").await;
    }

    #[tokio::test]
    async fn a_running_server_shows_its_new_certificate() {
        let pair = Pair::authority("server.test");
        let shown_then = pair.certificate.to_der().unwrap();
        let server = pair_server(pair).await;
        let (mut host, at) = serving(&server.url("http"), NetOptions::default(), "").await;
        assert_ne!(shown(&mut host, at).await, shown_then);
        host.ok("AT+CIUPDATE=0,\"v2.4.0.0\",\"server_cert\"").await;
        host.ok("AT+CIUPDATE=0,\"v2.4.0.0\",\"server_key\"").await;
        assert_eq!(shown(&mut host, at).await, shown_then);
    }

    /// The certificate that the module's server shows.
    async fn shown(host: &mut Host, at: SocketAddr) -> Vec<u8> {
        let client = tokio::task::spawn_blocking(move || {
            let mut builder = SslConnector::builder(SslMethod::tls()).unwrap();
            builder.set_verify(SslVerifyMode::NONE);
            let stream = std::net::TcpStream::connect(at).unwrap();
            let stream = builder.build().connect("server.test", stream).unwrap();
            stream.ssl().peer_certificate().unwrap().to_der().unwrap()
        });
        let certificate = client.await.unwrap();
        host.wait("0,CLOSED\r\n").await;
        certificate
    }

    #[tokio::test]
    async fn a_clients_certificate_and_key_are_replaced() {
        let ca = Pair::authority("ca");
        let (friend, stranger) = (
            ca.issue(&Says::name("friend")),
            Pair::authority("other").issue(&Says::name("stranger")),
        );
        let certs = Folder::new();
        certs.put_pair("client_cert.0.pem", "client_key.0.pem", &stranger);
        let (to, _) = echo_server(server_config(&ca, Some(&ca))).await;
        let server = pair_server(friend).await;
        let mut host = module(&server.url("http"), None, Some(&certs)).await;
        host.ok("AT+CIPSSLCCONF=1,0,0").await;
        // TLS 1.2: the server's refusal comes within the handshake.
        assert!(!host.connects(to).await);
        host.ok("AT+CIUPDATE=0,\"v2.4.0.0\",\"client_cert\"").await;
        // A certificate with another's key.
        assert!(!host.connects(to).await);
        host.ok("AT+CIUPDATE=0,\"v2.4.0.0\",\"client_key\"").await;
        assert!(host.connects(to).await);
    }

    /// A server of a pair, one partition each.
    async fn pair_server(pair: Pair) -> Server {
        let (certificate, key) = (pair.certificate_pem(), pair.key_pem());
        Server::start(move |line| {
            let is_certificate = line.contains("_cert.bin");
            let item = if is_certificate { &certificate } else { &key };
            vec![Act::Write(answer(&partition(&[item])))]
        })
        .await
    }

    #[tokio::test]
    async fn a_running_server_takes_its_new_ca() {
        let (old, new) = (Pair::authority("old"), Pair::authority("new"));
        let certs = Folder::new();
        certs.put("server_ca.0.pem", &old.certificate_pem());
        let list = partition(&[&new.certificate_pem()]);
        let server = Server::start(serves("v2.4.0.0", &list)).await;
        let net = NetOptions {
            certificates: certs.certificates(),
            ..NetOptions::default()
        };
        let (mut host, at) = serving(&server.url("http"), net, ",1").await;
        let friend = new.issue(&Says::name("friend"));
        assert!(!is_taken(&friend, at).await);
        host.ok("AT+CIUPDATE=0,\"v2.4.0.0\",\"server_ca\"").await;
        assert!(is_taken(&friend, at).await);
        host.wait("0,CONNECT\r\n").await;
    }

    /// Whether the module's server takes a client with this certificate.
    async fn is_taken(client: &Pair, at: SocketAddr) -> bool {
        let (certificate, key) = (client.certificate.clone(), client.key.clone());
        let taken = tokio::task::spawn_blocking(move || {
            let mut builder = SslConnector::builder(SslMethod::tls()).unwrap();
            builder.set_verify(SslVerifyMode::NONE);
            builder.set_certificate(&certificate).unwrap();
            builder.set_private_key(&key).unwrap();
            let stream = std::net::TcpStream::connect(at).unwrap();
            builder.build().connect("server.test", stream).is_ok()
        });
        taken.await.unwrap()
    }
}
