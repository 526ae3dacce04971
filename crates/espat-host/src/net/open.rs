//! Links and servers that the module asks for.

use espat_core::{Connect, Instant, Listen, NetError, SocketId, Transport};

use super::capture::Tap;
use super::error::net_error;
use super::listen::Listener;
use super::socket::Socket;
use super::tcp::TcpLink;
use super::tls::Tls;
use super::udp::UdpLink;
use super::{Net, Ready};

impl Net {
    pub(super) fn open(&mut self, socket: SocketId, to: &Connect) {
        let number = self.numbers.asked;
        self.numbers.asked += 1;
        match self.connect(to) {
            Ok(mut link) => {
                link.limit_send_buffer(self.send_buffer);
                if let Some(tap) = link.tap() {
                    tap.name('s', number);
                }
                self.sockets.push((socket, link));
            }
            Err(error) => self.answers.push_back(Ready::Failed { socket, error }),
        }
    }

    pub(super) fn listen(&mut self, now: Instant, listener: SocketId, on: &Listen) {
        self.numbers.asked += 1;
        let at = self.options.place(on.port, on.is_v6);
        let opened = self.tls().side(on, now).and_then(|tls| {
            Listener::open(at, on.port, on.options, tls).map_err(|error| {
                tracing::warn!("{error}");
                NetError::AddressInUse
            })
        });
        let opened = opened
            .and_then(|opened| Ok((opened.port().map_err(|error| net_error(&error))?, opened)));
        self.answers.push_back(match opened {
            Ok((port, opened)) => {
                self.sockets
                    .push((listener, Socket::Listener(Box::new(opened))));
                Ready::Listening { listener, port }
            }
            Err(error) => Ready::Failed {
                socket: listener,
                error,
            },
        });
    }

    fn connect(&self, to: &Connect) -> Result<Socket, NetError> {
        let listens_only = to.transport == Transport::Udp && to.remote.ip().is_unspecified();
        let remote = if listens_only {
            to.remote
        } else {
            self.real(to.name.as_deref(), to.remote)?
        };
        let opened = match to.transport {
            Transport::Tcp => {
                let local = to.local_ip.and_then(|_| self.local(remote, to.local_port));
                let tap = Tap::new(self.options.capture.as_ref());
                TcpLink::connect(remote, local, to.options, to.deadline, tap)
                    .map(|link| Socket::Tcp(Box::new(link)))
            }
            Transport::Tls => {
                let local = to.local_ip.and_then(|_| self.local(remote, to.local_port));
                let link = self.tls().connect(to, remote, local)?;
                return Ok(Socket::Tls(Box::new(link)));
            }
            Transport::Udp => {
                UdpLink::open(remote, to.local_port, &self.options).map(|mut link| {
                    link.remember(remote, to.remote);
                    Socket::Udp(Box::new(link))
                })
            }
        };
        opened.map_err(|error| {
            tracing::warn!("a link to {remote} cannot be opened: {error}");
            net_error(&error)
        })
    }

    fn tls(&self) -> Tls {
        Tls {
            certificates: self.options.certificates.clone(),
            key_log: self.options.key_log.clone(),
            capture: self.options.capture.clone(),
        }
    }
}
