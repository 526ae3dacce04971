//! The serial port as a bare-metal host has it: bytes are taken one at a time, where the driver waits for them.
//!
//! esp-at-nal is written for an MCU that is done with each byte before the next comes. With a thread that feeds it, on a
//! machine that is held up for a while, it takes payload for an answer, subtracts what it read from a count that was
//! announced afterwards, and forgets a count that was announced before `connect` had returned. Here it never sees a byte
//! before it has dealt with the one before.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use atat::AtatIngress;
use serial2::SerialPort;

thread_local! {
    static LINE: RefCell<Option<Line>> = const { RefCell::new(None) };
}

/// The port and who listens to it.
struct Line {
    port: Rc<SerialPort>,
    arrived: VecDeque<u8>,
    seen: Vec<u8>,
    driver: Box<dyn FnMut(u8)>,
}

/// Opens the port at the module's rate; `ingress` gets what [`pump`] takes from it.
pub(crate) fn open(path: &Path, mut ingress: impl AtatIngress + 'static) -> Result<Writer> {
    let mut port = SerialPort::open(path, BAUD)
        .with_context(|| format!("{} cannot be opened", path.display()))?;
    port.set_read_timeout(QUIET)?;
    port.set_write_timeout(STUCK)?;
    let port = Rc::new(port);
    let line = Line {
        port: Rc::clone(&port),
        arrived: VecDeque::new(),
        seen: Vec::new(),
        driver: Box::new(move |byte| {
            if let Err(e) = ingress.try_write(&[byte]) {
                panic!("more reports at a time than the driver's queue holds: {e:?}");
            }
        }),
    };
    LINE.set(Some(line));
    Ok(Writer(port))
}

/// Gives the driver the next byte, or waits a moment for one.
pub(crate) fn pump() {
    LINE.with_borrow_mut(|line| {
        if let Some(line) = line {
            line.pump();
        }
    });
}

/// How many bytes the module has sent so far.
pub(crate) fn position() -> usize {
    LINE.with_borrow(|line| line.as_ref().map_or(0, |l| l.seen.len()))
}

/// Waits until the module has sent `text` after the first `from` bytes. The driver does not say all that this program has to
/// know: it misses the report of a close, here as on the real module.
pub(crate) fn wait_for(text: &str, from: usize, limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !LINE.with_borrow(|line| line.as_ref().is_some_and(|l| l.has_seen(text, from))) {
        if Instant::now() > deadline {
            bail!("{text:?} did not come within {limit:?}");
        }
        pump();
    }
    Ok(())
}

/// The end of what the module sent, for the message of a failure.
pub(crate) fn last_bytes() -> String {
    LINE.with_borrow(|line| {
        let seen = line.as_ref().map_or(&[][..], |l| &l.seen);
        let end = &seen[seen.len().saturating_sub(SHOWN)..];
        format!("\"{}\"", end.escape_ascii())
    })
}

impl Line {
    fn pump(&mut self) {
        if self.arrived.is_empty() {
            let mut buffer = [0; 4096];
            match self.port.read(&mut buffer) {
                Ok(n) => self.arrived.extend(&buffer[..n]),
                Err(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                Err(e) => panic!("the port cannot be read: {e}"),
            }
        }
        if let Some(byte) = self.arrived.pop_front() {
            self.seen.push(byte);
            (self.driver)(byte);
        }
    }

    fn has_seen(&self, text: &str, from: usize) -> bool {
        let new = self.seen.get(from..).unwrap_or_default();
        new.windows(text.len()).any(|w| w == text.as_bytes())
    }
}

/// The port as the driver's client writes to it.
pub(crate) struct Writer(Rc<SerialPort>);

impl embedded_io::ErrorType for Writer {
    type Error = io::Error;
}

impl embedded_io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

const BAUD: u32 = 115_200;
/// How long [`pump`] waits: what the driver does on time-outs is late by no more.
const QUIET: Duration = Duration::from_millis(2);
const STUCK: Duration = Duration::from_secs(20);
const SHOWN: usize = 200;
