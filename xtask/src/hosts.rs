//! Drivers of other people, unmodified, against the `espat` binary on a PTY: builds each under `tests/hosts` with the versions
//! that it pins, and runs some at the same time. What each does and with which settings is in docs/drivers.md.
//!
//! The drivers have time-outs of their own, and some throw away what comes sooner than they look: one that this computer held up fails
//! without a fault of the module. So a host that fails is shown, and runs again by itself, when the others are done; a fault of the
//! module is there again.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use crate::process::{build, cargo, cargo_with_openssl, root, say, shown};

/// How the hosts fared.
#[derive(Debug, Default)]
pub(crate) struct Fared {
    pub(crate) passed: u32,
    pub(crate) skipped: u32,
}

/// A driver, and how to get the program that uses it.
struct Host {
    name: &'static str,
    prepare: fn() -> Result<Ready, String>,
}

enum Ready {
    /// Takes the path of the `espat` binary as one more argument.
    Program(Command),
    /// What this machine lacks.
    Skip(String),
}

const HOSTS: &[Host] = &[
    Host {
        name: "esp-at-nal",
        prepare: || package("nal", "espat-host-nal", RTOS),
    },
    Host {
        name: "esp-at-nal on NonOS",
        prepare: || package("nal", "espat-host-nal", NONOS),
    },
    Host {
        name: "esp-at-nal on the newest line",
        prepare: || package("nal", "espat-host-nal", NEWEST),
    },
    Host {
        name: "adafruit-circuitpython-esp-atcontrol",
        prepare: || atcontrol(RTOS),
    },
    Host {
        name: "adafruit-circuitpython-esp-atcontrol on NonOS",
        prepare: || atcontrol(NONOS),
    },
    Host {
        name: "adafruit-circuitpython-esp-atcontrol on the newest line",
        prepare: || atcontrol(NEWEST),
    },
    Host {
        name: "embedded-drivers",
        prepare: || package("hal", "embedded_drivers", RTOS),
    },
    Host {
        name: "embedded-drivers on NonOS",
        prepare: || package("hal", "embedded_drivers", NONOS),
    },
    Host {
        name: "drogue-esp8266 on NonOS",
        prepare: || package("hal", "drogue", NONOS),
    },
    Host {
        name: "esp8266-wifi-serial on NonOS",
        prepare: || package("hal", "wifi_serial", NONOS),
    },
];

/// The firmware lines that the hosts meet.
const RTOS: &str = "esp32-2.2";
const NONOS: &str = "esp8266-nonos-1.7";
const NEWEST: &str = "esp32c6-5.0";

/// The drivers' patience is made for a chip that has nothing else to do.
const AT_ONCE: usize = 5;

/// Runs all hosts; the first failure is the error.
pub(crate) fn test() -> Result<Fared, String> {
    let espat = build(cargo_with_openssl(
        "build",
        &["--locked", "--package", "espat"],
    )?)?;
    let mut fared = Fared::default();
    let mut programs = vec![];
    for host in HOSTS {
        match (host.prepare)().map_err(|e| format!("{}: {e}", host.name))? {
            Ready::Program(command) => programs.push((host.name, command)),
            Ready::Skip(reason) => {
                say(&format!("{}: skipped: {reason}", host.name));
                fared.skipped += 1;
            }
        }
    }
    for (_, command) in &mut programs {
        command.arg(&espat);
    }
    let mut failed = vec![];
    for some in programs.chunks_mut(AT_ONCE) {
        let results: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> = some
                .iter_mut()
                .map(|(name, command)| scope.spawn(|| run(name, command)))
                .collect();
            running
                .into_iter()
                .map(|r| {
                    r.join()
                        .unwrap_or_else(|_| Err("the thread of a host panicked".to_owned()))
                })
                .collect()
        });
        for ((name, command), result) in some.iter_mut().zip(results) {
            match result {
                Ok(()) => fared.passed += 1,
                Err(reason) => failed.push((name, command, reason)),
            }
        }
    }
    for (name, command, reason) in failed {
        again(name, command, &reason)?;
        fared.passed += 1;
    }
    Ok(fared)
}

/// Runs a host that has failed beside the others.
fn again(name: &str, command: &mut Command, reason: &str) -> Result<(), String> {
    for _ in 0..RUNS_ALONE {
        say(&format!(
            "{name}: once more, by itself, after this: {reason}"
        ));
        if run(name, command).is_ok() {
            return Ok(());
        }
    }
    Err(reason.to_owned())
}

/// How often a host that has failed is run again.
const RUNS_ALONE: u32 = 3;

fn run(name: &str, command: &mut Command) -> Result<(), String> {
    let start = Instant::now();
    let output = output(command)?;
    let took = start.elapsed().as_secs_f32();
    let failed = !output.status.success();
    let end = if failed { "failed" } else { "ok" };
    let mut said = format!("{name}: {end}, {took:.1} s");
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        said += &format!("\n  {line}");
    }
    if failed {
        // The module's log, and what the host has to say of its failure.
        said += &format!("\n{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    say(&said);
    if failed {
        return Err(format!("`{}` failed: {}", shown(command), output.status));
    }
    Ok(())
}

/// A program of a package under `tests/hosts`, which takes the profile of its module first.
fn package(folder: &str, program: &str, profile: &str) -> Result<Ready, String> {
    let folder = root().join("tests/hosts").join(folder);
    let mut fetch = cargo(&["fetch", "--locked"]);
    fetch.current_dir(&folder);
    let fetched = output(&mut fetch)?;
    if !fetched.status.success() {
        return unreachable_or_error("crates.io", &fetch, &fetched);
    }
    let mut command = cargo(&["build", "--locked", "--quiet", "--bin", program]);
    command.current_dir(&folder);
    let mut host = Command::new(build(command)?);
    host.arg(profile);
    Ok(Ready::Program(host))
}

fn atcontrol(profile: &str) -> Result<Ready, String> {
    let folder = root().join("tests/hosts/atcontrol");
    let venv = folder.join("target/venv");
    let python = venv.join("bin/python");
    let wanted = folder.join("requirements.txt");
    // Written last, so that a virtual environment without it is an unfinished one.
    let installed = venv.join("requirements.txt");
    if !is_same(&wanted, &installed) {
        let mut make = Command::new("python3");
        make.args(["-m", "venv", "--clear"]).arg(&venv);
        match output(&mut make) {
            Err(e) => return Ok(Ready::Skip(e)),
            Ok(made) if !made.status.success() => {
                return Ok(Ready::Skip(format!(
                    "`{}` failed: {}",
                    shown(&make),
                    last_line(&made)
                )));
            }
            Ok(_) => {}
        }
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--no-input", "--no-deps"])
            .args(["--disable-pip-version-check", "--retries", "2"])
            .arg("--requirement")
            .arg(&wanted);
        let done = output(&mut pip)?;
        if !done.status.success() {
            return unreachable_or_error("PyPI", &pip, &done);
        }
        fs::copy(&wanted, &installed)
            .map_err(|e| format!("{} cannot be written: {e}", installed.display()))?;
    }
    let mut command = Command::new(python);
    command.arg(folder.join("host.py")).arg(profile);
    Ok(Ready::Program(command))
}

/// A registry that cannot be reached is this machine's affair; everything else is ours.
fn unreachable_or_error(
    registry: &str,
    command: &Command,
    output: &Output,
) -> Result<Ready, String> {
    let said = String::from_utf8_lossy(&output.stderr);
    if UNREACHABLE.iter().any(|sign| said.contains(sign)) {
        return Ok(Ready::Skip(format!(
            "{registry} cannot be reached: {}",
            last_line(output)
        )));
    }
    Err(format!(
        "`{}` failed: {}\n{}",
        shown(command),
        output.status,
        said.trim_end()
    ))
}

/// How cargo and pip say that there is no way to the registry.
const UNREACHABLE: &[&str] = &[
    "Could not resolve host",
    "Could not connect to server",
    "SSL connect error",
    "Timeout was reached",
    "spurious network error",
    "timed out",
    "failed to get successful HTTP response",
    "Connection reset by peer",
    "Temporary failure in name resolution",
    "offline mode",
    "connection broken by",
];

fn output(command: &mut Command) -> Result<Output, String> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("`{}` cannot be started: {e}", shown(command)))
}

fn last_line(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().lines().last().unwrap_or("it did not say why");
    said.trim().to_owned()
}

fn is_same(a: &Path, b: &Path) -> bool {
    match (fs::read(a), fs::read(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that succeeds in its run number `good`, counted in a file.
    fn fails_before(good: u32, file: &Path) -> Command {
        let script = format!("echo >>$0; test $(wc -l <$0) -ge {good}");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(file);
        command
    }

    #[test]
    fn a_host_that_fails_runs_again_until_it_has_failed_too_often() {
        let file = format!("espat-xtask-hosts-{}", std::process::id());
        let file = std::env::temp_dir().join(file);
        for (good, holds) in [(1, true), (RUNS_ALONE, true), (RUNS_ALONE + 1, false)] {
            let _ = fs::remove_file(&file);
            let done = again("a host", &mut fails_before(good, &file), "why");
            assert_eq!(done.is_ok(), holds, "{good}");
        }
        fs::remove_file(&file).unwrap();
    }
}
