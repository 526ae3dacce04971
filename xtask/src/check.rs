//! `cargo xtask test`: everything that CI runs, in order, up to the first failure.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::process::{Done, cargo, cargo_with_openssl, execute, execute_and_read, say};
use crate::tools::{need_c_compiler, openssl_features};
use crate::{docs, hosts};

/// What the tests of all steps came to.
#[derive(Debug, Default)]
struct Tally {
    passed: u32,
    failed: u32,
    ignored: u32,
    /// Why tests that passed did not do all, or nothing.
    reasons: BTreeSet<String>,
    /// The lines that come are what tests that passed have printed.
    in_successes: bool,
}

impl Tally {
    /// Adds what one line of a test program's output says; whether it is worth showing.
    fn add(&mut self, line: &str) -> bool {
        if line == "successes:" {
            self.in_successes = true;
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.in_successes = false;
        }
        if let Some(reason) = line.strip_prefix("skipped: ") {
            self.reasons.insert(reason.to_owned());
        }
        self.count(line);
        !self.in_successes
    }

    fn count(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        for part in result.split(['.', ';']) {
            let Some((count, what)) = part.trim().split_once(' ') else {
                continue;
            };
            let Ok(count) = count.parse::<u32>() else {
                continue;
            };
            match what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

struct Step {
    name: &'static str,
    run: fn(&mut Tally) -> Done,
}

const STEPS: &[Step] = &[
    Step {
        name: "tools",
        run: |_| {
            need_c_compiler()?;
            openssl_features().map(|_| ())
        },
    },
    Step {
        name: "format",
        run: |_| execute(cargo(&["fmt", "--all", "--", "--check"])),
    },
    Step {
        name: "lints",
        run: |_| {
            let lints = ["--workspace", "--all-targets", "--", "-D", "warnings"];
            execute(cargo_with_openssl("clippy", &lints)?)
        },
    },
    Step {
        name: "generated documents",
        run: |_| docs::check(),
    },
    Step {
        name: "tests",
        run: tests,
    },
    Step {
        name: "core without std",
        run: no_std_probe,
    },
    Step {
        name: "documentation",
        run: documentation,
    },
    Step {
        name: "hosts",
        run: drivers,
    },
];

/// Runs all steps.
pub(crate) fn test() -> Done {
    let start = Instant::now();
    let mut tally = Tally::default();
    let mut times = vec![];
    for (i, step) in STEPS.iter().enumerate() {
        say(&format!("== {}/{} {}", i + 1, STEPS.len(), step.name));
        let step_start = Instant::now();
        let done = (step.run)(&mut tally);
        let took = shown(step_start.elapsed());
        if let Err(message) = done {
            if tally.passed + tally.failed > 0 {
                say(&summary(&tally));
            }
            return Err(format!(
                "step `{}` failed after {took}: {message}",
                step.name
            ));
        }
        say(&format!("== {} ok, {took}", step.name));
        times.push(format!("{} {took}", step.name));
    }
    say(&format!(
        "== all steps ok, {}: {}",
        shown(start.elapsed()),
        times.join(", ")
    ));
    for reason in &tally.reasons {
        say(&format!("skipped: {reason}"));
    }
    say(&summary(&tally));
    Ok(())
}

/// What of RELEASE.md a program can check.
pub(crate) fn release() -> Done {
    test()?;
    let build = ["--release", "--package", "espat", "--locked"];
    execute(cargo_with_openssl("build", &build)?)?;
    say("The rest is for a person: RELEASE.md");
    Ok(())
}

fn tests(tally: &mut Tally) -> Done {
    // Why a test skips stands in the output of one that passes.
    let all = ["--workspace", "--locked", "--", "--show-output"];
    let command = cargo_with_openssl("test", &all)?;
    execute_and_read(command, |line| tally.add(line))
}

/// Builds and runs a program without `std` that has a module in it.
fn no_std_probe(_: &mut Tally) -> Done {
    execute(cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--manifest-path",
        "tests/no-std-probe/Cargo.toml",
    ]))
}

fn drivers(tally: &mut Tally) -> Done {
    let fared = hosts::test()?;
    tally.passed += fared.passed;
    tally.ignored += fared.skipped;
    Ok(())
}

fn documentation(_: &mut Tally) -> Done {
    let all = ["--workspace", "--no-deps", "--document-private-items"];
    let mut command = cargo_with_openssl("doc", &all)?;
    command.env("RUSTDOCFLAGS", "-D warnings");
    execute(command)
}

fn summary(tally: &Tally) -> String {
    let ignored = if tally.ignored > 0 {
        format!(", {} skipped", tally.ignored)
    } else {
        String::new()
    };
    format!(
        "tests: {} passed, {} failed{ignored}",
        tally.passed, tally.failed
    )
}

fn shown(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f32())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tally_adds_up_what_test_programs_say() {
        let mut tally = Tally::default();
        tally.add("running 3 tests");
        tally.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.03s");
        tally.add("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.03s");
        assert_eq!(summary(&tally), "tests: 14 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn of_tests_that_passed_only_reasons_are_told() {
        let output = "test tests::a ... ok

successes:

---- tests::a stdout ----
skipped: nginx is not installed
some words

successes:
    tests::a

failures:

---- tests::b stdout ----
why
test result: FAILED. 1 passed; 1 failed; 0 ignored";
        let mut tally = Tally::default();
        let shown: Vec<&str> = output.lines().filter(|line| tally.add(line)).collect();
        let expected = [
            "test tests::a ... ok",
            "",
            "failures:",
            "",
            "---- tests::b stdout ----",
            "why",
            "test result: FAILED. 1 passed; 1 failed; 0 ignored",
        ];
        assert_eq!(shown, expected);
        assert_eq!(Vec::from_iter(tally.reasons), ["nginx is not installed"]);
    }
}
