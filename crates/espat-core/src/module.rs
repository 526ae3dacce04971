//! The module: routes input to its parts and hands out what they queued.

mod air;
mod hang;
mod intake;
mod passthrough;
mod power;
mod reports;
mod step;
mod taps;
mod view;

use alloc::boxed::Box;
use alloc::vec::Vec;

use self::passthrough::Passthrough;
pub use self::view::{
    LinkDetail, LinkPhase, PhaseView, ServerView, SoftApView, StationPhase, StationView,
};

use crate::config::{ConfigError, ModuleConfig};
use crate::exec::cx::{Called, Cx, Env};
use crate::exec::operation::{OpEvent, Operation, SocketEvent, Task};
use crate::fault::FaultState;
use crate::flash::Flash;
use crate::input::{CloseCause, Input, NetEvent};
use crate::net::dial::Target;
use crate::net::{Net, mdns, server, sntp};
use crate::nvs::{Nvs, Settings};
use crate::ota::Ota;
use crate::outbox::Outbox;
use crate::output::{Output, ResetCause, SocketId, UartConfig, Wake};
use crate::rng::Rng;
use crate::serial::chunk::Chunk;
use crate::serial::escape::Escape;
use crate::serial::framer::{Framer, LineEnd};
use crate::serial::payload::Payload;
use crate::sys::System;
use crate::time::Instant;
use crate::timers::{Timer, Timers};
use crate::wifi::Wifi;

/// A virtual ESP-AT module.
///
/// One input, then a drain of [`poll_output`](Self::poll_output) to `Idle`, then the next input.
#[derive(Debug)]
pub struct Module {
    phase: Phase,
    now: Instant,
    intake: Intake,
    running: Option<Box<dyn Operation>>,
    /// What goes on beside commands.
    tasks: Vec<Box<dyn Task>>,
    gap: reports::Gap,
    /// Since when reports have been waiting.
    reports_since: Option<Instant>,
    passthrough: Option<Passthrough>,
    /// The link that is to be opened once the station has its address.
    saved_link: Option<Target>,
    /// What the UART runs at.
    uart: UartConfig,
    state: State,
    drained: bool,
}

/// Whether the module takes commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Off,
    Booting,
    Ready,
    /// A reset is due; what comes meanwhile is lost.
    Resetting(ResetCause),
    Asleep,
    /// The ROM waits for a firmware; only a reset from outside ends it.
    Downloading,
}

/// The serial side: who owns the next byte.
#[derive(Debug)]
struct Intake {
    framer: Framer,
    chunk: Chunk,
    escape: Escape,
    /// Payload that is being typed for the running command.
    payload: Option<Payload>,
    /// Memory for the next payload.
    spare: Vec<u8>,
    /// Input that waits for a host which does not read.
    backlog: Vec<u8>,
    /// A partial line has been standing so long that it holds no report back.
    line_is_stale: bool,
}

/// Everything that commands and subsystems work on.
#[derive(Debug)]
struct State {
    config: ModuleConfig,
    sys: System,
    net: Net,
    wifi: Wifi,
    nvs: Nvs,
    ota: Ota,
    flash: Flash,
    out: Outbox,
    timers: Timers,
    rng: Rng,
    faults: FaultState,
}

impl State {
    fn cx(&mut self, now: Instant) -> Cx<'_> {
        let env = Env {
            now,
            config: &self.config,
            out: &mut self.out,
            timers: &mut self.timers,
            rng: &mut self.rng,
            faults: &self.faults,
        };
        Cx {
            env,
            sys: &mut self.sys,
            net: &mut self.net,
            wifi: &mut self.wifi,
            nvs: &mut self.nvs,
            ota: &mut self.ota,
            flash: &mut self.flash,
            called: Called::default(),
        }
    }
}

/// Serial bytes that one input may carry while commands are expected: the UART driver's receive buffer.
const COMMAND_ROOM: usize = 2048;
/// The same while payload is expected.
const PAYLOAD_ROOM: usize = 16 * 1024;
/// What `+++` needs where there is no other room.
const ESCAPE_ROOM: usize = 3;

impl Module {
    /// Powers a module on. Drain [`poll_output`](Self::poll_output) before the first input.
    ///
    /// # Errors
    /// [`ConfigError`] where the configuration cannot be a module's.
    pub fn power_on(config: ModuleConfig, now: Instant) -> Result<Self, ConfigError> {
        let settings = Self::settings(&config)?;
        let limits = &config.profile.limits;
        let line_end = LineEnd::new(config.terminator, config.profile.quirks.looks_for_at);
        let mut module = Self {
            phase: Phase::Off,
            now,
            intake: Intake {
                framer: Framer::new(line_end, limits.line_bytes),
                chunk: Chunk::default(),
                escape: Escape::default(),
                payload: None,
                spare: Vec::new(),
                backlog: Vec::new(),
                line_is_stale: false,
            },
            running: None,
            tasks: Vec::new(),
            gap: reports::Gap::default(),
            reports_since: None,
            passthrough: None,
            saved_link: None,
            uart: config.profile.factory.uart,
            state: State {
                sys: System::new(&config.profile.factory, settings.uart),
                net: Net::new(),
                wifi: Wifi::default(),
                nvs: Nvs::new(settings),
                ota: Ota::new(config.upgrade.installed.clone()),
                flash: Flash::new(config.profile, &config.partitions),
                out: Outbox::new(
                    config.serial_credit,
                    config.log_port,
                    &config.profile.quirks,
                ),
                timers: Timers::default(),
                rng: Rng::new(config.seed),
                faults: FaultState::default(),
                config,
            },
            drained: true,
        };
        module.boot(ResetCause::PowerOn);
        module.settle();
        Ok(module)
    }

    /// Whether a module can be made from a configuration, the kept settings in it included.
    ///
    /// # Errors
    /// As [`power_on`](Self::power_on).
    pub fn check(config: &ModuleConfig) -> Result<(), ConfigError> {
        Self::settings(config).map(|_| ())
    }

    fn settings(config: &ModuleConfig) -> Result<Settings, ConfigError> {
        config.check()?;
        Settings::decode(config)
    }

    /// How many bytes the next [`Input::Serial`] may carry; 0 while the host MCU does not read what it is sent.
    #[must_use]
    pub fn serial_room(&self) -> usize {
        if self.is_in_passthrough() {
            self.passthrough_room()
        } else if self.intake.payload.as_ref().is_some_and(Payload::is_stream) {
            self.long_send_room()
        } else if self.intake.payload.is_some() {
            PAYLOAD_ROOM
        } else if !self.intake.backlog.is_empty() || self.output_is_stalled() {
            0
        } else {
            COMMAND_ROOM
        }
    }

    /// `AT+CIPSENDL` holds the host MCU back while the network stack takes nothing, but for the `+++` that ends it.
    fn long_send_room(&self) -> usize {
        if self.output_is_stalled() {
            return 0;
        }
        let limit = self.state.config.profile.limits.passthrough_buffer + ESCAPE_ROOM;
        let held = self.state.net.long_send.held.unwrap_or(0);
        limit.saturating_sub(held).min(PAYLOAD_ROOM)
    }

    /// Takes one input. Every call must be followed by a drain of [`poll_output`](Self::poll_output) to `Idle`.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        debug_assert!(
            self.drained,
            "drain poll_output to Idle before the next input"
        );
        self.drained = false;
        let now = now.max(self.now);
        if self.is_hung() {
            return self.handle_input_hung(now, input);
        }
        self.run_timers(now);
        self.now = now;
        match input {
            Input::Tick => {}
            Input::Serial(bytes) => self.on_serial(bytes),
            Input::SerialBreak => self.on_serial_break(),
            Input::SerialSent(n) => {
                self.state.out.on_sent(n);
                self.resume_backlog();
            }
            Input::Net(event) => self.on_net(event),
            Input::Stored { tag, result } => self.on_stored(tag, result),
            Input::Power(event) => self.on_power(event),
            Input::Air(event) => self.on_air(event),
        }
        self.settle();
        let mut cx = self.state.cx(self.now);
        cx.net.grant_reads(&mut cx.env);
        cx.env.out.seal();
    }

    /// The next output, until `Idle`.
    // Into the driver's loop and that of a layer: the call would cost more than a layer without work.
    #[inline(always)]
    pub fn poll_output(&mut self) -> Output<'_> {
        self.drained = !self.state.out.is_ready();
        if !self.drained {
            let nothing = Output::Idle {
                wake_at: None,
                why: Wake::Never,
            };
            return self.state.out.pop(nothing);
        }
        let next = if self.is_hung() {
            None
        } else {
            self.state.timers.next()
        };
        Output::Idle {
            wake_at: next.map(|(at, _)| at),
            why: match next {
                _ if self.state.out.is_blocked() => Wake::Credit,
                Some((_, timer)) => Wake::Timer(timer),
                None => Wake::Never,
            },
        }
    }

    /// What is wrong with the module, to be changed between two inputs. Nothing is, at first.
    pub fn faults_mut(&mut self) -> &mut FaultState {
        &mut self.state.faults
    }

    /// A read-only view for tools.
    #[must_use]
    pub fn inspect(&self) -> Inspect<'_> {
        Inspect { module: self }
    }

    fn on_net(&mut self, event: NetEvent<'_>) {
        if let NetEvent::SlotsChanged { slots } = event {
            self.state.config.slots = slots;
        }
        let may_print = self.may_report() || self.is_in_passthrough();
        let mut cx = self.state.cx(self.now);
        if let NetEvent::Accepted { socket, peer, .. } = event
            && !server::admits(&cx, peer.ip())
        {
            return cx.net.turn_away(&mut cx.env, socket);
        }
        let heard = cx.net.on_event(&mut cx.env, event, &cx.nvs.live, may_print);
        if let Some(heard) = heard {
            self.step(&heard);
            self.passthrough_event(&heard);
            sntp::on_event(&mut self.state.cx(self.now), &heard);
        }
        self.follow_link();
        self.report_place();
    }

    /// Fires the timers that are due up to `now`, each at its own time.
    fn run_timers(&mut self, now: Instant) {
        while let Some((at, _)) = self.state.timers.next().filter(|&(at, _)| at <= now) {
            self.now = self.now.max(at);
            self.settle();
        }
    }

    /// Fires what is due now and prints what may be printed, until nothing changes.
    fn settle(&mut self) {
        while let Some(timer) = self.state.timers.take_expired(self.now) {
            self.on_timer(timer);
        }
        while let Some(socket) = self.state.net.take_cut() {
            self.step(&OpEvent::Socket(
                socket,
                SocketEvent::Closed(CloseCause::Io),
            ));
        }
        self.follow_link();
        self.enter_saved_link();
        self.flush_reports();
        let mut cx = self.state.cx(self.now);
        sntp::follow(&mut cx);
        server::follow(&mut cx);
        mdns::follow(&mut cx);
    }

    fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Boot => self.end_boot(),
            Timer::Reset => self.on_reset_due(),
            Timer::Wake => self.reset(ResetCause::Wake, crate::output::CloseHow::Vanish),
            Timer::Chunk => self.on_busy_chunk_end(),
            Timer::Escape => self.on_escape_decided(),
            Timer::LineHold => self.intake.line_is_stale = true,
            Timer::ReportGap => self.on_report_gap_end(),
            Timer::Group => {
                self.on_group_due();
                self.step(&OpEvent::GroupDue);
            }
            Timer::Stall => self.on_stalled(),
            Timer::Reconnect => self.dial(),
            Timer::Sntp => sntp::on_timer(&mut self.state.cx(self.now)),
            Timer::Operation => self.step(&OpEvent::Deadline),
            Timer::Upgrade => self.step(&OpEvent::UpgradeTimeout),
            Timer::Station | Timer::Rejoin | Timer::SoftAp => {
                let mut cx = self.state.cx(self.now);
                let event = cx.wifi.on_timer(&mut cx.env, cx.nvs, timer);
                if let Some(event) = event {
                    self.on_wifi(event);
                }
            }
            Timer::ServerIdle => {
                let mut cx = self.state.cx(self.now);
                let closed = cx.net.on_idle_timer(&mut cx.env);
                self.on_closed(&closed);
                self.report_place();
            }
        }
    }
}

/// A read-only view of a module, for tools and tests.
#[derive(Debug)]
pub struct Inspect<'a> {
    module: &'a Module,
}

/// What tools and tests see of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// Its number.
    pub id: u8,
    /// Its socket.
    pub socket: SocketId,
    /// The network has that socket: it is being opened, or open.
    pub has_socket: bool,
    /// Received bytes that have not gone to the host MCU.
    pub unread: usize,
}

impl Inspect<'_> {
    /// The UART's line settings.
    #[must_use]
    pub fn uart(&self) -> UartConfig {
        self.module.uart
    }

    /// Whether the module takes commands.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.module.phase == Phase::Ready
    }

    /// Whether a command is running: input is answered `busy p...` or is its payload.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.module.running.is_some() || self.module.is_kept_busy()
    }

    /// Payload bytes that the running command still waits for.
    #[must_use]
    pub fn payload_missing(&self) -> Option<usize> {
        self.module.intake.payload.as_ref().map(Payload::missing)
    }

    /// Outputs that have been made and not handed out, or not whole: they wait for credit.
    #[must_use]
    pub fn outputs_waiting(&self) -> usize {
        self.module.state.out.waiting()
    }

    /// Whether raw bytes pass between the serial port and a link.
    #[must_use]
    pub fn is_in_passthrough(&self) -> bool {
        self.module.is_in_passthrough()
    }

    /// The links, by number.
    pub fn link_views(&self) -> impl Iterator<Item = LinkView> {
        self.module.state.net.links.iter().map(|link| LinkView {
            id: link.id.0,
            socket: link.socket,
            has_socket: link.has_socket(),
            unread: link.rx.len(),
        })
    }

    /// Sockets that are no links': an upgrade's.
    pub fn sockets_apart(&self) -> impl Iterator<Item = SocketId> {
        self.module.state.net.apart.iter().copied()
    }

    /// Links in use.
    #[must_use]
    pub fn links(&self) -> usize {
        self.module.state.net.links.iter().count()
    }

    /// Bytes that stand in the module: serial output, held payload and unread data.
    #[must_use]
    pub fn bytes_held(&self) -> usize {
        let state = &self.module.state;
        let unread: usize = state.net.links.iter().map(|link| link.rx.len()).sum();
        let typed = self
            .module
            .intake
            .payload
            .as_ref()
            .map_or(0, |payload| payload.bytes().len());
        state.out.unsent() + unread + typed + self.module.intake.backlog.len()
    }
}
