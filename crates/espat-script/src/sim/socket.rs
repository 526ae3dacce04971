//! A socket of the simulated network, and what waits at it for credit.

use std::collections::VecDeque;
use std::net::SocketAddr;

use espat_core::{CloseCause, SocketId};

use crate::handle::Handle;

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) id: SocketId,
    pub(super) kind: Kind,
    /// Bytes, datagrams or clients that may be handed over.
    pub(super) credit: usize,
    pub(super) waiting: VecDeque<Waiting>,
    /// Bytes that `sent` has not told of yet.
    pub(super) unsent: usize,
    pub(super) is_closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tcp,
    Udp,
    Listener(u16),
    /// In a listener's backlog: not known to the core yet.
    Backlog,
}

#[derive(Debug)]
pub(super) enum Waiting {
    Data {
        bytes: VecDeque<u8>,
        from: Option<SocketAddr>,
        wire_extra: usize,
    },
    Client {
        socket: Handle,
        peer: SocketAddr,
        local: SocketAddr,
    },
    Closed(CloseCause),
}

impl Socket {
    pub(super) const fn new(id: SocketId, kind: Kind) -> Self {
        Self {
            id,
            kind,
            credit: 0,
            waiting: VecDeque::new(),
            unsent: 0,
            is_closed: false,
        }
    }

    /// Data comes; it waits for credit. On the wire it had `wire` bytes, where that is said.
    pub(super) fn push_data(
        &mut self,
        handle: Handle,
        bytes: Vec<u8>,
        from: Option<SocketAddr>,
        wire: Option<usize>,
    ) -> Result<(), String> {
        if self.is_closed {
            return Err(format!(
                "the module has closed {handle}: no data can reach it"
            ));
        }
        if bytes.is_empty() && self.kind != Kind::Udp {
            return Err("a byte stream has no empty data".into());
        }
        let wire_extra = wire.unwrap_or(bytes.len()).saturating_sub(bytes.len());
        self.waiting.push_back(Waiting::Data {
            bytes: bytes.into(),
            from,
            wire_extra,
        });
        Ok(())
    }

    pub(super) fn is_ready(&self) -> bool {
        match self.waiting.front() {
            None => false,
            Some(_) if self.kind == Kind::Backlog => false,
            Some(Waiting::Closed(_)) => true,
            Some(Waiting::Data { .. } | Waiting::Client { .. }) => self.credit > 0,
        }
    }
}
