//! A socket of the module, of whichever kind it is.

use espat_core::{CloseHow, Instant, SocketOptions};

use super::capture::Tap;
use super::linger::Lingering;
use super::listen::Listener;
use super::tcp::{self, TcpLink};
use super::tls::TlsLink;
use super::udp::UdpLink;

pub(super) enum Socket {
    Tcp(Box<TcpLink>),
    Tls(Box<TlsLink>),
    Udp(Box<UdpLink>),
    Listener(Box<Listener>),
}

impl Socket {
    pub(super) fn limit_send_buffer(&self, bytes: Option<usize>) {
        let stream = match self {
            Self::Tcp(link) => link.stream(),
            Self::Tls(link) => link.stream(),
            Self::Udp(_) | Self::Listener(_) => return,
        };
        if let Some(bytes) = bytes {
            tcp::set_send_buffer(stream, bytes);
        }
    }

    pub(super) fn set_options(&mut self, options: SocketOptions) {
        match self {
            Self::Tcp(link) => link.set_options(options),
            Self::Tls(link) => link.set_options(options),
            Self::Udp(_) | Self::Listener(_) => {}
        }
    }

    pub(super) fn set_credit(&mut self, max: usize) {
        match self {
            Self::Tcp(link) => link.set_credit(max),
            Self::Tls(link) => link.set_credit(max),
            Self::Udp(link) => link.set_credit(max),
            Self::Listener(_) => {}
        }
    }

    /// The bytes that went out since this was asked last.
    pub(super) fn take_sent(&mut self) -> usize {
        match self {
            Self::Tcp(link) => link.take_sent(),
            Self::Tls(link) => link.take_sent(),
            Self::Udp(link) => link.take_sent(),
            Self::Listener(_) => 0,
        }
    }

    /// Gives the bytes that went out and nobody is told of any more.
    pub(super) fn cancel_send(&mut self) -> usize {
        match self {
            Self::Tcp(link) => link.cancel_send(),
            Self::Tls(link) => link.cancel_send(),
            Self::Udp(link) => link.cancel_send(),
            Self::Listener(_) => 0,
        }
    }

    /// Ends it; what cannot be done at once is left to the one returned.
    pub(super) fn close(self, now: Instant, how: CloseHow) -> Option<Lingering> {
        let in_order = how == CloseHow::Fin;
        match self {
            Self::Tcp(link) if in_order => return link.close(now),
            Self::Tls(link) if in_order => return link.close(now),
            Self::Tcp(link) => link.reset(),
            Self::Tls(link) => link.reset(),
            Self::Udp(_) | Self::Listener(_) => {}
        }
        None
    }

    /// Where a capture hears of the socket.
    pub(super) fn tap(&mut self) -> Option<&mut Tap> {
        match self {
            Self::Tcp(link) => Some(link.tap()),
            Self::Tls(link) => Some(link.tap()),
            Self::Udp(_) | Self::Listener(_) => None,
        }
    }

    /// When something of it has to be given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Tcp(link) => link.deadline(),
            Self::Tls(link) => link.deadline(),
            Self::Listener(listener) => listener.deadline(),
            Self::Udp(_) => None,
        }
    }
}
