//! The loop around a module: drains its output, and feeds it one input a step from its port, its sockets, the clock and
//! its handle. Knows nothing of AT commands.
//!
//! Everything is polled in the driver's own task; a payload byte crosses no channel. The timer is armed again after every
//! drain. With nothing to do the task sleeps until a socket, the port, the handle or the timer wakes it.

mod control;
mod serial;

pub(crate) use serial::{ChunkState, HostState, PortSide};

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use espat_core::fault::Faulty;
use espat_core::{Input, Instant, Mark, NetEvent, Output, PowerEvent};
use tokio::sync::mpsc;

use crate::clock::{Alarm, Clock};
use crate::counters::Counters;
use crate::engine::Engine;
use crate::handle::Control;
use crate::net::Net;
use crate::port::{AfterClose, PortError};
use crate::power::{PowerPolicy, Supply};
use crate::store::Keeper;
use crate::trace::Trace;

/// Steps that one poll of the task takes before it lets others run.
const STEPS_MAX: usize = 32;

/// How long one poll of the task may take where single inputs are dear, as fault plans can make them: whoever stops the module
/// waits for no more than this and one input.
const SLICE: Duration = Duration::from_millis(20);

/// The longest read from the port or a socket.
const READ_BYTES: usize = 16 * 1024;

/// How long a module whose host is gone for good may take to become quiet.
const FAREWELL: Duration = Duration::from_secs(15);

/// Where the texts of the log UART go.
pub type LogSink = Box<dyn std::io::Write + Send>;

/// Why a driver ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The port can no longer be used.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A module at work: a future that ends when the module does.
#[must_use = "a driver does nothing unless it is polled"]
pub struct Driver<E = Faulty>(Option<Box<Work<E>>>);

/// What a driver owns. It goes with the end of the work, even where somebody keeps the driver.
struct Work<E> {
    supply: Supply<E>,
    clock: Clock,
    alarm: Alarm,
    wake_at: Option<Instant>,
    port: PortSide,
    net: Net,
    keeper: Keeper,
    /// Closed after port and sockets: whoever waits for the end finds them closed.
    control: Option<mpsc::UnboundedReceiver<Control<E>>>,
    counters: Arc<Counters>,
    trace: Trace,
    serial_first: bool,
    /// Handle and port events are to be looked at: they wake the task, so that this is not needed at every step.
    roused: bool,
    /// The module's end has come; a write that is under way may finish.
    ended: bool,
}

thread_local! {
    /// Where reads of the port and of sockets land. One a thread: a module that has nothing to read needs none.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

enum Step {
    Fed,
    Nothing,
    Ended,
}

impl<E: Engine> Driver<E> {
    pub(crate) fn new(
        supply: Supply<E>,
        port: PortSide,
        net: Net,
        keeper: Keeper,
        control: mpsc::UnboundedReceiver<Control<E>>,
        counters: Arc<Counters>,
    ) -> Self {
        Self(Some(Box::new(Work {
            supply,
            clock: Clock::start(),
            alarm: Alarm::default(),
            wake_at: None,
            port,
            net,
            keeper,
            control: Some(control),
            counters,
            trace: Trace::default(),
            serial_first: false,
            roused: true,
            ended: false,
        })))
    }
}

impl<E: Engine> Work<E> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), DriverError>> {
        if !self.ended {
            let mut scratch = SCRATCH.take();
            scratch.resize(READ_BYTES, 0);
            let polled = self.steps(cx, &mut scratch);
            SCRATCH.set(scratch);
            match polled {
                Poll::Ready(Ok(())) => self.ended = true,
                Poll::Ready(Err(_)) | Poll::Pending => return polled,
            }
        }
        self.keeper.poll_end(cx).map(Ok)
    }

    fn steps(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<Result<(), DriverError>> {
        self.roused = true;
        let begun = self.clock.now();
        let mut now = begun;
        for _ in 0..STEPS_MAX {
            match self.step(cx, now, scratch) {
                Ok(Step::Fed) => {}
                Ok(Step::Nothing) => return Poll::Pending,
                Ok(Step::Ended) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error)),
            }
            now = self.clock.now();
            if now >= begun + SLICE {
                break;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn step(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        scratch: &mut [u8],
    ) -> Result<Step, DriverError> {
        if !self.supply.is_powered() && self.supply.policy() == PowerPolicy::Now {
            self.power(PowerEvent::On);
        }
        if self.roused {
            let fed = self.step_roused(cx)?;
            if !matches!(fed, Step::Nothing) {
                return Ok(fed);
            }
            self.roused = false;
        }
        if !self.supply.is_powered() {
            return Ok(Step::Nothing);
        }
        // What the network said at once goes before the port: the module's answer to it joins the bytes that wait.
        if let Some(answer) = self.net.take_answer() {
            return Ok(self.feed(now, Input::Net(answer.event(|&len| &scratch[..len]))));
        }
        // So does what comes of the data that waits already, as long as it fits into one write.
        if self.port.transmitter.gathers()
            && let Poll::Ready(ready) = self.net.poll(cx, now, scratch)
        {
            return Ok(self.feed(now, Input::Net(ready.event(|&len| &scratch[..len]))));
        }
        if let Poll::Ready(n) = self.port.transmitter.poll(cx, now, &mut *self.port.port)? {
            self.counters.serial_out.add(n);
            if n > 0 {
                self.feed(now, Input::SerialSent(n));
            }
            return Ok(Step::Fed);
        }
        if let Poll::Ready((tag, result)) = self.keeper.poll(cx) {
            for (name, bytes) in self.keeper.take_written() {
                let slots = self.net.set_partition(name, bytes);
                self.feed(now, Input::Net(NetEvent::SlotsChanged { slots }));
            }
            return Ok(self.feed(now, Input::Stored { tag, result }));
        }
        if self.wake_at.is_some_and(|at| at <= now) {
            return Ok(self.feed(now, Input::Tick));
        }
        if self.step_streams(cx, now, scratch)? {
            return Ok(Step::Fed);
        }
        self.step_quiet(cx, now)
    }

    /// One event of the network or one read from the port; whether there was any. They take turns at going first, so that
    /// neither can starve the other.
    fn step_streams(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        scratch: &mut [u8],
    ) -> Result<bool, DriverError> {
        let serial_first = std::mem::take(&mut self.serial_first);
        if serial_first && self.step_serial(cx, now, scratch)? {
            return Ok(true);
        }
        if let Poll::Ready(ready) = self.net.poll(cx, now, scratch) {
            self.feed(now, Input::Net(ready.event(|&len| &scratch[..len])));
            self.serial_first = true;
            return Ok(true);
        }
        Ok(!serial_first && self.step_serial(cx, now, scratch)?)
    }

    /// What the handle asks, and hosts that come and go.
    fn step_roused(&mut self, cx: &mut Context<'_>) -> Result<Step, DriverError> {
        let fed = self.step_control(cx);
        if !matches!(fed, Step::Nothing) {
            return Ok(fed);
        }
        if let Poll::Ready(event) = self.port.port.poll_event(cx)? {
            self.on_port_event(event);
            return Ok(Step::Fed);
        }
        Ok(Step::Nothing)
    }

    /// Nothing is ready: ends where that is the end, else arms the timer.
    fn step_quiet(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<Step, DriverError> {
        // Reading or writing the port may have found that its host is gone, which wakes nobody.
        let fed = self.step_roused(cx)?;
        if !matches!(fed, Step::Nothing) {
            return Ok(fed);
        }
        if self.is_forsaken() {
            return Ok(Step::Ended);
        }
        let mut at = earliest(self.wake_at, self.port.transmitter.deadline());
        at = earliest(at, self.net.deadline());
        if let HostState::Gone(since) = self.port.state
            && self.port.transmitter.is_empty()
        {
            let end = since + FAREWELL;
            if self.wake_at.is_none() || now >= end {
                return Ok(Step::Ended);
            }
            at = earliest(at, Some(end));
        }
        match self.alarm.poll_at(cx, &self.clock, at) {
            Poll::Ready(()) => Ok(Step::Fed),
            Poll::Pending => Ok(Step::Nothing),
        }
    }

    /// Whether neither a host nor a handle can reach the module any more.
    fn is_forsaken(&self) -> bool {
        self.control.is_none()
            && self.port.state == HostState::Closed
            && self.port.port.after_close() == AfterClose::NeverReopens
    }

    fn feed(&mut self, now: Instant, input: Input<'_>) -> Step {
        if let Some(engine) = self.supply.engine_mut() {
            if let Some(baud) = engine.other_baud() {
                let port = &self.port.port;
                let host = if port.garbles() {
                    Some(baud)
                } else {
                    port.host_baud()
                };
                if let Some(host) = host {
                    engine.set_host_baud(host);
                }
            }
            engine.handle_input(now, input);
            self.counters.inputs.add(1);
            self.drain(now);
        }
        Step::Fed
    }

    fn drain(&mut self, now: Instant) {
        let Some(engine) = self.supply.engine_mut() else {
            return;
        };
        loop {
            match engine.poll_output() {
                Output::Serial {
                    mark: Mark::Log,
                    bytes,
                } if self.port.log_apart => self.port.log(bytes),
                Output::Serial { bytes, .. } => self.port.transmitter.push(now, bytes),
                Output::Net(request) => self.net.handle(now, request),
                Output::Uart(uart) => self.port.transmitter.change(uart),
                Output::Store { tag, request } => self.keeper.handle(tag, request),
                Output::Event(event) => {
                    self.trace.event(now, event, &self.counters.bytes_dropped);
                }
                Output::Idle { wake_at, .. } => {
                    self.wake_at = wake_at;
                    return;
                }
            }
        }
    }
}

impl<E: Engine> Future for Driver<E> {
    type Output = Result<(), DriverError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = &mut self.0 else {
            return Poll::Ready(Ok(()));
        };
        work.counters.wakeups.add(1);
        let polled = work.poll(cx);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
