//! The binary on a PTY as what a transcript runs on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use espat_core::{LogPort, ModuleConfig, Reports, Terminator, Timing};
use espat_script::{Event, Observed, Plan, Target, TimeStep, Want};

use super::world::World;
use crate::harness::{Espat, Host, Scratch};

/// How long an answer may take on a machine that does other things too.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);
/// How long nothing may come at the end.
const SILENCE: Duration = Duration::from_millis(40);

pub(super) struct OnPty {
    espat: Espat,
    host: Host,
    world: World,
    /// Bytes that are sent at once, as one chunk.
    waiting: Vec<u8>,
    has_sent: bool,
    _scratch: Scratch,
}

impl OnPty {
    pub(super) fn start(plan: &Plan, world: World) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let scratch = Scratch::new(&format!("at-{count}"));
        let link = scratch.path("port");
        let mut options = vec!["--pty".to_owned(), link.display().to_string()];
        options.extend(options_of(&plan.config));
        options.extend(world.options.iter().cloned());
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let espat = Espat::start(&options);
        espat.line();
        Self {
            espat,
            host: Host::open(&link),
            world,
            waiting: Vec::new(),
            has_sent: false,
            _scratch: scratch,
        }
    }

    pub(super) fn log(&self) -> String {
        self.espat.log()
    }

    fn flush(&mut self) {
        if !self.waiting.is_empty() {
            self.host.write(std::mem::take(&mut self.waiting));
        }
    }
}

/// The options that make the module of a transcript.
fn options_of(config: &ModuleConfig) -> Vec<String> {
    let mut options = vec!["--log".to_owned(), "warn".to_owned()];
    let mut option = |name: &str, value: String| options.extend([name.to_owned(), value]);
    let timing = match config.timing {
        Timing::Realistic => "realistic",
        Timing::Fast => "fast",
    };
    option("--timing", timing.to_owned());
    option("--profile", config.profile.name.to_owned());
    option("--seed", config.seed.to_string());
    if config.reports == Reports::Anywhere {
        option("--reports", "anywhere".to_owned());
    }
    if config.terminator == Terminator::Lenient {
        option("--terminator", "lenient".to_owned());
    }
    if config.log_port == LogPort::Shared {
        option("--log-port", "shared".to_owned());
    }
    for ap in &config.air.access_points {
        let (ssid, password) = (
            String::from_utf8_lossy(&ap.ssid),
            String::from_utf8_lossy(&ap.password),
        );
        option("--ap", format!("{ssid}={password}"));
    }
    for station in &config.air.stations {
        let ip = station.ip.map(|ip| format!("={ip}")).unwrap_or_default();
        option("--station", format!("{}{ip}", station.mac));
    }
    options
}

impl Target for OnPty {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.has_sent = true;
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }

    fn world(&mut self, event: &Event) -> Result<(), String> {
        self.flush();
        match event {
            Event::Net(handle, what) => self.world.act(*handle, what),
            Event::Stored(_) | Event::Power(_) | Event::Air(_) | Event::Slots(_) => {
                Err("not on a PTY".to_owned())
            }
        }
    }

    fn time(&mut self, step: TimeStep) -> Result<(), String> {
        self.flush();
        match step {
            TimeStep::For(time) => {
                std::thread::sleep(time);
                Ok(())
            }
            // What is looked for next is waited for anyway; but nothing more comes than `ready` before the first line.
            TimeStep::Output if self.has_sent => Ok(()),
            TimeStep::Output | TimeStep::Idle | TimeStep::Break => Err("nothing comes".to_owned()),
        }
    }

    fn observe(&mut self, want: Want<'_>) -> Result<Option<Observed>, String> {
        self.flush();
        match want {
            Want::Serial => Ok(self.host.some(PATIENCE).map(Observed::Serial)),
            Want::Ask(request) => self.world.observe(request),
            Want::Nothing => {
                let serial = self.host.some(SILENCE).map(Observed::Serial);
                Ok(serial.or_else(|| self.world.leftover()))
            }
        }
    }

    fn is_ordered(&self) -> bool {
        false
    }
}
