//! One link.

use alloc::string::String;
use core::fmt;
use core::net::SocketAddr;

use super::dial::Target;
use super::receive::Receive;
use super::segments::Segments;
use crate::output::{Connect, SocketId, SocketOptions, Transport};
use crate::profile::{Features, Profile};
use crate::reply::urc::LinkUp;
use crate::time::Instant;

/// A link's number as the host MCU sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(pub(crate) u8);

impl LinkId {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A link's protocol and family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) transport: Transport,
    pub(crate) is_v6: bool,
}

impl Kind {
    /// The kind with that name in `AT+CIPSTART`.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (transport, is_v6) = match text {
            b"TCP" => (Transport::Tcp, false),
            b"UDP" => (Transport::Udp, false),
            b"TCPv6" => (Transport::Tcp, true),
            b"UDPv6" => (Transport::Udp, true),
            b"SSL" => (Transport::Tls, false),
            b"SSLv6" => (Transport::Tls, true),
            _ => return None,
        };
        Some(Self { transport, is_v6 })
    }

    /// Whether a firmware line has it.
    pub(crate) fn exists_on(self, profile: &Profile) -> bool {
        let has = |feature| profile.features.contains(feature);
        (self.transport != Transport::Tls || has(Features::SSL))
            && (!self.is_v6 || has(Features::IPV6))
    }

    /// Whether its data waits for `AT+CIPRECVDATA` in passive receive.
    pub(crate) fn can_be_passive(self, profile: &Profile) -> bool {
        self.transport == Transport::Tcp || !profile.quirks.only_tcp_is_passive
    }

    pub(crate) fn name(self) -> &'static str {
        match (self.transport, self.is_v6) {
            (Transport::Tcp, false) => "TCP",
            (Transport::Udp, false) => "UDP",
            (Transport::Tcp, true) => "TCPv6",
            (Transport::Udp, true) => "UDPv6",
            (Transport::Tls, false) => "SSL",
            (Transport::Tls, true) => "SSLv6",
        }
    }
}

/// Where a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// An attempt took the number; nothing was asked of the network yet.
    Reserved,
    Connecting,
    Open,
    /// Closed by the network; its number is taken until `CLOSED` is printed.
    Ended,
}

/// Whether a UDP link's remote end follows the sender (manual, `<UDP mode>`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UdpMode {
    Fixed,
    /// Until the first datagram from somebody else.
    FirstSender,
    EverySender,
}

/// How the remote end of a UDP link follows.
#[derive(Debug)]
struct Following {
    mode: UdpMode,
    /// The remote end is a sender, no longer what the host MCU named.
    has_moved: bool,
}

impl Following {
    const fn new(mode: UdpMode) -> Self {
        Self {
            mode,
            has_moved: false,
        }
    }

    /// A datagram came from somebody else: whether the remote end is that one from here on.
    fn moves(&mut self) -> bool {
        if self.mode == UdpMode::Fixed {
            return false;
        }
        if self.mode == UdpMode::FirstSender {
            self.mode = UdpMode::Fixed;
        }
        self.has_moved = true;
        true
    }
}

/// One link.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) socket: SocketId,
    pub(crate) kind: Kind,
    pub(crate) stage: Stage,
    pub(crate) remote: SocketAddr,
    pub(crate) local_port: u16,
    following: Following,
    /// Where the host MCU sent it; none where the peer came to us.
    pub(crate) target: Option<Target>,
    pub(crate) rx: Receive,
    /// Payload of passthrough that the network stack has not taken.
    pub(crate) raw_unsent: usize,
    /// `AT+CIPSENDBUF`.
    pub(crate) segments: Segments,
    /// Its interface is down, and it waits for it.
    pub(crate) waits: bool,
    /// What the socket was told.
    pub(crate) options: SocketOptions,
    pub(crate) heard_at: Instant,
}

impl Link {
    pub(crate) fn new(
        id: LinkId,
        socket: SocketId,
        kind: Kind,
        remote: SocketAddr,
        stage: Stage,
    ) -> Self {
        Self {
            id,
            socket,
            kind,
            stage,
            remote,
            local_port: 0,
            following: Following::new(UdpMode::Fixed),
            target: None,
            rx: Receive::default(),
            raw_unsent: 0,
            segments: Segments::default(),
            waits: false,
            options: SocketOptions::default(),
            heard_at: Instant::ZERO,
        }
    }

    /// A link that the host MCU asked for.
    pub(crate) fn opening(id: LinkId, socket: SocketId, target: Target, to: &Connect) -> Self {
        Self {
            options: to.options,
            following: Following::new(target.udp_mode),
            target: Some(target.clone()),
            ..Self::new(id, socket, target.kind, to.remote, Stage::Connecting)
        }
    }

    /// The remote end's name, where the host MCU wrote a name.
    pub(crate) fn name(&self) -> Option<&String> {
        let has_moved = self.following.has_moved;
        let target = self.target.as_ref().filter(|_| !has_moved);
        target?.host.name()
    }

    pub(crate) fn keep_alive_s(&self) -> u16 {
        self.target.as_ref().map_or(0, |target| target.keep_alive_s)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// The network has its socket: it is being opened, or open.
    pub(crate) fn has_socket(&self) -> bool {
        matches!(self.stage, Stage::Connecting | Stage::Open)
    }

    /// It is there, or was: the host MCU has been told of it.
    pub(crate) fn is_known(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Ended)
    }

    /// It is open, or was: the local port comes with the open socket.
    pub(crate) fn has_been_open(&self) -> bool {
        self.is_known() && self.local_port != 0
    }

    /// Accepted by the module's server.
    pub(crate) fn is_accepted(&self) -> bool {
        self.socket.is_accepted()
    }

    /// Closed by the network, with data that the host MCU has not read.
    pub(crate) fn has_ended_unread(&self) -> bool {
        self.stage == Stage::Ended && self.rx.unread.len() > 0
    }

    /// A client of the server that is still there.
    pub(crate) fn is_client(&self) -> bool {
        self.is_accepted() && self.stage == Stage::Open
    }

    /// Every byte goes to the same remote end, as it was asked for.
    pub(crate) fn has_fixed_remote(&self) -> bool {
        self.target
            .as_ref()
            .is_some_and(|target| target.udp_mode == UdpMode::Fixed)
    }

    /// A datagram came: the remote end may follow.
    pub(crate) fn follow(&mut self, from: SocketAddr) {
        if from != self.remote && self.following.moves() {
            self.remote = from;
        }
    }

    pub(crate) fn up(&self) -> LinkUp {
        LinkUp {
            link: self.id,
            kind: self.kind.name(),
            accepted: self.is_accepted(),
            remote: self.remote,
            local_port: self.local_port,
        }
    }
}
