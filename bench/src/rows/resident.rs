//! A module as a process: how soon it answers, what it costs while nothing happens.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::child::{Child, this_program};
use crate::options::Options;
use crate::rounds::Compared;
use crate::station::{self, Scratch};
use crate::table::{Table, Target};

pub(super) fn measure(options: &Options, table: &mut Table) -> Result<()> {
    let module = || {
        let mut command = station::command(options);
        command.arg("--pty").arg(Scratch::path("start"));
        first_ok(command)
    };
    let floor = || {
        let mut command = this_program()?;
        command.args(["floor", "at"]);
        first_ok(command)
    };
    let compared = Compared::measure(options.rounds.max(21), module, floor)?;
    let what = "from exec to the first OK, PTY";
    table.figure(what, compared.ours(), "ms", Target::AtMost(10.0));
    let bare = format!("{:.2} ms", compared.floor());
    table.tell("  the same of bare loop (a)", &bare);

    let idle = station::on_pty(options)?;
    let memory = private_bytes(idle.id())?;
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
    let megabytes = memory as f64 / 1e6;
    table.figure("private memory, idle", megabytes, "MB", Target::AtMost(6.0));

    // What was running when the last answer came has to end first.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let before = switches(idle.id())?;
    std::thread::sleep(options.idle);
    let woken = switches(idle.id())? - before;
    let what = format!("wake-ups in {} s, idle", options.idle.as_secs());
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
    table.figure(&what, woken as f64, "", Target::AtMost(0.0));
    Ok(())
}

/// From before the start of a program to its first OK, in ms.
fn first_ok(mut command: Command) -> Result<f64> {
    let start = Instant::now();
    let child = Child::on_pty(&mut command)?;
    child.serial.command("AT")?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// Bytes that only this process has.
pub(super) fn private_bytes(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let lines = text.lines().filter(|line| line.starts_with("Private_"));
    let kilobytes = lines.map(|line| number(line).with_context(|| path.clone()));
    Ok(kilobytes.sum::<Result<u64>>()? * 1024)
}

/// How often the process's threads have been switched to and away from.
fn switches(process: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let path = task?.path().join("status");
        let text = fs::read_to_string(&path)?;
        let lines = text.lines().filter(|line| line.contains("ctxt_switches"));
        for line in lines {
            sum += number(line).with_context(|| path.display().to_string())?;
        }
    }
    Ok(sum)
}

/// The number in a line such as `Name:   12 kB`.
fn number(line: &str) -> Option<u64> {
    line.split_whitespace().nth(1)?.parse().ok()
}
