//! `espat replay`: transcripts against the simulated module of a profile, or against a module behind a serial port.

mod addresses;
mod fit;
mod junit;
mod line;
mod on_port;
mod peers;
mod prepare;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use espat_script::{Givens, Plan, Script, ScriptError, Way};

use self::prepare::Bench;
use crate::cli::ReplayOptions;
use crate::failure::Usage;
use crate::record::payload_path;

/// A transcript that was run, or not.
struct Outcome {
    name: String,
    took: Duration,
    verdict: Verdict,
}

/// How it went.
enum Verdict {
    Held,
    /// Why it cannot be run here.
    Skipped(String),
    /// The first difference.
    Failed(String),
}

pub(super) fn run(options: &ReplayOptions) -> anyhow::Result<()> {
    let plans = read(options)?;
    let mut bench = match &options.port {
        Some(port) => Some(Bench::open(port, &options.on_port)?),
        None => None,
    };
    let mut outcomes = vec![];
    let mut out = io::stdout();
    for (name, mut plan) in plans {
        let start = Instant::now();
        let verdict = match &mut bench {
            _ if plan.is_not_on(plan.config.profile) => {
                let profile = plan.config.profile.name;
                Verdict::Skipped(format!("it says itself that it does not hold on {profile}"))
            }
            Some(bench) => bench.play(&mut plan),
            None => simulated(&plan),
        };
        match &verdict {
            Verdict::Held => writeln!(out, "ok    {name}")?,
            Verdict::Skipped(why) => writeln!(out, "skip  {name}: {why}")?,
            Verdict::Failed(failure) => writeln!(out, "FAIL  {name}\n{failure}\n")?,
        }
        outcomes.push(Outcome {
            name,
            took: start.elapsed(),
            verdict,
        });
    }
    let count = |is: fn(&Verdict) -> bool| outcomes.iter().filter(|o| is(&o.verdict)).count();
    let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
    let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
    let all = outcomes.len();
    match skipped {
        0 => writeln!(out, "{all} transcripts, {failed} failed")?,
        _ => writeln!(out, "{all} transcripts, {failed} failed, {skipped} not run")?,
    }
    if let Some(path) = &options.junit {
        let shown = path.display();
        std::fs::write(path, junit::junit(&outcomes))
            .map_err(|e| anyhow::anyhow!("--junit {shown}: cannot write the file: {e}"))?;
    }
    match failed {
        0 => Ok(()),
        n => anyhow::bail!("{n} of {all} transcripts did not hold"),
    }
}

/// On a simulated module.
fn simulated(plan: &Plan) -> Verdict {
    match espat_script::run(plan, &Way::ALL) {
        Ok(()) => Verdict::Held,
        Err(failure) => Verdict::Failed(format!("{}{failure}", before(&failure.error))),
    }
}

/// The lines before the one that did not hold.
fn before(error: &ScriptError) -> String {
    const SHOWN: usize = 5;
    let text = std::fs::read_to_string(&error.file).unwrap_or_default();
    let width = error.line.to_string().len();
    let first = error.line.saturating_sub(SHOWN + 1);
    let lines = text.lines().enumerate().skip(first);
    let mut shown = String::new();
    for (at, line) in lines.take(error.line.saturating_sub(first + 1)) {
        // Writing to a String never fails.
        let _ = writeln!(shown, "{:width$} | {line}", at + 1);
    }
    shown
}

/// Reads everything before anything is run.
fn read(options: &ReplayOptions) -> Result<Vec<(String, Plan)>, Usage> {
    let mut plans = vec![];
    for path in files(&options.files)? {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|e| Usage::new(format!("{name}: cannot read the file: {e}")))?;
        let script = Script::parse(&text, &name).map_err(|e| Usage::new(e.to_string()))?;
        let givens =
            Givens::read(&givens_of(&path, options)).map_err(|e| Usage::new(e.to_string()))?;
        let plan = match options.profile {
            Some(profile) => Plan::on(profile.0, &script, &givens),
            None => Plan::new(&script, &givens),
        };
        let mut plan = plan.map_err(|e| Usage::new(e.to_string()))?;
        plan.faults
            .extend(crate::plan::faults(&options.fault, None)?);
        if let Some(seed) = options.seed {
            plan.faults.iter_mut().for_each(|plan| plan.seed = seed);
        }
        let payload = payload_path(&path);
        plan.payload = match std::fs::read(&payload) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => vec![],
            read => read.map_err(|e| {
                let shown = payload.display();
                Usage::new(format!("{shown}: cannot read the file: {e}"))
            })?,
        };
        if options.port.is_some() {
            plan.secrets = options.secrets();
        }
        plans.push((name, plan));
    }
    if plans.is_empty() {
        return Err(Usage::new("replay: the folders hold no transcript (*.at)"));
    }
    Ok(plans)
}

/// The files themselves, and in place of a folder all transcripts in it.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Usage> {
    let mut files = vec![];
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |e| Usage::new(format!("{}: cannot read the folder: {e}", path.display()));
        let entries: Result<Vec<_>, _> = path
            .read_dir()
            .map_err(unreadable)?
            .map(|e| e.map(|e| e.path()))
            .collect();
        let mut entries = entries.map_err(unreadable)?;
        entries.retain(|e| e.is_dir() || e.extension().is_some_and(|e| e == "at"));
        entries.sort();
        files.extend(self::files(&entries)?);
    }
    Ok(files)
}

/// Where the transcripts that a file's `@given` names are: as asked, or the nearest `_given` beside or above it.
fn givens_of(file: &Path, options: &ReplayOptions) -> PathBuf {
    if let Some(folder) = &options.given {
        return folder.clone();
    }
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let found = file.ancestors().skip(1).find_map(|folder| {
        let given = folder.join("_given");
        if folder.ends_with("_given") {
            Some(folder.to_owned())
        } else {
            given.is_dir().then_some(given)
        }
    });
    found.unwrap_or_else(|| PathBuf::from("_given"))
}
