//! Writes what a module is given and what it does as a transcript, without passwords, and without long payload unless
//! that is wanted.

mod directives;

use espat_core::{
    AirEvent, Duration, Input, Instant, LogPort, Mark, ModuleConfig, NetEvent, Output, PowerEvent,
    SocketId, Wake,
};

use self::directives::{directives, redact_setting};
use crate::directive::Directive;
use crate::event::{Event, NetHappening};
use crate::handle::Handle;
use crate::matching::{Names, crc32_of};
use crate::redact::{
    KeyBytes, ends_in_secret, holds_keys, is_open_command, key_bytes, may_be_secret, redacted,
    redacted_lines,
};
use crate::request::{NetAsk, PartitionAsk, Request};
use crate::script::{SerialLine, Step};
use crate::sim::asked::Asked;
use crate::sim::network::Network;
use crate::sim::{Engine, SIMULATED_SECRET};
use crate::text::{DEFAULT_SECRET, Payload, Piece, Text};
use crate::time::TimeStep;

/// Makes a transcript of inputs and outputs, in the order in which a driver hands them over.
#[derive(Debug)]
pub struct Recorder {
    out: String,
    /// The time of the last input.
    now: Instant,
    /// Up to where `~` lines have counted.
    written: Instant,
    network: Network,
    /// What `AT+CIUPDATE` shows of itself, where the user said so.
    token: Option<Vec<u8>>,
    /// What is not sent yet of a request with it.
    token_unsent: Option<(Handle, usize)>,
    from_host: FromHost,
    from_module: FromModule,
    log_apart: bool,
    has_faults: bool,
    keys: Keys,
    kept: Option<Vec<u8>>,
    kept_before: usize,
}

/// Bytes with private keys that are on their way.
#[derive(Debug, Default)]
struct Keys {
    /// The command line that is coming in.
    line: Vec<u8>,
    /// So many bytes are still to come from the host MCU.
    typed: usize,
    /// The module was asked to show some.
    shown: bool,
    /// A command has ended since.
    answered: bool,
}

impl Keys {
    /// Takes bytes of commands up to a line's end; returns how many.
    fn listen(&mut self, bytes: &[u8]) -> usize {
        let end = memchr::memchr(b'\n', bytes);
        let len = end.map_or(bytes.len(), |end| end + 1);
        // No such command is longer.
        let room = (PAYLOAD_MAX + 1).saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..len.min(room)]);
        if end.is_some() {
            match key_bytes(self.line.trim_ascii_end()) {
                Some(KeyBytes::Typed(typed)) => self.typed = typed,
                Some(KeyBytes::Shown) => (self.shown, self.answered) = (true, false),
                None => {}
            }
            self.line.clear();
        }
        len
    }
}

/// Serial input that is not written yet.
#[derive(Debug, Default)]
struct FromHost {
    bytes: Vec<u8>,
    last: Instant,
    /// A chunk ended by a break; written where the next bytes come soon.
    broken: bool,
}

/// Serial output that is not written yet.
#[derive(Debug, Default)]
struct FromModule {
    /// Runs; payload apart from the rest.
    runs: Vec<(Run, Vec<u8>)>,
    since: Instant,
    /// More of it waits for credit.
    blocked: bool,
    /// When what comes by credit was made.
    made: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Text,
    Payload,
    /// With a private key.
    Secret,
}

/// Payload over this length is left out or kept in a file beside.
const PAYLOAD_MAX: usize = 256;

/// How much of left-out payload stays at each end.
const ENDS: usize = 16;

/// Bytes closer together than this were one chunk.
const CHUNK_GAP: Duration = Duration::from_millis(2);

/// After this long, whether a chunk was ended by a break makes no difference.
const BREAK_MATTERS: Duration = Duration::from_millis(20);

impl Recorder {
    /// Starts with the directives of `config`; the module is to be powered on next, at `now`. With `keep_payload`, long payload
    /// goes to [`take_payload`](Self::take_payload) instead of being left out.
    #[must_use]
    pub fn new(config: &ModuleConfig, now: Instant, keep_payload: bool) -> Self {
        let mut out = String::from("@boot explicit\n");
        for directive in directives(config) {
            out.push_str(&format!("@{directive}\n"));
        }
        out.push('\n');
        Self {
            out,
            now,
            written: now,
            network: Network::new(config.addresses.station_ip),
            token: config.upgrade.token.clone().map(String::into_bytes),
            token_unsent: None,
            from_host: FromHost::default(),
            from_module: FromModule::default(),
            has_faults: false,
            log_apart: config.log_port != LogPort::Shared,
            keys: Keys::default(),
            kept: keep_payload.then(Vec::new),
            kept_before: 0,
        }
    }

    /// Adds directives of which the configuration knows nothing, before anything is heard.
    pub fn direct(&mut self, directives: &[Directive]) {
        let end = self.out.trim_end_matches('\n').len();
        self.out.truncate(end);
        self.has_faults = !directives.is_empty();
        for directive in directives {
            self.out.push_str(&format!("\n@{directive}"));
        }
        self.out.push_str("\n\n");
    }

    /// Starts in the middle of a session: without directives, and with sockets and queries called by their numbers. What comes of it
    /// can be read, not run.
    #[must_use]
    pub fn joining(config: &ModuleConfig, now: Instant) -> Self {
        let mut recorder = Self::new(config, now, false);
        recorder.network = Network::joined(config.addresses.station_ip);
        recorder.out.clear();
        recorder
    }

    /// Starts to listen on a serial line of which nothing else is known. With `reads_boot` the module speaks first.
    #[must_use]
    pub fn listening(now: Instant, reads_boot: bool, keep_payload: bool) -> Self {
        let mut recorder = Self::new(&ModuleConfig::new(), now, keep_payload);
        recorder.out.clear();
        if reads_boot {
            recorder.line("@boot explicit");
        }
        recorder
    }

    /// Writes a comment.
    pub fn comment(&mut self, text: &str) {
        self.flush();
        self.line(&format!("# {text}"));
    }

    /// Hears of an input, before the module gets it.
    pub fn input(&mut self, now: Instant, input: &Input<'_>) {
        // A line that comes by credit was made at the input before: a replay gives credit back at once.
        // A fault plan has reasons of its own to let something come later.
        let by_credit = matches!(input, Input::SerialSent(_)) && !self.has_faults;
        self.from_module.made = by_credit.then_some(self.from_module.made.unwrap_or(self.now));
        let waited = by_credit && self.from_module.blocked;
        if !waited {
            self.now = now.max(self.now);
        }
        match *input {
            Input::Tick | Input::SerialSent(_) => {}
            Input::Serial(bytes) => self.serial_in(bytes),
            Input::SerialBreak => {
                self.from_host.broken = true;
                // Plus signs: the break decides about them.
                if self.from_host.bytes.ends_with(b"+") {
                    self.flush_host(true);
                    self.write_break();
                }
            }
            Input::Net(event) => {
                self.flush();
                match self.event(&event) {
                    Some(event) => self.step(&Step::World(event)),
                    None => self.line("# an event about a socket or a query that was never opened"),
                }
            }
            Input::Stored { result, .. } => {
                self.flush();
                self.step(&Step::World(Event::Stored(result)));
            }
            Input::Air(event) => {
                self.flush();
                if let AirEvent::Address(ip) = event {
                    self.network.set_station_ip(ip);
                }
                self.step(&Step::World(Event::Air(event)));
            }
            Input::Power(event) => {
                self.flush();
                self.step(&Step::World(Event::Power(event)));
                if event == PowerEvent::Off {
                    self.from_module.blocked = false;
                }
            }
        }
    }

    /// Hears of an output.
    pub fn output(&mut self, output: &Output<'_>) {
        match output {
            Output::Serial {
                mark: Mark::Log,
                bytes,
            } if self.log_apart => {
                self.flush();
                self.step(&Step::Ask(Request::Log(Text::bytes(bytes))));
            }
            Output::Serial { mark, bytes } => self.serial_out(*mark, bytes),
            Output::Net(request) => {
                let asked = self.network.ask(request);
                if !matches!(asked, Ok(Asked::Quietly)) {
                    self.flush();
                }
                match asked {
                    Ok(Asked::Quietly) => {}
                    Ok(Asked::Stream(handle, bytes)) => self.send(handle, &bytes),
                    Ok(Asked::Net(handle, ask)) => {
                        let ask = self.shortened(ask);
                        self.step(&Step::Ask(Request::Net(handle, ask)));
                    }
                    Ok(Asked::Mdns(service)) => self.step(&Step::Ask(Request::Mdns(service))),
                    Err(message) => self.line(&format!("# {message}")),
                }
            }
            Output::Uart(config) => {
                self.flush();
                self.step(&Step::Ask(Request::Uart(*config)));
            }
            Output::Store { request, .. } => {
                self.flush();
                let request = self.kept_back(Request::of_store(*request));
                self.step(&Step::Ask(request));
            }
            Output::Event(_) => {}
            Output::Idle { why, .. } => {
                self.from_module.blocked = *why == Wake::Credit;
                if !self.from_module.blocked {
                    self.flush_module(false);
                }
            }
        }
    }

    /// The text that is complete so far; each call gives what is new.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    /// The payload that was kept since the last call, for the file beside the transcript.
    pub fn take_payload(&mut self) -> Vec<u8> {
        let Some(kept) = &mut self.kept else {
            return Vec::new();
        };
        self.kept_before += kept.len();
        std::mem::take(kept)
    }

    /// Writes what is pending, unfinished lines too: nothing more comes.
    pub fn end(&mut self) {
        self.flush();
        self.flush_host(true);
        self.flush_module(true);
    }

    /// The rest of the text.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.end();
        self.take()
    }

    fn serial_in(&mut self, bytes: &[u8]) {
        let gap = self.now.since(self.from_host.last);
        if self.from_host.broken || gap >= CHUNK_GAP {
            self.flush_host(false);
        }
        self.flush_module(false);
        if std::mem::take(&mut self.from_host.broken) && gap < BREAK_MATTERS {
            self.write_break();
        }
        if gap >= CHUNK_GAP && self.keys.answered {
            self.keys.shown = false;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let (hidden, others) = rest.split_at(rest.len().min(self.keys.typed));
            if !hidden.is_empty() {
                self.flush_host(true);
                self.from_host.last = self.now;
                self.send_hidden(hidden);
            }
            let (line, others) = others.split_at(self.keys.listen(others));
            self.from_host.bytes.extend_from_slice(line);
            rest = others;
        }
        self.from_host.last = self.now;
    }

    /// Writes serial input without its bytes.
    fn send_hidden(&mut self, bytes: &[u8]) {
        self.keys.typed -= bytes.len();
        let mut text = Text::default();
        text.push(left_out(bytes, None));
        self.pass_to(self.from_host.last);
        self.step_now(&Step::Send(SerialLine { text, crlf: false }));
    }

    fn serial_out(&mut self, mark: Mark, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.flush_host(false);
        let pending = &mut self.from_module;
        if pending.runs.is_empty() {
            let made = pending.made.filter(|_| mark != Mark::Payload);
            pending.since = made.unwrap_or(self.now);
        }
        let kind = match mark {
            Mark::Payload if self.keys.shown => Run::Secret,
            Mark::Payload => Run::Payload,
            Mark::Echo
            | Mark::Line
            | Mark::Result
            | Mark::Prompt
            | Mark::Recv
            | Mark::Report
            | Mark::Boot
            | Mark::Log => Run::Text,
        };
        if mark == Mark::Result {
            self.keys.answered = true;
            if bytes.ends_with(b"ERROR\r\n") {
                self.keys.typed = 0;
            }
        }
        match pending.runs.last_mut() {
            Some((same, run)) if *same == kind => run.extend_from_slice(bytes),
            _ => pending.runs.push((kind, bytes.to_vec())),
        }
    }

    /// A request to the flash without its secrets, long bytes left out.
    fn kept_back(&mut self, mut request: Request) -> Request {
        match &mut request {
            Request::Store(pairs) => {
                for (key, value) in pairs {
                    redact_setting(key, value);
                }
            }
            Request::Partition(name, PartitionAsk::Chunk(chunk)) => {
                let bytes = chunk.resolve(&Names::default()).unwrap_or_default();
                *chunk = if holds_keys(name) {
                    let mut text = Text::default();
                    text.push(left_out(&bytes, None));
                    text
                } else {
                    self.payload(&bytes)
                };
            }
            Request::Net(..)
            | Request::Mdns(_)
            | Request::Partition(..)
            | Request::StoreErase
            | Request::Boot(_)
            | Request::Uart(_)
            | Request::Log(_) => {}
        }
        request
    }

    /// Payload without the token of `--ota-token`, which stands in a line of its own.
    fn without_token(&mut self, handle: Handle, bytes: &[u8]) -> Text {
        let token = self.token.clone();
        let at = token.as_deref().and_then(|token| {
            let is_here = |window: &[u8]| window == token;
            bytes.windows(token.len().max(1)).position(is_here)
        });
        let (Some(at), Some(token)) = (at, token) else {
            return self.payload(bytes);
        };
        self.token_unsent = Some((handle, bytes.len()));
        let mut text = self.payload(&bytes[..at]);
        text.push(Piece::Secret(DEFAULT_SECRET.into()));
        for piece in self.payload(&bytes[at + token.len()..]).pieces {
            text.push(piece);
        }
        text
    }

    fn send(&mut self, handle: Handle, bytes: &[u8]) {
        let bytes = self.without_token(handle, bytes);
        self.step(&Step::Ask(Request::Net(
            handle,
            NetAsk::Send { bytes, to: None },
        )));
    }

    /// How much a simulated module's token would make of `n` bytes that went out.
    fn sent_without_token(&mut self, handle: Handle, n: usize) -> usize {
        let (Some(token), Some((of, left))) = (&self.token, &mut self.token_unsent) else {
            return n;
        };
        if *of != handle {
            return n;
        }
        *left = left.saturating_sub(n);
        if *left > 0 {
            return n;
        }
        self.token_unsent = None;
        (n + SIMULATED_SECRET.len()).saturating_sub(token.len())
    }

    fn shortened(&mut self, ask: NetAsk) -> NetAsk {
        let NetAsk::Send { bytes, to } = ask else {
            return ask;
        };
        let bytes = bytes.resolve(&Names::default()).unwrap_or_default();
        NetAsk::Send {
            bytes: self.payload(&bytes),
            to,
        }
    }

    /// Writes what is pending, in the order in which it came.
    fn flush(&mut self) {
        self.flush_host(false);
        self.flush_module(false);
    }

    /// Writes serial input. A line that may become a command with a password waits for its end, unless `all` is wanted.
    fn flush_host(&mut self, all: bool) {
        let bytes = &self.from_host.bytes;
        if bytes.is_empty() || (!all && is_open_command(bytes)) {
            return;
        }
        let bytes = std::mem::take(&mut self.from_host.bytes);
        let crlf = bytes.ends_with(b"\r\n");
        let body = &bytes[..bytes.len() - if crlf { 2 } else { 0 }];
        let text = if body.len() > PAYLOAD_MAX && !may_be_secret(body) {
            self.payload(body)
        } else {
            redacted_lines(body)
        };
        self.pass_to(self.from_host.last);
        self.step_now(&Step::Send(SerialLine { text, crlf }));
    }

    /// Writes serial output; an unfinished line with a secret waits, unless `all` is wanted.
    fn flush_module(&mut self, all: bool) {
        let runs = std::mem::take(&mut self.from_module.runs);
        if runs.is_empty() {
            return;
        }
        let held = runs
            .last()
            .filter(|(kind, run)| *kind == Run::Text && !all && ends_in_secret(run));
        if held.is_some() {
            self.from_module.runs = runs;
            return;
        }
        self.pass_to(self.from_module.since);
        let mut line = Text::default();
        for (kind, run) in &runs {
            if *kind == Run::Secret {
                line.push(left_out(run, None));
                continue;
            }
            if *kind == Run::Payload && run.len() > PAYLOAD_MAX {
                let payload = self.payload(run);
                payload
                    .pieces
                    .into_iter()
                    .for_each(|piece| line.push(piece));
                continue;
            }
            let mut rest = run.as_slice();
            while let Some(end) = memchr::memmem::find(rest, b"\r\n") {
                self.add_line(&mut line, &rest[..end]);
                let text = std::mem::take(&mut line);
                self.step_now(&Step::Expect(SerialLine { text, crlf: true }));
                rest = &rest[end + 2..];
            }
            self.add_line(&mut line, rest);
        }
        if !line.is_empty() {
            self.step_now(&Step::Expect(SerialLine {
                text: line,
                crlf: false,
            }));
        }
    }

    /// Adds what the module said in a line; so long a one holds payload, whoever it is from.
    fn add_line(&mut self, line: &mut Text, bytes: &[u8]) {
        let text = if bytes.len() > PAYLOAD_MAX && !may_be_secret(bytes) {
            self.payload(bytes)
        } else {
            redacted(bytes)
        };
        text.pieces.into_iter().for_each(|piece| line.push(piece));
    }

    /// Payload as a text: whole where it is short, otherwise its ends and what is needed to recognise or find the rest.
    fn payload(&mut self, bytes: &[u8]) -> Text {
        if bytes.len() <= PAYLOAD_MAX {
            return Text::compressed(bytes);
        }
        let (head, rest) = bytes.split_at(ENDS);
        let (middle, tail) = rest.split_at(rest.len() - ENDS);
        let mut text = Text::bytes(head);
        let at = self.kept.as_mut().map(|kept| {
            let at = self.kept_before + kept.len();
            kept.extend_from_slice(middle);
            at
        });
        text.push(left_out(middle, at));
        text.push_bytes(tail);
        text
    }

    fn write_break(&mut self) {
        self.from_host.broken = false;
        self.line("~ break");
    }

    /// Writes a step of the present.
    fn step(&mut self, step: &Step) {
        self.pass_to(self.now);
        self.step_now(step);
    }

    fn step_now(&mut self, step: &Step) {
        self.line(&step.to_string());
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn pass_to(&mut self, time: Instant) {
        if time > self.written {
            let passed = Step::Time(TimeStep::For(time.since(self.written)));
            self.written = time;
            self.step_now(&passed);
        }
    }

    fn socket(&self, id: SocketId) -> Option<Handle> {
        self.network.handle_of(id)
    }

    fn event(&mut self, event: &NetEvent<'_>) -> Option<Event> {
        let (handle, what) = match *event {
            NetEvent::SlotsChanged { slots } => return Some(Event::Slots(slots)),
            NetEvent::Connected { socket, local } => {
                (self.socket(socket)?, NetHappening::Connected(local))
            }
            NetEvent::Failed { socket, error } => {
                (self.socket(socket)?, NetHappening::Failed(error))
            }
            NetEvent::Listening { listener, port } => {
                (self.socket(listener)?, NetHappening::Listening(port))
            }
            NetEvent::Accepted {
                listener,
                socket,
                peer,
                local,
            } => {
                let handle = self.socket(listener)?;
                let socket = self.network.note_client(socket);
                let local = Some(local);
                (
                    handle,
                    NetHappening::Accepted {
                        socket,
                        peer,
                        local,
                    },
                )
            }
            NetEvent::Sent { socket, n } => {
                let handle = self.socket(socket)?;
                let n = self.sent_without_token(handle, n);
                (handle, NetHappening::Sent(n))
            }
            NetEvent::SendFailed { socket } => (self.socket(socket)?, NetHappening::SendFailed),
            NetEvent::Data {
                socket,
                from,
                bytes,
                wire_len,
            } => {
                let handle = self.socket(socket)?;
                let wire = (wire_len != bytes.len()).then_some(wire_len);
                let bytes = self.payload(bytes);
                (handle, NetHappening::Data { bytes, from, wire })
            }
            NetEvent::Closed { socket, cause } => {
                (self.socket(socket)?, NetHappening::Closed(cause))
            }
            NetEvent::Resolved { query, result } => (
                self.network.query_of(query)?,
                result.map_or_else(NetHappening::Failed, |ips| {
                    NetHappening::Resolved(ips.to_vec())
                }),
            ),
            NetEvent::Pinged { query, result } => (
                self.network.query_of(query)?,
                result.map_or_else(NetHappening::Failed, NetHappening::Pong),
            ),
            NetEvent::TimeSynced { query, result } => (
                self.network.query_of(query)?,
                result.map_or_else(NetHappening::Failed, NetHappening::Time),
            ),
        };
        Some(Event::Net(handle, what))
    }
}

/// An engine whose inputs and outputs are recorded.
#[derive(Debug)]
pub struct Recorded<E> {
    /// The engine.
    pub engine: E,
    /// What records it.
    pub recorder: Recorder,
}

impl<E: Engine> Engine for Recorded<E> {
    fn serial_room(&self) -> usize {
        self.engine.serial_room()
    }

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.recorder.input(now, &input);
        self.engine.handle_input(now, input);
    }

    fn poll_output(&mut self) -> Output<'_> {
        let output = self.engine.poll_output();
        self.recorder.output(&output);
        output
    }
}

/// What stands for bytes that a record leaves out.
fn left_out(bytes: &[u8], at: Option<usize>) -> Piece {
    Piece::Payload(Payload {
        len: bytes.len(),
        crc32: crc32_of(bytes),
        at,
    })
}
