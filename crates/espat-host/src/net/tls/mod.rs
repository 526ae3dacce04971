//! TLS: the module's SSL links and SSL servers, by OpenSSL.
//!
//! OpenSSL reads and writes the socket itself, without blocking, so that what a record took on the wire can be counted and a
//! send need not wait for the task to be polled. A verification that was asked for and fails ends the link: there is no
//! second attempt without it.

mod certificates;
mod context;
mod greeting;
mod identity;
mod keylog;
mod link;
mod partition;
mod session;
mod slot;
mod watch;
mod wire;

pub(crate) use certificates::holds_slots;
pub use certificates::{CertificateError, Certificates};
pub use keylog::KeyLog;

pub(super) use greeting::{GREETINGS_MAX, Greeting};
pub(super) use link::TlsLink;
use session::Hints;
pub(super) use session::Session;
pub(super) use watch::SlotWatch;

use std::net::SocketAddr;

use espat_core::{Connect, Instant, Listen, NetError, SlotKind, TlsClient, TlsServer};
use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslRef};
use openssl::x509::verify::{X509CheckFlags, X509VerifyFlags};
use tokio::net::TcpStream;

use super::capture::{Capture, Tap, Way};
use super::listen::TlsSide;

/// The name and version of the TLS library.
#[must_use]
pub fn tls_library() -> &'static str {
    openssl::version::version()
}

/// A self-signed certificate and its key, made now, as PEM: for a server beside the module.
///
/// # Errors
/// What OpenSSL says.
pub fn self_signed_pem() -> Result<Vec<u8>, ErrorStack> {
    identity::pem(&identity::make()?)
}

/// What sessions are made from.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    pub(super) certificates: Certificates,
    pub(super) key_log: Option<KeyLog>,
    pub(super) capture: Option<Capture>,
}

/// Why a session cannot begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error(
        "{}.{number} is empty: put a PEM file {}.{number}.pem into the folder of --certs, or write the partition",
        kind.name(), kind.name()
    )]
    Empty { kind: SlotKind, number: u8 },
    #[error("{what} is no text that TLS can carry")]
    Text { what: &'static str },
    #[error("the Common Name begins with a dot, and OpenSSL would take every name below it")]
    Domain,
    #[error("OpenSSL has none of the cipher suites of AT+CIPSSLCCIPHER for this link")]
    NoCipher,
    #[error("OpenSSL refuses the configuration: {0}")]
    OpenSsl(#[from] ErrorStack),
    #[error("the server's certificate cannot be kept in {}: {source}", path.display())]
    Keep {
        path: std::path::PathBuf,
        source: std::io::Error,
    },
}

impl Tls {
    /// A client's session over a connection that has been begun.
    fn client(&self, client: &TlsClient, stream: TcpStream) -> Result<Session, TlsError> {
        let text = |bytes: &Vec<u8>, what| {
            let text = String::from_utf8(bytes.clone()).ok();
            text.filter(|text| !text.contains('\0'))
                .ok_or(TlsError::Text { what })
        };
        let mut ssl = Ssl::new(&*self.client_context(client)?)?;
        if let Some(name) = &client.server_name {
            ssl.set_hostname(&text(name, "the server name (SNI)")?)?;
        }
        if !client.alpn.is_empty() {
            let mut wire = Vec::new();
            for protocol in &client.alpn {
                let len = u8::try_from(protocol.len()).map_err(|_| TlsError::Text {
                    what: "an ALPN protocol",
                })?;
                wire.push(len);
                wire.extend_from_slice(protocol);
            }
            ssl.set_alpn_protos(&wire)?;
        }
        let mut hints = Hints {
            has_psk: client.psk.is_some(),
            unix_s: None,
        };
        if let Some(verify) = &client.verify {
            hints.unix_s = verify.unix_s;
            check_dates(&mut ssl, verify.unix_s)?;
            if let Some(name) = &verify.common_name {
                if name.starts_with(b".") {
                    return Err(TlsError::Domain);
                }
                let param = ssl.param_mut();
                // A wildcard is a whole label, as for Mbed TLS.
                param.set_hostflags(
                    X509CheckFlags::ALWAYS_CHECK_SUBJECT | X509CheckFlags::NO_PARTIAL_WILDCARDS,
                );
                param.set_host(&text(name, "the Common Name")?)?;
            }
        }
        ssl.set_connect_state();
        Ok(Session::new(ssl, stream, hints, self.tap())?)
    }

    /// Begins to connect; the handshake follows by itself.
    pub(super) fn connect(
        &self,
        to: &Connect,
        remote: SocketAddr,
        local: Option<SocketAddr>,
    ) -> Result<TlsLink, NetError> {
        let Some(client) = &to.tls else {
            return Err(NetError::Tls);
        };
        let stream = super::tcp::begin(remote, local).map_err(|error| {
            tracing::warn!("a link to {remote} cannot be opened: {error}");
            super::error::net_error(&error)
        })?;
        let session = self.client(client, stream).map_err(|error| {
            tracing::warn!("SSL link to {remote}: {error}");
            NetError::Tls
        })?;
        let flight = client.rules.flight_timeout;
        Ok(TlsLink::connecting(
            session,
            remote,
            to.options,
            to.deadline,
            flight,
        ))
    }

    /// What an SSL server needs; its certificate is made here where there is none.
    pub(super) fn side(self, on: &Listen, now: Instant) -> Result<Option<TlsSide>, NetError> {
        let Some(server) = on.tls else {
            return Ok(None);
        };
        self.server_context(&server).map_err(|error| {
            tracing::warn!("SSL server port {}: {error}", on.port);
            NetError::Tls
        })?;
        Ok(Some(TlsSide::new(self, server, now)))
    }

    /// A server's session with an accepted client.
    pub(super) fn server(
        &self,
        server: &TlsServer,
        unix_s: Option<i64>,
        stream: TcpStream,
    ) -> Result<Session, TlsError> {
        let mut ssl = Ssl::new(&*self.server_context(server)?)?;
        check_dates(&mut ssl, unix_s)?;
        ssl.set_accept_state();
        let hints = Hints {
            has_psk: false,
            unix_s,
        };
        let mut tap = self.tap();
        if let (Ok(ours), Ok(theirs)) = (stream.local_addr(), stream.peer_addr()) {
            tap.opened(Way::In, ours, theirs);
        }
        Ok(Session::new(ssl, stream, hints, tap)?)
    }

    /// Keeps packets back until the secrets for them are there, where those are wanted.
    fn tap(&self) -> Tap {
        let tap = Tap::new(self.capture.as_ref());
        if self.key_log.is_some() {
            tap.hold()
        } else {
            tap
        }
    }
}

/// The peer's certificates have to be valid at that time; `None`: at any.
fn check_dates(ssl: &mut SslRef, unix_s: Option<i64>) -> Result<(), ErrorStack> {
    let param = ssl.param_mut();
    match unix_s {
        Some(seconds) => param.set_time(seconds),
        None => param.set_flags(X509VerifyFlags::NO_CHECK_TIME)?,
    }
    Ok(())
}
