//! Random hosts against random networks, run after run: `cargo xtask simulate`.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use espat_script::simulate;

const USAGE: &str = "usage: cargo xtask simulate [--minutes N] [--seed N] [--steps N]
  --minutes N   go on for N minutes (1), each run with the next seed
  --seed N      the one run of that seed; with --minutes the first of them
  --steps N     steps of a run (400)";

struct Options {
    minutes: Option<f64>,
    seed: Option<u64>,
    steps: usize,
}

fn main() -> ExitCode {
    match options().and_then(|options| simulate_all(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        minutes: None,
        seed: None,
        steps: simulate::STEPS,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().unwrap_or_default();
        let bad = || format!("{name} {value}: wanted a number\n{USAGE}");
        match name.as_str() {
            "--minutes" => options.minutes = Some(value.parse().map_err(|_| bad())?),
            "--seed" => options.seed = Some(value.parse().map_err(|_| bad())?),
            "--steps" => options.steps = value.parse().map_err(|_| bad())?,
            _ => return Err(format!("{name} is no option\n{USAGE}")),
        }
    }
    Ok(options)
}

/// Runs seed after seed and says which of them held.
fn simulate_all(options: &Options) -> Result<(), String> {
    let first = options.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.map_or(0, |now| now.as_secs() * 1_000_000)
    });
    let is_single = options.seed.is_some() && options.minutes.is_none();
    let time = Duration::from_secs_f64(60.0 * options.minutes.unwrap_or(1.0));
    let (start, mut said) = (Instant::now(), Instant::now());
    let (mut seed, mut group) = (first, first);
    let mut sum = simulate::Tally::default();
    loop {
        let tally = one(seed, options.steps, seed % 16 == 0 || is_single)?;
        sum.commands += tally.commands;
        sum.payload += tally.payload;
        sum.boots += tally.boots;
        sum.cuts += tally.cuts;
        seed += 1;
        let is_last = is_single || start.elapsed() >= time;
        if is_last || said.elapsed() >= Duration::from_secs(1) {
            say(&format!("seeds {group} to {} hold", seed - 1));
            (group, said) = (seed, Instant::now());
        }
        if is_last {
            break;
        }
    }
    let (runs, took) = (seed - first, start.elapsed().as_secs_f64());
    say(&format!(
        "{runs} runs of {} steps in {took:.1} s: {} commands, {} bytes of payload, {} boots, {} power cuts compared",
        options.steps, sum.commands, sum.payload, sum.boots, sum.cuts
    ));
    Ok(())
}

fn one(seed: u64, steps: usize, twice: bool) -> Result<simulate::Tally, String> {
    let repeat = || format!("to repeat: cargo xtask simulate --seed {seed} --steps {steps}");
    let run = || {
        simulate::run(seed, steps).map_err(|broken| {
            format!(
                "{}\nseed {seed}: {}\n{}",
                broken.trace,
                broken.law,
                repeat()
            )
        })
    };
    let tally = run()?;
    if twice && run()? != tally {
        return Err(format!("seed {seed}: two runs differ\n{}", repeat()));
    }
    Ok(tally)
}

fn say(line: &str) {
    // A reader that went away is its own business.
    let _ = writeln!(std::io::stdout(), "{line}");
}
