//! `espat sniff`: between a host on a PTY and a real module on a serial port, bytes go through unchanged and are recorded.

use std::future::poll_fn;
use std::io::{self, Write};
use std::task::{Context, Poll};
use std::time::{Duration, Instant as SystemInstant};

use anyhow::Context as _;
use espat_core::{Input, Instant, Mark, Output, UartConfig, Wake};
use espat_host::{Port, PortError, PortEvent, PtyPort, SerialPort};
use espat_script::Recorder;
use tokio::time::{Sleep, sleep_until};

use super::runtime;
use crate::cli::SniffOptions;
use crate::failure::Usage;
use crate::log;
use crate::record::Recording;
use crate::signals::Signals;
use crate::watch::Sink;

/// Bytes of a read, and what may wait in each direction.
const BUFFER: usize = 4096;
/// How often the host's rate is looked at while it says nothing.
const LOOK: Duration = Duration::from_millis(50);
/// A module that says nothing for so long has ended what it said.
const PAUSE: Duration = Duration::from_millis(20);
/// The line of a module that was told nothing else.
const UART: UartConfig = UartConfig {
    baud: 115_200,
    data_bits: 8,
    stop_bits: 1,
    parity: 0,
    flow: 0,
};

pub(super) fn run(options: &SniffOptions) -> anyhow::Result<()> {
    log::start(options.log.unwrap_or_default());
    let runtime = runtime()?;
    runtime.block_on(sniff(options))
}

async fn sniff(options: &SniffOptions) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("signals cannot be caught")?;
    let device = SerialPort::open(&options.device, UART).map_err(|e| Usage::new(e.to_string()))?;
    let link = options.pty.as_deref();
    let host = PtyPort::open(link).map_err(|e| Usage::new(format!("--pty: {e}")))?;
    let recording = match &options.record {
        Some(path) => Recording::create(path, options.record_payload)?,
        None if options.record_payload => {
            let message = "--record-payload: name the record by --record FILE";
            return Err(Usage::new(message).into());
        }
        None => Recording::to_standard_output()?,
    };
    let line = format!(
        "pty {} -> {}",
        host.link().display(),
        host.device().display()
    );
    if options.record.is_some() {
        writeln!(io::stdout(), "{line}")?;
    } else {
        writeln!(io::stderr(), "{line}")?;
    }
    let name = options.device.device.display();
    let uart = UartConfig {
        baud: options.device.baud.unwrap_or(UART.baud),
        ..UART
    };
    let mut between = Between {
        rate: host.rate(),
        host,
        device,
        uart,
        to_device: Vec::new(),
        to_host: Vec::new(),
        tap: Tap::new(
            recording.sink(),
            format!("{name} at {} baud", uart.baud),
            options.record_payload,
        ),
    };
    let ended = tokio::select! {
        lost = between.pass() => Err(anyhow::anyhow!("{lost}; what came before it is recorded")),
        () = signals.end() => Ok(()),
    };
    between.tap.end();
    // Written to its end before the last word is said.
    drop(recording);
    ended
}

/// A host, a module, and what is on its way between them.
struct Between {
    host: PtyPort,
    device: SerialPort,
    /// What the host has set.
    rate: Option<u32>,
    uart: UartConfig,
    to_device: Vec<u8>,
    to_host: Vec<u8>,
    tap: Tap,
}

impl Between {
    /// Passes bytes on until a side is lost.
    async fn pass(&mut self) -> PortError {
        let mut timer = Box::pin(sleep_until(tokio::time::Instant::now() + LOOK));
        poll_fn(|cx| self.poll(cx, &mut timer)).await
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        timer: &mut std::pin::Pin<Box<Sleep>>,
    ) -> Poll<PortError> {
        loop {
            match self.step(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(error),
                Poll::Pending => {
                    self.follow_rate();
                    self.tap.pause();
                    if timer.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    let next = if self.tap.is_open { PAUSE } else { LOOK };
                    timer.as_mut().reset(tokio::time::Instant::now() + next);
                }
            }
        }
    }

    /// One thing that can be done.
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PortError>> {
        if let Poll::Ready(event) = self.host.poll_event(cx)? {
            match event {
                PortEvent::Opened => tracing::info!("a host opened the port"),
                PortEvent::Closed => {
                    tracing::info!("the host closed the port");
                    self.to_host.clear();
                }
                PortEvent::Refused | PortEvent::Held | PortEvent::Released { .. } => {}
            }
            return Poll::Ready(Ok(()));
        }
        let mut buffer = [0; BUFFER];
        if !self.to_device.is_empty() {
            if let Poll::Ready(n) = self.device.poll_write(cx, &self.to_device)? {
                self.to_device.drain(..n);
                return Poll::Ready(Ok(()));
            }
        } else if let Poll::Ready(n) = self.host.poll_read(cx, &mut buffer)? {
            // What is sent after a change of rate is sent at the new one.
            self.follow_rate();
            self.tap.host_said(&buffer[..n]);
            self.to_device.extend_from_slice(&buffer[..n]);
            return Poll::Ready(Ok(()));
        }
        if !self.to_host.is_empty() {
            if let Poll::Ready(n) = self.host.poll_write(cx, &self.to_host)? {
                self.to_host.drain(..n);
                return Poll::Ready(Ok(()));
            }
        } else if let Poll::Ready(n) = self.device.poll_read(cx, &mut buffer)? {
            self.tap.module_said(&buffer[..n]);
            self.to_host.extend_from_slice(&buffer[..n]);
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    /// Sets the module's port to the rate that the host has set on its own.
    fn follow_rate(&mut self) {
        let rate = self.host.rate();
        if rate == self.rate {
            return;
        }
        self.rate = rate;
        if let Some(baud) = rate.filter(|baud| *baud > 0 && *baud != self.uart.baud) {
            tracing::info!("the host goes on at {baud} baud");
            self.uart.baud = baud;
            self.device.set_line(self.uart);
            self.tap.uart(self.uart);
        }
    }
}

/// What is written down of the bytes that go by.
struct Tap {
    /// `None`: nobody has said anything.
    recorder: Option<Recorder>,
    sink: Option<Sink>,
    started: SystemInstant,
    last: SystemInstant,
    /// The module may not have ended what it says.
    is_open: bool,
    /// Whose line it is.
    about: String,
    keep_payload: bool,
}

impl Tap {
    fn new(sink: Sink, about: String, keep_payload: bool) -> Self {
        let now = SystemInstant::now();
        Self {
            recorder: None,
            sink: Some(sink),
            started: now,
            last: now,
            is_open: false,
            about,
            keep_payload,
        }
    }

    fn host_said(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let now = self.now();
            self.recorder(false).input(now, &Input::Serial(bytes));
        }
    }

    fn module_said(&mut self, bytes: &[u8]) {
        let (now, mark) = (self.now(), Mark::Report);
        self.last = SystemInstant::now();
        self.is_open = true;
        let recorder = self.recorder(true);
        recorder.input(now, &Input::Tick);
        recorder.output(&Output::Serial { mark, bytes });
    }

    fn uart(&mut self, uart: UartConfig) {
        if self.recorder.is_some() {
            let now = self.now();
            let recorder = self.recorder(false);
            recorder.input(now, &Input::Tick);
            recorder.output(&Output::Uart(uart));
        } else {
            self.about = format!("{}, the host at {}", self.about, uart.baud);
        }
    }

    /// Nothing goes by at this moment: lines that have ended are written down.
    fn pause(&mut self) {
        if self.is_open && self.last.elapsed() >= PAUSE {
            self.is_open = false;
            let (wake_at, why) = (None, Wake::Never);
            self.recorder(true).output(&Output::Idle { wake_at, why });
        }
        self.hand_over();
    }

    fn end(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.end();
        }
        self.hand_over();
    }

    fn hand_over(&mut self) {
        let (Some(recorder), Some(sink)) = (&mut self.recorder, &mut self.sink) else {
            return;
        };
        let goes_on = recorder.hand_over(|text, payload| {
            (text.is_empty() && payload.is_empty()) || sink(text, payload)
        });
        if !goes_on {
            self.sink = None;
        }
    }

    /// Begins at the first byte, whosever it is.
    fn recorder(&mut self, module_speaks: bool) -> &mut Recorder {
        let now = self.now();
        self.recorder.get_or_insert_with(|| {
            let mut recorder = Recorder::listening(now, module_speaks, self.keep_payload);
            recorder.comment(&format!(
                "Heard between a host and a module: {}.",
                self.about
            ));
            recorder
        })
    }

    fn now(&self) -> Instant {
        let since = self.started.elapsed().as_micros();
        Instant::from_micros(u64::try_from(since).unwrap_or(u64::MAX))
    }
}
