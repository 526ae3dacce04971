//! `+IPD` and passive reads, over a PTY.

use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::mb_per_s;
use crate::child::{Child, this_program};
use crate::floor::WINDOW_BYTES;
use crate::options::Options;
use crate::peer::{Peer, joined, pour};
use crate::rounds::Compared;
use crate::serial::Serial;
use crate::station;
use crate::table::{Table, Target};

const IPD_ROUND: usize = 4 << 20;
const READ_ROUND: usize = 500 * WINDOW_BYTES;

pub(super) fn measure(options: &Options, table: &mut Table) -> Result<()> {
    let module = station::on_pty(options)?;
    let peer = Peer::listen()?;
    let address = peer.address()?.to_string();
    let stream = station::open_link(&module, &peer)?;
    let floor = Child::on_pty(this_program()?.args(["floor", "ipd", &address]))?;
    let floor_stream = peer.accept()?;
    let compared = Compared::measure(
        options.rounds,
        || framed(&module, &stream),
        || framed(&floor, &floor_stream),
    )?;
    let target = Target::AtLeast(0.8);
    table.ratio("+IPD, PTY, to bare loop (c)", &compared, "MB/s", target);

    let floor = Child::on_pty(this_program()?.args(["floor", "read", &address]))?;
    let floor_stream = peer.accept()?;
    module.serial.command("AT+CIPRECVMODE=1")?;
    let mut ours = Reader::new(&module.serial);
    let mut theirs = Reader::new(&floor.serial);
    let compared = Compared::measure(
        options.rounds,
        || ours.round(&stream),
        || theirs.round(&floor_stream),
    )?;
    table.ratio(
        "passive reads, PTY, to a bare loop",
        &compared,
        "MB/s",
        target,
    );
    Ok(())
}

/// Payload that comes as `+IPD`, in MB/s.
fn framed(child: &Child, stream: &TcpStream) -> Result<f64> {
    let poured = pour(stream, IPD_ROUND)?;
    let start = Instant::now();
    let mut scan = Scan::default();
    let mut left = IPD_ROUND;
    while left > 0 {
        left -= scan.payload(&child.serial, b':')?;
    }
    let time = start.elapsed();
    joined(poured)?;
    Ok(mb_per_s(IPD_ROUND, time))
}

/// Bytes that were read and not looked at.
#[derive(Default)]
struct Scan {
    buffer: Vec<u8>,
    at: usize,
}

impl Scan {
    /// Reads on until at least `n` bytes lie there, or any.
    fn fill(&mut self, serial: &Serial, n: usize) -> Result<()> {
        while self.buffer.len() - self.at < n {
            self.buffer.drain(..self.at);
            self.at = 0;
            let end = self.buffer.len();
            self.buffer.resize(end + 64 * 1024, 0);
            let read = serial.read(&mut self.buffer[end..]);
            self.buffer
                .truncate(end + read.as_ref().copied().unwrap_or(0));
            read?;
        }
        Ok(())
    }

    /// Takes a head that ends with `end` and the payload behind it, whose length is the head's last number.
    fn payload(&mut self, serial: &Serial, end: u8) -> Result<usize> {
        let mut len = 0;
        let mut seen = 0;
        loop {
            self.fill(serial, seen + 1)?;
            let byte = self.buffer[self.at + seen];
            seen += 1;
            len = match byte {
                _ if byte == end && len > 0 => break,
                b'0'..=b'9' => len * 10 + usize::from(byte - b'0'),
                _ => 0,
            };
            if seen > 64 {
                let head = self.buffer[self.at..][..seen].escape_ascii();
                bail!("no head of payload in `{head}`");
            }
        }
        self.at += seen;
        self.fill(serial, len)?;
        self.at += len;
        Ok(len)
    }

    fn skip_to(&mut self, serial: &Serial, end: &[u8]) -> Result<()> {
        loop {
            self.fill(serial, end.len())?;
            if self.buffer[self.at..].starts_with(end) {
                self.at += end.len();
                return Ok(());
            }
            self.at += 1;
        }
    }
}

/// A host that reads whatever is announced, at once.
struct Reader<'a> {
    serial: &'a Serial,
    scan: Scan,
}

impl<'a> Reader<'a> {
    fn new(serial: &'a Serial) -> Self {
        Self {
            serial,
            scan: Scan::default(),
        }
    }

    /// Payload that was read on request, in MB/s.
    fn round(&mut self, stream: &TcpStream) -> Result<f64> {
        let poured = pour(stream, READ_ROUND)?;
        let request = format!("AT+CIPRECVDATA=0,{WINDOW_BYTES}\r\n");
        let start = Instant::now();
        let mut left = READ_ROUND;
        while left > 0 {
            self.scan.skip_to(self.serial, b"+IPD,")?;
            self.scan.skip_to(self.serial, b"\r\n")?;
            self.serial.write(request.as_bytes())?;
            self.scan.skip_to(self.serial, b"+CIPRECVDATA:")?;
            let n = self.scan.payload(self.serial, b',')?;
            self.scan.skip_to(self.serial, b"OK\r\n")?;
            left = left.checked_sub(n).context("more came than was sent")?;
        }
        let time = start.elapsed();
        joined(poured)?;
        Ok(mb_per_s(READ_ROUND, time))
    }
}
