//! The capture's file, written by a thread: the module never waits for a disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::spool::{Batch, Sink, Spool};

/// Whole blocks.
type Blocks = Vec<u8>;

#[derive(Debug)]
pub(super) struct Writer(Spool<Blocks>);

#[derive(Debug)]
struct Output {
    path: PathBuf,
    file: File,
    /// What the file begins with, where nothing is in it.
    head: Vec<u8>,
    written: u64,
}

impl Writer {
    /// Makes the file; one that is there already stays as it is.
    pub(super) fn create(path: &Path, head: Vec<u8>) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let output = Output {
            path: path.to_owned(),
            file,
            head,
            written: 0,
        };
        Spool::start("capture", output).map(Self)
    }

    /// Adds blocks, whole ones.
    pub(super) fn add(&self, add: impl FnOnce(&mut Blocks)) {
        self.0.add(add);
    }
}

impl Batch for Blocks {
    fn len(&self) -> usize {
        Self::len(self)
    }

    fn clear(&mut self) {
        Self::clear(self);
    }
}

impl Sink<Blocks> for Output {
    fn write(&mut self, blocks: &Blocks) -> bool {
        let head = std::mem::take(&mut self.head);
        let written = self.file.write_all(&head);
        if let Err(error) = written.and_then(|()| self.file.write_all(blocks)) {
            let shown = self.path.display();
            tracing::warn!(
                "--pcap: {shown} cannot be written: {error}; the capture ends here, the module goes on"
            );
            // Where even this fails, the last block is cut, which its readers tell.
            let _ = self.file.set_len(self.written);
            return false;
        }
        self.written += (head.len() + blocks.len()) as u64;
        true
    }

    fn overflow(&mut self) {
        tracing::warn!("--pcap: the disk is slower than the links; the capture ends here");
    }

    fn end(&mut self) {
        if self.written == 0 {
            // A file with nothing in it would only stand in the way of the next capture.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
