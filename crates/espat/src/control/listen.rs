//! Where the control interface listens: an address, or a socket in a folder of the user's own.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::fs::{FlockOperation, Mode};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use crate::value::ListenAddr;

/// `--control ADDR:PORT|SOCKET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ControlAddr {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl FromStr for ControlAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text
            .strip_prefix("http://")
            .map(|a| a.trim_end_matches('/'));
        if let Ok(ListenAddr(at)) = address.unwrap_or(text).parse() {
            return Ok(Self::Tcp(at));
        }
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.into()));
        }
        if text.contains('/') && address.is_none() {
            return Ok(Self::Unix(text.into()));
        }
        Err(
            "wanted an address and a port, as 127.0.0.1:8090, or a socket's path with a / in it"
                .to_owned(),
        )
    }
}

impl fmt::Display for ControlAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(at) => at.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

impl ControlAddr {
    /// Whether other computers can reach it.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self, Self::Tcp(at) if !at.ip().to_canonical().is_loopback())
    }
}

/// What a kernel keeps at most for a client that does not read.
const SEND_BUFFER: u32 = 64 * 1024;
const BACKLOG: u32 = 128;

/// A listener for clients.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// A client's stream.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket of ours in the file system, removed when dropped.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and number, so that nobody else's is removed.
    file: (u64, u64),
}

impl Listener {
    /// # Errors
    /// What is wrong with the place, and a way out.
    pub(super) fn bind(at: &ControlAddr) -> Result<Self, String> {
        match at {
            ControlAddr::Tcp(at) => bind_address(*at).map(Self::Tcp).map_err(|e| {
                format!("cannot listen there: {e}; choose another address of this computer, or port 0 for any free one")
            }),
            ControlAddr::Unix(path) => bind_socket(path),
        }
    }

    /// Where clients find it.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Tcp(listener) => {
                let at = listener.local_addr().map(|at| at.to_string());
                at.unwrap_or_default()
            }
            Self::Unix(_, file) => file.path.display().to_string(),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Without it an event may wait for the client's answer to the one before.
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener, _) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|there| number(&there) == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn number(file: &fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn bind_address(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = match at {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    // Clients' sockets get it from here.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(at)?;
    socket.listen(BACKLOG)
}

fn bind_socket(path: &Path) -> Result<Listener, String> {
    let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    check_folder(folder)?;
    let failed = |e: io::Error| format!("the socket cannot be made: {e}; name another place");
    let lock = fs::File::open(folder).map_err(failed)?;
    // Between the look and the socket nobody else makes one. It ends with the descriptor.
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).map_err(|e| failed(e.into()))?;
    remove_stale(path)?;
    // The mask holds for the whole process, and other threads make files: theirs are then the user's alone too, for that moment.
    let before = rustix::process::umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = bound.map_err(failed)?;
    let file = fs::symlink_metadata(path).map_err(failed)?;
    let file = SocketFile {
        path: path.into(),
        file: number(&file),
    };
    Ok(Listener::Unix(listener, file))
}

/// Others could put a socket of theirs where clients look for ours.
fn check_folder(folder: &Path) -> Result<(), String> {
    let shown = folder.display();
    let there = fs::metadata(folder).map_err(|e| {
        format!(
            "the folder `{shown}` cannot be used: {e}; make it first, or name a place that is there"
        )
    })?;
    let is_ours = there.uid() == rustix::process::geteuid().as_raw();
    if there.is_dir() && is_ours && there.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(format!(
        "`{shown}` is no folder of this user's that only this user can write to: name a place in one, for example in XDG_RUNTIME_DIR"
    ))
}

/// Removes a socket that nobody listens on, as a killed process leaves it; anything else is left alone.
fn remove_stale(path: &Path) -> Result<(), String> {
    let Ok(there) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !there.file_type().is_socket() {
        return Err(
            "something is there that is no socket, so it is left alone: name another place"
                .to_owned(),
        );
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(e) if e.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(|e| {
            format!("the socket that is there, which nobody listens on, cannot be removed: {e}")
        }),
        _ => Err(
            "another program listens there: name another place, or end that one first".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_addresses_or_paths() {
        let at = |text: &str| text.parse::<ControlAddr>();
        let tcp = at("127.0.0.1:8090").unwrap();
        assert_eq!(at("localhost:8090").unwrap(), tcp);
        assert_eq!(at("http://127.0.0.1:8090/").unwrap(), tcp);
        assert!(!tcp.is_remote());
        assert!(!at("[::1]:1").unwrap().is_remote());
        assert!(!at("[::ffff:127.0.0.1]:1").unwrap().is_remote());
        assert!(at("0.0.0.0:1").unwrap().is_remote());
        assert!(at("192.168.1.2:1").unwrap().is_remote());
        assert_eq!(at("unix:here").unwrap(), ControlAddr::Unix("here".into()));
        assert_eq!(at("/run/a").unwrap(), ControlAddr::Unix("/run/a".into()));
        assert!(!at("/run/a").unwrap().is_remote());
        for wrong in ["8090", "", "unix:", "example.com:80", "http://example.com/"] {
            assert!(at(wrong).unwrap_err().contains("wanted"), "{wrong}");
        }
    }
}
