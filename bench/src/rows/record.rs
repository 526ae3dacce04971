//! What `--record` costs: passthrough with it beside passthrough without.

use std::path::PathBuf;

use anyhow::Result;

use super::passthrough::{self, PTY_BYTES, Pair, STDIO_BYTES};
use crate::options::Options;
use crate::station::{self, Scratch};
use crate::table::Table;

const LEAST: f64 = 0.9;

pub(super) fn measure(options: &Options, table: &mut Table) -> Result<()> {
    let file = Record(Scratch::path("record.at"));
    let recorded = Pair::ours(station::recorded_on_pty(options, &file.0)?)?;
    let plain = Pair::ours(station::on_pty(options)?)?;
    passthrough::compare(
        options,
        table,
        "PTY, recorded",
        "not",
        PTY_BYTES,
        [&recorded, &plain],
        LEAST,
    )?;
    drop((recorded, plain, file));

    let file = Record(Scratch::path("record.at"));
    let recorded = Pair::ours(station::recorded_on_stdio(options, &file.0)?)?;
    let plain = Pair::ours(station::on_stdio(options)?)?;
    passthrough::compare(
        options,
        table,
        "stdio, recorded",
        "not",
        STDIO_BYTES,
        [&recorded, &plain],
        LEAST,
    )
}

/// A record that is removed when the module that writes it has ended.
struct Record(PathBuf);

impl Drop for Record {
    fn drop(&mut self) {
        // What stays in the folder for temporary files does no harm.
        let _ = std::fs::remove_file(&self.0);
    }
}
