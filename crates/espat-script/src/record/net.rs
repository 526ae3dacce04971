//! What the network is asked and does, in the words of a transcript.

use espat_core::{NetEvent, NetRequest, SocketId};

use super::Recorder;
use super::payload::{Kept, Summary};
use crate::event::{Event, NetHappening};
use crate::handle::Handle;
use crate::matching::Names;
use crate::request::{NetAsk, Request};
use crate::script::Step;
use crate::sim::SIMULATED_SECRET;
use crate::sim::asked::Asked;
use crate::text::{DEFAULT_SECRET, Piece, Place, Text};

/// What `AT+CIUPDATE` shows of itself.
#[derive(Debug)]
pub(super) struct Token {
    /// Where the user said so.
    token: Option<Vec<u8>>,
    /// What is not sent yet of a request with it.
    unsent: Option<(Handle, usize)>,
}

impl Token {
    pub(super) fn new(token: Option<&str>) -> Self {
        Self {
            token: token.map(|token| token.as_bytes().to_vec()),
            unsent: None,
        }
    }

    /// Of long payload, where there is no token.
    fn summary(&self, bytes: &[u8], kept: &mut Kept) -> Option<Summary> {
        let is_plain = self.token.is_none();
        is_plain.then(|| kept.summary(bytes)).flatten()
    }

    /// Payload without the token of `--ota-token`, which stands in a line of its own.
    fn text(&mut self, handle: Handle, bytes: &[u8], kept: &mut Kept) -> Text {
        let at = self.token.as_deref().and_then(|token| {
            let is_here = |window: &[u8]| window == token;
            bytes.windows(token.len().max(1)).position(is_here)
        });
        let (Some(at), Some(token)) = (at, &self.token) else {
            return kept.text(bytes);
        };
        self.unsent = Some((handle, bytes.len()));
        let mut text = kept.text(&bytes[..at]);
        text.push(Piece::Secret(DEFAULT_SECRET.into()));
        for piece in kept.text(&bytes[at + token.len()..]).pieces {
            text.push(piece);
        }
        text
    }

    /// How much a simulated module's token would make of `n` bytes that went out.
    fn sent(&mut self, handle: Handle, n: usize) -> usize {
        let (Some(token), Some((of, left))) = (&self.token, &mut self.unsent) else {
            return n;
        };
        if *of != handle {
            return n;
        }
        *left = left.saturating_sub(n);
        if *left > 0 {
            return n;
        }
        self.unsent = None;
        (n + SIMULATED_SECRET.len()).saturating_sub(token.len())
    }
}

impl Recorder {
    pub(super) fn ask(&mut self, request: &NetRequest<'_>) {
        let asked = self.network.ask(request);
        if !matches!(asked, Ok(Asked::Quietly)) {
            self.flush();
        }
        match asked {
            Ok(Asked::Quietly) => {}
            // An empty piece of a stream is nothing.
            Ok(Asked::Stream(_, b"")) => {}
            Ok(Asked::Stream(handle, bytes)) => {
                if let Some(summary) = self.token.summary(bytes, &mut self.kept) {
                    self.pass_to(self.now);
                    self.long(format_args!("=> {handle} send \""), &summary, Place::Quoted);
                    return;
                }
                let bytes = self.token.text(handle, bytes, &mut self.kept);
                let send = NetAsk::Send { bytes, to: None };
                self.step(&Step::Ask(Request::Net(handle, send)));
            }
            Ok(Asked::Net(handle, ask)) => {
                let ask = self.shortened(ask);
                self.step(&Step::Ask(Request::Net(handle, ask)));
            }
            Ok(Asked::Mdns(service)) => self.step(&Step::Ask(Request::Mdns(service))),
            Err(message) => self.line(&format!("# {message}")),
        }
    }

    /// Writes what came over a stream, where it is long; whether it was.
    pub(super) fn long_data(&mut self, event: &NetEvent<'_>) -> bool {
        let NetEvent::Data {
            socket,
            from: None,
            bytes,
            wire_len,
        } = *event
        else {
            return false;
        };
        let handle = self.socket(socket).filter(|_| wire_len == bytes.len());
        let Some((handle, summary)) = handle.zip(self.kept.summary(bytes)) else {
            return false;
        };
        self.pass_to(self.now);
        self.long(format_args!("<= {handle} data \""), &summary, Place::Quoted);
        true
    }

    fn shortened(&mut self, ask: NetAsk) -> NetAsk {
        let NetAsk::Send { bytes, to } = ask else {
            return ask;
        };
        let bytes = bytes.resolve(&Names::default()).unwrap_or_default();
        NetAsk::Send {
            bytes: self.kept.text(&bytes),
            to,
        }
    }

    fn socket(&self, id: SocketId) -> Option<Handle> {
        self.network.handle_of(id)
    }

    pub(super) fn event(&mut self, event: &NetEvent<'_>) -> Option<Event> {
        let (handle, what) = match *event {
            NetEvent::SlotsChanged { slots } => return Some(Event::Slots(slots)),
            NetEvent::Connected { socket, local } => {
                (self.socket(socket)?, NetHappening::Connected(local))
            }
            NetEvent::Failed { socket, error } => {
                (self.socket(socket)?, NetHappening::Failed(error))
            }
            NetEvent::Listening { listener, port } => {
                (self.socket(listener)?, NetHappening::Listening(port))
            }
            NetEvent::Accepted {
                listener,
                socket,
                peer,
                local,
            } => {
                let handle = self.socket(listener)?;
                let socket = self.network.note_client(socket);
                let local = Some(local);
                (
                    handle,
                    NetHappening::Accepted {
                        socket,
                        peer,
                        local,
                    },
                )
            }
            NetEvent::Sent { socket, n } => {
                let handle = self.socket(socket)?;
                let n = self.token.sent(handle, n);
                (handle, NetHappening::Sent(n))
            }
            NetEvent::SendFailed { socket } => (self.socket(socket)?, NetHappening::SendFailed),
            NetEvent::Data {
                socket,
                from,
                bytes,
                wire_len,
            } => {
                let handle = self.socket(socket)?;
                let wire = (wire_len != bytes.len()).then_some(wire_len);
                let bytes = self.kept.text(bytes);
                (handle, NetHappening::Data { bytes, from, wire })
            }
            NetEvent::Closed { socket, cause } => {
                (self.socket(socket)?, NetHappening::Closed(cause))
            }
            NetEvent::Resolved { query, result } => (
                self.network.query_of(query)?,
                result.map_or_else(NetHappening::Failed, |ips| {
                    NetHappening::Resolved(ips.to_vec())
                }),
            ),
            NetEvent::Pinged { query, result } => (
                self.network.query_of(query)?,
                result.map_or_else(NetHappening::Failed, NetHappening::Pong),
            ),
            NetEvent::TimeSynced { query, result } => (
                self.network.query_of(query)?,
                result.map_or_else(NetHappening::Failed, NetHappening::Time),
            ),
        };
        Some(Event::Net(handle, what))
    }
}
