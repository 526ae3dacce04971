//! Modules inside a process, in a process of their own so that nothing else counts.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use espat_core::{ModuleConfig, Timing};
use tokio::io::AsyncReadExt;

use super::resident::private_bytes;
use crate::allocator;
use crate::child::this_program;
use crate::options::Options;
use crate::rounds::median;
use crate::serial::PATIENCE;
use crate::table::{Table, Target};

const MODULES: usize = 1000;
const READY: &str = "\r\nready\r\n";

pub(super) fn measure(_: &Options, table: &mut Table) -> Result<()> {
    let output = this_program()?
        .args(["in-process", &MODULES.to_string()])
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8(output.stdout)?;
    let mut figures = said.split_whitespace().map(str::parse::<f64>);
    let mut next = || Ok::<_, anyhow::Error>(figures.next().context("a figure is missing")??);
    let (start, heap, resident) = (next()?, next()?, next()?);
    table.figure(
        "module in a process: from spawn to ready",
        start,
        "us",
        Target::AtMost(100.0),
    );
    table.figure(
        "module in a process: heap",
        heap,
        "KiB",
        Target::AtMost(64.0),
    );
    table.figure(
        "module in a process: private memory",
        resident,
        "KiB",
        Target::AtMost(64.0),
    );
    Ok(())
}

/// Starts so many modules and prints the median start in us, and heap and private memory of one in KiB.
pub(crate) fn run(count: &str) -> Result<()> {
    let count: usize = count.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut modules = Vec::with_capacity(count + 1);
        let mut times = Vec::with_capacity(count);
        // The first one brings what the process has only once.
        modules.push(start().await?);
        let (heap, private) = (allocator::in_use(), private_bytes(std::process::id())?);
        for _ in 0..count {
            let start_at = Instant::now();
            modules.push(start().await?);
            times.push(start_at.elapsed().as_secs_f64() * 1e6);
        }
        let heap = allocator::in_use() - heap;
        let private = private_bytes(std::process::id())?.saturating_sub(private);
        #[expect(clippy::cast_precision_loss, reason = "figures to look at")]
        let each = [heap as f64, private as f64].map(|sum| sum / count as f64 / 1024.0);
        writeln!(
            std::io::stdout(),
            "{} {} {}",
            median(&times),
            each[0],
            each[1]
        )?;
        Ok(())
    })
}

async fn start() -> Result<(espat_host::SerialStream, espat_host::Handle)> {
    let config = ModuleConfig {
        timing: Timing::Fast,
        ..ModuleConfig::new()
    };
    let (mut serial, handle) = espat_host::Module::spawn(config)?;
    let mut said = [0; READY.len()];
    tokio::time::timeout(PATIENCE, serial.read_exact(&mut said)).await??;
    ensure!(
        said == READY.as_bytes(),
        "`{}` is not ready",
        said.escape_ascii()
    );
    Ok((serial, handle))
}
