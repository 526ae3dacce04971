//! The network and the flash: they answer, late, wrongly or not yet, and do things of their own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use espat_core::{AirEvent, CloseCause, ModuleConfig, StoreError, StoreValue, Transport};

use super::Run;
use super::dice::letters;
use crate::event::{Event, NetHappening};
use crate::handle::Handle;
use crate::matching::Names;
use crate::request::{NetAsk, PartitionAsk, Request};
use crate::session::{ERRORS, happening, stray};
use crate::target::Target;
use crate::text::Text;

/// What the world knows.
#[derive(Debug)]
pub(super) struct World {
    /// Requests without an answer.
    open: Vec<Request>,
    live: Vec<Live>,
    clients: u32,
    /// No access point can be heard.
    is_air_lost: bool,
    /// What the flash holds.
    pub(super) flash: BTreeMap<String, StoreValue>,
}

#[derive(Debug)]
struct Live {
    handle: Handle,
    kind: Kind,
    /// Bytes that it gave so far.
    given: usize,
    /// What an upgrade's server has left to say.
    upgrade: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stream,
    Datagrams,
    Listener,
}

const CAUSES: &[CloseCause] = &[
    CloseCause::Fin,
    CloseCause::Fin,
    CloseCause::Reset,
    CloseCause::Io,
];

impl World {
    pub(super) fn new(config: &ModuleConfig) -> Self {
        Self {
            open: Vec::new(),
            live: Vec::new(),
            clients: 0,
            is_air_lost: false,
            flash: config.nvs.iter().cloned().collect(),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// Something is to be kept.
    pub(super) fn is_writing(&self) -> bool {
        self.open.iter().any(Request::is_store)
    }

    /// The module lost everything that it had asked for but writes.
    pub(super) fn lose_all(&mut self) {
        self.open.retain(Request::is_store);
        self.live.clear();
    }

    /// The module asks for something.
    pub(super) fn hear(&mut self, request: Request) {
        match &request {
            Request::Net(handle, NetAsk::Close(_)) => {
                self.live.retain(|live| live.handle != *handle);
                self.forget(*handle);
            }
            Request::Net(handle, NetAsk::CancelSend | NetAsk::Cancel) => self.forget(*handle),
            Request::Net(handle, NetAsk::Send { bytes, .. }) => {
                let live = self.live.iter_mut().find(|live| live.handle == *handle);
                let asked = bytes.resolve(&Names::default()).unwrap_or_default();
                if let Some((live, answer)) = live.zip(upgrade(&asked)) {
                    live.upgrade = Some(answer);
                }
                self.open.push(request);
            }
            Request::Net(_, NetAsk::Options(_) | NetAsk::Clock(_))
            | Request::Mdns(_)
            | Request::Uart(_)
            | Request::Log(_) => {}
            Request::Partition(_, PartitionAsk::Abort) => {}
            Request::Net(..)
            | Request::Store(_)
            | Request::StoreErase
            | Request::Partition(..)
            | Request::Boot(_) => self.open.push(request),
        }
    }

    fn forget(&mut self, handle: Handle) {
        self.open
            .retain(|open| !matches!(open, Request::Net(h, _) if *h == handle));
    }

    fn keep(&mut self, request: &Request) {
        match request {
            Request::Store(pairs) => {
                for (key, value) in pairs {
                    if *value == StoreValue::Default {
                        self.flash.remove(key);
                    } else {
                        self.flash.insert(key.clone(), value.clone());
                    }
                }
            }
            Request::StoreErase => self.flash.clear(),
            Request::Net(..)
            | Request::Partition(..)
            | Request::Boot(_)
            | Request::Mdns(_)
            | Request::Uart(_)
            | Request::Log(_) => {}
        }
    }
}

/// What the upgrade's server answers.
fn upgrade(asked: &[u8]) -> Option<Vec<u8>> {
    const FILE: usize = 5000;
    if asked.starts_with(b"GET /v1/device/rom/?is_format_simple") {
        return Some(b"{\"rom_version\": \"v2.3\", }".to_vec());
    }
    if !asked.starts_with(b"GET /v1/device/rom/?action=download_rom") {
        return None;
    }
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {FILE}\r\n\r\n").into_bytes();
    answer.extend([0xe9; FILE]);
    Some(answer)
}

impl Run {
    /// Access points go and come back; DHCP gives another address.
    pub(super) fn air_acts(&mut self) -> Result<(), String> {
        let event = match self.dice.below(3) {
            0 => {
                let last = u8::try_from(50 + self.dice.below(3)).unwrap_or_default();
                AirEvent::Address(Ipv4Addr::new(192, 0, 2, last))
            }
            _ if self.world.is_air_lost => AirEvent::Back,
            _ => AirEvent::Lost,
        };
        match event {
            AirEvent::Lost => self.world.is_air_lost = true,
            AirEvent::Back => self.world.is_air_lost = false,
            AirEvent::Address(_) => {}
        }
        let event = Event::Air(event);
        self.note(format!("<= {event}"));
        self.sim.world(&event)?;
        self.observe()
    }

    pub(super) fn world_acts(&mut self) -> Result<(), String> {
        match self.dice.below(20) {
            0..9 => {
                let index = self.dice.below(self.world.open.len());
                let fails = self.dice.percent(20);
                self.answer(index, fails)
            }
            9..15 => self.give_data(),
            15 | 16 => self.close_one(),
            17 | 18 => self.send_client(),
            _ => {
                let n = self.dice.below(256);
                self.sim.stray(stray(n))
            }
        }
    }

    pub(super) fn world_answers_all(&mut self) -> Result<(), String> {
        while !self.world.open.is_empty() {
            self.answer(0, false)?;
        }
        Ok(())
    }

    fn happens(&mut self, event: &Event) -> Result<(), String> {
        self.note(format!("<= {event}"));
        self.sim.world(event)?;
        self.observe()
    }

    fn answer(&mut self, index: usize, fails: bool) -> Result<(), String> {
        let Some(wanted) = self.world.open.get(index) else {
            return Ok(());
        };
        // Writes end in their order, and so does what one socket was given to send.
        let index = match wanted {
            Request::Net(handle, NetAsk::Send { .. }) => {
                let handle = *handle;
                let first =
                    |r: &Request| matches!(r, Request::Net(h, NetAsk::Send { .. }) if *h == handle);
                self.world.open.iter().position(first).unwrap_or(index)
            }
            wanted if wanted.is_store() => {
                let first = self.world.open.iter().position(Request::is_store);
                first.unwrap_or(index)
            }
            Request::Net(..)
            | Request::Store(_)
            | Request::StoreErase
            | Request::Partition(..)
            | Request::Boot(_)
            | Request::Mdns(_)
            | Request::Uart(_)
            | Request::Log(_) => index,
        };
        let request = self.world.open.remove(index);
        let Request::Net(handle, ask) = &request else {
            if !fails {
                self.world.keep(&request);
            }
            let result = if fails { Err(StoreError::Full) } else { Ok(()) };
            return self.happens(&Event::Stored(result));
        };
        if fails && matches!(ask, NetAsk::Send { to: None, .. }) {
            return self.break_link(*handle);
        }
        let error = fails.then(|| self.dice.pick(ERRORS).copied()).flatten();
        let Some(what) = happening(ask, error) else {
            return Ok(());
        };
        let kind = match (&what, ask) {
            (
                NetHappening::Connected(_),
                NetAsk::Connect {
                    transport: Transport::Udp,
                    ..
                },
            ) => Some(Kind::Datagrams),
            (NetHappening::Connected(_), _) => Some(Kind::Stream),
            (NetHappening::Listening(_), _) => Some(Kind::Listener),
            _ => None,
        };
        if let Some(kind) = kind {
            self.world.live.push(Live {
                handle: *handle,
                kind,
                given: 0,
                upgrade: None,
            });
        }
        self.happens(&Event::Net(*handle, what))
    }

    fn give_data(&mut self) -> Result<(), String> {
        let index = self.dice.below(self.world.live.len());
        let Some(live) = self.world.live.get_mut(index) else {
            return Ok(());
        };
        let most = if self.dice.percent(80) { 40 } else { 4000 };
        let len = 1 + self.dice.below(if live.kind == Kind::Datagrams {
            most.min(1400)
        } else {
            most
        });
        let stream = match live.handle {
            Handle::Socket(n) => 1 + u64::from(n),
            Handle::Accepted(n) | Handle::Query(n) => (1 << 32) + u64::from(n),
        };
        let from = match live.kind {
            Kind::Listener => return Ok(()),
            Kind::Stream => None,
            Kind::Datagrams => Some(SocketAddr::from(([192, 0, 2, 9], 4000))),
        };
        let mut bytes = letters(stream, live.given, len);
        if let Some(rest) = live.upgrade.as_mut().filter(|rest| !rest.is_empty()) {
            bytes = rest.drain(..(50 * len).min(rest.len())).collect();
        }
        let bytes = Text::bytes(&bytes);
        live.given += len;
        let handle = live.handle;
        let wire = None;
        self.happens(&Event::Net(
            handle,
            NetHappening::Data { bytes, from, wire },
        ))
    }

    fn close_one(&mut self) -> Result<(), String> {
        let index = self.dice.below(self.world.live.len());
        let live = self.world.live.get(index);
        let Some(handle) = live.filter(|l| l.kind == Kind::Stream).map(|l| l.handle) else {
            return Ok(());
        };
        let cause = self.dice.pick(CAUSES).copied().unwrap_or(CloseCause::Fin);
        // What was given to send before may still be taken: the end waits behind data that the module has not read.
        self.world.live.retain(|l| l.handle != handle);
        self.happens(&Event::Net(handle, NetHappening::Closed(cause)))
    }

    /// The peer takes no more; its end waits behind data that the module has not read.
    fn break_link(&mut self, handle: Handle) -> Result<(), String> {
        self.world.forget(handle);
        self.happens(&Event::Net(handle, NetHappening::SendFailed))?;
        let open = self.world.live.len();
        self.world.live.retain(|live| live.handle != handle);
        if self.world.live.len() == open {
            return Ok(());
        }
        let reset = NetHappening::Closed(CloseCause::Reset);
        self.happens(&Event::Net(handle, reset))
    }

    fn send_client(&mut self) -> Result<(), String> {
        let listener = self.world.live.iter().find(|l| l.kind == Kind::Listener);
        let Some(listener) = listener.map(|l| l.handle) else {
            return Ok(());
        };
        let socket = Handle::Accepted(self.world.clients);
        self.world.clients += 1;
        self.world.live.push(Live {
            handle: socket,
            kind: Kind::Stream,
            given: 0,
            upgrade: None,
        });
        let accepted = NetHappening::Accepted {
            socket,
            peer: SocketAddr::from(([192, 0, 2, 9], 4711)),
            local: None,
        };
        self.happens(&Event::Net(listener, accepted))
    }
}
