//! The core alone: no socket, no port, no clock. What the world answers comes at once and costs nothing.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use espat_core::fault::Faulty;
use espat_core::{
    Input, Instant, Module, ModuleConfig, NetEvent, NetRequest, Output, SocketId, Timing,
};

use espat_host::Engine;

use super::mb_per_s;
use crate::floor::{IPD_BYTES, SEND_BYTES, WINDOW_BYTES};
use crate::options::Options;
use crate::rounds::median;
use crate::table::{Table, Target};

/// What a PTY holds: so much a program reads or writes at once.
const PTY_BYTES: usize = 4096;
/// How long a round goes on, in steps of a way.
const STEPS: usize = 30_000;

/// A way through the core.
pub(super) struct Way<E = Module> {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// Payload bytes of one step; 0 for short commands.
    pub(super) payload: usize,
    setup: fn(&mut Bare<E>) -> Result<()>,
    step: fn(&mut Bare<E>, usize),
}

/// A module, or a layer around one.
pub(super) trait Subject: Engine + Sized {
    fn power_on(config: ModuleConfig) -> Result<Self>;
    fn is_busy(&self) -> bool;
}

impl Subject for Module {
    fn power_on(config: ModuleConfig) -> Result<Self> {
        Ok(Self::power_on(config, Instant::ZERO)?)
    }

    fn is_busy(&self) -> bool {
        self.inspect().is_busy()
    }
}

impl Subject for Faulty {
    fn power_on(config: ModuleConfig) -> Result<Self> {
        Ok(Self::power_on(config, Instant::ZERO)?)
    }

    fn is_busy(&self) -> bool {
        self.inspect().is_busy()
    }
}

pub(super) fn ways<E: Subject>() -> [Way<E>; 6] {
    [
        Way {
            name: "commands",
            what: "short commands",
            payload: 0,
            setup: |_| Ok(()),
            step: |bare, count| bare.serial(SHORT[count % SHORT.len()]),
        },
        Way {
            name: "send",
            what: "CIPSEND 2048",
            payload: SEND_BYTES,
            setup: Bare::open_link,
            step: |bare, _| {
                bare.serial(b"AT+CIPSEND=0,2048\r\n");
                bare.serial(&[b'x'; SEND_BYTES]);
            },
        },
        Way {
            name: "ipd",
            what: "+IPD 2920",
            payload: IPD_BYTES,
            setup: Bare::open_link,
            step: |bare, _| bare.data(&[b'x'; IPD_BYTES]),
        },
        Way {
            name: "read",
            what: "passive read 5744",
            payload: WINDOW_BYTES,
            setup: |bare| {
                bare.open_link()?;
                bare.command("AT+CIPRECVMODE=1")
            },
            step: |bare, _| {
                bare.data(&[b'x'; WINDOW_BYTES]);
                bare.serial(b"AT+CIPRECVDATA=0,5744\r\n");
            },
        },
        Way {
            name: "raw-out",
            what: "passthrough out 4096",
            payload: PTY_BYTES,
            setup: Bare::pass_through,
            step: |bare, _| bare.serial(&[b'x'; PTY_BYTES]),
        },
        Way {
            name: "raw-in",
            what: "passthrough in 4096",
            payload: PTY_BYTES,
            setup: Bare::pass_through,
            step: |bare, _| bare.data(&[b'x'; PTY_BYTES]),
        },
    ]
}

const SHORT: [&[u8]; 3] = [b"AT\r\n", b"AT+CIPMUX?\r\n", b"AT+CIPRECVMODE=0\r\n"];

pub(super) fn measure(options: &Options, table: &mut Table) -> Result<()> {
    for way in &ways::<Module>() {
        let mut bare = Bare::on(way)?;
        bare.walk(way, STEPS)?;
        let mut figures = Vec::new();
        for _ in 0..options.rounds {
            let start = cpu_time();
            bare.walk(way, STEPS)?;
            let time = cpu_time() - start;
            figures.push(if way.payload > 0 {
                mb_per_s(STEPS * way.payload, time) / 1e3
            } else {
                // As many commands as bytes.
                mb_per_s(STEPS, time)
            });
        }
        let unit = if way.payload > 0 { "GB/s" } else { "M/s" };
        let what = format!("core alone: {}", way.what);
        table.figure(&what, median(&figures), unit, Target::AtLeast(1.0));
    }
    Ok(())
}

/// What this thread has had of a processor: others may be using it too.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().unwrap_or_default()
}

/// Takes so many steps on one way, for a profiler to look at; `faulty:NAME` takes them through a fault layer without a plan.
pub(crate) fn run(name: &str, count: &str) -> Result<()> {
    match name.strip_prefix("faulty:") {
        Some(name) => walk::<Faulty>(name, count),
        None => walk::<Module>(name, count),
    }
}

fn walk<E: Subject>(name: &str, count: &str) -> Result<()> {
    let ways = ways::<E>();
    let way = ways.iter().find(|way| way.name == name);
    let way = way.with_context(|| format!("there is no way `{name}`"))?;
    Bare::on(way)?.walk(way, count.parse()?)
}

/// A module and the least that a driver does.
pub(super) struct Bare<E> {
    module: E,
    now: Instant,
    /// The link's socket.
    socket: Option<SocketId>,
    /// Read credit that the module gave.
    credit: usize,
    /// What the network has to tell.
    answers: VecDeque<NetEvent<'static>>,
    /// Serial bytes that came out.
    said: usize,
    sent: usize,
    /// Payload the module gave to a socket, or that it took from one.
    moved: usize,
}

impl<E: Subject> Bare<E> {
    fn on(way: &Way<E>) -> Result<Self> {
        let config = ModuleConfig {
            timing: Timing::Fast,
            serial_credit: 64 * 1024,
            ..ModuleConfig::new()
        };
        let mut bare = Self {
            module: E::power_on(config)?,
            now: Instant::ZERO,
            socket: None,
            credit: 0,
            answers: VecDeque::new(),
            said: 0,
            sent: 0,
            moved: 0,
        };
        bare.drain();
        bare.command("ATE0")?;
        (way.setup)(&mut bare)?;
        Ok(bare)
    }

    /// Goes so many steps, and makes sure that each did something.
    fn walk(&mut self, way: &Way<E>, steps: usize) -> Result<()> {
        (self.said, self.moved) = (0, 0);
        for count in 0..steps {
            (way.step)(self, count);
        }
        let moved = self.moved == steps * way.payload;
        ensure!(moved, "{}: {} bytes came through", way.name, self.moved);
        let answered = way.name.starts_with("raw") || self.said >= steps * 4;
        ensure!(answered, "{}: {} bytes were said", way.name, self.said);
        Ok(())
    }

    fn open_link(&mut self) -> Result<()> {
        self.command("AT+CWMODE=1")?;
        self.command("AT+CWJAP=\"bench\",\"\"")?;
        self.command("AT+CIPMUX=1")?;
        self.command("AT+CIPSTART=0,\"TCP\",\"127.0.0.1\",9")
    }

    fn pass_through(&mut self) -> Result<()> {
        self.command("AT+CWMODE=1")?;
        self.command("AT+CWJAP=\"bench\",\"\"")?;
        self.command("AT+CIPSTART=\"TCP\",\"127.0.0.1\",9")?;
        self.command("AT+CIPMODE=1")?;
        self.command("AT+CIPSEND")
    }

    fn command(&mut self, line: &str) -> Result<()> {
        self.said = 0;
        self.serial(line.as_bytes());
        self.serial(b"\r\n");
        ensure!(
            self.said > 0 && !self.module.is_busy(),
            "{line} is not answered"
        );
        Ok(())
    }

    fn serial(&mut self, bytes: &[u8]) {
        self.feed(Input::Serial(bytes));
        self.answer();
    }

    /// Data for the link, as far as there is credit.
    fn data(&mut self, bytes: &[u8]) {
        let Some(socket) = self.socket.filter(|_| self.credit >= bytes.len()) else {
            return;
        };
        self.credit = 0;
        self.moved += bytes.len();
        self.feed(Input::Net(NetEvent::Data {
            socket,
            from: None,
            bytes,
            wire_len: bytes.len(),
        }));
        self.answer();
    }

    /// Lets the world answer until it has nothing to say.
    fn answer(&mut self) {
        loop {
            if self.sent > 0 {
                let sent = std::mem::take(&mut self.sent);
                self.feed(Input::SerialSent(sent));
            } else if let Some(event) = self.answers.pop_front() {
                self.feed(Input::Net(event));
            } else {
                return;
            }
        }
    }

    fn feed(&mut self, input: Input<'_>) {
        self.now = Instant::from_micros(self.now.as_micros() + 1);
        self.module.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.module.poll_output() {
                Output::Serial { bytes, .. } => {
                    self.said += bytes.len();
                    self.sent += bytes.len();
                }
                Output::Net(NetRequest::Connect { socket, to }) => {
                    self.socket = Some(socket);
                    let local = to.remote;
                    self.answers
                        .push_back(NetEvent::Connected { socket, local });
                }
                Output::Net(NetRequest::Send { socket, bytes, .. }) => {
                    let n = bytes.len();
                    self.moved += n;
                    self.answers.push_back(NetEvent::Sent { socket, n });
                }
                Output::Net(NetRequest::Read { max, .. }) => self.credit = max,
                Output::Idle { .. } => return,
                Output::Net(_) | Output::Uart(_) | Output::Store { .. } | Output::Event(_) => {}
            }
        }
    }
}
