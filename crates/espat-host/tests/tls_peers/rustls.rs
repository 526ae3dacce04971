//! rustls as a peer.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls;

use super::certificates::Pair;

/// What a rustls server saw of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) sni: Option<String>,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) version: rustls::ProtocolVersion,
    pub(crate) has_certificate: bool,
}

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A rustls server's configuration; with `clients`, it asks for certificates of that authority.
pub(crate) fn server_config(own: &Pair, clients: Option<&Pair>) -> rustls::ServerConfig {
    let builder = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                authority.roots(),
                provider(),
            );
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let (chain, key) = own.rustls();
    builder.with_single_cert(chain, key).unwrap()
}

/// A rustls server that sends back what it gets, and says whom it has seen; `None` stands for a failed handshake.
pub(crate) async fn echo_server(
    config: rustls::ServerConfig,
) -> (
    SocketAddr,
    tokio::sync::mpsc::UnboundedReceiver<Option<Seen>>,
) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (tell, seen) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, tell) = (acceptor.clone(), tell.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    let _ = tell.send(None);
                    return;
                };
                let (_, session) = stream.get_ref();
                let _ = tell.send(Some(Seen {
                    sni: session.server_name().map(str::to_owned),
                    alpn: session.alpn_protocol().map(<[u8]>::to_vec),
                    version: session.protocol_version().unwrap(),
                    has_certificate: session.peer_certificates().is_some(),
                }));
                let mut buffer = vec![0; 4096];
                while let Ok(n) = stream.read(&mut buffer).await {
                    if n == 0 || stream.write_all(&buffer[..n]).await.is_err() {
                        break;
                    }
                }
                let _ = stream.shutdown().await;
            });
        }
    });
    (at, seen)
}
