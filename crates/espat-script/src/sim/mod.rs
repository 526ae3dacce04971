//! The simulated target: a module with a virtual clock, a virtual network and a serial port that splits as asked.

pub(crate) mod asked;
mod engine;
pub(crate) mod network;
mod serial;
mod socket;

pub use engine::Engine;
pub use serial::Way;

use std::collections::VecDeque;

use espat_core::fault::{FaultPlan, Faulty};
use espat_core::{
    AirEvent, ConfigError, Duration, Heard, Input, Instant, Mark, Module, ModuleConfig, NetEvent,
    Output, PowerEvent, StoreTag,
};

use crate::event::Event;
use crate::matching::Names;
use crate::request::Request;
use crate::target::{Observed, Target, Want};
use crate::time::TimeStep;
use asked::Asked;
use network::Network;
use serial::SerialSide;

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
        let serial = SerialSide::new(config, way);
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
        self.serial.runs(mark)
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
            } else if let Some(heard) = self.network.next_delivery() {
                self.deliver(&heard)?;
            } else if !self.feed() {
                return Ok(());
            }
        }
    }

    fn deliver(&mut self, heard: &Heard) -> Result<(), String> {
        self.input(Input::Net(heard.event(Vec::as_slice)))
    }

    /// Hands the next piece of serial input over; false where there is none or no room.
    fn feed(&mut self) -> bool {
        let Some(bytes) = self.serial.next_piece(self.engine.serial_room()) else {
            return false;
        };
        self.engine.handle_input(self.now, Input::Serial(&bytes));
        true
    }

    fn drain(&mut self) -> Result<(), String> {
        for _ in 0..OUTPUTS_MAX {
            let observed = match self.engine.poll_output() {
                Output::Serial { mark, bytes } => self.serial.take(mark, bytes)?,
                Output::Net(request) => match self.network.ask(&request)? {
                    Asked::Quietly => continue,
                    Asked::Stream(handle, bytes) => Observed::Stream(handle, bytes.to_vec()),
                    Asked::Net(handle, ask) => Observed::Ask(Request::Net(handle, ask)),
                    Asked::Mdns(service) => Observed::Ask(Request::Mdns(service)),
                },
                Output::Uart(config) => Observed::Ask(Request::Uart(config)),
                Output::Store { tag, request } => {
                    let request = Request::of_store(request);
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

impl<E: Engine> Target for Sim<E> {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.serial.unsent.extend(bytes);
        self.settle()
    }

    fn world(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Net(handle, happening) => {
                if let Some(heard) = self.network.happen(*handle, happening)? {
                    self.deliver(&heard)?;
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
