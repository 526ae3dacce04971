//! Sockets that are no links: no number, no report, nothing in `AT+CIPSTATUS`. Commands and tasks open them for themselves.

use alloc::vec::Vec;

use super::Net;
use crate::exec::cx::Env;
use crate::exec::operation::SocketEvent;
use crate::input::NetEvent;
use crate::output::{CloseHow, Connect, SocketId};

/// Which there are.
#[derive(Debug, Default)]
pub(crate) struct Apart {
    open: Vec<SocketId>,
    /// Those that went with the interface, until somebody has heard of it.
    cut: Vec<SocketId>,
}

impl Apart {
    /// All are gone; gives those that are to be closed.
    pub(super) fn take(&mut self) -> Vec<SocketId> {
        core::mem::take(self).open
    }

    /// One is gone; whether there was one.
    fn forget(&mut self, socket: SocketId) -> bool {
        let at = self.open.iter().position(|known| *known == socket);
        at.map(|at| self.open.swap_remove(at)).is_some()
    }

    pub(crate) fn iter(&self) -> core::slice::Iter<'_, SocketId> {
        self.open.iter()
    }
}

impl Net {
    /// Opens a socket that is no link; commands and tasks hear of it by `OpEvent::Socket`.
    pub(crate) fn open_apart(&mut self, env: &mut Env<'_>, to: Connect) -> SocketId {
        let socket = self.next_socket();
        self.apart.open.push(socket);
        env.out.connect(socket, to);
        socket
    }

    /// Closes a socket that is no link, if it is still there.
    pub(crate) fn close_apart(&mut self, env: &mut Env<'_>, socket: SocketId, how: CloseHow) {
        if self.apart.forget(socket) {
            env.out.close(socket, how);
        }
    }

    /// The interface is gone, and with it the sockets that are no links.
    pub(crate) fn cut_apart(&mut self, env: &mut Env<'_>) {
        for socket in core::mem::take(&mut self.apart.open) {
            env.out.close(socket, CloseHow::Reset);
            self.apart.cut.push(socket);
        }
    }

    /// The next socket that went with the interface.
    pub(crate) fn take_cut(&mut self) -> Option<SocketId> {
        self.apart.cut.pop()
    }

    /// What an event says of a socket that is no link.
    pub(super) fn apart_event<'e>(
        &mut self,
        event: NetEvent<'e>,
    ) -> Option<(SocketId, SocketEvent<'e>)> {
        let (socket, event) = match event {
            NetEvent::Connected { socket, .. } => (socket, SocketEvent::Opened),
            NetEvent::Failed { socket, .. } => (socket, SocketEvent::Failed),
            NetEvent::Sent { socket, .. } => (socket, SocketEvent::Sent),
            NetEvent::Data { socket, bytes, .. } => (socket, SocketEvent::Data(bytes)),
            NetEvent::Closed { socket, cause } => (socket, SocketEvent::Closed(cause)),
            NetEvent::Listening { .. }
            | NetEvent::Accepted { .. }
            | NetEvent::SendFailed { .. }
            | NetEvent::Resolved { .. }
            | NetEvent::Pinged { .. }
            | NetEvent::TimeSynced { .. }
            | NetEvent::SlotsChanged { .. } => return None,
        };
        let is_over = matches!(event, SocketEvent::Failed | SocketEvent::Closed(_));
        let is_known = if is_over {
            self.apart.forget(socket)
        } else {
            self.apart.open.contains(&socket)
        };
        is_known.then_some((socket, event))
    }
}
