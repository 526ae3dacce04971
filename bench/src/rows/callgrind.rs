//! Instructions of the core: they do not drift. Two runs of different lengths leave out what is done only once.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::core::WAYS;
use crate::options::Options;
use crate::table::Table;

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
    for way in WAYS {
        let more = instructions(way.name, LONG_RUN)? - instructions(way.name, SHORT_RUN)?;
        let each = more / f64::from(LONG_RUN - SHORT_RUN);
        let measured = if way.payload == 0 {
            format!("{each:.0} a command")
        } else {
            #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
            let per_kib = each * 1024.0 / way.payload as f64;
            format!("{per_kib:.0} a KiB, {each:.0} a step")
        };
        table.tell(&format!("instructions: {}", way.what), &measured);
    }
    Ok(())
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
