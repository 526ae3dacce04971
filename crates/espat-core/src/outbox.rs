//! The single ordered queue of everything that goes out, and its serial credit.
//!
//! Bytes of all kinds lie in one buffer in the order of their entries, so a steady stream allocates nothing.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Arguments;
use core::net::{IpAddr, SocketAddr};
use core::ops::Range;

use crate::config::LogPort;
use crate::filter::Filters;
use crate::output::{
    CloseHow, Connect, Event, Family, Listen, Mark, NetRequest, Output, PartitionStep, Peer,
    QueryId, Service, SocketId, SocketOptions, StoreRequest, StoreTag, UartConfig,
};
use crate::profile::Quirks;
use crate::reply::urc::Urc;
use crate::time::Instant;

mod entry;

use entry::{Ask, Entry, Resolve};
pub(crate) use entry::{Keep, Step};

#[derive(Debug)]
pub(crate) struct Outbox {
    entries: VecDeque<Entry>,
    bytes: Vec<u8>,
    head: usize,
    /// The entry that was handed out last and may still be borrowed.
    lent: Option<Entry>,
    credit: usize,
    serial: Serial,
    log_port: LogPort,
    /// How some lines are written.
    pub(crate) quirks: &'static Quirks,
    /// Reports that wait for their place.
    pub(crate) reports: VecDeque<Urc>,
    /// What the host MCU does not want to hear.
    pub(crate) filters: Filters,
    /// How many runs at the end of the queue are the message that is being written.
    open: usize,
}

/// Serial bytes on their way.
#[derive(Debug, Default)]
struct Serial {
    queued: usize,
    unsent: usize,
}

impl Outbox {
    pub(crate) fn new(credit: usize, log_port: LogPort, quirks: &'static Quirks) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: Vec::new(),
            head: 0,
            lent: None,
            credit,
            serial: Serial::default(),
            log_port,
            quirks,
            reports: VecDeque::new(),
            filters: Filters::default(),
            open: 0,
        }
    }

    /// Starts a run of serial bytes, which is a message; `extend` and `write` add to it.
    pub(crate) fn begin(&mut self, mark: Mark) {
        self.seal();
        self.make_room();
        self.push(Entry::Serial { mark, len: 0 });
        self.open = 1;
    }

    /// Starts another run of the message that was begun last.
    pub(crate) fn join(&mut self, mark: Mark) {
        self.entries.push_back(Entry::Serial { mark, len: 0 });
        self.open += 1;
    }

    /// The message that was begun last is complete: it loses what the host MCU does not want to hear.
    pub(crate) fn seal(&mut self) {
        let runs = core::mem::take(&mut self.open);
        if runs == 0 || !self.filters.is_active() {
            return;
        }
        let first = self.entries.len() - runs;
        if let Some(Entry::Serial {
            mark: Mark::Log, ..
        }) = self.entries.get(first)
        {
            return;
        }
        let len: usize = self.entries.range(first..).map(Entry::len).sum();
        let message = self.bytes.len() - len;
        let Some([head, tail]) = self.filters.cuts(&self.bytes[message..]) else {
            return;
        };
        for cut in [tail, head] {
            self.cut(first, message, cut);
        }
        let runs = self.entries.split_off(first);
        self.entries
            .extend(runs.into_iter().filter(|run| run.len() > 0));
    }

    /// Takes bytes out of a message, which begins with the run `first` at `message`.
    fn cut(&mut self, first: usize, message: usize, cut: Range<usize>) {
        let mut start = 0;
        for entry in self.entries.range_mut(first..) {
            let Entry::Serial { mark, len } = entry else {
                continue;
            };
            let end = start + *len;
            let gone = cut.end.min(end).saturating_sub(cut.start.max(start));
            *len -= gone;
            if counts(*mark, self.log_port) {
                self.serial.queued -= gone;
            }
            start = end;
        }
        self.bytes.drain(message + cut.start..message + cut.end);
    }

    fn push(&mut self, entry: Entry) {
        self.seal();
        self.entries.push_back(entry);
    }

    /// Starts a run for the log port; false where there is none.
    pub(crate) fn begin_log(&mut self) -> bool {
        let wanted = self.log_port != LogPort::Off;
        if wanted {
            self.begin(Mark::Log);
        }
        wanted
    }

    /// Adds bytes to the run that was begun last.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        let Some(Entry::Serial { mark, len }) = self.entries.back_mut() else {
            debug_assert!(false, "bytes belong to a run");
            return;
        };
        *len += bytes.len();
        let counts = counts(*mark, self.log_port);
        if counts {
            self.serial.queued += bytes.len();
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn write(&mut self, text: Arguments<'_>) {
        // Writing to memory cannot fail.
        let _ = core::fmt::Write::write_fmt(self, text);
    }

    /// A run of exactly these bytes.
    pub(crate) fn run(&mut self, mark: Mark, bytes: &[u8]) {
        self.begin(mark);
        self.extend(bytes);
    }

    pub(crate) fn connect(&mut self, socket: SocketId, to: Connect) {
        self.push(Entry::Connect {
            socket,
            to: Box::new(to),
        });
    }

    pub(crate) fn listen(&mut self, listener: SocketId, on: Listen) {
        self.push(Entry::Listen { listener, on });
    }

    pub(crate) fn send(
        &mut self,
        socket: SocketId,
        to: Option<(SocketAddr, Option<String>)>,
        payload: &[u8],
    ) {
        self.make_room();
        self.push(Entry::Send {
            socket,
            to,
            len: payload.len(),
        });
        self.bytes.extend_from_slice(payload);
    }

    pub(crate) fn resolve(
        &mut self,
        query: QueryId,
        name: String,
        family: Family,
        servers: Vec<IpAddr>,
        deadline: Instant,
    ) {
        self.push(Entry::Resolve(Box::new(Resolve {
            query,
            name,
            family,
            servers,
            deadline,
        })));
    }

    /// One echo request of `len` payload bytes.
    pub(crate) fn ping(
        &mut self,
        query: QueryId,
        (addr, name): (SocketAddr, Option<String>),
        len: usize,
        deadline: Instant,
    ) {
        self.push(Entry::Ping(Box::new(Ask {
            query,
            addr,
            name,
            len,
            deadline,
        })));
    }

    /// One question to a time server.
    pub(crate) fn time_sync(
        &mut self,
        query: QueryId,
        (addr, name): (SocketAddr, Option<String>),
        deadline: Instant,
    ) {
        self.push(Entry::TimeSync(Box::new(Ask {
            query,
            addr,
            name,
            len: 0,
            deadline,
        })));
    }

    pub(crate) fn accept(&mut self, listener: SocketId) {
        self.push(Entry::Plain(NetRequest::Accept { listener }));
    }

    pub(crate) fn cancel_send(&mut self, socket: SocketId) {
        self.push(Entry::Plain(NetRequest::CancelSend { socket }));
    }

    pub(crate) fn options(&mut self, socket: SocketId, options: SocketOptions) {
        self.push(Entry::Plain(NetRequest::Options { socket, options }));
    }

    pub(crate) fn clock(&mut self, listener: SocketId, unix_s: i64) {
        self.push(Entry::Plain(NetRequest::Clock { listener, unix_s }));
    }

    pub(crate) fn read(&mut self, socket: SocketId, max: usize) {
        self.push(Entry::Plain(NetRequest::Read { socket, max }));
    }

    pub(crate) fn close(&mut self, socket: SocketId, how: CloseHow) {
        self.push(Entry::Plain(NetRequest::Close { socket, how }));
    }

    /// Announces a service, or nothing any more.
    pub(crate) fn advertise(&mut self, service: Option<Service>) {
        self.push(Entry::Advertise(service.map(Box::new)));
    }

    pub(crate) fn cancel(&mut self, query: QueryId) {
        self.push(Entry::Plain(NetRequest::Cancel { query }));
    }

    pub(crate) fn uart(&mut self, uart: UartConfig) {
        self.push(Entry::Uart(uart));
    }

    /// A request that another queue gave out.
    pub(crate) fn net(&mut self, request: &NetRequest<'_>) {
        match *request {
            NetRequest::Connect { socket, to } => self.connect(socket, to.clone()),
            NetRequest::Listen { listener, on } => self.listen(listener, on.clone()),
            NetRequest::Send { socket, to, bytes } => self.send(socket, to.map(owned), bytes),
            NetRequest::Resolve {
                query,
                name,
                family,
                servers,
                deadline,
            } => self.resolve(query, name.into(), family, servers.to_vec(), deadline),
            NetRequest::Ping {
                query,
                peer,
                len,
                deadline,
            } => self.ping(query, owned(peer), len, deadline),
            NetRequest::TimeSync {
                query,
                server,
                deadline,
            } => self.time_sync(query, owned(server), deadline),
            NetRequest::Accept { listener } => self.accept(listener),
            NetRequest::CancelSend { socket } => self.cancel_send(socket),
            NetRequest::Options { socket, options } => self.options(socket, options),
            NetRequest::Clock { listener, unix_s } => self.clock(listener, unix_s),
            NetRequest::Read { socket, max } => self.read(socket, max),
            NetRequest::Close { socket, how } => self.close(socket, how),
            NetRequest::Cancel { query } => self.cancel(query),
            NetRequest::Advertise { service } => self.advertise(service.cloned()),
        }
    }

    /// A store request that another queue gave out.
    pub(crate) fn store_again(&mut self, tag: StoreTag, request: StoreRequest<'_>) {
        let what = match request {
            StoreRequest::Set(values) => Keep::Values(values.to_vec()),
            StoreRequest::Erase => Keep::Erase,
            StoreRequest::Boot { version } => Keep::Boot(version.into()),
            StoreRequest::Partition { name, step } => {
                let step = match step {
                    PartitionStep::Chunk(bytes) => return self.store_chunk(tag, name, bytes),
                    PartitionStep::Begin => Step::Begin,
                    PartitionStep::Commit => Step::Commit,
                    PartitionStep::Abort => Step::Abort,
                };
                Keep::Partition { name, step }
            }
        };
        self.store(tag, what);
    }

    pub(crate) fn store(&mut self, tag: StoreTag, what: Keep) {
        self.push(Entry::Store { tag, what });
    }

    /// The next bytes of a partition.
    pub(crate) fn store_chunk(&mut self, tag: StoreTag, name: &'static str, bytes: &[u8]) {
        self.make_room();
        let step = Step::Chunk { len: bytes.len() };
        self.store(tag, Keep::Partition { name, step });
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.push(Entry::Event(event));
    }

    /// Transmit credit comes back.
    pub(crate) fn on_sent(&mut self, n: usize) {
        self.credit = self.credit.saturating_add(n);
        self.serial.unsent = self.serial.unsent.saturating_sub(n);
    }

    /// Serial bytes that have not left the UART.
    pub(crate) fn unsent(&self) -> usize {
        self.serial.queued + self.serial.unsent
    }

    /// Serial bytes that have not been handed out.
    pub(crate) fn queued(&self) -> usize {
        self.serial.queued
    }

    /// How many outputs have not been handed out, or not whole.
    pub(crate) fn waiting(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is left to be handed out.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Gives other credit in place of what there is, which is returned.
    pub(crate) fn replace_credit(&mut self, credit: usize) -> usize {
        core::mem::replace(&mut self.credit, credit)
    }

    /// Serial bytes that were handed out and have not left the UART.
    pub(crate) fn handed_out(&self) -> usize {
        self.serial.unsent
    }

    /// Forgets what has not been handed out and would leave the module: it lost its power. What the world already knows of is still
    /// ended, and a write of settings that has been asked for is one that was under way.
    pub(crate) fn lose_power(&mut self) {
        self.reports.clear();
        self.open = 0;
        let mut at = self.head;
        let (mut sockets, mut queries) = (Vec::new(), Vec::new());
        let (bytes, entries) = (&mut self.bytes, &mut self.entries);
        entries.retain(|entry| {
            let stays = !entry.leaves(&mut sockets, &mut queries);
            if stays {
                at += entry.len();
            } else {
                bytes.drain(at..at + entry.len());
            }
            stays
        });
        self.serial.queued = 0;
    }

    /// The last `n` serial bytes of the queue, which has as many, never leave the module.
    pub(crate) fn lose_last(&mut self, n: usize) {
        self.open = 0;
        self.serial.queued -= n;
        let (mut end, mut left) = (self.bytes.len(), n);
        for entry in self.entries.iter_mut().rev() {
            let start = end - entry.len();
            if let Entry::Serial { mark, len } = entry
                && counts(*mark, self.log_port)
            {
                let lost = left.min(*len);
                self.bytes.drain(end - lost..end);
                *len -= lost;
                left -= lost;
            }
            end = start;
        }
        let is_nothing = |entry: &Entry| matches!(entry, Entry::Serial { len: 0, .. });
        self.entries.retain(|entry| !is_nothing(entry));
    }

    /// Whether `pop` has something to give.
    pub(crate) fn is_ready(&self) -> bool {
        match self.entries.front() {
            None => false,
            Some(&Entry::Serial { mark, len }) => {
                len == 0 || self.credit > 0 || !counts(mark, self.log_port)
            }
            Some(_) => true,
        }
    }

    /// Whether output waits for credit.
    pub(crate) fn is_blocked(&self) -> bool {
        !self.entries.is_empty() && !self.is_ready()
    }

    /// The next output; `idle` where nothing `is_ready`.
    // Into the loops that drain, as `Module::poll_output`.
    #[inline(always)]
    pub(crate) fn pop<'a>(&'a mut self, idle: Output<'a>) -> Output<'a> {
        let Some(entry) = self.entries.pop_front() else {
            return idle;
        };
        if let Entry::Serial { mark, len } = entry {
            return self.pop_serial(mark, len);
        }
        let start = self.head;
        self.head += entry.len();
        let bytes = &self.bytes[start..self.head];
        self.lent.insert(entry).output(bytes)
    }

    fn pop_serial(&mut self, mark: Mark, len: usize) -> Output<'_> {
        let mut n = len;
        if counts(mark, self.log_port) {
            n = len.min(self.credit);
            self.credit -= n;
            self.serial.queued -= n;
            self.serial.unsent += n;
        }
        if n < len {
            self.entries
                .push_front(Entry::Serial { mark, len: len - n });
        }
        let start = self.head;
        self.head += n;
        Output::Serial {
            mark,
            bytes: &self.bytes[start..self.head],
        }
    }

    /// Reuses the memory of bytes that were handed out.
    fn make_room(&mut self) {
        if self.entries.is_empty() {
            self.bytes.clear();
            self.head = 0;
        } else if self.head > self.bytes.len() / 2 {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
    }
}

fn owned(peer: Peer<'_>) -> (SocketAddr, Option<String>) {
    (peer.addr, peer.name.map(String::from))
}

/// Whether bytes of this mark go through the UART.
fn counts(mark: Mark, log_port: LogPort) -> bool {
    mark != Mark::Log || log_port == LogPort::Shared
}
