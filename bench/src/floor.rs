//! Bare loops: the least that a program on a PTY has to do. Each is started as a process of its own, like the module, waits
//! in `poll`, and does nothing but what the host at the other end of the row counts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;

use crate::serial::make_raw;

/// Payload bytes of one send, of one `+IPD` and of one passive read: the profile's sizes.
pub(crate) const SEND_BYTES: usize = 2048;
pub(crate) const IPD_BYTES: usize = 2920;
pub(crate) const WINDOW_BYTES: usize = 5744;

/// Runs one until it is killed.
pub(crate) fn run(kind: &str, arguments: &[&str]) -> Result<()> {
    let pty = Pty::open()?;
    match (kind, arguments) {
        ("at", []) => answer_lines(&pty),
        ("send", [to]) => take_payload(&pty, &TcpStream::connect(to)?),
        ("ipd", [from]) => frame_data(&pty, &TcpStream::connect(from)?),
        ("read", [from]) => answer_reads(&pty, &TcpStream::connect(from)?),
        _ => bail!(
            "there is no floor `{kind}` with {} arguments",
            arguments.len()
        ),
    }
}

/// Answers OK to a line.
fn answer_lines(pty: &Pty) -> Result<()> {
    let mut line = [0; 4096];
    loop {
        pty.read_line(&mut line)?;
        pty.write(b"\r\nOK\r\n")?;
    }
}

/// Takes a line and 2048 bytes of payload, which go out over a socket.
fn take_payload(pty: &Pty, mut socket: &TcpStream) -> Result<()> {
    socket.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        pty.read_line(&mut buffer)?;
        pty.write(b"\r\nOK\r\n\r\n>")?;
        let mut got = 0;
        while got < SEND_BYTES {
            got += pty.read(&mut buffer[got..SEND_BYTES])?;
        }
        pty.write(b"\r\nRecv 2048 bytes\r\n")?;
        socket.write_all(&buffer[..SEND_BYTES])?;
        pty.write(b"\r\nSEND OK\r\n")?;
    }
}

/// Writes what a socket yields as `+IPD`.
fn frame_data(pty: &Pty, mut socket: &TcpStream) -> Result<()> {
    let mut buffer = [0; IPD_BYTES];
    let mut frame = Vec::new();
    loop {
        wait(socket, PollFlags::IN)?;
        let n = socket.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        frame.clear();
        write!(frame, "\r\n+IPD,0,{n}:")?;
        frame.extend_from_slice(&buffer[..n]);
        pty.write(&frame)?;
    }
}

/// Answers each line with a full window from a socket, and announces the next.
fn answer_reads(pty: &Pty, mut socket: &TcpStream) -> Result<()> {
    let mut line = [0; 4096];
    let mut buffer = [0; WINDOW_BYTES];
    let mut frame = Vec::new();
    pty.write(b"\r\n+IPD,0,5744\r\n")?;
    loop {
        pty.read_line(&mut line)?;
        socket.read_exact(&mut buffer)?;
        frame.clear();
        write!(frame, "+CIPRECVDATA:{WINDOW_BYTES},")?;
        frame.extend_from_slice(&buffer);
        frame.extend_from_slice(b"\r\nOK\r\n\r\n+IPD,0,5744\r\n");
        pty.write(&frame)?;
    }
}

/// A PTY's master.
struct Pty {
    master: OwnedFd,
    /// Without it, the master hangs up until somebody opens the slave.
    _slave: OwnedFd,
}

impl Pty {
    /// Opens one with the settings that the module's has, and says where.
    fn open() -> Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags)?;
        rustix::pty::grantpt(&master)?;
        rustix::pty::unlockpt(&master)?;
        let name = rustix::pty::ptsname(&master, Vec::new())?;
        let path = PathBuf::from(name.into_string().context("a PTY's name is ASCII")?);
        let slave_flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&path, slave_flags, Mode::empty())?;
        make_raw(&slave)?;
        let flags = rustix::fs::fcntl_getfl(&master)?;
        rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK)?;
        writeln!(std::io::stdout(), "pty - -> {}", path.display())?;
        Ok(Self {
            master,
            _slave: slave,
        })
    }

    fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        wait(&self.master, PollFlags::IN)?;
        Ok(rustix::io::read(&self.master, buffer)?)
    }

    fn read_line(&self, buffer: &mut [u8]) -> Result<()> {
        let mut got = 0;
        while got == 0 || buffer[got - 1] != b'\n' {
            got += self.read(&mut buffer[got..])?;
        }
        Ok(())
    }

    /// Tries first and waits only where the kernel takes no more.
    fn write(&self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.master, bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(rustix::io::Errno::AGAIN) => wait(&self.master, PollFlags::OUT)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn wait(fd: impl AsFd, flags: PollFlags) -> Result<()> {
    poll(&mut [PollFd::new(&fd, flags)], None)?;
    Ok(())
}
