//! What `cargo xtask bench` runs: the release `espat` beside bare loops and socat, in one go and in interleaved rounds. It
//! prints a table of medians and ratios with each row's target, and writes nothing anywhere else.
//!
//! Times drift on shared machines and ratios do not: whatever can be compared is measured in turns with what it is
//! compared with.

mod allocator;
mod child;
mod floor;
mod options;
mod peer;
mod rounds;
mod rows;
mod serial;
mod station;
mod table;

use std::process::ExitCode;

use anyhow::Result;

use self::options::Options;
use self::table::Table;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // The bench starts itself again for what has to be in a process of its own.
    let done = match words.as_slice() {
        ["floor", kind, rest @ ..] => floor::run(kind, rest),
        ["in-process", count] => rows::in_process::run(count),
        ["ssl-links", at] => rows::tls::run(at),
        ["core", way, count] => rows::core::run(way, count),
        ["--help" | "-h"] => options::help(),
        options => bench(options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(arguments: &[&str]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let mut table = Table::default();
    for (name, family) in rows::FAMILIES {
        if !options.wants(name) {
            continue;
        }
        eprintln!("{name} ...");
        if let Err(error) = family(&options, &mut table) {
            table.fail(name, &error);
        }
    }
    table.print()
}
