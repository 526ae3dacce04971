//! Partitions of the flash that `AT+CIUPDATE`, `AT+SYSFLASH` and `AT+SYSMFG` write: a file each, in a folder of the state.
//!
//! A file is written beside the one that is there, and takes its place when all of it is durable.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use espat_core::{PartitionStep, StoreError};

use super::disk::{Disk, Failed, Folder, PRIVATE, settle};
use super::{open_folder, remove_stale, store_error};

/// The folder within the state.
const FOLDER: &str = "partitions";
/// A partition of certificates or keys is far smaller.
const READ_MAX: usize = 256 * 1024;

/// The folder of partitions, which is made when the first one is written.
#[derive(Debug)]
pub(super) struct Partitions {
    path: PathBuf,
    folder: Option<Folder>,
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    name: &'static str,
    file: File,
}

impl Partitions {
    /// What is in a state's folder; what a killed process left half-written goes.
    pub(super) fn of(state: &Path) -> Self {
        let path = state.join(FOLDER);
        for entry in std::fs::read_dir(&path).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().ends_with(".new") {
                remove_stale(&entry.path());
            }
        }
        Self {
            path,
            folder: None,
            under_way: None,
        }
    }

    /// What a partition holds; `None` where it was never written, or cannot be read.
    pub(super) fn content(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path.join(file_name(name));
        match read(&path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!("{}: cannot read the file: {error}", path.display());
                None
            }
        }
    }

    pub(super) fn handle(
        &mut self,
        name: &'static str,
        step: PartitionStep<'_>,
    ) -> Result<(), StoreError> {
        let done = match step {
            PartitionStep::Begin => self.begin(name),
            PartitionStep::Chunk(bytes) => self.write(name, bytes),
            PartitionStep::Commit => self.commit(name),
            PartitionStep::Abort => {
                self.abort();
                Ok(())
            }
        };
        done.map_err(|failed| {
            self.abort();
            let path = self.path.join(file_name(name));
            let (step, source) = (failed.step, failed.source);
            tracing::error!("{}: cannot {step}: {source}", path.display());
            store_error(&source)
        })
    }

    fn begin(&mut self, name: &'static str) -> Result<(), Failed> {
        self.abort();
        let mut folder = match self.folder.take() {
            Some(folder) => folder,
            None => Folder {
                handle: open_folder(&self.path).map_err(failed("make the folder"))?,
                path: self.path.clone(),
                mode: PRIVATE,
            },
        };
        let file = folder.create(&temporary(name));
        self.folder = Some(folder);
        let file = file.map_err(failed("make the temporary file"))?;
        self.under_way = Some(UnderWay { name, file });
        Ok(())
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), Failed> {
        let (folder, under_way) = self.both(name)?;
        folder
            .write(&mut under_way.file, bytes)
            .map_err(failed("write the temporary file"))
    }

    fn commit(&mut self, name: &str) -> Result<(), Failed> {
        // The image of a firmware is not brought back where its name cannot be made durable: the old one is booted anyway.
        let is_whole = |bytes: &Vec<u8>| bytes.len() < READ_MAX;
        let before = self.content(name).filter(is_whole);
        let (folder, under_way) = self.both(name)?;
        folder
            .sync(&mut under_way.file)
            .map_err(failed("make the temporary file durable"))?;
        settle(
            folder,
            &file_name(name),
            &temporary(name),
            before.as_deref(),
        )?;
        self.under_way = None;
        Ok(())
    }

    pub(super) fn abort(&mut self) {
        if let (Some(folder), Some(under_way)) = (&mut self.folder, self.under_way.take()) {
            // The next start removes what stays.
            let _ = folder.remove(&temporary(under_way.name));
        }
    }

    fn both(&mut self, name: &str) -> Result<(&mut Folder, &mut UnderWay), Failed> {
        let under_way = self.under_way.as_mut().filter(|begun| begun.name == name);
        match (&mut self.folder, under_way) {
            (Some(folder), Some(under_way)) => Ok((folder, under_way)),
            _ => Err(failed("go on")(io::Error::other("it was not begun"))),
        }
    }
}

fn failed(step: &'static str) -> impl Fn(io::Error) -> Failed {
    move |source| Failed { step, source }
}

fn file_name(name: &str) -> String {
    format!("{name}.bin")
}

fn temporary(name: &str) -> String {
    format!("{name}.bin.new")
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(READ_MAX as u64)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
