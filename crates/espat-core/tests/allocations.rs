//! A steady stream allocates nothing, and a command at most twice: counted by an allocator.
#![allow(
    clippy::tests_outside_test_module,
    reason = "an integration test is a test module"
)]
#![allow(unsafe_code, reason = "an allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;

use espat_core::{
    Input, Instant, Module, ModuleConfig, NetEvent, NetRequest, Output, SocketId, Timing,
};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Allocations and the largest of them, on this thread: tests run side by side.
    static COUNT: Cell<(u32, usize)> = const { Cell::new((0, 0)) };
}

fn count(size: usize) {
    // A thread that is ending has no count any more, and nobody who asks for it.
    let _ = COUNT.try_with(|cell| {
        let (times, largest) = cell.get();
        cell.set((times + 1, largest.max(size)));
    });
}

// SAFETY: everything is the system allocator's work; counting touches no memory of the caller.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps this function's contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// A module, and a world that answers at once.
struct World {
    module: Module,
    now: u64,
    socket: Option<SocketId>,
    credit: usize,
    answers: VecDeque<NetEvent<'static>>,
    unsent: usize,
    said: Vec<u8>,
}

impl World {
    fn new(setup: &[&str]) -> Self {
        let config = ModuleConfig {
            timing: Timing::Fast,
            ..ModuleConfig::new()
        };
        let mut world = Self {
            module: Module::power_on(config, Instant::ZERO).expect("the default can be a module"),
            now: 0,
            socket: None,
            credit: 0,
            answers: VecDeque::with_capacity(8),
            unsent: 0,
            said: Vec::with_capacity(64 * 1024),
        };
        world.drain();
        world.answer();
        for line in setup {
            let said = world.serial(format!("{line}\r\n").as_bytes());
            let is_ok = said.windows(4).any(|w| w == b"OK\r\n");
            assert!(is_ok, "{line}: {}", said.escape_ascii());
        }
        world
    }

    /// Bytes from the host, as many at once as the module takes; returns what was said.
    fn serial(&mut self, mut bytes: &[u8]) -> &[u8] {
        self.said.clear();
        while !bytes.is_empty() {
            let n = bytes.len().min(self.module.serial_room());
            assert!(n > 0, "the module takes nothing");
            self.feed(Input::Serial(&bytes[..n]));
            self.answer();
            bytes = &bytes[n..];
        }
        &self.said
    }

    /// Data for the link; returns what was said.
    fn data(&mut self, bytes: &[u8]) -> &[u8] {
        self.said.clear();
        assert!(self.credit >= bytes.len(), "the module asks for nothing");
        self.credit = 0;
        let socket = self.socket.expect("a link is open");
        self.feed(Input::Net(NetEvent::Data {
            socket,
            from: None,
            bytes,
            wire_len: bytes.len(),
        }));
        self.answer();
        &self.said
    }

    fn answer(&mut self) {
        loop {
            if self.unsent > 0 {
                let sent = std::mem::take(&mut self.unsent);
                self.feed(Input::SerialSent(sent));
            } else if let Some(event) = self.answers.pop_front() {
                self.feed(Input::Net(event));
            } else {
                return;
            }
        }
    }

    fn feed(&mut self, input: Input<'_>) {
        self.now += 10;
        self.module
            .handle_input(Instant::from_micros(self.now), input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.module.poll_output() {
                Output::Serial { bytes, .. } => {
                    self.said.extend_from_slice(bytes);
                    self.unsent += bytes.len();
                }
                Output::Net(NetRequest::Connect { socket, to }) => {
                    self.socket = Some(socket);
                    let local = to.remote;
                    self.answers
                        .push_back(NetEvent::Connected { socket, local });
                }
                Output::Net(NetRequest::Send { socket, bytes, .. }) => {
                    let n = bytes.len();
                    self.answers.push_back(NetEvent::Sent { socket, n });
                }
                Output::Net(NetRequest::Read { max, .. }) => self.credit = max,
                Output::Idle { .. } => return,
                Output::Net(_) | Output::Uart(_) | Output::Store { .. } | Output::Event(_) => {}
            }
        }
    }
}

/// Allocations of `step` once everything has its size: how many in a hundred, and the largest.
fn allocations(mut step: impl FnMut()) -> (u32, usize) {
    for _ in 0..100 {
        step();
    }
    COUNT.set((0, 0));
    for _ in 0..100 {
        step();
    }
    COUNT.get()
}

const JOIN: &str = "AT+CWMODE=1";
const AIR: &str = "AT+CWJAP=\"any\",\"\"";
const OPEN: &str = "AT+CIPSTART=\"TCP\",\"192.0.2.1\",80";

#[test]
fn a_command_allocates_at_most_two_small_things() {
    let mut world = World::new(&[JOIN, AIR, OPEN]);
    let lines = [
        "AT\r\n",
        "ATE1\r\n",
        "AT+GMR\r\n",
        "AT+CIPSTATUS\r\n",
        "AT+CIFSR\r\n",
        "AT+CIPMUX?\r\n",
        "AT+CIPRECVMODE=0\r\n",
        "AT+CIPMODE=0\r\n",
        "AT+SYSMSG=0\r\n",
        "AT+CIPTCPOPT=,1\r\n",
        "AT+NOSUCH\r\n",
    ];
    for line in lines {
        let (times, largest) = allocations(|| {
            assert!(world.serial(line.as_bytes()).ends_with(b"\r\n"));
        });
        assert!(times <= 200, "{line}: {times} allocations in 100");
        assert!(largest <= 256, "{line}: an allocation of {largest} bytes");
    }
}

#[test]
fn payload_of_a_send_allocates_nothing() {
    let mut world = World::new(&[JOIN, AIR, OPEN]);
    // In pieces, as a PTY yields it.
    let (times, largest) = allocations(|| {
        world.serial(b"AT+CIPSEND=2048\r\n");
        for piece in [1000, 1000, 48] {
            world.serial(&[b'x'; 1000][..piece]);
        }
        assert!(world.said.ends_with(b"SEND OK\r\n"));
    });
    assert!(times <= 200, "{times} allocations in 100 sends");
    assert!(largest <= 256, "an allocation of {largest} bytes");
}

#[test]
fn received_data_allocates_nothing() {
    let mut world = World::new(&[JOIN, AIR, OPEN]);
    let (times, _) = allocations(|| {
        assert_eq!(
            world.data(&[b'x'; 2920]).len(),
            2920 + "\r\n+IPD,2920:".len()
        );
    });
    assert_eq!(times, 0);
}

#[test]
fn passive_reads_allocate_nothing() {
    let mut world = World::new(&[JOIN, AIR, OPEN, "AT+CIPRECVMODE=1"]);
    let (times, _) = allocations(|| {
        assert_eq!(world.data(&[b'x'; 5744]), b"\r\n+IPD,5744\r\n");
        assert!(world.serial(b"AT+CIPRECVDATA=5744\r\n").len() > 5744);
    });
    assert_eq!(times, 0);
}

#[test]
fn passthrough_allocates_nothing() {
    let mut world = World::new(&[JOIN, AIR, OPEN, "AT+CIPMODE=1", "AT+CIPSEND"]);
    let (times, _) = allocations(|| {
        assert_eq!(world.serial(&[b'x'; 4096]), b"");
        assert_eq!(world.data(&[b'x'; 4096]).len(), 4096);
    });
    assert_eq!(times, 0);
}
