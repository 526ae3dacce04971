//! HTTPS: the server's certificate, and the handshake.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
use openssl::x509::X509;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;

use crate::failure::Usage;

const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// A server with a certificate and its key from PEM files, or with one made now.
pub(super) fn acceptor(files: Option<(&Path, &Path)>) -> Result<SslAcceptor, Usage> {
    let (certificates, key) = match files {
        Some((certificate, key)) => (read("--cert", certificate)?, read("--key", key)?),
        None => {
            let made = espat_host::self_signed_pem();
            let made =
                made.map_err(|e| Usage::new(format!("--tls: no certificate can be made: {e}")))?;
            (made.clone(), made)
        }
    };
    let named = |option: &str, path: Option<&Path>| {
        path.map_or_else(
            || "--tls".to_owned(),
            |path| format!("{option} {}", path.display()),
        )
    };
    let cert = named("--cert", files.map(|f| f.0));
    let chain = X509::stack_from_pem(&certificates);
    let mut chain = chain
        .map_err(|e| wrong(&cert, "holds no certificate in PEM", &e))?
        .into_iter();
    let Some(own) = chain.next() else {
        return Err(Usage::new(format!(
            "{cert}: holds no certificate in PEM; it begins with -----BEGIN CERTIFICATE-----"
        )));
    };
    let named_key = named("--key", files.map(|f| f.1));
    // Nothing asks for a passphrase.
    let key = PKey::private_key_from_pem_callback(&key, |_| Err(ErrorStack::get()));
    let key = key.map_err(|e| {
        wrong(
            &named_key,
            "holds no private key in PEM without a passphrase",
            &e,
        )
    })?;
    let pair = || {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        builder.set_certificate(&own)?;
        for certificate in chain {
            builder.add_extra_chain_cert(certificate)?;
        }
        builder.set_private_key(&key)?;
        builder.check_private_key()?;
        Ok(builder.build())
    };
    pair().map_err(|e| wrong(&named_key, &format!("does not go with {cert}"), &e))
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>, Usage> {
    std::fs::read(path).map_err(|e| {
        Usage::new(format!(
            "{option} {}: cannot read the file: {e}; name a PEM file",
            path.display()
        ))
    })
}

fn wrong(option: &str, what: &str, error: &ErrorStack) -> Usage {
    Usage::new(format!("{option}: {what}: {error}"))
}

/// Shakes hands with a client.
pub(super) async fn accept(
    acceptor: &SslAcceptor,
    stream: TcpStream,
) -> io::Result<SslStream<TcpStream>> {
    let ssl = Ssl::new(acceptor.context())?;
    let mut stream = SslStream::new(ssl, stream)?;
    let shaken = timeout(HANDSHAKE_TIME, Pin::new(&mut stream).accept()).await?;
    shaken.map_err(|error| io::Error::other(error.to_string()))?;
    Ok(stream)
}
