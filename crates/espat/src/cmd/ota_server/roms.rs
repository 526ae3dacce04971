//! The folder that is served: a folder for each version, a file for each partition. Nothing outside it is ever opened.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::Usage;

/// The longest version and partition that a module sends.
const NAME_MAX: usize = 64;
const SUFFIX: &str = ".bin";
const AS: &str = "DIR/v2.4.0.0/ota.bin";

/// The folder.
#[derive(Debug)]
pub(super) struct Roms {
    /// Without symbolic links, so that what leads out of it can be told.
    root: PathBuf,
    latest: Option<String>,
}

/// A file of it, opened.
#[derive(Debug)]
pub(super) struct Rom {
    pub(super) version: String,
    pub(super) file: File,
    pub(super) len: u64,
}

/// Why there is nothing to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Name,
    Version,
    File,
    Unreadable,
    Outside,
}

impl Missing {
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Name => "no version and file have such names",
            Self::Version => "there is no version",
            Self::File => "there is no such file",
            Self::Unreadable => "the file cannot be read",
            Self::Outside => "a link leads out of the folder, and is not followed",
        }
    }
}

impl Roms {
    /// Looks at the folder.
    ///
    /// # Errors
    /// What is wrong with it, or with `latest`.
    pub(super) fn open(dir: &Path, latest: Option<&str>) -> Result<Self, Usage> {
        let shown = dir.display();
        let unreadable = |e: io::Error| {
            Usage::new(format!(
                "ota-server {shown}: cannot read the folder: {e}; name one that holds a folder for each version, as {AS}"
            ))
        };
        let root = dir.canonicalize().map_err(unreadable)?;
        fs::read_dir(&root).map_err(unreadable)?;
        let roms = Self {
            root,
            latest: latest.map(str::to_owned),
        };
        let versions = roms.versions();
        if versions.is_empty() {
            return Err(Usage::new(format!(
                "ota-server {shown}: there is no version in it; put images there, as {AS}"
            )));
        }
        match latest {
            Some(latest) if !versions.iter().any(|v| v == latest) => Err(Usage::new(format!(
                "--latest {}: {shown} has no such version; it has {}",
                latest.escape_debug(),
                versions.join(", ")
            ))),
            Some(_) | None => Ok(roms),
        }
    }

    /// The version that modules are told of.
    pub(super) fn newest(&self) -> Option<String> {
        let latest = self.latest.clone();
        latest.or_else(|| self.versions().into_iter().next())
    }

    /// Every version that has a file, the newest first.
    pub(super) fn versions(&self) -> Vec<String> {
        let mut versions: Vec<_> = names(&self.root)
            .filter(|version| names(&self.root.join(version)).any(|file| file.ends_with(SUFFIX)))
            .collect();
        versions.sort_by(|a, b| by_numbers(b, a));
        versions
    }

    /// Opens a file; the empty version stands for the newest.
    pub(super) fn rom(&self, version: &str, file: &str) -> Result<Rom, Missing> {
        let version = match version {
            "" => self.newest().ok_or(Missing::Version)?,
            version => version.to_owned(),
        };
        let partition = file.strip_suffix(SUFFIX).ok_or(Missing::Name)?;
        if !is_name(&version) || !is_name(partition) {
            return Err(Missing::Name);
        }
        let path = self.root.join(&version).join(file);
        let path = path.canonicalize().map_err(|e| missing(&e))?;
        if !path.starts_with(&self.root) {
            return Err(Missing::Outside);
        }
        // Looked at before it is opened: opening a pipe would wait for its writer.
        if !path.is_file() {
            return Err(Missing::File);
        }
        let file = File::open(path).map_err(|e| missing(&e))?;
        let len = file.metadata().map_err(|e| missing(&e))?.len();
        Ok(Rom { version, file, len })
    }
}

fn missing(error: &io::Error) -> Missing {
    if error.kind() == io::ErrorKind::NotFound {
        Missing::File
    } else {
        Missing::Unreadable
    }
}

/// What of a folder can be asked for.
fn names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| is_name(name.strip_suffix(SUFFIX).unwrap_or(name)))
}

/// A name that needs no escapes in a request, in JSON, or in a path, and is neither hidden nor a step upwards.
fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len())
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
}

/// The order of versions: 2.10 comes after 2.9, and where no number differs the text decides.
fn by_numbers(a: &str, b: &str) -> Ordering {
    let numbers = |version: &str| -> Vec<u64> {
        let parts = version.split(|c: char| !c.is_ascii_digit());
        parts
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().unwrap_or(u64::MAX))
            .collect()
    };
    numbers(a).cmp(&numbers(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let mut versions = [
            "v2.9.0.0",
            "v2.10.0.0",
            "v2.2",
            "2.10.0.0-rc",
            "v10",
            "beta",
        ];
        versions.sort_by(|a, b| by_numbers(b, a));
        let expected = [
            "v10",
            "v2.10.0.0",
            "2.10.0.0-rc",
            "v2.9.0.0",
            "v2.2",
            "beta",
        ];
        assert_eq!(versions, expected);
    }

    #[test]
    fn names_are_plain() {
        for good in [
            "v2.4.0.0",
            "ota",
            "factory_param",
            "2.4.0.0-dev+1",
            &"a".repeat(64),
        ] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "a\\b",
            "a b",
            "a%2e",
            "a\0",
            "ä",
            &"a".repeat(65),
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
