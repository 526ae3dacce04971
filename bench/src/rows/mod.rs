//! The rows, by family.

mod callgrind;
mod command;
pub(crate) mod core;
mod durable;
pub(crate) mod in_process;
mod passthrough;
mod receive;
mod record;
mod resident;
pub(crate) mod tls;

use anyhow::Result;

use crate::options::Options;
use crate::table::Table;

type Family = fn(&Options, &mut Table) -> Result<()>;

/// All families, by the names that the command line takes.
pub(crate) const FAMILIES: &[(&str, Family)] = &[
    ("command", command::measure),
    ("receive", receive::measure),
    ("passthrough", passthrough::measure),
    ("record", record::measure),
    ("tls", tls::measure),
    ("durable", durable::measure),
    ("resident", resident::measure),
    ("in-process", in_process::measure),
    ("core", core::measure),
    ("callgrind", callgrind::measure),
];

/// Bytes in a time as MB/s.
fn mb_per_s(bytes: usize, time: std::time::Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
    let bytes = bytes as f64;
    bytes / 1e6 / time.as_secs_f64()
}
