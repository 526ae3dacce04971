//! The settings of one module in a folder: `module.toml`, which a user may read and edit while no module runs; and the
//! partitions that upgrades wrote, in `partitions/`.
//!
//! A write is a new file that takes the old one's place (write, fsync, rename, fsync of the folder), so a module killed at
//! any moment leaves one or the other. The folder is locked for as long as the module lives. Files are written on a thread
//! of tokio's blocking pool, never in a driver's task.

mod disk;
mod document;
mod keeper;
mod partitions;

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use espat_core::{ConfigError, Module, ModuleConfig, StoreRequest, StoreValue};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use toml_edit::DocumentMut;

use self::disk::{Folder, PRIVATE, replace};
use self::document::Settings;
pub(crate) use self::keeper::Keeper;
use self::partitions::Partitions;

const NAME: &str = "module.toml";
const TEMPORARY: &str = "module.toml.new";
const HEAD: &str =
    "# The settings of an espat module. It changes its own keys; comments and other keys stay.\n";

/// An open folder with a module's settings.
#[derive(Debug)]
pub struct Store {
    folder: Folder,
    settings: Settings,
    /// What the file holds; `None`: there is none yet.
    text: Option<String>,
    partitions: Partitions,
}

/// Why a folder cannot hold a module's settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The folder cannot be made or opened.
    #[error("{}: cannot open the folder: {source}", path.display())]
    OpenFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another module has its settings there.
    #[error(
        "{}: another module uses this folder; end it, or give this one a folder of its own",
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("{}: cannot read the file: {source}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not say what settings are. It is left as it is.
    #[error(
        "{}:{line}:{column}: {what}; correct the file, or move it away to begin anew",
        path.display()
    )]
    ParseFile {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// A module cannot be made, whatever its settings.
    #[error(transparent)]
    Config(ConfigError),
}

impl Store {
    /// Opens a folder, which is made where there is none, and locks it.
    ///
    /// # Errors
    /// [`StateError`] where it cannot be used. Nothing has been changed then.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let handle = open_folder(path).map_err(|source| StateError::OpenFolder {
            path: path.to_owned(),
            source,
        })?;
        match rustix::fs::flock(&handle, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(StateError::InUse {
                    path: path.to_owned(),
                });
            }
            Err(errno) => {
                return Err(StateError::OpenFolder {
                    path: path.to_owned(),
                    source: errno.into(),
                });
            }
        }
        remove_stale(&path.join(TEMPORARY));
        let (text, mode) = read_file(&path.join(NAME))?;
        let settings = Settings::parse(text.as_deref().unwrap_or_default()).map_err(|fault| {
            StateError::ParseFile {
                path: path.join(NAME),
                line: fault.place.line,
                column: fault.place.column,
                what: fault.what,
            }
        })?;
        if !settings.unknown.is_empty() {
            let keys = settings.unknown.join(", ");
            tracing::warn!("{}: no setting is called {keys}", path.join(NAME).display());
        }
        Ok(Self {
            folder: Folder {
                path: path.to_owned(),
                handle,
                mode,
            },
            settings,
            text,
            partitions: Partitions::of(path),
        })
    }

    /// The settings that were kept.
    #[must_use]
    pub fn values(&self) -> &[(String, StoreValue)] {
        &self.settings.values
    }

    /// Puts the kept settings into a module's configuration.
    ///
    /// # Errors
    /// [`StateError::ParseFile`] for a value that the profile does not allow, [`StateError::Config`] for anything else that
    /// is wrong with the configuration.
    pub fn configure(&self, config: ModuleConfig) -> Result<ModuleConfig, StateError> {
        let config = ModuleConfig {
            nvs: self.settings.values.clone(),
            durable: true,
            ..config
        };
        let mut config = config;
        config
            .upgrade
            .installed
            .clone_from(&self.settings.installed);
        let partitions = config.profile.upgrade.partitions.iter();
        config.partitions = partitions
            .filter_map(|p| Some((p.name.to_owned(), self.partition(p.name)?)))
            .collect();
        match Module::check(&config) {
            Ok(()) => Ok(config),
            Err(ConfigError::Setting { key, why }) => {
                let place = self.settings.place(&key).unwrap_or_default();
                Err(StateError::ParseFile {
                    path: self.file(),
                    line: place.line,
                    column: place.column,
                    what: format!("`{key}` {why}"),
                })
            }
            Err(error) => Err(StateError::Config(error)),
        }
    }

    /// Makes a request durable. Takes as long as the disk does.
    ///
    /// # Errors
    /// Why it is not. The settings are as before then.
    pub fn handle(&mut self, request: StoreRequest<'_>) -> Result<(), espat_core::StoreError> {
        let mut document = self.settings.document.clone();
        let can_change = match request {
            StoreRequest::Set(values) => values
                .iter()
                .all(|(key, value)| document::change(&mut document, key, value)),
            StoreRequest::Erase => {
                document::erase(&mut document);
                true
            }
            StoreRequest::Boot { version } => {
                document::change(&mut document, document::INSTALLED, &version_value(version))
            }
            StoreRequest::Partition { name, step } => return self.partitions.handle(name, step),
        };
        if !can_change {
            return Err(espat_core::StoreError::Other);
        }
        self.write(document)
    }

    /// What a partition holds, where it was written.
    pub(crate) fn partition(&self, name: &str) -> Option<Vec<u8>> {
        self.partitions.content(name)
    }

    fn write(&mut self, mut document: DocumentMut) -> Result<(), espat_core::StoreError> {
        let mut text = document.to_string();
        if self.text.is_none() || text.trim().is_empty() {
            text.insert_str(0, HEAD);
            document = text.parse().map_err(|_| espat_core::StoreError::Other)?;
        }
        let before = self.text.as_deref().map(str::as_bytes);
        match replace(&mut self.folder, NAME, TEMPORARY, text.as_bytes(), before) {
            Ok(()) => {
                self.settings.document = document;
                self.text = Some(text);
                Ok(())
            }
            Err(failed) => {
                let file = self.file();
                let (step, source) = (failed.step, failed.source);
                tracing::error!("{}: cannot {step}: {source}", file.display());
                Err(store_error(&source))
            }
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path.join(NAME)
    }
}

impl Drop for Store {
    /// Leaves nothing half-written, and the folder free.
    fn drop(&mut self) {
        self.partitions.abort();
        // Closing alone would leave it locked where a process is just being started: until that runs its program, it has a copy
        // of every open file.
        let _ = rustix::fs::flock(&self.folder.handle, FlockOperation::Unlock);
    }
}

/// Opens a folder; one that has to be made is there after a power cut too.
fn open_folder(path: &Path) -> io::Result<File> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    if !missing.is_empty() {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    }
    for made in missing {
        if let Some(above) = made.canonicalize()?.parent() {
            File::open(above)?.sync_all()?;
        }
    }
    File::open(path)
}

/// A firmware that does not say what it is calls for no key.
fn version_value(version: &str) -> StoreValue {
    if version.is_empty() {
        StoreValue::Default
    } else {
        StoreValue::Text(version.into())
    }
}

/// A process that was killed while it wrote leaves a temporary file.
fn remove_stale(stale: &Path) {
    match std::fs::remove_file(stale) {
        Ok(()) => tracing::info!("removed {}, which a killed process left", stale.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!("{}: cannot remove: {error}", stale.display()),
    }
}

/// The file's text and mode; no text where there is no file.
fn read_file(path: &Path) -> Result<(Option<String>, u32), StateError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, PRIVATE)),
        Err(source) => {
            let path = path.to_owned();
            return Err(StateError::ReadFile { path, source });
        }
    };
    let mode = std::fs::metadata(path).map_or(PRIVATE, |meta| meta.permissions().mode() & 0o777);
    match String::from_utf8(bytes) {
        Ok(text) => Ok((Some(text), mode)),
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line_start = valid
                .iter()
                .rposition(|&b| b == b'\n')
                .map_or(0, |at| at + 1);
            Err(StateError::ParseFile {
                path: path.to_owned(),
                line: valid.iter().filter(|&&b| b == b'\n').count() + 1,
                column: String::from_utf8_lossy(&valid[line_start..])
                    .chars()
                    .count()
                    + 1,
                what: "this is not UTF-8".to_owned(),
            })
        }
    }
}

fn store_error(error: &io::Error) -> espat_core::StoreError {
    match Errno::from_io_error(error) {
        Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => espat_core::StoreError::Full,
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => espat_core::StoreError::Denied,
        _ => espat_core::StoreError::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_folder_does_not_keep_it_locked() {
        let path = std::env::temp_dir().join(format!("espat-store-{}", std::process::id()));
        let store = Store::open(&path).unwrap();
        let copy = store.folder.handle.try_clone().unwrap();
        assert!(matches!(Store::open(&path), Err(StateError::InUse { .. })));
        drop(store);
        Store::open(&path).unwrap();
        drop(copy);
        std::fs::remove_dir_all(path).unwrap();
    }
}
