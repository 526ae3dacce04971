//! Options that keep what happens.

use std::path::PathBuf;

use clap::Args;

/// What is kept of a module's doings.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Recording")]
pub(crate) struct WatchOptions {
    /// Write what happens into FILE, as a transcript (.at)
    ///
    /// Everything that the host, the module and the world do, at its time, in the form of docs/transcripts.md: `espat replay FILE` runs it
    /// again. Wi-Fi passwords and keys stand as {secret}; of payload over 256 bytes 16 bytes at each end, its length and its
    /// checksum. A FILE that is there already is left alone. docs/recording.md says more.
    ///
    /// Example: --record bug.at
    #[arg(long, value_name = "FILE", help_heading = "Recording")]
    pub(crate) record: Option<PathBuf>,

    /// Keep long payload too, in FILE.payload beside the record
    ///
    /// Example: --record bug.at --record-payload
    #[arg(long, help_heading = "Recording")]
    pub(crate) record_payload: bool,

    /// Write what the links carry into FILE, for Wireshark (pcapng)
    ///
    /// Taken at the sockets: addresses and payload are the real ones, SSL as it is on the wire; with --tls-keylog its secrets are in FILE too, and
    /// Wireshark shows what was said. A FILE that is there already is left alone. docs/recording.md says more.
    ///
    /// Example: --pcap links.pcapng --tls-keylog keys.log
    #[arg(long, value_name = "FILE", help_heading = "Recording")]
    pub(crate) pcap: Option<PathBuf>,
}

impl WatchOptions {
    /// Puts these over `lower`.
    pub(crate) fn over(self, lower: Self) -> Self {
        Self {
            record: self.record.or(lower.record),
            record_payload: self.record_payload || lower.record_payload,
            pcap: self.pcap.or(lower.pcap),
        }
    }
}
