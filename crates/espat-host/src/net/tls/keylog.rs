//! The key log: what Wireshark needs to decrypt a capture.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::net::capture::Capture;

/// A file that the secrets of TLS links are appended to, in the NSS format. Whoever reads it can read the links.
#[derive(Clone, Debug)]
pub struct KeyLog {
    file: Arc<Mutex<File>>,
    capture: Option<Capture>,
}

impl KeyLog {
    /// Opens the file, or makes it for its owner alone.
    ///
    /// # Errors
    /// Where that cannot be done.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)?;
        if file.metadata()?.mode() & 0o077 != 0 {
            tracing::warn!(
                "{}: others can read this key log, and with it the SSL links; `chmod 600` keeps it private",
                path.display()
            );
        }
        Ok(Self {
            file: Arc::new(Mutex::new(file)),
            capture: None,
        })
    }

    /// Has the secrets stand in a capture too.
    #[must_use]
    pub fn also_in(mut self, capture: Option<Capture>) -> Self {
        self.capture = capture;
        self
    }

    pub(super) fn write(&self, line: &str) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            tracing::warn!("the TLS key log cannot be written: {error}");
        }
        if let Some(capture) = &self.capture {
            capture.secret(line);
        }
    }

    /// The same log has the same number.
    pub(super) fn id(&self) -> usize {
        Arc::as_ptr(&self.file).addr()
    }
}
