//! The serial port as embedded-hal has it: bytes one at a time, and `WouldBlock` where there is none.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serial2::SerialPort;

/// Everything that came, for the message of a failure.
static SEEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Opens the port at the module's rate.
pub fn open(path: &Path) -> Result<(Rx, Tx)> {
    let mut port = SerialPort::open(path, BAUD)
        .with_context(|| format!("{} cannot be opened", path.display()))?;
    port.set_read_timeout(QUIET)?;
    port.set_write_timeout(STUCK)?;
    let port = Arc::new(port);
    let rx = Rx {
        port: Arc::clone(&port),
        arrived: VecDeque::new(),
    };
    Ok((rx, Tx(port)))
}

/// The end of what the module sent.
#[must_use]
pub fn last_bytes() -> String {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    format!(
        "\"{}\"",
        seen[seen.len().saturating_sub(SHOWN)..].escape_ascii()
    )
}

/// What comes from the module.
#[derive(Debug)]
pub struct Rx {
    port: Arc<SerialPort>,
    arrived: VecDeque<u8>,
}

impl Rx {
    /// Takes bytes until they end in `text`.
    pub fn wait_for(&mut self, text: &[u8], limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let mut seen = Vec::new();
        while !seen.ends_with(text) {
            if Instant::now() > deadline {
                bail!("\"{}\" did not come within {limit:?}", text.escape_ascii());
            }
            seen.extend(self.next());
        }
        Ok(())
    }

    fn next(&mut self) -> Option<u8> {
        if self.arrived.is_empty() {
            let mut buffer = [0; 4096];
            match self.port.read(&mut buffer) {
                Ok(n) => {
                    self.arrived.extend(&buffer[..n]);
                    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.extend(&buffer[..n]);
                }
                Err(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                Err(e) => panic!("the port cannot be read: {e}"),
            }
        }
        self.arrived.pop_front()
    }
}

impl embedded_hal::serial::Read<u8> for Rx {
    type Error = Infallible;

    fn read(&mut self) -> nb::Result<u8, Infallible> {
        self.next().ok_or(nb::Error::WouldBlock)
    }
}

/// What goes to the module.
#[derive(Clone, Debug)]
pub struct Tx(Arc<SerialPort>);

impl embedded_hal::serial::Write<u8> for Tx {
    type Error = Infallible;

    fn write(&mut self, byte: u8) -> nb::Result<(), Infallible> {
        if let Err(e) = (&*self.0).write_all(&[byte]) {
            panic!("the port cannot be written: {e}");
        }
        Ok(())
    }

    fn flush(&mut self) -> nb::Result<(), Infallible> {
        Ok(())
    }
}

/// Both directions in one.
#[derive(Debug)]
pub struct Serial {
    /// What comes.
    pub rx: Rx,
    /// What goes.
    pub tx: Tx,
}

impl embedded_hal::serial::Read<u8> for Serial {
    type Error = Infallible;

    fn read(&mut self) -> nb::Result<u8, Infallible> {
        self.rx.read()
    }
}

impl embedded_hal::serial::Write<u8> for Serial {
    type Error = Infallible;

    fn write(&mut self, byte: u8) -> nb::Result<(), Infallible> {
        self.tx.write(byte)
    }

    fn flush(&mut self) -> nb::Result<(), Infallible> {
        self.tx.flush()
    }
}

const BAUD: u32 = 115_200;
const QUIET: Duration = Duration::from_millis(2);
const STUCK: Duration = Duration::from_secs(20);
const SHOWN: usize = 200;
