//! Writes what a module is given and what it does as a transcript, without passwords, and without long payload unless
//! that is wanted.

mod directives;
mod from_host;
mod from_module;
mod lag;
mod net;
mod order;
mod payload;

use std::fmt::{self, Write as _};

use espat_core::{
    AirEvent, Input, Instant, LogPort, Mark, ModuleConfig, Output, PowerEvent, StoreValue, Wake,
};

use self::directives::{directives, redact_setting};
use self::from_host::{FromHost, Keys};
use self::from_module::FromModule;
use self::lag::Lag;
use self::net::Token;
use self::order::{Order, Waited};
use self::payload::{Kept, Summary, left_out};
use crate::directive::Directive;
use crate::event::Event;
use crate::matching::Names;
use crate::redact::{Known, Redactor, holds_keys, is_secret_key};
use crate::request::{PartitionAsk, Request};
use crate::script::Step;
use crate::sim::Engine;
use crate::sim::network::Network;
use crate::text::{Place, Text};
use crate::time::TimeStep;

/// Makes a transcript of inputs and outputs, in the order in which a driver hands them over.
#[derive(Debug)]
pub struct Recorder {
    out: String,
    /// The time of the last input.
    now: Instant,
    /// Up to where `~` lines have counted.
    written: Instant,
    network: Network,
    token: Token,
    from_host: FromHost,
    from_module: FromModule,
    order: Order,
    lag: Lag,
    log_apart: bool,
    log: Redactor,
    has_faults: bool,
    keys: Keys,
    known: Known,
    kept: Kept,
}

impl Recorder {
    /// Starts with the directives of `config`; the module is to be powered on next, at `now`. With `keep_payload`, long payload
    /// goes to [`hand_over`](Self::hand_over) instead of being left out.
    #[must_use]
    pub fn new(config: &ModuleConfig, now: Instant, keep_payload: bool) -> Self {
        let mut out = String::from("@boot explicit\n");
        for directive in directives(config) {
            out.push_str(&format!("@{directive}\n"));
        }
        out.push('\n');
        Self {
            out,
            now,
            written: now,
            network: Network::new(config.addresses.station_ip),
            token: Token::new(config.upgrade.token.as_deref()),
            from_host: FromHost::default(),
            from_module: FromModule::default(),
            order: Order::default(),
            lag: Lag::default(),
            has_faults: false,
            log_apart: config.log_port != LogPort::Shared,
            log: Redactor::of_module(),
            keys: Keys::default(),
            known: known(config),
            kept: Kept::new(keep_payload),
        }
    }

    /// Adds directives of which the configuration knows nothing, before anything is heard.
    pub fn direct(&mut self, directives: &[Directive]) {
        let end = self.out.trim_end_matches('\n').len();
        self.out.truncate(end);
        self.has_faults = !directives.is_empty();
        for directive in directives {
            self.out.push_str(&format!("\n@{directive}"));
        }
        self.out.push_str("\n\n");
    }

    /// Starts in the middle of a session: without directives, and with sockets and queries called by their numbers. What comes of it
    /// can be read, not run.
    #[must_use]
    pub fn joining(config: &ModuleConfig, now: Instant) -> Self {
        let mut recorder = Self::new(config, now, false);
        recorder.network = Network::joined(config.addresses.station_ip);
        recorder.from_host = FromHost::joining();
        recorder.out.clear();
        recorder
    }

    /// Starts to listen on a serial line of which nothing else is known. With `reads_boot` the module speaks first.
    #[must_use]
    pub fn listening(now: Instant, reads_boot: bool, keep_payload: bool) -> Self {
        let mut recorder = Self::new(&ModuleConfig::new(), now, keep_payload);
        recorder.out.clear();
        if reads_boot {
            recorder.line("@boot explicit");
        }
        recorder
    }

    /// Writes a comment.
    pub fn comment(&mut self, text: &str) {
        self.flush();
        self.line(&format!("# {text}"));
    }

    /// Hears of an input, before the module gets it.
    pub fn input(&mut self, now: Instant, input: &Input<'_>) {
        self.order.on_input();
        self.lag.on_input(now, input);
        if self.order.is_late() {
            self.swap_last();
            self.input_in_order(now, input);
            self.swap_last();
        } else {
            self.input_in_order(now, input);
        }
    }

    /// Hears, before each time that the module is asked for an output, how many of them wait to be handed out. Of those that wait for
    /// credit it is known then what they are the answer to.
    pub fn waiting(&mut self, outputs: usize) {
        let by_credit = self.from_module.made.is_some();
        match self.order.on_waiting(outputs, by_credit) {
            Waited::On => {}
            Waited::More(outputs) => self.add_slot(outputs),
            Waited::Over => self.close_slot(),
            Waited::Lost => self.close_slots(),
        }
    }

    fn input_in_order(&mut self, now: Instant, input: &Input<'_>) {
        // A line that comes by credit was made at the input before: a replay gives credit back at once.
        // A fault plan has reasons of its own to let something come later.
        let by_credit = matches!(input, Input::SerialSent(_)) && !self.has_faults;
        self.from_module.made = by_credit.then_some(self.from_module.made.unwrap_or(self.now));
        let waited = by_credit && self.from_module.blocked;
        if !waited {
            self.now = now.max(self.now);
        }
        match *input {
            Input::Tick | Input::SerialSent(_) => {}
            Input::Serial(bytes) => self.serial_in(bytes),
            Input::SerialBreak => self.serial_break(),
            Input::Net(event) => {
                self.flush();
                if self.long_data(&event) {
                    return;
                }
                match self.event(&event) {
                    Some(event) => self.step(&Step::World(event)),
                    None => self.line("# an event about a socket or a query that was never opened"),
                }
            }
            Input::Stored { result, .. } => {
                self.flush();
                self.step(&Step::World(Event::Stored(result)));
            }
            Input::Air(event) => {
                self.flush();
                if let AirEvent::Address(ip) = event {
                    self.network.set_station_ip(ip);
                }
                self.step(&Step::World(Event::Air(event)));
            }
            Input::Power(event) => {
                self.flush();
                self.step(&Step::World(Event::Power(event)));
                if event == PowerEvent::Off {
                    self.from_module.blocked = false;
                }
            }
        }
    }

    /// Hears of an output.
    pub fn output(&mut self, output: &Output<'_>) {
        if let Output::Idle { wake_at, why } = *output {
            self.lag.on_idle(wake_at, why);
            self.from_module.blocked = why == Wake::Credit;
            if !self.from_module.blocked {
                self.close_slots();
                self.flush_module(false);
            } else {
                self.begin_slot();
            }
            return;
        }
        let Some(made) = self.order.first() else {
            self.now = self.lag.made(self.now).max(self.written);
            self.lag.on_said(self.now);
            return self.output_in_order(output);
        };
        let now = std::mem::replace(&mut self.now, made);
        self.swap_first();
        self.output_in_order(output);
        self.swap_first();
        self.now = now;
    }

    fn output_in_order(&mut self, output: &Output<'_>) {
        match output {
            Output::Serial {
                mark: Mark::Log,
                bytes,
            } if self.log_apart => {
                self.flush();
                let text = self.log.redact(bytes, false, &mut self.known);
                self.step(&Step::Ask(Request::Log(text)));
            }
            Output::Serial { mark, bytes } => self.serial_out(*mark, bytes),
            Output::Net(request) => self.ask(request),
            Output::Uart(config) => {
                self.flush();
                self.step(&Step::Ask(Request::Uart(*config)));
            }
            Output::Store { request, .. } => {
                self.flush();
                let request = self.kept_back(Request::of_store(*request));
                self.step(&Step::Ask(request));
            }
            Output::Event(_) | Output::Idle { .. } => {}
        }
    }

    /// Hands on what is complete and new: text, and the payload that goes into the file beside it.
    pub fn hand_over<R>(&mut self, take: impl FnOnce(&str, &[u8]) -> R) -> R {
        let taken = take(&self.out, self.kept.bytes());
        self.out.clear();
        self.kept.clear();
        taken
    }

    /// Writes what is pending, unfinished lines too: nothing more comes.
    pub fn end(&mut self) {
        self.close_slots();
        self.flush();
        self.flush_host(true);
        self.flush_module(true);
    }

    /// The rest of the text.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.end();
        self.out
    }

    /// A request to the flash without its secrets, long bytes left out.
    fn kept_back(&mut self, mut request: Request) -> Request {
        match &mut request {
            Request::Store(pairs) => {
                for (key, value) in pairs {
                    redact_setting(key, value);
                }
            }
            Request::Partition(name, PartitionAsk::Chunk(chunk)) => {
                let bytes = chunk.resolve(&Names::default()).unwrap_or_default();
                *chunk = if holds_keys(name) {
                    let mut text = Text::default();
                    text.push(left_out(&bytes));
                    text
                } else {
                    self.kept.text(&bytes)
                };
            }
            Request::Net(..)
            | Request::Mdns(_)
            | Request::Partition(..)
            | Request::StoreErase
            | Request::Boot(_)
            | Request::Uart(_)
            | Request::Log(_) => {}
        }
        request
    }

    /// Writes what is pending, in the order in which it came.
    fn flush(&mut self) {
        self.flush_host(false);
        self.flush_module(false);
    }

    /// Writes a step of the present.
    fn step(&mut self, step: &Step) {
        self.pass_to(self.now);
        self.step_now(step);
    }

    fn step_now(&mut self, step: &Step) {
        // Writing to a String never fails.
        let _ = writeln!(self.out, "{step}");
    }

    /// Writes a line with long payload: most of what a busy link makes.
    fn long(&mut self, before: fmt::Arguments<'_>, summary: &Summary, place: Place) {
        let _ = self.out.write_fmt(before);
        summary.print(&mut self.out, place);
        self.out.push_str(match place {
            Place::Line => "\\\n",
            Place::Quoted => "\"\n",
        });
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn pass_to(&mut self, time: Instant) {
        if time > self.written {
            let passed = TimeStep::For(time.since(self.written));
            self.written = time;
            let _ = writeln!(self.out, "~ {passed}");
        }
    }
}

/// An engine whose inputs and outputs are recorded.
#[derive(Debug)]
pub struct Recorded<E> {
    /// The engine.
    pub engine: E,
    /// What records it.
    pub recorder: Recorder,
}

impl<E: Engine> Engine for Recorded<E> {
    fn serial_room(&self) -> usize {
        self.engine.serial_room()
    }

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.recorder.input(now, &input);
        self.engine.handle_input(now, input);
    }

    fn poll_output(&mut self) -> Output<'_> {
        if let Some(waiting) = self.engine.outputs_waiting() {
            self.recorder.waiting(waiting);
        }
        let output = self.engine.poll_output();
        self.recorder.output(&output);
        output
    }
}

/// The secrets of a configuration.
fn known(config: &ModuleConfig) -> Known {
    let mut known = Known::default();
    known.add(
        config
            .air
            .access_points
            .iter()
            .map(|ap| ap.password.clone()),
    );
    known.add(config.upgrade.token.clone().map(String::into_bytes));
    known.add(config.nvs.iter().filter_map(|(key, value)| match value {
        StoreValue::Text(text) if is_secret_key(key) => Some(text.clone()),
        StoreValue::Text(_) | StoreValue::Int(_) | StoreValue::Default => None,
    }));
    known
}
