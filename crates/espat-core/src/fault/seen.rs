//! What the layer has seen of the module: its links, what it is doing, the last command.

use alloc::vec::Vec;

use super::plan::StateKind;
use crate::module::{LinkPhase, LinkView, Module};
use crate::output::SocketId;

/// What is known of the module between two inputs.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The last command line that was accepted.
    pub(super) command: Vec<u8>,
    pub(super) links: Vec<LinkView>,
    /// Sockets that are no links'.
    apart: Vec<SocketId>,
    is_ready: bool,
    is_busy: bool,
    wants_payload: bool,
    is_raw: bool,
    has_open_link: bool,
    /// The station has joined its access point.
    pub(super) is_associated: bool,
    /// The station has its address.
    pub(super) is_joined: bool,
    /// `AT+CIPDNS` has set name servers.
    has_dns_set: bool,
    /// The running command gave payload to a link and waits for its result.
    pub(super) is_sending: bool,
}

/// Every state, in the order in which rules are asked.
pub(super) const STATES: [StateKind; 10] = [
    StateKind::Idle,
    StateKind::Busy,
    StateKind::Payload,
    StateKind::Passthrough,
    StateKind::Down,
    StateKind::Joined,
    StateKind::Unjoined,
    StateKind::LinkOpen,
    StateKind::NoLink,
    StateKind::DnsUnset,
];

impl Seen {
    pub(super) fn look(&mut self, module: &Module) {
        let view = module.inspect();
        self.links.clear();
        self.links.extend(view.link_views());
        self.apart.clear();
        self.apart.extend(view.sockets_apart());
        self.is_ready = view.is_ready();
        self.is_busy = view.is_busy();
        self.wants_payload = view.payload_missing().is_some();
        self.is_raw = view.is_in_passthrough();
        let mut links = view.link_details();
        self.has_open_link = links.any(|link| link.phase == LinkPhase::Open);
        (self.is_associated, self.is_joined) = module.station();
        self.has_dns_set = module.has_name_servers_set();
    }

    pub(super) fn is(&self, state: StateKind) -> bool {
        match state {
            StateKind::Idle => self.is_ready && !self.is_busy && !self.is_raw,
            StateKind::Busy => self.is_ready && self.is_busy && !self.wants_payload,
            StateKind::Payload => self.wants_payload,
            StateKind::Passthrough => self.is_raw,
            StateKind::Down => !self.is_ready,
            StateKind::Joined => self.is_joined,
            StateKind::Unjoined => !self.is_joined,
            StateKind::LinkOpen => self.has_open_link,
            StateKind::NoLink => !self.has_open_link,
            StateKind::DnsUnset => !self.has_dns_set,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Whether what comes from the host MCU is part of a line.
    pub(super) fn takes_lines(&self) -> bool {
        !self.is_raw && !self.wants_payload
    }

    pub(super) fn states(&self) -> [bool; STATES.len()] {
        STATES.map(|state| self.is(state))
    }

    /// The number of a socket's link.
    pub(super) fn link_of(&self, socket: SocketId) -> Option<u8> {
        let link = self.links.iter().find(|link| link.socket == socket);
        link.map(|link| link.id)
    }

    /// The socket of a link; where no number is given, of the lowest link that has one.
    pub(super) fn socket_of(&self, id: Option<u8>) -> Option<SocketId> {
        let is_meant = |link: &&LinkView| link.has_socket && id.is_none_or(|id| link.id == id);
        let link = self
            .links
            .iter()
            .filter(is_meant)
            .min_by_key(|link| link.id);
        link.map(|link| link.socket)
    }

    /// The socket to the upgrade's server that was opened last.
    pub(super) fn upgrade_socket(&self) -> Option<SocketId> {
        self.apart.last().copied()
    }

    pub(super) fn is_apart(&self, socket: SocketId) -> bool {
        self.apart.contains(&socket)
    }
}
