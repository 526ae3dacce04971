//! The driver's side of the port: what it reads, and hosts that come and go.

use std::task::{Context, Poll};

use espat_core::{Input, Instant, PowerEvent};

use super::{DriverError, LogSink, Work};
use crate::engine::Engine;
use crate::inject::Injected;
use crate::port::{AfterClose, Port, PortEvent, Transmitter};
use crate::power::PowerPolicy;

/// The port and what belongs to it.
pub(crate) struct PortSide {
    pub(crate) port: Box<dyn Port>,
    pub(crate) transmitter: Transmitter,
    pub(crate) log: Option<LogSink>,
    /// The log UART has a sink of its own, or none.
    pub(crate) log_apart: bool,
    pub(crate) state: HostState,
    pub(crate) chunk: ChunkState,
    pub(crate) injected: Injected,
}

/// What is known of the host on the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostState {
    NeverOpened,
    Open,
    Closed,
    /// Gone for good at that time.
    Gone(Instant),
}

/// Where reading is in a chunk, on ports that keep chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChunkState {
    Between,
    /// A read filled all the room: more of the same chunk may be there.
    Inside,
    Over,
}

impl PortSide {
    pub(super) fn log(&mut self, bytes: &[u8]) {
        let Some(log) = &mut self.log else {
            return;
        };
        if let Err(error) = log.write_all(bytes) {
            tracing::warn!("the log port cannot be written any more: {error}");
            self.log = None;
        }
    }
}

impl<E: Engine> Work<E> {
    pub(super) fn on_port_event(&mut self, event: PortEvent) {
        match event {
            PortEvent::Opened => {
                let is_first = self.port.state == HostState::NeverOpened;
                self.port.state = HostState::Open;
                tracing::debug!("a host opened the port");
                if !self.supply.is_powered() {
                    self.power(PowerEvent::On);
                } else if self.supply.policy() == PowerPolicy::EachOpen && !is_first {
                    self.power(PowerEvent::Off);
                    self.power(PowerEvent::On);
                }
            }
            PortEvent::Refused => self.counters.hosts_refused.add(1),
            PortEvent::Held => {
                let event = self.supply.hold();
                self.feed_power(event);
            }
            PortEvent::Released { runs } => {
                let event = self.supply.release(runs);
                self.feed_power(event);
            }
            PortEvent::Closed => {
                tracing::debug!("the last host closed the port");
                let missing = self.supply.engine().and_then(Engine::payload_missing);
                if let Some(missing) = missing {
                    tracing::warn!(
                        "the host is gone in the middle of a payload: the module goes on waiting for {missing} bytes, \
                         as the chip does; `--power each-open` starts over at the next opening"
                    );
                }
                self.port.transmitter.discard();
                self.port.chunk = ChunkState::Between;
                let ends = self.port.port.after_close() == AfterClose::Ends;
                self.port.state = if ends {
                    HostState::Gone(self.clock.now())
                } else {
                    HostState::Closed
                };
            }
        }
    }

    /// One read from the port; whether it fed anything.
    pub(super) fn step_serial(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        scratch: &mut [u8],
    ) -> Result<bool, DriverError> {
        if self.port.chunk == ChunkState::Over {
            self.port.chunk = ChunkState::Between;
            self.feed(now, Input::SerialBreak);
            return Ok(true);
        }
        let room = self
            .supply
            .engine()
            .map_or(0, Engine::serial_room)
            .min(scratch.len());
        if room == 0 {
            return Ok(false);
        }
        let injected = self.port.injected.take(&mut scratch[..room]);
        let read = if injected > 0 {
            Poll::Ready(injected)
        } else {
            self.port.port.poll_read(cx, &mut scratch[..room])?
        };
        match read {
            Poll::Ready(0) => {
                self.roused = true;
                Ok(true)
            }
            Poll::Ready(n) => {
                if self.port.port.keeps_chunks() {
                    self.port.chunk = if n < room {
                        ChunkState::Over
                    } else {
                        ChunkState::Inside
                    };
                }
                self.counters.serial_in.add(n);
                self.feed(now, Input::Serial(&scratch[..n]));
                Ok(true)
            }
            Poll::Pending if self.port.chunk == ChunkState::Inside => {
                self.port.chunk = ChunkState::Between;
                self.feed(now, Input::SerialBreak);
                Ok(true)
            }
            Poll::Pending => Ok(false),
        }
    }
}
