//! The capture's file, written by a thread: the module never waits for a disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long blocks may wait to be written.
const PAUSE: Duration = Duration::from_millis(100);
/// What may wait where the disk is slow. More, and the capture ends.
const WAITING_MAX: usize = 64 << 20;

#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    blocks: Vec<u8>,
    is_ended: bool,
    has_failed: bool,
}

impl Writer {
    /// Makes the file; one that is there already stays as it is.
    pub(super) fn create(path: &Path, head: Vec<u8>) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let shared = Arc::new(Shared::default());
        let (theirs, path) = (Arc::clone(&shared), path.to_owned());
        let thread = std::thread::Builder::new()
            .name("capture".to_owned())
            .spawn(move || theirs.write_all(file, &path, head))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Adds blocks, whole ones.
    pub(super) fn add(&self, add: impl FnOnce(&mut Vec<u8>)) {
        let mut waiting = self.shared.lock();
        if waiting.has_failed {
            return;
        }
        let was_empty = waiting.blocks.is_empty();
        add(&mut waiting.blocks);
        if waiting.blocks.len() > WAITING_MAX {
            waiting.has_failed = true;
            tracing::warn!("--pcap: the disk is slower than the links; the capture ends here");
        }
        if was_empty {
            self.shared.changed.notify_one();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().is_ended = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("--pcap: the writer of the capture died");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, mut file: File, path: &Path, mut head: Vec<u8>) {
        let mut written = 0;
        loop {
            let blocks = {
                let idle = |waiting: &mut Waiting| waiting.blocks.is_empty() && !waiting.is_ended;
                let waiting = self.changed.wait_while(self.lock(), idle);
                let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
                let going = |waiting: &mut Waiting| !waiting.is_ended;
                let waited = self.changed.wait_timeout_while(waiting, PAUSE, going);
                let mut waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
                std::mem::take(&mut waiting.blocks)
            };
            if blocks.is_empty() {
                if written == 0 {
                    // A file with nothing in it would only stand in the way of the next capture.
                    let _ = std::fs::remove_file(path);
                }
                return;
            }
            let blocks = [std::mem::take(&mut head), blocks].concat();
            if let Err(error) = file.write_all(&blocks) {
                let shown = path.display();
                tracing::warn!(
                    "--pcap: {shown} cannot be written: {error}; the capture ends here, the module goes on"
                );
                // Where even this fails, the last block is cut, which its readers tell.
                let _ = file.set_len(written);
                self.lock().has_failed = true;
                return;
            }
            written += blocks.len() as u64;
        }
    }
}
