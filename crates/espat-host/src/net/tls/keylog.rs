//! The key log: what Wireshark needs to decrypt a capture.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// A file that the secrets of TLS links are appended to, in the NSS format. Whoever reads it can read the links.
#[derive(Clone, Debug)]
pub struct KeyLog(Arc<Mutex<File>>);

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
        Ok(Self(Arc::new(Mutex::new(file))))
    }

    pub(super) fn write(&self, line: &str) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            tracing::warn!("the TLS key log cannot be written: {error}");
        }
    }

    /// The same log has the same number.
    pub(super) fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}
