//! The simulated target: a module with a virtual clock, a virtual network and a serial port that splits as asked.

pub(crate) mod network;

use std::collections::{BTreeMap, VecDeque};

use espat_core::fault::{FaultPlan, Faulty};
use espat_core::{
    AirEvent, ConfigError, Duration, Input, Instant, LogPort, Mark, Module, ModuleConfig, NetEvent,
    Output, PartitionStep, PowerEvent, StoreRequest, StoreTag,
};

use crate::event::Event;
use crate::matching::Names;
use crate::request::{PartitionAsk, Request};
use crate::target::{Observed, Target, Want};
use crate::text::Text;
use crate::time::TimeStep;
use network::{Asked, Delivery, Network};

/// What the simulated target runs: a module, or a layer around one.
pub trait Engine {
    /// How many bytes the next serial input may carry.
    fn serial_room(&self) -> usize;
    /// Takes one input.
    fn handle_input(&mut self, now: Instant, input: Input<'_>);
    /// The next output, until `Idle`.
    fn poll_output(&mut self) -> Output<'_>;
}

impl Engine for Module {
    fn serial_room(&self) -> usize {
        Self::serial_room(self)
    }

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        Self::handle_input(self, now, input);
    }

    fn poll_output(&mut self) -> Output<'_> {
        Self::poll_output(self)
    }
}

impl Engine for Faulty {
    fn serial_room(&self) -> usize {
        Self::serial_room(self)
    }

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        Self::handle_input(self, now, input);
    }

    fn poll_output(&mut self) -> Output<'_> {
        Self::poll_output(self)
    }
}

/// How bytes reach the module and leave it. All of it happens at one virtual instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Each `->` line whole.
    Lines,
    /// One byte at a time.
    Bytes,
    /// In random pieces that this seed chooses.
    Random(u64),
    /// Each `->` line whole, with transmit credit of one byte.
    Credit,
}

impl Way {
    /// The four ways in which every transcript runs.
    pub const ALL: [Self; 4] = [Self::Lines, Self::Bytes, Self::Random(0x5eed), Self::Credit];

    /// What messages call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lines => "whole lines",
            Self::Bytes => "one byte at a time",
            Self::Random(_) => "random pieces",
            Self::Credit => "transmit credit of one byte",
        }
    }
}

/// A simulated module with its world.
#[derive(Debug)]
pub struct Sim<E = Module> {
    engine: E,
    now: Instant,
    wake_at: Option<Instant>,
    serial: SerialSide,
    network: Network,
    stores: VecDeque<StoreTag>,
    out: VecDeque<Observed>,
}

/// The host MCU's end of the serial line.
#[derive(Debug)]
struct SerialSide {
    way: Way,
    random: u64,
    /// Bytes that the module had no room for yet.
    unsent: VecDeque<u8>,
    /// Bytes that may still come out.
    credit: usize,
    /// Bytes that came out and whose credit was not given back yet.
    unpaid: usize,
    /// The host MCU does not read: credit does not come back.
    is_stalled: bool,
    /// The supply is cut: nothing may come out.
    is_off: bool,
    marks: BTreeMap<Mark, usize>,
    log_has_own_port: bool,
}

/// What a redacted secret is in a simulated run.
pub(crate) const SIMULATED_SECRET: &[u8] = b"espat-secret";

/// The longest that `~ idle` and `~ output` go.
const HOUR: Duration = Duration::from_secs(3600);

/// More outputs than this after one input mean that the module never comes to rest.
const OUTPUTS_MAX: usize = 100_000;

impl Sim<Module> {
    /// Powers a module on.
    ///
    /// # Errors
    /// The configuration cannot be a module's.
    pub fn new(config: &ModuleConfig, way: Way) -> Result<Self, ConfigError> {
        let mut config = config.clone();
        if way == Way::Credit {
            config.serial_credit = 1;
        }
        let module = Module::power_on(config.clone(), Instant::ZERO)?;
        Ok(Self::with_engine(module, &config, way))
    }
}

impl Sim<Faulty> {
    /// Powers a module on that plays these fault plans.
    ///
    /// # Errors
    /// The configuration cannot be a module's.
    pub fn faulty(
        config: &ModuleConfig,
        faults: &[FaultPlan],
        way: Way,
    ) -> Result<Self, ConfigError> {
        let mut config = config.clone();
        if way == Way::Credit {
            config.serial_credit = 1;
        }
        let mut engine = Faulty::power_on(config.clone(), Instant::ZERO)?;
        for plan in faults {
            engine.start(plan.clone());
        }
        Ok(Self::with_engine(engine, &config, way))
    }
}

impl<E: Engine> Sim<E> {
    /// A world around an engine that was just made from `config`.
    #[must_use]
    pub fn with_engine(engine: E, config: &ModuleConfig, way: Way) -> Self {
        let serial = SerialSide {
            way,
            random: if let Way::Random(seed) = way {
                seed ^ config.seed
            } else {
                0
            },
            unsent: VecDeque::new(),
            credit: config.serial_credit,
            unpaid: 0,
            is_stalled: false,
            is_off: false,
            marks: BTreeMap::new(),
            log_has_own_port: config.log_port != LogPort::Shared,
        };
        let network = Network::new(config.addresses.station_ip);
        let (stores, out) = (VecDeque::new(), VecDeque::new());
        Self {
            engine,
            now: Instant::ZERO,
            wake_at: None,
            serial,
            network,
            stores,
            out,
        }
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &E {
        &self.engine
    }

    /// The engine, for what its owner wants to tell it beside its inputs.
    pub(crate) const fn engine_mut(&mut self) -> &mut E {
        &mut self.engine
    }

    /// The engine, the world around it gone.
    #[must_use]
    pub fn into_engine(self) -> E {
        self.engine
    }

    /// The virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// How many runs of serial bytes had this mark; a run that credit cut counts once a piece.
    #[must_use]
    pub fn runs(&self, mark: Mark) -> usize {
        self.serial.marks.get(&mark).copied().unwrap_or_default()
    }

    /// Stops or lets go on the host MCU's reading: credit comes back only while it reads.
    ///
    /// # Errors
    /// The module does something that no module may do.
    pub fn stall(&mut self, stalled: bool) -> Result<(), String> {
        self.serial.is_stalled = stalled;
        self.settle()
    }

    /// Hands an event over past the simulated network, such as one about a socket that nobody opened.
    ///
    /// # Errors
    /// The module does something that no module may do.
    pub fn stray(&mut self, event: NetEvent<'_>) -> Result<(), String> {
        self.input(Input::Net(event))?;
        self.settle()
    }

    fn input(&mut self, input: Input<'_>) -> Result<(), String> {
        self.engine.handle_input(self.now, input);
        self.drain()
    }

    /// Drains the engine to `Idle`, gives credit back, and hands over what waits for read credit or serial room.
    fn settle(&mut self) -> Result<(), String> {
        loop {
            self.drain()?;
            if self.serial.unpaid > 0 && !self.serial.is_stalled {
                let n = std::mem::take(&mut self.serial.unpaid);
                self.serial.credit += n;
                self.engine.handle_input(self.now, Input::SerialSent(n));
            } else if let Some(delivery) = self.network.next_delivery() {
                self.deliver(&delivery)?;
            } else if !self.feed() {
                return Ok(());
            }
        }
    }

    fn deliver(&mut self, delivery: &Delivery) -> Result<(), String> {
        self.input(Input::Net(delivery.event()))
    }

    /// Hands the next piece of serial input over; false where there is none or no room.
    fn feed(&mut self) -> bool {
        let room = self.engine.serial_room().min(self.serial.unsent.len());
        if room == 0 {
            return false;
        }
        let len = match self.serial.way {
            Way::Lines | Way::Credit => room,
            Way::Bytes => 1,
            Way::Random(_) => 1 + self.serial.next_random() % room.min(40),
        };
        let bytes: Vec<u8> = self.serial.unsent.drain(..len).collect();
        self.engine.handle_input(self.now, Input::Serial(&bytes));
        true
    }

    fn drain(&mut self) -> Result<(), String> {
        for _ in 0..OUTPUTS_MAX {
            let observed = match self.engine.poll_output() {
                Output::Serial { mark, bytes } => self.serial.take(mark, bytes)?,
                Output::Net(request) => match self.network.ask(&request)? {
                    Asked::Quietly => continue,
                    Asked::Stream(handle, bytes) => Observed::Stream(handle, bytes),
                    Asked::Net(handle, ask) => Observed::Ask(Request::Net(handle, ask)),
                    Asked::Mdns(service) => Observed::Ask(Request::Mdns(service)),
                },
                Output::Uart(config) => Observed::Ask(Request::Uart(config)),
                Output::Store { tag, request } => {
                    let request = stored(request);
                    if request.is_store() {
                        self.stores.push_back(tag);
                    }
                    Observed::Ask(request)
                }
                Output::Event(_) => continue,
                Output::Idle { wake_at, .. } => {
                    if let Some(at) = wake_at.filter(|&at| at <= self.now) {
                        return Err(format!(
                            "the module asks at {} to be woken at {at}",
                            self.now
                        ));
                    }
                    self.wake_at = wake_at;
                    return Ok(());
                }
            };
            observed.append_to(&mut self.out);
        }
        Err(format!(
            "the module does not come to rest: {OUTPUTS_MAX} outputs after one input"
        ))
    }

    /// Goes to the next timer, if it is due by `limit`.
    fn next_timer(&mut self, limit: Instant) -> Result<bool, String> {
        let Some(at) = self.wake_at.filter(|&at| at <= limit) else {
            return Ok(false);
        };
        self.now = at;
        self.engine.handle_input(self.now, Input::Tick);
        self.settle()?;
        Ok(true)
    }
}

impl SerialSide {
    /// Takes what came out of the module, on the credit that there is.
    fn take(&mut self, mark: Mark, bytes: &[u8]) -> Result<Observed, String> {
        *self.marks.entry(mark).or_default() += 1;
        if self.is_off {
            return Err(format!(
                "the module sent {} bytes without a supply",
                bytes.len()
            ));
        }
        if mark == Mark::Log && self.log_has_own_port {
            return Ok(Observed::Ask(Request::Log(Text::bytes(bytes))));
        }
        let left = self.credit.checked_sub(bytes.len());
        self.credit = left.ok_or_else(|| {
            format!(
                "the module sent {} bytes on a credit of {}",
                bytes.len(),
                self.credit
            )
        })?;
        self.unpaid += bytes.len();
        Ok(Observed::Serial(bytes.to_vec()))
    }

    fn next_random(&mut self) -> usize {
        self.random = self
            .random
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(self.random >> 40).unwrap_or_default()
    }
}

pub(crate) fn stored(request: StoreRequest<'_>) -> Request {
    match request {
        StoreRequest::Set(pairs) => Request::Store(
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        ),
        StoreRequest::Erase => Request::StoreErase,
        StoreRequest::Boot { version } => Request::Boot(version.as_bytes().to_vec()),
        StoreRequest::Partition { name, step } => Request::Partition(
            name.to_owned(),
            match step {
                PartitionStep::Begin => PartitionAsk::Begin,
                PartitionStep::Chunk(bytes) => PartitionAsk::Chunk(Text::compressed(bytes)),
                PartitionStep::Commit => PartitionAsk::Commit,
                PartitionStep::Abort => PartitionAsk::Abort,
            },
        ),
    }
}

impl<E: Engine> Target for Sim<E> {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.serial.unsent.extend(bytes);
        self.settle()
    }

    fn world(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Net(handle, happening) => {
                if let Some(delivery) = self.network.happen(*handle, happening)? {
                    self.deliver(&delivery)?;
                }
            }
            Event::Stored(result) => {
                let tag = self
                    .stores
                    .pop_front()
                    .ok_or("no `=> store` waits for an answer")?;
                self.input(Input::Stored {
                    tag,
                    result: *result,
                })?;
            }
            Event::Slots(slots) => {
                self.input(Input::Net(NetEvent::SlotsChanged { slots: *slots }))?;
            }
            Event::Air(event) => {
                if let AirEvent::Address(ip) = event {
                    self.network.set_station_ip(*ip);
                }
                self.input(Input::Air(*event))?;
            }
            Event::Power(event) => {
                self.serial.is_off = match event {
                    PowerEvent::Off => true,
                    PowerEvent::On => false,
                    PowerEvent::Reset
                    | PowerEvent::BrownOut
                    | PowerEvent::Watchdog
                    | PowerEvent::Wake => self.serial.is_off,
                };
                self.input(Input::Power(*event))?;
            }
        }
        self.settle()
    }

    fn time(&mut self, step: TimeStep) -> Result<(), String> {
        self.settle()?;
        match step {
            TimeStep::For(duration) => {
                let end = self.now + duration;
                while self.next_timer(end)? {}
                self.now = end;
            }
            TimeStep::Idle => {
                let end = self.now + HOUR;
                while self.next_timer(end)? {}
            }
            TimeStep::Output => {
                let end = self.now + HOUR;
                while self.out.is_empty() {
                    if !self.next_timer(end)? {
                        return Err("nothing would come out within the next hour".into());
                    }
                }
            }
            TimeStep::Break => {
                self.input(Input::SerialBreak)?;
                self.settle()?;
            }
        }
        Ok(())
    }

    fn observe(&mut self, _want: Want<'_>) -> Result<Option<Observed>, String> {
        if self.out.is_empty() {
            self.settle()?;
        }
        Ok(self.out.pop_front())
    }

    fn leftover(&self) -> Option<String> {
        let n = self.serial.unsent.len();
        (n > 0)
            .then(|| format!("at the end {n} serial bytes wait that the module never had room for"))
    }

    fn names(&self) -> Names {
        Names {
            default_secret: Some(SIMULATED_SECRET.to_vec()),
            ..Names::default()
        }
    }
}
