//! `AT` round trips and `AT+CIPSEND`, over a PTY.

use std::net::TcpStream;
use std::time::Instant;

use anyhow::Result;

use super::mb_per_s;
use crate::child::{Child, this_program};
use crate::floor::SEND_BYTES;
use crate::options::Options;
use crate::peer::{Peer, drain, joined};
use crate::rounds::{Compared, median};
use crate::station;
use crate::table::{Table, Target};

const ROUND_TRIPS: usize = 500;
const SENDS: usize = 500;

pub(super) fn measure(options: &Options, table: &mut Table) -> Result<()> {
    let module = station::on_pty(options)?;
    let floor = Child::on_pty(this_program()?.args(["floor", "at"]))?;
    let compared = Compared::measure(
        options.rounds,
        || round_trip(&module),
        || round_trip(&floor),
    )?;
    let target = Target::AtMost(1.3);
    table.ratio(
        "AT round trip, PTY, to bare loop (a)",
        &compared,
        "us",
        target,
    );

    let peer = Peer::listen()?;
    let stream = station::open_link(&module, &peer)?;
    let address = peer.address()?.to_string();
    let floor = Child::on_pty(this_program()?.args(["floor", "send", &address]))?;
    let floor_stream = peer.accept()?;
    let compared = Compared::measure(
        options.rounds,
        || sends(&module, &stream),
        || sends(&floor, &floor_stream),
    )?;
    let target = Target::AtLeast(0.9);
    table.ratio(
        "CIPSEND 2048, PTY, to bare loop (b)",
        &compared,
        "MB/s",
        target,
    );
    Ok(())
}

/// The median round trip of `AT`, in us.
fn round_trip(child: &Child) -> Result<f64> {
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let start = Instant::now();
        child.serial.write(b"AT\r\n")?;
        child.serial.read_to(b"OK\r\n")?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(&times))
}

/// Sends of the most that one takes, in MB/s of payload that the peer got.
fn sends(child: &Child, stream: &TcpStream) -> Result<f64> {
    let payload = [b'x'; SEND_BYTES];
    let drained = drain(stream, SENDS * SEND_BYTES)?;
    let start = Instant::now();
    for _ in 0..SENDS {
        child.serial.write(b"AT+CIPSEND=0,2048\r\n")?;
        child.serial.read_to(b">")?;
        child.serial.write(&payload)?;
        child.serial.read_to(b"SEND OK\r\n")?;
    }
    let end = joined(drained)?;
    Ok(mb_per_s(SENDS * SEND_BYTES, end - start))
}
