//! Listeners: one client is accepted for every `Accept`, the others wait in the kernel's backlog.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use espat_core::SocketOptions;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// Clients that may wait in the kernel.
const BACKLOG: i32 = 16;

/// Why a server cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListenError {
    #[error("no port of {ip} can be listened on, neither {port} nor a free one: {source}")]
    Bind {
        ip: std::net::IpAddr,
        port: u16,
        source: io::Error,
    },
}

/// A listener of the module.
#[derive(Debug)]
pub(super) struct Listener {
    listener: TcpListener,
    /// The port that the module listens on, which the host's may differ from.
    module_port: u16,
    options: SocketOptions,
    credit: usize,
}

/// An accepted client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) options: SocketOptions,
}

impl Listener {
    /// Listens on `at`, or on a free port of the same address.
    pub(super) fn open(
        at: SocketAddr,
        module_port: u16,
        options: SocketOptions,
    ) -> Result<Self, ListenError> {
        let listener = match listen(at) {
            Ok(listener) => listener,
            Err(error) => {
                let any = SocketAddr::new(at.ip(), 0);
                let listener = listen(any).map_err(|source| ListenError::Bind {
                    ip: at.ip(),
                    port: at.port(),
                    source,
                })?;
                let free = listener.local_addr().unwrap_or(any);
                tracing::warn!(
                    "server port {module_port}: {at} cannot be bound ({error}), it is reached at {free}"
                );
                listener
            }
        };
        Ok(Self {
            listener,
            module_port,
            options,
            credit: 0,
        })
    }

    /// The host's real port.
    pub(super) fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    pub(super) fn add_credit(&mut self) {
        self.credit += 1;
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Client> {
        while self.credit > 0 {
            match ready!(self.listener.poll_accept(cx)) {
                Ok((stream, peer)) => {
                    self.credit -= 1;
                    let local = stream.local_addr().unwrap_or(peer);
                    let local = SocketAddr::new(local.ip(), self.module_port);
                    return Poll::Ready(Client {
                        stream,
                        peer,
                        local,
                        options: self.options,
                    });
                }
                Err(error) if is_of_one_client(&error) => {}
                Err(error) => {
                    // Out of descriptors, most likely: clients wait until the next `Accept`.
                    tracing::warn!(
                        "server port {}: a client cannot be accepted: {error}",
                        self.module_port
                    );
                    self.credit = 0;
                }
            }
        }
        Poll::Pending
    }
}

fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Whether the error is that of a client which is gone already.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
