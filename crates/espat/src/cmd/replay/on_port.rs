//! A module behind a serial port as what a transcript runs on.
//!
//! Serial bytes keep their order and requests keep theirs, but not one among each other. A `~` is at least so long; what is to come
//! after it may take longer, up to the patience.

use std::time::Duration;

use espat_script::{Event, Names, Observed, Request, Target, TimeStep, Want};

use super::line::Line;
use super::peers::World;

/// How long nothing may come at the end.
const SILENCE: Duration = Duration::from_millis(60);

/// The module and its peers.
pub(super) struct OnPort<'a> {
    line: &'a mut Line,
    world: World,
    patience: Duration,
    /// Bytes that are sent at once, as one chunk.
    waiting: Vec<u8>,
    has_sent: bool,
    names: Names,
}

impl<'a> OnPort<'a> {
    pub(super) fn new(line: &'a mut Line, world: World, patience: Duration, names: Names) -> Self {
        Self {
            line,
            world,
            patience,
            waiting: Vec::new(),
            has_sent: false,
            names,
        }
    }

    fn flush(&mut self) -> Result<(), String> {
        let bytes = std::mem::take(&mut self.waiting);
        self.line.write(&bytes, self.patience)
    }
}

impl Target for OnPort<'_> {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.has_sent = true;
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }

    fn world(&mut self, event: &Event) -> Result<(), String> {
        self.flush()?;
        match event {
            Event::Net(handle, what) => self.world.act(*handle, what),
            Event::Stored(_) | Event::Power(_) | Event::Air(_) | Event::Slots(_) => {
                Err("that cannot be done to a module behind a port".to_owned())
            }
        }
    }

    fn time(&mut self, step: TimeStep) -> Result<(), String> {
        self.flush()?;
        match step {
            TimeStep::For(time) => {
                std::thread::sleep(time);
                Ok(())
            }
            // What is looked for next is waited for anyway; but nothing more comes than `ready` before the first line.
            TimeStep::Output if self.has_sent => Ok(()),
            TimeStep::Break => Ok(()),
            TimeStep::Output | TimeStep::Idle => Err("nothing comes".to_owned()),
        }
    }

    fn observe(&mut self, want: Want<'_>) -> Result<Option<Observed>, String> {
        self.flush()?;
        match want {
            Want::Serial => Ok(self.line.read(self.patience)?.map(Observed::Serial)),
            Want::Ask(Request::Uart(uart)) => {
                self.line.set_rate(*uart)?;
                Ok(Some(Observed::Ask(Request::Uart(*uart))))
            }
            Want::Ask(request) => self.world.observe(request),
            Want::Nothing => {
                let serial = self.line.read(SILENCE)?.map(Observed::Serial);
                Ok(serial.or_else(|| self.world.leftover()))
            }
        }
    }

    fn is_ordered(&self) -> bool {
        false
    }

    fn names(&self) -> Names {
        self.names.clone()
    }
}
