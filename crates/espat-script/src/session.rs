//! A simulated module whose host MCU and network are played by tests and fuzz targets: friendly answers by default, anything
//! on request. It panics where the simulated target finds a law broken.

use std::net::SocketAddr;

use espat_core::fault::{FaultPlan, Faulty};
use espat_core::{
    CloseCause, Duration, Mark, ModuleConfig, NetError, NetEvent, PowerEvent, QueryId, SocketId,
    StoreError,
};

use crate::event::{Event, NetHappening};
use crate::fuzz::LINES;
use crate::handle::Handle;
use crate::matching::Names;
use crate::request::{NetAsk, PartitionAsk, Request};
use crate::sim::{Sim, Way};
use crate::target::{Observed, Target, Want};
use crate::text::Text;
use crate::time::TimeStep;

/// A simulated module whose requests are answered by choice.
#[derive(Debug)]
pub struct Session {
    sim: Sim<Faulty>,
    /// Requests without an answer.
    open: Vec<Request>,
    /// Listeners and sockets that came up.
    live: Vec<(Handle, bool)>,
    clients: u32,
    off: bool,
    log: Vec<Observed>,
}

impl Session {
    /// Powers a module on and lets it come up.
    ///
    /// # Panics
    /// The configuration is no module's, or a law is broken.
    #[must_use]
    pub fn new(config: &ModuleConfig, way: Way) -> Self {
        Self::with_faults(config, &[], way)
    }

    /// The same with fault plans, from power-on on.
    ///
    /// # Panics
    /// As for [`new`](Self::new).
    #[must_use]
    pub fn with_faults(config: &ModuleConfig, faults: &[FaultPlan], way: Way) -> Self {
        let sim = Sim::faulty(config, faults, way).unwrap_or_else(|error| panic!("{error}"));
        let mut session = Self {
            sim,
            open: Vec::new(),
            live: Vec::new(),
            clients: 0,
            off: false,
            log: Vec::new(),
        };
        session.pass(Duration::from_secs(2));
        session
    }

    /// Everything that came out so far.
    #[must_use]
    pub fn log(&self) -> &[Observed] {
        &self.log
    }

    /// The simulated module.
    pub fn sim(&mut self) -> &mut Sim<Faulty> {
        &mut self.sim
    }

    /// Sends serial bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        held(self.sim.send(bytes));
        self.observe();
    }

    /// Sends a line, answers what it asks of the world in a friendly way, and lets its timers run.
    pub fn line(&mut self, line: &[u8]) {
        let prompts = self.sim.runs(Mark::Prompt);
        self.send(&[line, b"\r\n"].concat());
        if self.sim.runs(Mark::Prompt) == prompts {
            self.settle();
        }
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        held(self.sim.time(TimeStep::For(time)));
        self.observe();
    }

    /// Answers all requests in a friendly way.
    pub fn answer_all(&mut self) {
        while !self.open.is_empty() {
            self.answer(0, None);
        }
    }

    /// Results of commands so far, those that only opened a payload left out.
    #[must_use]
    pub fn results(&self) -> usize {
        self.sim.runs(Mark::Result) - self.sim.runs(Mark::Prompt)
    }

    /// Gives a command that waits for payload all of it, and answers what follows.
    pub fn end_payload(&mut self) {
        const PAYLOAD_MAX: usize = 10_000;
        let received = self.sim.runs(Mark::Recv);
        for _ in 0..PAYLOAD_MAX {
            if !self.sim.engine().inspect().is_busy() || self.sim.runs(Mark::Recv) != received {
                break;
            }
            self.send(b"x");
        }
        self.settle();
    }

    /// Lets the host MCU read and all timers run out.
    ///
    /// # Panics
    /// A law is broken.
    pub fn finish(&mut self) {
        held(self.sim.stall(false));
        self.observe();
        self.answer_all();
        held(self.sim.time(TimeStep::Idle));
        self.observe();
    }

    /// Answers and waits until no command runs, or one wants payload.
    fn settle(&mut self) {
        // An upgrade whose server says nothing takes 3 minutes.
        const PATIENCE_S: usize = 200;
        let prompts = self.sim.runs(Mark::Prompt);
        for _ in 0..PATIENCE_S {
            self.answer_all();
            self.pass(Duration::from_secs(1));
            let wants_payload = self.sim.runs(Mark::Prompt) != prompts;
            if self.open.is_empty() && (wants_payload || !self.sim.engine().inspect().is_busy()) {
                return;
            }
        }
    }

    pub(crate) fn observe(&mut self) {
        while let Some(observed) = held(self.sim.observe(Want::Nothing)) {
            if let Some(request) = observed.as_request() {
                self.note(request);
            }
            self.log.push(observed);
        }
    }

    fn note(&mut self, request: Request) {
        match &request {
            Request::Net(handle, NetAsk::Close(_)) => {
                self.live.retain(|(live, _)| live != handle);
                self.open
                    .retain(|open| !matches!(open, Request::Net(h, _) if h == handle));
            }
            Request::Net(handle, NetAsk::CancelSend | NetAsk::Cancel) => {
                self.open
                    .retain(|open| !matches!(open, Request::Net(h, _) if h == handle));
            }
            Request::Net(_, NetAsk::Options(_))
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

    /// Answers one open request, as a friendly world does or with an error.
    fn answer(&mut self, index: usize, error: Option<NetError>) {
        if self.open.is_empty() {
            return;
        }
        let mut index = index % self.open.len();
        if self.open[index].is_store() {
            // Writes end in their order.
            index = self
                .open
                .iter()
                .position(Request::is_store)
                .unwrap_or(index);
        }
        let request = self.open.remove(index);
        let event = match (&request, error) {
            (Request::Net(handle, ask), error) => match happening(ask, error) {
                Some(what) => {
                    self.note_answer(*handle, &what);
                    Event::Net(*handle, what)
                }
                None => return,
            },
            (_, None) => Event::Stored(Ok(())),
            (_, Some(_)) => Event::Stored(Err(StoreError::Full)),
        };
        held(self.sim.world(&event));
        self.observe();
    }

    fn note_answer(&mut self, handle: Handle, what: &NetHappening) {
        if matches!(
            what,
            NetHappening::Connected(_) | NetHappening::Listening(_)
        ) {
            self.live
                .push((handle, matches!(what, NetHappening::Listening(_))));
        }
    }

    /// Does what the next bytes of a fuzz input say; gives the bytes after them.
    pub(crate) fn act<'a>(&mut self, op: u8, tail: &'a [u8]) -> &'a [u8] {
        let (&arg, rest) = tail.split_first().unwrap_or((&0, &[]));
        let n = usize::from(arg);
        match op % 12 {
            0 | 1 => {
                let (bytes, rest) = rest.split_at(n.min(rest.len()));
                self.send(bytes);
                return rest;
            }
            2 | 3 => self.send(&[LINES[n % LINES.len()].as_bytes(), b"\r\n"].concat()),
            4 => self.pass(Duration::from_millis(u64::from(arg) * u64::from(arg))),
            5 => self.answer(n, None),
            6 => self.answer(n >> 3, Some(ERRORS[n % ERRORS.len()])),
            7 => self.data(n),
            8 => self.close(n),
            9 => self.accept(),
            10 => self.power(n),
            _ => match n % 4 {
                0 => held(self.sim.time(TimeStep::Break)),
                1 => held(self.sim.stall(true)),
                2 => held(self.sim.stall(false)),
                _ => held(self.sim.stray(stray(n))),
            },
        }
        rest
    }

    fn pick(&self, n: usize, listener: bool) -> Option<Handle> {
        let of_kind: Vec<Handle> = self
            .live
            .iter()
            .filter(|(_, l)| *l == listener)
            .map(|(h, _)| *h)
            .collect();
        of_kind.get(n % of_kind.len().max(1)).copied()
    }

    fn data(&mut self, n: usize) {
        if let Some(handle) = self.pick(n & 7, false) {
            let bytes = Text::bytes(&b"0123456789abcdef".repeat(1 + (n >> 3) * 8));
            let from = Some(SocketAddr::from(([192, 0, 2, 9], 4000)));
            held(self.sim.world(&Event::Net(
                handle,
                NetHappening::Data {
                    bytes,
                    from,
                    wire: None,
                },
            )));
        }
    }

    fn close(&mut self, n: usize) {
        if let Some(handle) = self.pick(n >> 2, false) {
            let cause = [
                CloseCause::Fin,
                CloseCause::Reset,
                CloseCause::Io,
                CloseCause::Tls,
            ][n & 3];
            self.live.retain(|(live, _)| *live != handle);
            self.open
                .retain(|open| !matches!(open, Request::Net(h, _) if *h == handle));
            held(
                self.sim
                    .world(&Event::Net(handle, NetHappening::Closed(cause))),
            );
        }
    }

    fn accept(&mut self) {
        if let Some(listener) = self.pick(0, true) {
            let socket = Handle::Accepted(self.clients);
            self.clients += 1;
            let peer = SocketAddr::from(([192, 0, 2, 9], 4711));
            held(self.sim.world(&Event::Net(
                listener,
                NetHappening::Accepted {
                    socket,
                    peer,
                    local: None,
                },
            )));
            self.live.push((socket, false));
        }
    }

    fn power(&mut self, n: usize) {
        let event = match n % 5 {
            0 if self.off => PowerEvent::On,
            0 => PowerEvent::Off,
            1 => PowerEvent::On,
            2 => PowerEvent::Reset,
            3 => PowerEvent::BrownOut,
            _ => PowerEvent::Wake,
        };
        self.off = match event {
            PowerEvent::Off => true,
            PowerEvent::On => false,
            PowerEvent::Reset | PowerEvent::BrownOut | PowerEvent::Watchdog | PowerEvent::Wake => {
                self.off
            }
        };
        held(self.sim.world(&Event::Power(event)));
    }
}

pub(crate) const ERRORS: &[NetError] = &[
    NetError::Refused,
    NetError::TimedOut,
    NetError::Unreachable,
    NetError::Denied,
    NetError::AddressInUse,
    NetError::NotFound,
    NetError::Tls,
    NetError::Other,
];

/// An event about a socket that was never opened, or a question that was never asked.
pub(crate) fn stray(n: usize) -> NetEvent<'static> {
    let number = 0x7fff_0000 + u32::try_from(n).unwrap_or_default();
    let (socket, query) = (SocketId::requested(number), QueryId::new(number));
    match n % 8 {
        0 => NetEvent::Connected {
            socket,
            local: SocketAddr::from(([127, 0, 0, 1], 1)),
        },
        1 => NetEvent::Failed {
            socket,
            error: NetError::Refused,
        },
        2 => NetEvent::Sent { socket, n },
        3 => NetEvent::Data {
            socket,
            from: None,
            bytes: b"stray",
            wire_len: 5,
        },
        4 => NetEvent::Resolved {
            query,
            result: Err(NetError::NotFound),
        },
        5 => NetEvent::Pinged {
            query,
            result: Ok(Duration::ZERO),
        },
        6 => NetEvent::TimeSynced {
            query,
            result: Ok(0),
        },
        _ => NetEvent::Closed {
            socket,
            cause: CloseCause::Fin,
        },
    }
}

/// What answers a request; `None` where nothing does.
pub(crate) fn happening(ask: &NetAsk, error: Option<NetError>) -> Option<NetHappening> {
    let local = SocketAddr::from(([192, 0, 2, 50], 50000));
    let what = match (ask, error) {
        (NetAsk::Connect { .. } | NetAsk::Listen { .. }, Some(error))
        | (NetAsk::Resolve { .. } | NetAsk::Ping { .. } | NetAsk::TimeSync { .. }, Some(error)) => {
            NetHappening::Failed(error)
        }
        (NetAsk::Connect { .. }, None) => NetHappening::Connected(local),
        (NetAsk::Listen { port, .. }, None) => NetHappening::Listening(*port),
        (NetAsk::Send { bytes, .. }, _) => NetHappening::Sent(
            bytes
                .resolve(&Names::default())
                .map_or(0, |bytes| bytes.len()),
        ),
        (NetAsk::Resolve { .. }, None) => NetHappening::Resolved(vec![[192, 0, 2, 1].into()]),
        (NetAsk::Ping { .. }, None) => NetHappening::Pong(Duration::from_millis(12)),
        (NetAsk::TimeSync { .. }, None) => NetHappening::Time(1_700_000_000_000_000),
        (
            NetAsk::CancelSend
            | NetAsk::Options(_)
            | NetAsk::Clock(_)
            | NetAsk::Close(_)
            | NetAsk::Cancel,
            _,
        ) => {
            return None;
        }
    };
    Some(what)
}

fn held<T>(result: Result<T, String>) -> T {
    result.unwrap_or_else(|broken| panic!("{broken}"))
}
