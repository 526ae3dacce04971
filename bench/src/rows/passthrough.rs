//! Passthrough beside socat, over a PTY and over standard input and output.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::mb_per_s;
use crate::child::Child;
use crate::options::Options;
use crate::peer::{Peer, drain, joined, pour};
use crate::rounds::{Compared, median};
use crate::station::{self, Scratch};
use crate::table::{Table, Target};

/// A tenth of a second or so.
pub(super) const PTY_BYTES: usize = 8 << 20;
pub(super) const STDIO_BYTES: usize = 32 << 20;
const ROUND_TRIPS: usize = 500;
const LONG_BYTES: usize = 1 << 30;

pub(super) fn measure(options: &Options, table: &mut Table) -> Result<()> {
    let pty = Pair::ours(station::on_pty(options)?)?;
    if options.long {
        nothing_is_lost(&pty, table)?;
    }
    let found = Command::new("socat")
        .arg("-V")
        .stdout(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        table.skip("passthrough beside socat", "socat is not installed");
        return Ok(());
    }
    let socat = Pair::socat_on_pty()?;
    compare(
        options,
        table,
        "PTY, to socat",
        PTY_BYTES,
        [&pty, &socat],
        Some(0.95),
    )?;
    let compared = Compared::measure(options.rounds, || pty.round_trip(), || socat.round_trip())?;
    let target = Target::AtMost(1.2);
    table.ratio(
        "one byte there and back, PTY, to socat",
        &compared,
        "us",
        target,
    );
    drop((pty, socat));

    let stdio = Pair::ours(station::on_stdio(options)?)?;
    let socat = Pair::socat_on_stdio()?;
    compare(
        options,
        table,
        "stdio, to socat",
        STDIO_BYTES,
        [&stdio, &socat],
        Some(0.8),
    )
}

/// Both directions of two programs; `least` is what the ratio has to be, where it is held to anything.
pub(super) fn compare(
    options: &Options,
    table: &mut Table,
    what: &str,
    bytes: usize,
    [ours, theirs]: [&Pair; 2],
    least: Option<f64>,
) -> Result<()> {
    let out = Compared::measure(options.rounds, || ours.out(bytes), || theirs.out(bytes))?;
    show(table, &format!("passthrough out, {what}"), &out, least);
    let back = Compared::measure(options.rounds, || ours.back(bytes), || theirs.back(bytes))?;
    show(table, &format!("passthrough in, {what}"), &back, least);
    Ok(())
}

fn show(table: &mut Table, what: &str, compared: &Compared, least: Option<f64>) {
    match least {
        Some(least) => table.ratio(what, compared, "MB/s", Target::AtLeast(least)),
        None => table.tell(what, &format!("{:.2} x", compared.ratio())),
    }
}

/// A program between a serial port and a socket, with both their other ends.
pub(super) struct Pair {
    child: Child,
    stream: TcpStream,
}

impl Pair {
    pub(super) fn ours(child: Child) -> Result<Self> {
        let peer = Peer::listen()?;
        let stream = station::pass_through(&child, &peer)?;
        Ok(Self { child, stream })
    }

    fn socat_on_pty() -> Result<Self> {
        let peer = Peer::listen()?;
        let link = Scratch::path("socat");
        let pty = format!("PTY,raw,echo=0,link={}", link.display());
        let tcp = format!("TCP:{},nodelay", peer.address()?);
        let mut command = Command::new("socat");
        let child = Child::on_link(command.args(["-b", "65536", &pty, &tcp]), &link)?;
        let stream = peer.accept()?;
        Ok(Self { child, stream })
    }

    fn socat_on_stdio() -> Result<Self> {
        let peer = Peer::listen()?;
        let tcp = format!("TCP:{}", peer.address()?);
        let child = Child::on_stdio(Command::new("socat").args(["STDIO", &tcp]))?;
        let stream = peer.accept()?;
        Ok(Self { child, stream })
    }

    /// From the serial port to the socket, in MB/s.
    fn out(&self, bytes: usize) -> Result<f64> {
        let block = vec![b'x'; 64 * 1024];
        let drained = drain(&self.stream, bytes)?;
        let start = Instant::now();
        for _ in 0..bytes / block.len() {
            self.child.serial.write(&block)?;
        }
        Ok(mb_per_s(bytes, joined(drained)? - start))
    }

    /// From the socket to the serial port, in MB/s.
    fn back(&self, bytes: usize) -> Result<f64> {
        let mut buffer = vec![0; 64 * 1024];
        let poured = pour(&self.stream, bytes)?;
        let start = Instant::now();
        let mut left = bytes;
        while left > 0 {
            let n = self.child.serial.read(&mut buffer)?;
            left = left.checked_sub(n).context("more came than was sent")?;
        }
        let time = start.elapsed();
        joined(poured)?;
        Ok(mb_per_s(bytes, time))
    }

    /// The median time of one byte to the socket and another back, in us.
    fn round_trip(&self) -> Result<f64> {
        let mut stream = &self.stream;
        let mut times = Vec::with_capacity(ROUND_TRIPS);
        let mut byte = [0];
        for _ in 0..ROUND_TRIPS {
            let start = Instant::now();
            self.child.serial.write(b"x")?;
            stream.read_exact(&mut byte)?;
            stream.write_all(&byte)?;
            self.child.serial.read(&mut byte)?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        Ok(median(&times))
    }
}

/// 1 GB each way at the same time, every byte looked at.
fn nothing_is_lost(pair: &Pair, table: &mut Table) -> Result<()> {
    let start = Instant::now();
    let (serial, stream) = (&pair.child.serial, &pair.stream);
    std::thread::scope(|scope| {
        let tasks = [
            scope.spawn(|| pieces(LONG_BYTES, |at, n| serial.write(&pattern(at, n)))),
            scope.spawn(|| {
                let mut stream = stream;
                pieces(LONG_BYTES, |at, n| Ok(stream.write_all(&pattern(at, n))?))
            }),
            scope.spawn(|| {
                let mut stream = stream;
                same(|buffer| Ok(stream.read(buffer)?)).context("serial port to socket")
            }),
            scope.spawn(|| same(|buffer| serial.read(buffer)).context("socket to serial port")),
        ];
        let mut done = Ok(());
        for task in tasks {
            let ended = task.join().unwrap_or_else(|_| bail!("a thread panicked"));
            done = done.and(ended);
        }
        done
    })?;
    let speed = mb_per_s(LONG_BYTES, start.elapsed());
    let measured = format!("every byte in its place; {speed:.0} MB/s each way at once");
    table.tell("1 GiB each way through passthrough, PTY", &measured);
    Ok(())
}

/// Goes over `count` bytes in pieces.
fn pieces(count: usize, mut piece: impl FnMut(usize, usize) -> Result<()>) -> Result<()> {
    let mut at = 0;
    while at < count {
        let n = (count - at).min(64 * 1024);
        piece(at, n)?;
        at += n;
    }
    Ok(())
}

/// Reads the pattern to its end.
fn same(mut read: impl FnMut(&mut [u8]) -> Result<usize>) -> Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut at = 0;
    while at < LONG_BYTES {
        let n = read(&mut buffer)?;
        ensure!(n > 0, "ended after {at} bytes");
        ensure!(
            buffer[..n] == pattern(at, n),
            "differs within {n} bytes from {at} on"
        );
        at += n;
    }
    Ok(())
}

/// Bytes that tell their place: the words of a counter.
fn pattern(at: usize, n: usize) -> Vec<u8> {
    let first = at / 8;
    let words = (first..=(at + n) / 8).flat_map(|word| {
        (word as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_le_bytes()
    });
    words.skip(at % 8).take(n).collect()
}
