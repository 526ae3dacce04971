//! The table of results.

use std::io::Write;

use anyhow::{Result, bail};

use crate::rounds::Compared;

/// Rows in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    what: String,
    measured: String,
    target: String,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Holds,
    Misses,
    /// There is no target.
    Told,
    Skipped,
    /// It could not be measured.
    Failed,
}

/// What a figure is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Table {
    /// A figure with its target, both in `unit`.
    pub(crate) fn figure(&mut self, what: &str, value: f64, unit: &str, target: Target) {
        self.row(
            what,
            &format!("{} {unit}", shown(value)),
            value,
            unit,
            target,
        );
    }

    /// A ratio to what was measured in turns with it; `unit` is that of the medians.
    pub(crate) fn ratio(&mut self, what: &str, compared: &Compared, unit: &str, target: Target) {
        let (low, high) = compared.spread();
        let measured = format!(
            "{:.2} x, half of the rounds {low:.2} to {high:.2}; medians {} to {} {unit}",
            compared.ratio(),
            shown(compared.ours()),
            shown(compared.floor()),
        );
        self.row(what, &measured, compared.ratio(), "x", target);
    }

    /// A figure without a target.
    pub(crate) fn tell(&mut self, what: &str, measured: &str) {
        self.push(what, measured, "", Verdict::Told);
    }

    /// What cannot be measured here.
    pub(crate) fn skip(&mut self, what: &str, why: &str) {
        self.push(what, why, "", Verdict::Skipped);
    }

    /// What went wrong while measuring.
    pub(crate) fn fail(&mut self, what: &str, error: &anyhow::Error) {
        self.push(what, &format!("{error:#}"), "", Verdict::Failed);
    }

    /// Prints everything; an error where something could not be measured. A missed target is for people to judge.
    pub(crate) fn print(&self) -> Result<()> {
        let width = |cell: fn(&Row) -> &str| {
            let widths = self.rows.iter().map(|row| cell(row).chars().count());
            widths.max().unwrap_or(0)
        };
        let (what, target) = (width(|r| &r.what), width(|r| &r.target).max(6));
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "{:what$}  {:target$}  holds    measured",
            "row", "target"
        )?;
        for row in &self.rows {
            let verdict = row.verdict.text();
            writeln!(
                out,
                "{:what$}  {:target$}  {verdict:7}  {}",
                row.what, row.target, row.measured
            )?;
        }
        if self.rows.iter().any(|row| row.verdict == Verdict::Failed) {
            bail!("not everything could be measured");
        }
        Ok(())
    }

    fn row(&mut self, what: &str, measured: &str, value: f64, unit: &str, target: Target) {
        let (text, holds) = match target {
            Target::AtMost(limit) => (format!("<= {} {unit}", shown(limit)), value <= limit),
            Target::AtLeast(limit) => (format!(">= {} {unit}", shown(limit)), value >= limit),
        };
        let verdict = if holds {
            Verdict::Holds
        } else {
            Verdict::Misses
        };
        self.push(what, measured, &text, verdict);
    }

    fn push(&mut self, what: &str, measured: &str, target: &str, verdict: Verdict) {
        eprintln!("  {what}: {measured} {target} {}", verdict.text());
        self.rows.push(Row {
            what: what.to_owned(),
            measured: measured.to_owned(),
            target: target.to_owned(),
            verdict,
        });
    }
}

impl Verdict {
    fn text(self) -> &'static str {
        match self {
            Self::Holds => "yes",
            Self::Misses => "NO",
            Self::Told => "",
            Self::Skipped => "skipped",
            Self::Failed => "FAILED",
        }
    }
}

/// Three digits are more than the machine keeps.
fn shown(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
