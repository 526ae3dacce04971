//! The bench's command line.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::rows::FAMILIES;

/// What is measured, and how thoroughly.
#[derive(Debug)]
pub(crate) struct Options {
    /// The release binary.
    pub(crate) espat: PathBuf,
    /// Interleaved rounds of a comparison.
    pub(crate) rounds: usize,
    /// How long an idle module is watched.
    pub(crate) idle: Duration,
    /// Moves 1 GB each way and looks at every byte.
    pub(crate) long: bool,
    /// The families asked for; empty: all.
    families: Vec<String>,
}

const USAGE: &str = "\
espat-bench --espat BINARY [--rounds N] [--idle SECONDS] [--long] [FAMILY...]

  --rounds N      interleaved rounds of each comparison (default 21)
  --idle SECONDS  how long an idle module is watched for wake-ups (default 5; the target speaks of 60)
  --long          also 1 GB each way through passthrough, every byte looked at
  FAMILY          one or more of:";

/// Says what can be asked for.
pub(crate) fn help() -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{}", usage())?)
}

fn usage() -> String {
    let names: Vec<_> = FAMILIES.iter().map(|(name, _)| *name).collect();
    format!("{USAGE} {}", names.join(" "))
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self {
            espat: PathBuf::new(),
            rounds: 21,
            idle: Duration::from_secs(5),
            long: false,
            families: Vec::new(),
        };
        let mut rest = arguments.iter();
        while let Some(&word) = rest.next() {
            let mut value = || {
                rest.next()
                    .copied()
                    .with_context(|| format!("{word}: a value must follow"))
            };
            match word {
                "--espat" => options.espat = value()?.into(),
                "--rounds" => options.rounds = number(word, value()?)?,
                "--idle" => options.idle = Duration::from_secs(number(word, value()?)?),
                "--long" => options.long = true,
                name if FAMILIES.iter().any(|(family, _)| *family == name) => {
                    options.families.push(name.to_owned());
                }
                _ => bail!("`{word}` is unknown\n\n{}", usage()),
            }
        }
        if options.rounds == 0 {
            bail!("--rounds 0: at least one round is needed");
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, family: &str) -> bool {
        self.families.is_empty() || self.families.iter().any(|name| name == family)
    }
}

fn number<N: std::str::FromStr>(option: &str, text: &str) -> Result<N> {
    let parsed = text.parse().ok();
    parsed.with_context(|| format!("{option} {text}: a whole number is expected"))
}
