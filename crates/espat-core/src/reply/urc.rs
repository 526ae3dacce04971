//! Unsolicited reports, as values. How they look depends on the modes that are valid when they are printed.

use core::net::{Ipv4Addr, SocketAddr};

use crate::config::Mac;
use crate::net::LinkId;

/// A line that no command asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urc {
    WifiConnected,
    WifiGotIp,
    WifiGotIp6Local,
    WifiGotIp6Global,
    WifiDisconnect,
    /// A link is up: `CONNECT`, or `+LINK_CONN` with `AT+SYSMSG` bit 1.
    Connect(LinkUp),
    /// A link is down: `CLOSED`.
    Closed(LinkId),
    /// `+IPD` with the data that an active link holds.
    Data(LinkId),
    /// `+IPD` that says how much a passive link holds.
    Unread(LinkId),
    /// The network stack took a segment of `AT+CIPSENDBUF`: `SEND OK` with its number.
    SegmentSent(LinkId, u32),
    /// It takes none of the others: `SEND FAIL`.
    SegmentsLost(LinkId),
    StationJoined(Mac),
    StationGotIp(Mac, Ipv4Addr),
    StationLeft(Mac),
    /// A time server has set the clock.
    TimeUpdated,
    /// How far an upgrade beside commands has come.
    Upgrade(i8),
}

impl Urc {
    /// The link that it speaks of.
    pub(crate) fn link(self) -> Option<LinkId> {
        match self {
            Self::Connect(up) => Some(up.link),
            Self::Closed(link)
            | Self::Data(link)
            | Self::Unread(link)
            | Self::SegmentSent(link, _)
            | Self::SegmentsLost(link) => Some(link),
            Self::WifiConnected
            | Self::WifiGotIp
            | Self::WifiGotIp6Local
            | Self::WifiGotIp6Global
            | Self::WifiDisconnect
            | Self::StationJoined(_)
            | Self::StationGotIp(..)
            | Self::StationLeft(_)
            | Self::TimeUpdated
            | Self::Upgrade(_) => None,
        }
    }
}

/// What `+LINK_CONN` says of a new link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkUp {
    pub(crate) link: LinkId,
    /// `TCP`, `UDP`, `TCPv6` ...
    pub(crate) kind: &'static str,
    /// Accepted by the module's server.
    pub(crate) accepted: bool,
    pub(crate) remote: SocketAddr,
    pub(crate) local_port: u16,
}
