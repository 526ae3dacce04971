//! `espat replay`: transcripts against the simulated module of a profile.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use espat_script::{Givens, Plan, Script, Way};

use crate::cli::ReplayOptions;
use crate::failure::Usage;
use crate::record::payload_path;

/// A transcript that was run.
struct Outcome {
    name: String,
    took: Duration,
    /// Why it did not hold.
    failure: Option<String>,
}

pub(super) fn run(options: &ReplayOptions) -> anyhow::Result<()> {
    let plans = read(options)?;
    let mut outcomes = vec![];
    let mut out = io::stdout();
    for (name, plan) in plans {
        let start = Instant::now();
        let failure = espat_script::run(&plan, &Way::ALL)
            .err()
            .map(|e| e.to_string());
        match &failure {
            None => writeln!(out, "ok    {name}")?,
            Some(failure) => writeln!(out, "FAIL  {name}\n{failure}\n")?,
        }
        outcomes.push(Outcome {
            name,
            took: start.elapsed(),
            failure,
        });
    }
    let failed = outcomes.iter().filter(|o| o.failure.is_some()).count();
    writeln!(out, "{} transcripts, {failed} failed", outcomes.len())?;
    if let Some(path) = &options.junit {
        let shown = path.display();
        std::fs::write(path, junit(&outcomes))
            .map_err(|e| anyhow::anyhow!("--junit {shown}: cannot write the file: {e}"))?;
    }
    match failed {
        0 => Ok(()),
        n => anyhow::bail!("{n} of {} transcripts did not hold", outcomes.len()),
    }
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

fn junit(outcomes: &[Outcome]) -> String {
    let failed = outcomes.iter().filter(|o| o.failure.is_some()).count();
    let took: Duration = outcomes.iter().map(|o| o.took).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String never fails.
    let _ = writeln!(
        xml,
        "<testsuite name=\"espat replay\" tests=\"{}\" failures=\"{failed}\" time=\"{:.3}\">",
        outcomes.len(),
        took.as_secs_f64()
    );
    for outcome in outcomes {
        let name = escaped(&outcome.name);
        let took = outcome.took.as_secs_f64();
        let _ = write!(
            xml,
            "  <testcase classname=\"transcript\" name=\"{name}\" time=\"{took:.3}\""
        );
        let _ = match &outcome.failure {
            None => writeln!(xml, "/>"),
            Some(failure) => {
                let first = escaped(failure.lines().next().unwrap_or_default());
                let all = escaped(failure);
                writeln!(
                    xml,
                    ">\n    <failure message=\"{first}\">{all}</failure>\n  </testcase>"
                )
            }
        };
    }
    xml.push_str("</testsuite>\n");
    xml
}

/// Text for XML; characters that XML cannot hold become `?`.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' | '\t' => xml.push(c),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => xml.push('?'),
            _ => xml.push(c),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_well_formed_whatever_the_bytes() {
        let outcome = |failure: Option<&str>| Outcome {
            name: "a<b>.at".to_owned(),
            took: Duration::from_millis(1500),
            failure: failure.map(str::to_owned),
        };
        let xml = junit(&[outcome(None), outcome(Some("\"x\" & \x1b[0m\nmore"))]);
        assert!(
            xml.contains("tests=\"2\" failures=\"1\" time=\"3.000\""),
            "{xml}"
        );
        assert!(
            xml.contains("name=\"a&lt;b&gt;.at\" time=\"1.500\"/>"),
            "{xml}"
        );
        assert!(
            xml.contains("message=\"&quot;x&quot; &amp; ?[0m\">"),
            "{xml}"
        );
    }
}
