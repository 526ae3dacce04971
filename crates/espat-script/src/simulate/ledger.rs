//! The books: what went into a module and what came out, and whether the two agree.
//!
//! The ledger sees the module's boundary and nothing else, so that it holds whatever the host MCU and the network do.

use std::collections::BTreeSet;

use espat_core::{
    Dropped, Event, Input, LinkView, Mark, Module, NetEvent, NetRequest, Output, PartitionStep,
    PowerEvent, SocketId, StoreRequest,
};

use super::stream::Streams;
use crate::sim::Engine;

/// A module with its books.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) module: Module,
    pub(super) ledger: Ledger,
}

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The first law that was broken.
    pub(super) broken: Option<String>,
    /// Results that ended a command.
    pub(super) finals: usize,
    /// Prompts for payload; the `OK` before each ends no command.
    pub(super) prompts: usize,
    pub(super) boots: usize,
    /// The last result.
    pub(super) last: Vec<u8>,
    /// Lines of answers since the host MCU cleared them.
    pub(super) answer: Vec<u8>,
    pub(super) streams: Streams,
    /// Sockets that the network has.
    sockets: BTreeSet<SocketId>,
    /// Those that were never a link's.
    apart: BTreeSet<SocketId>,
    /// The partition that is being written.
    writing: Option<&'static str>,
    result: Vec<u8>,
    report: Vec<u8>,
    announced: Option<Announced>,
}

/// Payload that a header announced.
#[derive(Clone, Copy, Debug)]
struct Announced {
    link: u8,
    left: usize,
    /// By `+CIPRECVDATA`.
    is_read: bool,
}

impl Engine for Watched {
    fn serial_room(&self) -> usize {
        self.module.serial_room()
    }

    fn handle_input(&mut self, now: espat_core::Instant, input: Input<'_>) {
        let before = self.module.inspect();
        let links: Vec<LinkView> = before.link_views().collect();
        let (missing, raw) = (before.payload_missing(), before.is_in_passthrough());
        let held = before.bytes_held();
        self.ledger.on_input(&input);
        if let Input::Serial(bytes) = input {
            self.ledger.streams.typed(bytes, missing, raw);
        }
        self.module.handle_input(now, input);
        let after = self.module.inspect();
        self.ledger.apart.extend(after.sockets_apart());
        if let Input::Net(NetEvent::Data {
            socket,
            from,
            bytes,
            ..
        }) = input
        {
            let link = links.iter().find(|l| l.socket == socket && l.has_socket);
            // A datagram may be dropped, with notice.
            let is_lost = from.is_some() && after.bytes_held() < held + bytes.len();
            if let Some(link) = link.filter(|_| !is_lost) {
                let streams = &mut self.ledger.streams;
                streams.received(link.id, socket, from.is_some(), bytes);
            }
        }
        if missing.is_some() && after.payload_missing().is_none() {
            self.ledger
                .streams
                .payload_ends(matches!(input, Input::Power(_)));
        }
        if raw && matches!(input, Input::Power(_)) {
            self.ledger.streams.cut_off();
        }
        if !raw && after.is_in_passthrough() {
            self.ledger.streams.passthrough_begins();
        }
        let gone = |link: &&LinkView| {
            link.unread > 0 && !after.link_views().any(|l| l.socket == link.socket)
        };
        for link in links.iter().filter(gone) {
            self.ledger.streams.gone(link.socket, link.unread);
        }
    }

    fn poll_output(&mut self) -> Output<'_> {
        let output = self.module.poll_output();
        self.ledger.on_output(&output);
        output
    }
}

impl Watched {
    pub(super) fn new(module: Module) -> Self {
        Self {
            module,
            ledger: Ledger::default(),
        }
    }

    /// Holds what the module shows of itself against the books. `is_stalled`: requests may wait behind output that the
    /// host MCU does not read.
    pub(super) fn check(&self, held_max: usize, is_stalled: bool) -> Result<(), String> {
        if let Some(broken) = &self.ledger.broken {
            return Err(broken.clone());
        }
        let view = self.module.inspect();
        let held = view.bytes_held();
        if held > held_max {
            return Err(format!(
                "the module holds {held} bytes, more than {held_max}"
            ));
        }
        let links: Vec<LinkView> = view.link_views().collect();
        let ids: BTreeSet<u8> = links.iter().map(|l| l.id).collect();
        if ids.len() != links.len() {
            return Err(format!("a number has two links: {links:?}"));
        }
        let theirs: BTreeSet<SocketId> = links
            .iter()
            .filter(|l| l.has_socket)
            .map(|l| l.socket)
            .chain(view.sockets_apart())
            .collect();
        if view.sockets_apart().count() > 1 {
            return Err("an upgrade has two sockets".into());
        }
        if theirs != self.ledger.sockets && !is_stalled {
            return Err(format!(
                "the network has the sockets {:?}, the links and an upgrade {theirs:?}",
                self.ledger.sockets
            ));
        }
        Ok(())
    }

    /// Holds received data against what the links still hold, once the host MCU has read all that came out.
    pub(super) fn check_streams(&self) -> Result<(), String> {
        let links: Vec<LinkView> = self.module.inspect().link_views().collect();
        self.ledger.streams.check(&links)
    }
}

impl Ledger {
    fn on_input(&mut self, input: &Input<'_>) {
        match *input {
            Input::Net(NetEvent::Accepted { socket, .. }) => {
                self.sockets.insert(socket);
            }
            Input::Net(NetEvent::Failed { socket, .. } | NetEvent::Closed { socket, .. }) => {
                self.sockets.remove(&socket);
            }
            Input::Power(
                PowerEvent::Off | PowerEvent::Reset | PowerEvent::BrownOut | PowerEvent::Watchdog,
            ) => {
                self.streams.clear();
                self.announced = None;
                self.result.clear();
                self.report.clear();
            }
            Input::Tick
            | Input::Serial(_)
            | Input::SerialBreak
            | Input::SerialSent(_)
            | Input::Net(_)
            | Input::Stored { .. }
            | Input::Power(PowerEvent::On | PowerEvent::Wake)
            | Input::Air(_) => {}
        }
    }

    fn on_output(&mut self, output: &Output<'_>) {
        match output {
            Output::Serial { mark, bytes } => self.on_serial(*mark, bytes),
            Output::Net(NetRequest::Connect { socket, .. }) => {
                self.sockets.insert(*socket);
            }
            Output::Net(NetRequest::Close { socket, .. }) => {
                self.sockets.remove(socket);
            }
            Output::Net(NetRequest::Send { socket, .. }) if self.apart.contains(socket) => {}
            Output::Net(NetRequest::Send { bytes, .. }) => {
                let sent = self.streams.sent(bytes);
                self.hold(sent);
            }
            Output::Event(Event::Boot(_)) => {
                self.boots += 1;
                self.writing = None;
            }
            Output::Store { request, .. } => {
                let written = self.on_store(request);
                self.hold(written);
            }
            Output::Event(Event::Dropped { what, bytes }) => self.on_dropped(*what, *bytes),
            Output::Net(_) | Output::Uart(_) | Output::Event(_) | Output::Idle { .. } => {}
        }
    }

    /// The content of a partition comes between a begin and an end.
    fn on_store(&mut self, request: &StoreRequest<'_>) -> Result<(), String> {
        let StoreRequest::Partition { name, step } = request else {
            return Ok(());
        };
        let was = match step {
            PartitionStep::Begin => self.writing.replace(name).is_none(),
            PartitionStep::Chunk(_) => self.writing == Some(name),
            PartitionStep::Commit | PartitionStep::Abort => self.writing.take() == Some(name),
        };
        if was {
            Ok(())
        } else {
            Err(format!("{step:?} of the partition {name} out of order"))
        }
    }

    fn on_dropped(&mut self, what: Dropped, bytes: usize) {
        match what {
            Dropped::Unread => {
                let dropped = self.streams.dropped_unread(bytes);
                self.hold(dropped);
            }
            Dropped::Stalled | Dropped::DeadLink => self.streams.raw_lost += bytes,
            Dropped::Reports => self.streams.reports_lost = true,
            Dropped::Busy
            | Dropped::LongLine
            | Dropped::NotReady
            | Dropped::UdpOverflow
            | Dropped::Unreachable
            | Dropped::Cancelled => {}
        }
    }

    fn on_serial(&mut self, mark: Mark, bytes: &[u8]) {
        match mark {
            Mark::Payload => {
                let paid = self.on_payload(bytes);
                self.hold(paid);
            }
            Mark::Result => {
                self.result.extend(bytes);
                while let Some(line) = take_line(&mut self.result) {
                    self.on_result(line);
                }
            }
            Mark::Prompt if bytes.contains(&b'>') => {
                self.prompts += 1;
                self.finals = self.finals.saturating_sub(1);
            }
            Mark::Report => {
                self.report.extend(bytes);
                while take_line(&mut self.report).is_some() {}
            }
            Mark::Line => self.answer.extend(bytes),
            Mark::Prompt | Mark::Echo | Mark::Recv | Mark::Boot | Mark::Log => {}
        }
    }

    fn on_result(&mut self, line: Vec<u8>) {
        match line.as_slice() {
            b"" | b"busy p..." | b"busy s..." | b"+QUITT" | b"Will force to restart!!!" => return,
            text if text.starts_with(b"ERR CODE") => return,
            b"SEND OK" => {
                let sent = self.streams.send_ok();
                self.hold(sent);
            }
            b"OK" | b"ERROR" | b"FAIL" | b"SEND FAIL" | b"SEND Canceled" => {}
            _ => self.hold(Err(format!("`{}` is no result", line.escape_ascii()))),
        }
        self.finals += 1;
        self.last = line;
    }

    /// Payload comes after a header, or raw.
    fn on_payload(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.announced.is_none() && self.report.ends_with(b":") {
            let head = std::mem::take(&mut self.report);
            let (link, left) = ipd(&head)
                .ok_or_else(|| format!("`{}` before payload is no header", head.escape_ascii()))?;
            self.announced = Some(Announced {
                link,
                left,
                is_read: false,
            });
        } else if self.announced.is_none() {
            let line = self.answer.rsplit(|&b| b == b'\n').next();
            let read = line.and_then(|line| {
                let rest = line.strip_prefix(b"+CIPRECVDATA")?.get(1..)?;
                number(rest.split(|&b| matches!(b, b',' | b':')).next()?)
            });
            if let Some(len) = read {
                self.answer.clear();
                self.announced = Some(Announced {
                    link: self.streams.reading,
                    left: len,
                    is_read: true,
                });
            }
        }
        match &mut self.announced {
            None => self.streams.printed_raw(bytes),
            Some(announced) => {
                let n = bytes.len().min(announced.left);
                let Announced { link, is_read, .. } = *announced;
                announced.left -= n;
                let is_over = announced.left == 0;
                self.streams.printed(link, &bytes[..n])?;
                if is_over {
                    self.announced = None;
                }
                if is_over && is_read {
                    self.streams.read_ends(link);
                }
                bytes = &bytes[n..];
                self.on_payload(bytes)
            }
        }
    }

    fn hold(&mut self, law: Result<(), String>) {
        if let (Err(broken), None) = (law, &self.broken) {
            self.broken = Some(broken);
        }
    }
}

/// The link and the length of `+IPD,[id,]len[,"ip",port]:`, whose address has no quotes on some lines.
fn ipd(head: &[u8]) -> Option<(u8, usize)> {
    let values = head.trim_ascii_start().strip_prefix(b"+IPD,")?;
    let values = values.strip_suffix(b":")?;
    let numbers: Vec<usize> = values.split(|&b| b == b',').map_while(number).collect();
    match numbers[..] {
        [len] => Some((0, len)),
        [id, len] => Some((u8::try_from(id).ok()?, len)),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn take_line(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let mut line: Vec<u8> = bytes.drain(..end + 2).collect();
    line.truncate(end);
    Some(line)
}
