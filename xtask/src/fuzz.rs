//! `cargo xtask fuzz`: libFuzzer on the targets of `fuzz/`, with the stable toolchain.

use std::fs;
use std::process::Command;

use crate::process::{Done, cargo, execute, root, say};
use crate::tools::need_cxx_compiler;

/// What the compiler adds for libFuzzer; cargo-fuzz asks a nightly compiler for the same.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Where the build and the grown corpus are.
const FOLDER: &str = "target/fuzz";

/// Builds all targets and runs each for `--seconds N` (60), or only those that are named.
pub(crate) fn run(arguments: &[String]) -> Done {
    let (seconds, named) = read(arguments)?;
    need_cxx_compiler()?;
    let targets = targets()?;
    if let Some(unknown) = named.iter().find(|n| !targets.contains(n)) {
        return Err(format!(
            "there is no fuzz target `{unknown}`; there are {}",
            targets.join(", ")
        ));
    }
    let triple = triple()?;
    build(&triple)?;
    for target in targets
        .iter()
        .filter(|t| named.is_empty() || named.contains(t))
    {
        say(&format!("== {target}, {seconds} s"));
        fuzz(target, &triple, seconds)?;
    }
    Ok(())
}

fn read(arguments: &[String]) -> Result<(u32, Vec<String>), String> {
    let mut seconds = 60;
    let mut named = vec![];
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument != "--seconds" {
            named.push(argument.clone());
            continue;
        }
        let value = arguments
            .next()
            .ok_or("--seconds: a number is missing, as in --seconds 60")?;
        seconds = value
            .parse()
            .map_err(|_| format!("--seconds {value}: wanted a whole number, as in --seconds 60"))?;
    }
    Ok((seconds, named))
}

/// The names of the files in `fuzz/targets`.
fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/targets");
    let unreadable = |e| format!("{}: {e}", folder.display());
    let mut names = vec![];
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|e| e == "rs") {
            names.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    names.sort();
    Ok(names)
}

/// The machine that we build for. Naming it keeps the flags away from build scripts.
fn triple() -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .arg("-vV")
        .output()
        .map_err(|e| format!("`rustc -vV` cannot be started: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "`rustc -vV` names no host".to_owned())
}

fn build(triple: &str) -> Done {
    let arguments = [
        "build",
        "--release",
        "--locked",
        "--manifest-path",
        "fuzz/Cargo.toml",
    ];
    let mut command = cargo(&arguments);
    command
        .args(["--target", triple, "--target-dir", FOLDER])
        .env("RUSTFLAGS", FLAGS);
    execute(command)
}

fn fuzz(target: &str, triple: &str, seconds: u32) -> Done {
    let grown = format!("{FOLDER}/corpus/{target}");
    for folder in [grown.as_str(), "fuzz/artifacts"] {
        fs::create_dir_all(root().join(folder)).map_err(|e| format!("{folder}: {e}"))?;
    }
    let mut command = Command::new(root().join(format!("{FOLDER}/{triple}/release/{target}")));
    command
        .current_dir(root())
        .args(["-max_len=400", "-dict=fuzz/at.dict"])
        .args(["-verbosity=0", "-print_final_stats=1"]);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix=fuzz/artifacts/{target}-"));
    command.args([grown, format!("fuzz/corpus/{target}")]);
    execute(command).map_err(|e| format!("{e}; the input is in fuzz/artifacts"))
}
