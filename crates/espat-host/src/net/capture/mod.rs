//! `--pcap`: what the module's sockets carry, as a pcapng file.
//!
//! Taken at the sockets: addresses are the real ones, what TLS encrypts is as it was on the wire. What only the kernel sees is made
//! up to fit: handshakes, sequence numbers, acknowledgements, ends.

mod packet;
mod pcapng;
mod writer;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use self::packet::{ACK, FIN, PSH, RST, SYN};
use self::writer::Writer;

/// A capture that is being written; it is complete when the last copy is dropped.
#[derive(Clone, Debug)]
pub struct Capture(Arc<Writer>);

impl Capture {
    /// Makes the file, for its owner alone. A file that is there already is left as it is.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Writer::create(path, pcapng::head())?)))
    }

    /// A line of a TLS key log.
    pub(super) fn secret(&self, line: &str) {
        let lines = format!("{line}\n");
        self.0.add(|out| pcapng::secrets(out, lines.as_bytes()));
    }

    fn packet(&self, time: SystemTime, packet: &[u8], comment: Option<&str>) {
        self.0.add(|out| pcapng::packet(out, time, packet, comment));
    }
}

/// What a socket for datagrams tells a capture, where there is one.
#[derive(Debug, Default)]
pub(super) struct DatagramTap(Option<(Capture, SocketAddr)>);

impl DatagramTap {
    /// A tap on a socket; `station` is shown in place of an address that is any of this computer's.
    pub(super) fn new(
        capture: Option<&Capture>,
        ours: io::Result<SocketAddr>,
        station: IpAddr,
    ) -> Self {
        Self(capture.and_then(|capture| {
            let mut ours = ours.ok()?;
            if ours.ip().is_unspecified() {
                ours.set_ip(station);
            }
            Some((capture.clone(), ours))
        }))
    }

    pub(super) fn udp(&self, way: Way, theirs: SocketAddr, payload: &[u8]) {
        if let Some((capture, ours)) = &self.0 {
            let (from, to) = way.order(*ours, theirs);
            capture.packet(SystemTime::now(), &packet::udp(from, to, payload), None);
        }
    }

    pub(super) fn icmp(&self, way: Way, theirs: SocketAddr, message: &[u8]) {
        if let Some((capture, ours)) = &self.0 {
            let (from, to) = way.order(ours.ip(), theirs.ip());
            capture.packet(SystemTime::now(), &packet::icmp(from, to, message), None);
        }
    }
}

/// What a TCP socket tells a capture, where there is one.
#[derive(Debug, Default)]
pub(super) struct Tap(Option<Box<Flow>>);

/// Which way a segment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Out,
    In,
}

/// One TCP connection in the capture.
#[derive(Debug)]
struct Flow {
    capture: Capture,
    /// Ours and theirs, once they are known.
    ends: Option<(SocketAddr, SocketAddr)>,
    /// The next sequence numbers, ours and theirs.
    next: [u32; 2],
    /// Which sides have ended.
    has_ended: [bool; 2],
    comment: Option<String>,
    /// Packets that wait for the secrets that decrypt them, which readers want before.
    held: Option<Vec<Held>>,
}

/// A packet that waits: its time, its bytes, its comment.
type Held = (SystemTime, Vec<u8>, Option<String>);

/// The longest payload of a segment.
const SEGMENT: usize = 1460;

impl Tap {
    /// A tap on a socket, where something is captured.
    pub(super) fn new(capture: Option<&Capture>) -> Self {
        Self(capture.map(|capture| {
            Box::new(Flow {
                capture: capture.clone(),
                ends: None,
                next: [0, 0],
                has_ended: [false, false],
                comment: None,
                held: None,
            })
        }))
    }

    /// Keeps everything back until [`release`](Self::release).
    pub(super) fn hold(mut self) -> Self {
        if let Some(flow) = &mut self.0 {
            flow.held = Some(Vec::new());
        }
        self
    }

    /// The secrets of what was kept back are written.
    pub(super) fn release(&mut self) {
        if let Some(flow) = &mut self.0 {
            flow.release();
        }
    }

    /// What the next packet is to say of the socket: its name in transcripts.
    pub(super) fn name(&mut self, kind: char, number: u32) {
        if let Some(flow) = &mut self.0 {
            flow.comment = Some(format!("{kind}{number}"));
        }
    }

    /// The connection is open; `way` is that of the first segment.
    pub(super) fn opened(&mut self, way: Way, ours: SocketAddr, theirs: SocketAddr) {
        if let Some(flow) = &mut self.0 {
            flow.ends = Some((ours, theirs));
            flow.segment(way, SYN, b"");
            flow.segment(way.back(), SYN | ACK, b"");
            flow.segment(way, ACK, b"");
        }
    }

    /// The connection was never opened.
    pub(super) fn refused(
        &mut self,
        ours: io::Result<SocketAddr>,
        theirs: SocketAddr,
        by_reset: bool,
    ) {
        if let (Some(flow), Ok(ours)) = (&mut self.0, ours) {
            flow.ends = Some((ours, theirs));
            flow.segment(Way::Out, SYN, b"");
            if by_reset {
                flow.segment(Way::In, RST | ACK, b"");
            }
        }
    }

    pub(super) fn payload(&mut self, way: Way, bytes: &[u8]) {
        if let Some(flow) = &mut self.0 {
            for piece in bytes.chunks(SEGMENT) {
                flow.segment(way, PSH | ACK, piece);
            }
        }
    }

    /// A side has ended, in an orderly way.
    pub(super) fn ended(&mut self, way: Way) {
        if let Some(flow) = &mut self.0
            && !std::mem::replace(&mut flow.has_ended[way.index()], true)
        {
            flow.segment(way, FIN | ACK, b"");
            flow.segment(way.back(), ACK, b"");
        }
    }

    /// A side has ended the whole connection.
    pub(super) fn reset(&mut self, way: Way) {
        if let Some(flow) = &mut self.0
            && flow.has_ended != [true, true]
        {
            flow.has_ended = [true, true];
            flow.segment(way, RST | ACK, b"");
        }
    }
}

impl Way {
    const fn back(self) -> Self {
        match self {
            Self::Out => Self::In,
            Self::In => Self::Out,
        }
    }

    /// Who sends and who receives.
    fn order<T>(self, ours: T, theirs: T) -> (T, T) {
        match self {
            Self::Out => (ours, theirs),
            Self::In => (theirs, ours),
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Out => 0,
            Self::In => 1,
        }
    }
}

impl Flow {
    fn segment(&mut self, way: Way, flags: u8, payload: &[u8]) {
        let Some((ours, theirs)) = self.ends else {
            return;
        };
        let (from, to) = way.order(ours, theirs);
        let acknowledged = if flags & ACK == 0 {
            0
        } else {
            self.next[way.back().index()]
        };
        let sequence = self.next[way.index()];
        let packet = packet::tcp(from, to, (sequence, acknowledged), flags, payload);
        let taken = u32::try_from(payload.len()).unwrap_or_default();
        let taken = taken + u32::from(flags & (SYN | FIN) != 0);
        self.next[way.index()] = sequence.wrapping_add(taken);
        let (time, comment) = (SystemTime::now(), self.comment.take());
        match &mut self.held {
            Some(held) => held.push((time, packet, comment)),
            None => self.capture.packet(time, &packet, comment.as_deref()),
        }
    }

    fn release(&mut self) {
        for (time, packet, comment) in self.held.take().unwrap_or_default() {
            self.capture.packet(time, &packet, comment.as_deref());
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.release();
    }
}
