//! What `--record` costs: passthrough with it beside passthrough without.

use std::path::PathBuf;

use anyhow::Result;

use super::passthrough::{self, PTY_BYTES, Pair, STDIO_BYTES};
use crate::options::Options;
use crate::station::{self, Scratch};
use crate::table::Table;

pub(super) fn measure(options: &Options, table: &mut Table) -> Result<()> {
    let file = Record(Scratch::path("record.at"));
    let recorded = Pair::ours(station::recorded_on_pty(options, &file.0)?)?;
    let plain = Pair::ours(station::on_pty(options)?)?;
    let pairs = [&recorded, &plain];
    let what = "PTY, recorded, to not";
    passthrough::compare(options, table, what, PTY_BYTES, pairs, Some(0.9))?;
    drop((recorded, plain, file));

    // Nothing paces a pipe: each byte is looked at once in either direction, and that is half of what passing it on costs.
    let file = Record(Scratch::path("record.at"));
    let recorded = Pair::ours(station::recorded_on_stdio(options, &file.0)?)?;
    let plain = Pair::ours(station::on_stdio(options)?)?;
    let pairs = [&recorded, &plain];
    let what = "stdio, recorded, to not";
    passthrough::compare(options, table, what, STDIO_BYTES, pairs, None)
}

/// A record that is removed when the module that writes it has ended.
struct Record(PathBuf);

impl Drop for Record {
    fn drop(&mut self) {
        // What stays in the folder for temporary files does no harm.
        let _ = std::fs::remove_file(&self.0);
    }
}
