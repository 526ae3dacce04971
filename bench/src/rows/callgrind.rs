//! Instructions of the core: they do not drift. Two runs of different lengths leave out what is done only once.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use espat_core::Module;

use super::core::ways;
use crate::options::Options;
use crate::table::{Table, Target};

/// Streams of commands and of payload that are measured through a fault layer too.
const LAYERED: &[&str] = &["commands", "send", "ipd"];
const SHORT_RUN: u32 = 300;
const LONG_RUN: u32 = 900;

pub(super) fn measure(_: &Options, table: &mut Table) -> Result<()> {
    let found = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        table.skip("instructions of the core", "valgrind is not installed");
        return Ok(());
    }
    for way in &ways::<Module>() {
        let each = each(way.name)?;
        let measured = if way.payload == 0 {
            format!("{each:.0} a command")
        } else {
            #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
            let per_kib = each * 1024.0 / way.payload as f64;
            format!("{per_kib:.0} a KiB, {each:.0} a step")
        };
        table.tell(&format!("instructions: {}", way.what), &measured);
        if LAYERED.contains(&way.name) {
            let layered = self::each(&format!("faulty:{}", way.name))?;
            let what = format!("the same through an empty fault layer: {}", way.what);
            table.figure(&what, layered / each, "x", Target::AtMost(1.01));
        }
    }
    Ok(())
}

/// Instructions of one step.
fn each(way: &str) -> Result<f64> {
    let more = instructions(way, LONG_RUN)? - instructions(way, SHORT_RUN)?;
    Ok(more / f64::from(LONG_RUN - SHORT_RUN))
}

fn instructions(way: &str, count: u32) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["core", way, &count.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed: {said}");
    let collected = said
        .lines()
        .find_map(|line| line.split("Collected : ").nth(1));
    let number = collected.and_then(|text| text.trim().parse().ok());
    number.with_context(|| format!("valgrind says no sum: {said}"))
}
