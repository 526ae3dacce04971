//! One TLS session over a socket that does not block: the handshake, reading, writing and the end of it.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use espat_core::{CloseCause, Instant, NetError};
use openssl::ssl::{ErrorCode, Ssl, SslRef, SslStream};
use openssl::x509::X509VerifyResult;
use tokio::net::TcpStream;

use super::wire::Wire;
use crate::net::capture::{Tap, Way};
use crate::net::error::{close_cause, net_error};

/// `X509_V_ERR_CERT_NOT_YET_VALID`.
const NOT_YET_VALID: i32 = 9;
/// A clock that nobody set shows a time in 1970.
const UNSET_BELOW_S: i64 = 365 * 24 * 3600;
/// The most plaintext that one record carries.
const RECORD_MAX: usize = 16 * 1024;

#[derive(Debug)]
pub(in crate::net) struct Session {
    ssl: SslStream<Wire>,
    stream: Arc<TcpStream>,
    /// Plaintext at the front of the next write that OpenSSL has encrypted already and must be given again.
    begun: usize,
    /// A handshake message came in half, and OpenSSL writes nothing before it has the rest.
    write_wants_read: bool,
    hints: Hints,
}

/// What may be the matter where a peer's certificate is refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hints {
    /// The peer should know a key.
    pub(super) has_psk: bool,
    /// The module's clock.
    pub(super) unix_s: Option<i64>,
}

/// How long a handshake may go on without a step forward.
#[derive(Debug)]
pub(in crate::net) struct Pace {
    flight: Duration,
    stepped_at: Instant,
    state: &'static str,
}

impl Pace {
    pub(in crate::net) fn start(flight: Duration, now: Instant) -> Self {
        Self {
            flight,
            stepped_at: now,
            state: "",
        }
    }

    pub(in crate::net) fn deadline(&self) -> Instant {
        self.stepped_at + self.flight
    }

    /// When it went forward last.
    pub(in crate::net) fn stepped_at(&self) -> Instant {
        self.stepped_at
    }

    /// Bytes alone are no step: a peer that drips them would never be given up.
    fn note(&mut self, state: &'static str, now: Instant) {
        if state != self.state {
            self.state = state;
            self.stepped_at = now;
        }
    }
}

/// Why a handshake failed.
#[derive(Debug)]
pub(in crate::net) struct Refused {
    pub(in crate::net) error: NetError,
    pub(in crate::net) why: String,
}

/// What was read.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct Taken {
    pub(in crate::net) len: usize,
    pub(in crate::net) wire_len: usize,
}

impl Session {
    /// A session that has not begun; `ssl` knows whether it is a client's or a server's.
    pub(super) fn new(
        ssl: Ssl,
        stream: TcpStream,
        hints: Hints,
        tap: Tap,
    ) -> Result<Self, openssl::error::ErrorStack> {
        let stream = Arc::new(stream);
        Ok(Self {
            ssl: SslStream::new(ssl, Wire::new(Arc::clone(&stream), tap))?,
            stream,
            begun: 0,
            write_wants_read: false,
            hints,
        })
    }

    pub(in crate::net) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(in crate::net) fn tap(&mut self) -> &mut Tap {
        self.ssl.get_mut().tap()
    }

    pub(in crate::net) fn poll_handshake(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        pace: &mut Pace,
    ) -> Poll<Result<(), Refused>> {
        loop {
            let done = self.ssl.do_handshake();
            pace.note(self.ssl.ssl().state_string_long(), now);
            let Err(error) = done else {
                self.tap().release();
                return Poll::Ready(Ok(()));
            };
            match self.poll_wanted(cx, error.code()) {
                Some(Poll::Ready(Ok(()))) => {}
                Some(Poll::Ready(Err(error))) => return Poll::Ready(Err(of_socket(&error))),
                Some(Poll::Pending) if now >= pace.deadline() => {
                    return Poll::Ready(Err(Refused {
                        error: NetError::TimedOut,
                        why: format!("the peer says nothing for {:?}", pace.flight),
                    }));
                }
                Some(Poll::Pending) => return Poll::Pending,
                None => return Poll::Ready(Err(self.refused(&error))),
            }
        }
    }

    pub(in crate::net) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<Taken, CloseCause>> {
        loop {
            let before = self.ssl.ssl().pending();
            let error = match self.ssl.ssl_read(buffer) {
                Ok(len) => {
                    // A record's own length beyond its plaintext counts with the first piece of it. What came between two
                    // records with payload does not count.
                    let overhead = if before == 0 {
                        let plain = len + self.ssl.ssl().pending();
                        self.ssl.get_ref().last_record().saturating_sub(plain)
                    } else {
                        0
                    };
                    let wire_len = len + overhead;
                    return Poll::Ready(Ok(Taken { len, wire_len }));
                }
                Err(error) => error,
            };
            match self.poll_wanted(cx, error.code()) {
                Some(ready) => ready!(ready).map_err(|error| close_cause(&error))?,
                None => return Poll::Ready(Err(self.cause(&error))),
            }
        }
    }

    /// Without credit for data: whether the stream has ended with nothing to read before its end. `Ok`: data waits.
    pub(in crate::net) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<Result<(), CloseCause>> {
        if self.ssl.ssl().pending() > 0 {
            return Poll::Ready(Ok(()));
        }
        let mut byte = [0];
        let mut peeked = tokio::io::ReadBuf::new(&mut byte);
        Poll::Ready(match ready!(self.stream.poll_peek(cx, &mut peeked)) {
            Ok(0) => Err(CloseCause::Tls),
            Ok(_) => Ok(()),
            Err(error) => Err(close_cause(&error)),
        })
    }

    /// Waits for what the last `write` wants.
    pub(in crate::net) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_wants_read {
            self.stream.poll_read_ready(cx)
        } else {
            self.stream.poll_write_ready(cx)
        }
    }

    /// Encrypts and sends what the kernel takes of `bytes`. What is left has to be given again before anything else.
    pub(in crate::net) fn write(&mut self, bytes: &[u8]) -> Result<usize, CloseCause> {
        let mut at = 0;
        self.write_wants_read = false;
        while at < bytes.len() {
            match self.ssl.ssl_write(&bytes[at..]) {
                Ok(n) => {
                    self.begun = 0;
                    at += n;
                }
                Err(error) if error.code() == ErrorCode::WANT_WRITE => {
                    self.begun = (bytes.len() - at).min(RECORD_MAX);
                    break;
                }
                Err(error) if error.code() == ErrorCode::WANT_READ => {
                    self.write_wants_read = true;
                    break;
                }
                Err(error) => return Err(self.cause(&error)),
            }
        }
        Ok(at)
    }

    /// How much of what `write` left is on its way already and cannot be taken back.
    pub(in crate::net) fn begun(&self) -> usize {
        self.begun
    }

    /// Ends an open session: what is still to be sent, `close_notify` included, and the socket.
    pub(in crate::net) fn finish(mut self, unsent: &[u8]) -> (Vec<u8>, Option<TcpStream>) {
        self.ssl.get_mut().keep();
        if self.write(unsent).is_ok()
            && let Err(error) = self.ssl.shutdown()
        {
            tracing::debug!("an SSL link ends without close_notify: {error}");
        }
        let kept = self.ssl.get_mut().take_kept();
        self.tap().ended(Way::Out);
        (kept, self.into_stream())
    }

    pub(in crate::net) fn into_stream(self) -> Option<TcpStream> {
        drop(self.ssl);
        Arc::into_inner(self.stream)
    }

    /// Waits for what OpenSSL wants; `None` where it wants nothing and something else is the matter.
    fn poll_wanted(&self, cx: &mut Context<'_>, code: ErrorCode) -> Option<Poll<io::Result<()>>> {
        match code {
            ErrorCode::WANT_READ => Some(self.stream.poll_read_ready(cx)),
            ErrorCode::WANT_WRITE => Some(self.stream.poll_write_ready(cx)),
            _ => None,
        }
    }

    fn cause(&self, error: &openssl::ssl::Error) -> CloseCause {
        if error.code() == ErrorCode::ZERO_RETURN {
            return CloseCause::Fin;
        }
        match error.io_error() {
            Some(error) => close_cause(error),
            // An end without close_notify, or an alert: what came last may be missing.
            None => CloseCause::Tls,
        }
    }

    fn refused(&self, error: &openssl::ssl::Error) -> Refused {
        if let Some(error) = error.io_error() {
            return of_socket(error);
        }
        let why = verify_failure(self.ssl.ssl(), self.hints)
            .or_else(|| error.ssl_error().and_then(reason))
            .unwrap_or_else(|| {
                if self.ssl.get_ref().is_ended() {
                    "the peer closed the connection in the handshake".to_owned()
                } else {
                    "the handshake failed".to_owned()
                }
            });
        Refused {
            error: NetError::Tls,
            why,
        }
    }
}

fn of_socket(error: &io::Error) -> Refused {
    Refused {
        error: net_error(error),
        why: error.to_string(),
    }
}

fn verify_failure(ssl: &SslRef, hints: Hints) -> Option<String> {
    let result = ssl.verify_result();
    if result == X509VerifyResult::OK {
        return None;
    }
    let is_unset = hints.unix_s.is_some_and(|unix_s| unix_s < UNSET_BELOW_S);
    let hint = if result.as_raw() == NOT_YET_VALID && is_unset {
        " (it is 1970 on the module's clock, until AT+CIPSNTPCFG or AT+SYSTIMESTAMP sets it)"
    } else if hints.has_psk {
        " (with AT+CIPSSLCPSK the server has to use that key)"
    } else {
        ""
    };
    Some(format!(
        "the peer's certificate was refused: {}{hint}",
        result.error_string()
    ))
}

fn reason(errors: &openssl::error::ErrorStack) -> Option<String> {
    Some(errors.errors().first()?.reason()?.to_owned())
}
