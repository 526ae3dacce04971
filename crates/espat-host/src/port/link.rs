//! The stable name of a PTY: a symbolic link, in a directory of this user's or where the user says.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::PortError;

/// Links that are tried in the runtime directory.
const NAMES: u32 = 10_000;

/// A link to a PTY, removed when dropped.
#[derive(Debug)]
pub(super) struct Link {
    path: PathBuf,
    target: PathBuf,
}

impl Link {
    /// Makes the link at `path`, or the first free one of the user's runtime directory.
    pub(super) fn create(path: Option<&Path>, target: &Path) -> Result<Self, PortError> {
        if let Some(path) = path {
            return Self::create_at(path, target);
        }
        let directory = runtime_directory()?;
        for n in 0..NAMES {
            match Self::create_at(&directory.join(format!("pty{n}")), target) {
                Err(PortError::LinkInUse { .. } | PortError::LinkTaken { .. }) => {}
                result => return result,
            }
        }
        let source = io::Error::from(ErrorKind::AlreadyExists);
        Err(PortError::MakeLink {
            path: directory,
            source,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn create_at(path: &Path, target: &Path) -> Result<Self, PortError> {
        let error = |source| PortError::MakeLink {
            path: path.into(),
            source,
        };
        let directory = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let directory =
            fs::File::open(directory.unwrap_or_else(|| Path::new("."))).map_err(error)?;
        // Between the look and the link nobody else makes one. It ends with the descriptor.
        rustix::fs::flock(&directory, FlockOperation::LockExclusive)
            .map_err(|errno| error(errno.into()))?;
        if is_stale(path)? {
            fs::remove_file(path).map_err(error)?;
        }
        symlink(target, path).map_err(error)?;
        Ok(Self {
            path: path.into(),
            target: target.into(),
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if fs::read_link(&self.path).is_ok_and(|target| target == self.target) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether a link that leads nowhere is at `path`, as a killed process leaves it; anything else is left alone.
fn is_stale(path: &Path) -> Result<bool, PortError> {
    let Ok(there) = fs::symlink_metadata(path) else {
        return Ok(false);
    };
    if !there.is_symlink() {
        return Err(PortError::LinkTaken { path: path.into() });
    }
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        _ => {
            let target = fs::read_link(path).unwrap_or_default();
            Err(PortError::LinkInUse {
                path: path.into(),
                target,
            })
        }
    }
}

/// The directory of this user's links, which nobody else can write to.
fn runtime_directory() -> Result<PathBuf, PortError> {
    let uid = rustix::process::getuid().as_raw();
    let user = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|dir| dir.is_dir());
    let path = user.map_or_else(
        || std::env::temp_dir().join(format!("espat-{uid}")),
        |dir| dir.join("espat"),
    );
    private_directory(&path, uid)?;
    Ok(path)
}

fn private_directory(path: &Path, uid: u32) -> Result<(), PortError> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(source) => {
            return Err(PortError::MakeLink {
                path: path.into(),
                source,
            });
        }
    }
    let there = fs::symlink_metadata(path).map_err(|source| PortError::MakeLink {
        path: path.into(),
        source,
    })?;
    if there.is_dir() && there.uid() == uid && there.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(PortError::OpenDirectory { path: path.into() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("espat-link-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_dangling_link_is_replaced_and_the_own_one_removed() {
        let dir = scratch("dangling");
        let path = dir.join("link");
        symlink("/dev/pts/no-such", &path).unwrap();
        let link = Link::create(Some(&path), Path::new("/dev/null")).unwrap();
        assert_eq!(fs::read_link(link.path()).unwrap(), Path::new("/dev/null"));
        drop(link);
        assert!(fs::symlink_metadata(&path).is_err());
        fs::remove_dir(&dir).unwrap();
    }

    #[test]
    fn what_is_somebody_elses_stays() {
        let dir = scratch("taken");
        let (file, living) = (dir.join("file"), dir.join("living"));
        fs::write(&file, "kept").unwrap();
        symlink("/dev/null", &living).unwrap();
        let target = Path::new("/dev/zero");
        let error = Link::create(Some(&file), target).unwrap_err();
        assert!(matches!(error, PortError::LinkTaken { path } if path == file));
        let error = Link::create(Some(&living), target).unwrap_err();
        assert!(matches!(error, PortError::LinkInUse { path, .. } if path == living));
        let link = Link::create(Some(&dir.join("own")), target).unwrap();
        fs::remove_file(link.path()).unwrap();
        symlink("/dev/null", link.path()).unwrap();
        drop(link);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 3);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_refused() {
        let dir = scratch("open");
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
        let uid = rustix::process::getuid().as_raw();
        assert!(matches!(
            private_directory(&dir, uid),
            Err(PortError::OpenDirectory { .. })
        ));
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
        private_directory(&dir, uid).unwrap();
        fs::remove_dir(&dir).unwrap();
    }
}
