//! A random host MCU on a random network, and the laws that hold whatever they do (docs/simulation.md).
//!
//! Everything a run does follows from its seed: the module, the host MCU (`host`), the network (`world`), the flash and
//! the supply. After each step the books (`ledger`) are held against the module.

mod commands;
mod dice;
mod host;
mod ledger;
mod stream;
mod twin;
mod world;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

use espat_core::profile::PROFILES;
use espat_core::{
    AccessPoint, Air, Answers, Duration, Instant, Module, ModuleConfig, Reports, Timing,
};

use crate::request::Request;
use crate::sim::{Sim, Way};
use crate::target::{Observed, Target, Want};
use crate::text::Text;
use crate::time::TimeStep;
pub(crate) use dice::Dice;
use host::Host;
use ledger::Watched;
use world::World;

/// What one run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Command lines that had their one result.
    pub commands: usize,
    /// Payload bytes, both ways.
    pub payload: usize,
    /// Times that the module started.
    pub boots: usize,
    /// Times that the settings were compared with what a power cut would leave.
    pub cuts: usize,
    /// A sum over everything that came out; equal for equal seeds.
    pub sum: u64,
}

/// A law that was broken.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The run's seed.
    pub seed: u64,
    /// Which law, how.
    pub law: String,
    /// What happened last, as a transcript has it.
    pub trace: String,
}

/// The steps of a run, where nothing else is asked for.
pub const STEPS: usize = 400;

/// One run: so many steps, then everything comes to rest.
///
/// # Errors
/// The first law that was broken.
pub fn run(seed: u64, steps: usize) -> Result<Tally, Broken> {
    let mut run = Run::new(seed);
    let done = catch_unwind(AssertUnwindSafe(|| run.all(steps)));
    match done.unwrap_or_else(|_| Err("a panic, see above".into())) {
        Ok(()) => Ok(run.tally),
        Err(law) => Err(Broken {
            seed,
            law,
            trace: run.trace(),
        }),
    }
}

/// A module, its host MCU and its world.
struct Run {
    sim: Sim<Watched>,
    config: ModuleConfig,
    dice: Dice,
    host: Host,
    world: World,
    tally: Tally,
    sum: DefaultHasher,
    steps: VecDeque<String>,
}

/// So many steps are shown of a run that broke a law.
const TRACE_MAX: usize = 60;

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let config = config(&mut dice, seed);
        let way = match dice.below(4) {
            0 => Way::Bytes,
            1 => Way::Random(dice.next()),
            2 => Way::Credit,
            _ => Way::Lines,
        };
        let mut config = config;
        if way == Way::Credit {
            config.serial_credit = 1;
        }
        let module = Module::power_on(config.clone(), Instant::ZERO)
            .unwrap_or_else(|error| panic!("the configuration of seed {seed}: {error}"));
        let mut run = Self {
            sim: Sim::with_engine(Watched::new(module), &config, way),
            world: World::new(&config),
            config,
            dice,
            host: Host::default(),
            tally: Tally::default(),
            sum: DefaultHasher::new(),
            steps: VecDeque::new(),
        };
        let (timing, reports, durable) =
            (run.config.timing, run.config.reports, run.config.durable);
        run.note(format!(
            "# seed {seed}, {timing:?}, {reports:?}, durable {durable}, {}",
            way.name()
        ));
        run
    }

    fn all(&mut self, steps: usize) -> Result<(), String> {
        self.pass(Duration::from_secs(1))?;
        for _ in 0..steps {
            match self.dice.below(100) {
                0..45 => self.host_acts()?,
                45..75 => self.world_acts()?,
                75..97 => self.time_passes()?,
                97 => self.air_acts()?,
                98 => self.power_acts()?,
                _ if self.dice.percent(50) => self.come_to_rest()?,
                _ => self.cut_the_power()?,
            }
            self.check()?;
        }
        self.come_to_rest()?;
        self.cut_the_power()?;
        let ledger = &self.sim.engine().ledger;
        self.tally.boots = ledger.boots;
        self.tally.payload = ledger.streams.total;
        self.tally.sum = self.sum.finish();
        Ok(())
    }

    fn time_passes(&mut self) -> Result<(), String> {
        let us = match self.dice.below(20) {
            0..8 => self.dice.below(5_000),
            8..16 => self.dice.below(100_000),
            16..19 => self.dice.below(2_000_000),
            _ => self.dice.below(60_000_000),
        };
        self.pass(Duration::from_micros(u64::try_from(us).unwrap_or_default()))
    }

    fn pass(&mut self, time: Duration) -> Result<(), String> {
        self.note(format!("~ {}", TimeStep::For(time)));
        self.sim.time(TimeStep::For(time))?;
        self.observe()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let shown = bytes.strip_suffix(b"\r\n");
        let end = if shown.is_some() { "" } else { "\\" };
        let text = Text::compressed(shown.unwrap_or(bytes));
        self.note(format!("-> {text}{end}"));
        self.sim.send(bytes)?;
        self.observe()
    }

    /// Takes what came out: the world hears requests.
    fn observe(&mut self) -> Result<(), String> {
        while let Some(observed) = self.sim.observe(Want::Nothing)? {
            match &observed {
                Observed::Serial(bytes) => {
                    bytes.hash(&mut self.sum);
                    let text = Text::compressed(bytes);
                    self.note(format!("<- {text}\\"));
                }
                Observed::Stream(..) | Observed::Ask(_) => {
                    if let Some(request) = observed.as_request() {
                        let line = format!("=> {request}");
                        line.hash(&mut self.sum);
                        self.note(line);
                        self.hear(request);
                    }
                }
            }
        }
        Ok(())
    }

    fn hear(&mut self, request: Request) {
        self.world.hear(request);
    }

    fn check(&mut self) -> Result<(), String> {
        let limits = &self.config.profile.limits;
        // Output and the windows of all links, payload under way, and a command's answer on top of them.
        let held_max = 2 * limits.uart_tx.max(self.config.serial_credit)
            + 5 * limits.receive_window.max(65_535)
            + 64 * 1024;
        self.sim.engine().check(held_max, self.host.is_stalled)?;
        self.host_checks()
    }

    fn note(&mut self, line: String) {
        if self.steps.len() == TRACE_MAX {
            self.steps.pop_front();
        }
        self.steps.push_back(line);
    }

    fn trace(&self) -> String {
        let mut text = String::new();
        for line in &self.steps {
            // Writing to memory cannot fail.
            let _ = writeln!(text, "{}", clipped(line));
        }
        text
    }
}

/// A line of a trace, without the middle of long payload.
fn clipped(line: &str) -> String {
    const MAX: usize = 200;
    if line.chars().count() <= MAX {
        return line.to_owned();
    }
    let head: String = line.chars().take(MAX).collect();
    format!("{head}... ({} bytes)", line.len())
}

fn config(dice: &mut Dice, seed: u64) -> ModuleConfig {
    let mut air = Air::default();
    if dice.percent(60) {
        let mut mute = AccessPoint::new(b"mute", b"password");
        mute.answers = Answers::Never;
        let mut poor = AccessPoint::new(b"poor", b"password");
        poor.answers = Answers::NoDhcp;
        let good = AccessPoint::new(b"espat", b"password");
        air.access_points = vec![good, mute, poor];
    }
    ModuleConfig {
        profile: PROFILES[usize::try_from(seed).unwrap_or_default() % PROFILES.len()],
        timing: if dice.percent(60) {
            Timing::Fast
        } else {
            Timing::Realistic
        },
        reports: if dice.percent(70) {
            Reports::Between
        } else {
            Reports::Anywhere
        },
        durable: dice.percent(60),
        seed,
        air,
        ..ModuleConfig::new()
    }
}
