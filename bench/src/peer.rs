//! The other end of a link: a listener that one client comes to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::serial::PATIENCE;

/// Waits for a client.
#[derive(Debug)]
pub(crate) struct Peer(TcpListener);

impl Peer {
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self(TcpListener::bind("127.0.0.1:0")?))
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }

    /// The client, on a stream that fails where nothing happens.
    pub(crate) fn accept(&self) -> Result<TcpStream> {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        let timeout = Timespec::try_from(PATIENCE)?;
        if poll(&mut fds, Some(&timeout))? == 0 {
            bail!("nobody connected for {PATIENCE:?}");
        }
        let (stream, _) = self.0.accept()?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }
}

/// Reads `count` bytes in a thread of its own; joined, it says when the last one came.
pub(crate) fn drain(stream: &TcpStream, count: usize) -> Result<JoinHandle<Result<Instant>>> {
    let mut stream = stream.try_clone()?;
    Ok(std::thread::spawn(move || {
        let mut buffer = vec![0; 256 * 1024];
        let mut left = count;
        while left > 0 {
            match stream.read(&mut buffer).context("the peer cannot read")? {
                0 => bail!("the link has ended, {left} bytes early"),
                n => left = left.checked_sub(n).context("more came than was sent")?,
            }
        }
        Ok(Instant::now())
    }))
}

/// Writes `count` bytes in a thread of its own.
pub(crate) fn pour(stream: &TcpStream, count: usize) -> Result<JoinHandle<Result<()>>> {
    let mut stream = stream.try_clone()?;
    Ok(std::thread::spawn(move || {
        let block = vec![b'x'; 64 * 1024];
        let mut left = count;
        while left > 0 {
            let n = left.min(block.len());
            stream
                .write_all(&block[..n])
                .context("the peer cannot write")?;
            left -= n;
        }
        Ok(())
    }))
}

/// What a thread came to.
pub(crate) fn joined<T>(thread: JoinHandle<Result<T>>) -> Result<T> {
    thread
        .join()
        .unwrap_or_else(|_| bail!("a thread of the bench panicked"))
}
