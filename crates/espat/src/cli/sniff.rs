//! Options of `sniff`.

use std::path::PathBuf;

use clap::Args;
use espat_host::SerialName;

use crate::log::LogLevel;

/// Options of `sniff`.
#[derive(Args, Debug)]
pub(crate) struct SniffOptions {
    /// The serial port of the module; 115200 baud unless said otherwise
    #[arg(value_name = "DEVICE[@BAUD]")]
    pub(crate) device: SerialName,
    /// Where the host finds its port [default: as `espat run --pty`]
    #[arg(long, value_name = "LINK")]
    pub(crate) pty: Option<PathBuf>,
    /// Write the transcript into FILE, which must not be there yet [default: to standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Keep long payload too, in FILE.payload beside the record
    #[arg(long)]
    pub(crate) record_payload: bool,
    /// How much espat says of itself on standard error [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log: Option<LogLevel>,
}
