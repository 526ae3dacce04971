//! The steps of a durable replacement of a file, one by one, so that a test can stop after each of them.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

/// A folder in which files are replaced.
pub(crate) trait Disk: Send {
    /// A file that is being written.
    type File;
    /// Makes an empty file of that name, in place of one that is there.
    fn create(&mut self, name: &str) -> io::Result<Self::File>;
    fn write(&mut self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;
    /// What was written survives a power cut after this, if the name does.
    fn sync(&mut self, file: &mut Self::File) -> io::Result<()>;
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// The names survive a power cut after this.
    fn sync_folder(&mut self) -> io::Result<()>;
    fn remove(&mut self, name: &str) -> io::Result<()>;
}

/// The step at which a replacement failed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) step: &'static str,
    pub(crate) source: io::Error,
}

/// Replaces `name` by a file that holds `bytes`, by way of `temporary`: afterwards it holds all of them, and goes on doing so
/// after a power cut. Where that fails it holds `before`, as far as the disk lets it.
pub(crate) fn replace<D: Disk>(
    disk: &mut D,
    name: &str,
    temporary: &str,
    bytes: &[u8],
    before: Option<&[u8]>,
) -> Result<(), Failed> {
    if let Err(failure) = prepare(disk, temporary, bytes) {
        // The failure is what counts; the next start removes what is left.
        let _ = disk.remove(temporary);
        return Err(failure);
    }
    settle(disk, name, temporary, before)
}

/// The second half of a replacement: the temporary file is durable, and takes the place of `name`.
pub(crate) fn settle<D: Disk>(
    disk: &mut D,
    name: &str,
    temporary: &str,
    before: Option<&[u8]>,
) -> Result<(), Failed> {
    let failed = |step| move |source| Failed { step, source };
    if let Err(source) = disk.rename(temporary, name) {
        let _ = disk.remove(temporary);
        return Err(failed("rename the temporary file")(source));
    }
    disk.sync_folder().map_err(|source| {
        // Nobody knows whether the new name is durable. The answer will be ERROR, so the old content is put back.
        let _ = match before {
            Some(before) => prepare(disk, temporary, before)
                .and_then(|()| disk.rename(temporary, name).map_err(failed("rename back"))),
            None => disk.remove(name).map_err(failed("remove")),
        };
        failed("make the new name durable")(source)
    })
}

fn prepare<D: Disk>(disk: &mut D, name: &str, bytes: &[u8]) -> Result<(), Failed> {
    let failed = |step| move |source| Failed { step, source };
    let mut file = disk
        .create(name)
        .map_err(failed("make the temporary file"))?;
    disk.write(&mut file, bytes)
        .map_err(failed("write the temporary file"))?;
    disk.sync(&mut file)
        .map_err(failed("make the temporary file durable"))
}

/// A real folder.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// Open for as long as the folder is in use: it carries the lock.
    pub(crate) handle: File,
    /// The mode of new files: that of the file they replace. The first one is the user's own, as it holds a password.
    pub(crate) mode: u32,
}

/// The mode of the first file.
pub(crate) const PRIVATE: u32 = 0o600;

impl Disk for Folder {
    type File = File;

    fn create(&mut self, name: &str) -> io::Result<File> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(PRIVATE)
            .open(self.path.join(name))?;
        if self.mode != PRIVATE {
            file.set_permissions(Permissions::from_mode(self.mode))?;
        }
        Ok(file)
    }

    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&mut self, file: &mut File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
