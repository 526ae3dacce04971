//! What the fuzz targets do with their bytes, and what the property tests do with random ones. Each function panics when
//! a law of the module or of the parser is broken; fuzz/ calls them from libFuzzer, tests/corpus.rs with the kept corpus.

use espat_core::{
    CloseCause, Form, Mark, Module, ModuleConfig, NetError, NetEvent, PowerEvent, SocketId, Timing,
    commands_of,
};

use crate::event::{Event, NetHappening};
use crate::request::{Handle, NetAsk, Request};
use crate::script::Script;
use crate::sim::{Sim, Way};
use crate::target::{Observed, Target, Want};
use crate::text::Text;
use crate::time::TimeStep;
use espat_core::Duration;

/// Lines that are worth more than random bytes: whole commands, and what stands between them.
pub const LINES: &[&str] = &[
    "AT",
    "ATE0",
    "ATE1",
    "AT+CWMODE=1",
    "AT+CWMODE=3",
    "AT+CWJAP=\"espat\",\"password\"",
    "AT+CWQAP",
    "AT+CIPMUX=1",
    "AT+CIPMUX=0",
    "AT+CIPSERVER=1,80",
    "AT+CIPSERVER=0,1",
    "AT+CIPSTART=\"TCP\",\"192.0.2.1\",80",
    "AT+CIPSTART=0,\"TCP\",\"example.com\",80,60",
    "AT+CIPSTART=1,\"UDP\",\"192.0.2.1\",1000,2000,2",
    "AT+CIPSTARTEX=\"TCP\",\"192.0.2.1\",80",
    "AT+CIPSEND=4",
    "AT+CIPSEND=0,4",
    "AT+CIPSENDEX=0,10",
    "AT+CIPSEND",
    "AT+CIPCLOSE",
    "AT+CIPCLOSE=5",
    "AT+CIPCLOSE=0",
    "AT+CIPMODE=1",
    "AT+CIPRECVMODE=1",
    "AT+CIPRECVDATA=100",
    "AT+CIPRECVDATA=0,100",
    "AT+CIPRECVLEN?",
    "AT+CIPSTATUS",
    "AT+CIFSR",
    "AT+CIPDINFO=1",
    "AT+SYSMSG=7",
    "AT+SYSLOG=1",
    "AT+SYSSTORE=0",
    "AT+CIPDOMAIN=\"example.com\"",
    "AT+PING=\"192.0.2.1\"",
    "AT+UART_CUR=9600,8,1,0,0",
    "AT+GSLP=1000",
    "AT+RST",
    "AT+RESTORE",
    "test",
    "",
];

/// libFuzzer's dictionary: names of commands, what stands in their arguments, and the words of transcripts.
#[must_use]
pub fn dictionary() -> String {
    let mut out = String::from(
        "# Made by `UPDATE=1 cargo test -p espat-script --test corpus` from the table of commands.\n",
    );
    let mut add = |text: &str| {
        let escaped = text
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\r', "\\x0d")
            .replace('\n', "\\x0a");
        out.push_str(&format!("\"{escaped}\"\n"));
    };
    let names = espat_core::profile::PROFILES
        .iter()
        .flat_map(|p| commands_of(p))
        .map(|c| c.name);
    let names: std::collections::BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
    names.iter().for_each(|name| add(name));
    WORDS.iter().for_each(|word| add(word));
    out
}

/// Serial bytes, whole and in pieces: the outcome must be the same. The first byte chooses the pieces.
///
/// # Panics
/// A law is broken.
pub fn framer(data: &[u8]) {
    let (&seed, bytes) = data.split_first().unwrap_or((&0, &[]));
    let ways = [
        Way::Lines,
        Way::Random(u64::from(seed)),
        Way::Bytes,
        Way::Credit,
    ];
    let mut first: Option<(Vec<Observed>, Way)> = None;
    for way in ways {
        let mut driver = Driver::new(
            &ModuleConfig {
                timing: Timing::Fast,
                ..ModuleConfig::new()
            },
            way,
        );
        for write in bytes.split_inclusive(|&b| b == 0xff) {
            driver.send(write);
            driver.answer_all();
            driver.pass(Duration::from_millis(30));
        }
        driver.finish();
        let (log, sim_way) = first.get_or_insert_with(|| (driver.log.clone(), way));
        assert!(
            *log == driver.log,
            "{} and {} differ\n{}",
            sim_way.name(),
            way.name(),
            crate::ways::difference(log, &driver.log)
        );
    }
}

/// A command of the table with any arguments: exactly one result. The first byte chooses the command, the second the
/// state in which it comes.
///
/// # Panics
/// A law is broken.
pub fn args(data: &[u8]) {
    let [command, state, rest @ ..] = data else {
        return;
    };
    let config = ModuleConfig {
        timing: Timing::Fast,
        serial_credit: 1 << 20,
        ..ModuleConfig::new()
    };
    let mut driver = Driver::new(&config, Way::Lines);
    const STATES: &[&[&str]] = &[
        &[],
        &["AT+CWMODE=1", "AT+CWJAP=\"espat\",\"password\""],
        &[
            "AT+CWMODE=1",
            "AT+CWJAP=\"espat\",\"password\"",
            "AT+CIPSTART=\"TCP\",\"192.0.2.1\",80",
        ],
        &[
            "AT+CWJAP=\"espat\",\"password\"",
            "AT+CIPMUX=1",
            "AT+CIPSERVER=1,80",
            "AT+CIPSTART=1,\"UDP\",\"192.0.2.1\",1000,2000,2",
        ],
    ];
    for line in STATES[usize::from(*state) % STATES.len()] {
        driver.line(line.as_bytes());
    }
    let commands: Vec<_> = commands_of(config.profile)
        .filter(|c| c.forms.contains(&Form::Set))
        .collect();
    let Some(command) = commands.get(usize::from(*command) % commands.len().max(1)) else {
        return;
    };
    let rest: Vec<u8> = rest
        .iter()
        .copied()
        .filter(|b| *b != b'\r' && *b != b'\n')
        .take(220)
        .collect();
    let before = driver.results();
    driver.line(&[format!("AT{}=", command.name).as_bytes(), &rest].concat());
    driver.end_payload();
    let results = driver.results() - before;
    assert!(
        results == 1,
        "AT{}={}: {results} results",
        command.name,
        Text::bytes(&rest)
    );
    driver.finish();
}

/// A host MCU and a network that do anything, in any order.
///
/// # Panics
/// A law is broken.
pub fn module(data: &[u8]) {
    let (&setup, mut rest) = data.split_first().unwrap_or((&0, &[]));
    let mut config = ModuleConfig::new();
    config.timing = if setup & 1 == 0 {
        Timing::Fast
    } else {
        Timing::Realistic
    };
    config.reports = if setup & 2 == 0 {
        espat_core::Reports::Between
    } else {
        espat_core::Reports::Anywhere
    };
    config.durable = setup & 4 != 0;
    config.log_port = match setup >> 3 & 3 {
        0 | 1 => espat_core::LogPort::Off,
        2 => espat_core::LogPort::Shared,
        _ => espat_core::LogPort::Separate,
    };
    config.seed = u64::from(setup);
    let mut driver = Driver::new(&config, Way::Random(u64::from(setup)));
    while let [op, tail @ ..] = rest {
        rest = driver.act(*op, tail);
        driver.observe();
    }
    driver.finish();
}

/// A transcript: what can be read must read the same after it was printed.
///
/// # Panics
/// A law is broken.
pub fn script(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(script) = Script::parse(text, "fuzz.at") else {
        return;
    };
    let printed = script.print();
    let again = Script::parse(&printed, "fuzz.at")
        .unwrap_or_else(|error| panic!("{error}\nprinted from:\n{text}"));
    let kinds = |script: &Script| {
        script
            .lines
            .iter()
            .map(|line| line.kind.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&script), kinds(&again), "printed:\n{printed}");
    assert_eq!(printed, again.print());
}

const WORDS: &[&str] = &[
    "AT+",
    "\r\n",
    "=?",
    "?\r\n",
    "=",
    ",",
    "\"",
    "+++",
    "\\0",
    "\\,",
    "\"TCP\"",
    "\"UDP\"",
    "\"TCPv6\"",
    "\"192.0.2.1\"",
    "\"example.com\"",
    "\"::1\"",
    "0x",
    "-1",
    "2147483648",
    "-> ",
    "<- ",
    "=> ",
    "<= ",
    "~ ",
    "@given ",
    "@ap ",
    "@nvs ",
    "s0 connect tcp ",
    "s0 send ",
    "s0 data ",
    "q0 resolve ",
    "$p0.ip",
    "$p0.port",
    "{any}",
    "{int}",
    "{secret}",
    "{payload 1 crc32:00000000}",
    "\"ab\"*9",
    "\\x00",
    "30ms",
    "idle",
    "output",
    "to=",
    "name=",
    "from=",
    "wire=",
];

/// A simulated module whose requests are answered by choice.
#[derive(Debug)]
pub struct Driver {
    sim: Sim<Module>,
    /// Requests without an answer.
    open: Vec<Request>,
    /// Listeners and sockets that came up.
    live: Vec<(Handle, bool)>,
    clients: u32,
    off: bool,
    log: Vec<Observed>,
}

impl Driver {
    /// Powers a module on and lets it come up.
    ///
    /// # Panics
    /// The configuration is no module's, or a law is broken.
    #[must_use]
    pub fn new(config: &ModuleConfig, way: Way) -> Self {
        let sim = Sim::new(config, way).unwrap_or_else(|error| panic!("{error}"));
        let mut driver = Self {
            sim,
            open: Vec::new(),
            live: Vec::new(),
            clients: 0,
            off: false,
            log: Vec::new(),
        };
        driver.pass(Duration::from_secs(2));
        driver
    }

    /// Everything that came out so far.
    #[must_use]
    pub fn log(&self) -> &[Observed] {
        &self.log
    }

    /// The simulated module.
    pub fn sim(&mut self) -> &mut Sim<Module> {
        &mut self.sim
    }

    /// Sends serial bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        held(self.sim.send(bytes));
        self.observe();
    }

    /// Sends a line, answers what it asks of the world in a friendly way, and lets its timers run.
    pub fn line(&mut self, line: &[u8]) {
        let prompts = self.sim.runs(Mark::Prompt);
        self.send(&[line, b"\r\n"].concat());
        if self.sim.runs(Mark::Prompt) == prompts {
            self.settle();
        }
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        held(self.sim.time(TimeStep::For(time)));
        self.observe();
    }

    /// Answers all requests in a friendly way.
    pub fn answer_all(&mut self) {
        while !self.open.is_empty() {
            self.answer(0, None);
        }
    }

    /// Results of commands so far, those that only opened a payload left out.
    #[must_use]
    pub fn results(&self) -> usize {
        self.sim.runs(Mark::Result) - self.sim.runs(Mark::Prompt)
    }

    /// Gives a command that waits for payload all of it, and answers what follows.
    pub fn end_payload(&mut self) {
        const PAYLOAD_MAX: usize = 10_000;
        let received = self.sim.runs(Mark::Recv);
        for _ in 0..PAYLOAD_MAX {
            if !self.sim.engine().inspect().is_busy() || self.sim.runs(Mark::Recv) != received {
                break;
            }
            self.send(b"x");
        }
        self.settle();
    }

    /// Lets the host MCU read and all timers run out.
    ///
    /// # Panics
    /// A law is broken.
    pub fn finish(&mut self) {
        held(self.sim.stall(false));
        self.observe();
        self.answer_all();
        held(self.sim.time(TimeStep::Idle));
        self.observe();
    }

    /// Answers and waits until no command runs, or one wants payload.
    fn settle(&mut self) {
        const PATIENCE_S: usize = 120;
        let prompts = self.sim.runs(Mark::Prompt);
        for _ in 0..PATIENCE_S {
            self.answer_all();
            self.pass(Duration::from_secs(1));
            let wants_payload = self.sim.runs(Mark::Prompt) != prompts;
            if self.open.is_empty() && (wants_payload || !self.sim.engine().inspect().is_busy()) {
                return;
            }
        }
    }

    fn observe(&mut self) {
        while let Some(observed) = held(self.sim.observe(Want::Nothing)) {
            if let Some(request) = observed.as_request() {
                self.note(request);
            }
            self.log.push(observed);
        }
    }

    fn note(&mut self, request: Request) {
        match &request {
            Request::Net(handle, NetAsk::Close(_)) => {
                self.live.retain(|(live, _)| live != handle);
                self.open
                    .retain(|open| !matches!(open, Request::Net(h, _) if h == handle));
            }
            Request::Net(handle, NetAsk::CancelSend | NetAsk::Cancel) => {
                self.open
                    .retain(|open| !matches!(open, Request::Net(h, _) if h == handle));
            }
            Request::Net(_, NetAsk::Options(_)) | Request::Uart(_) | Request::Log(_) => {}
            Request::Net(..) | Request::Store(_) | Request::StoreErase => self.open.push(request),
        }
    }

    /// Answers one open request, as a friendly world does or with an error.
    fn answer(&mut self, index: usize, error: Option<NetError>) {
        if self.open.is_empty() {
            return;
        }
        let is_store = |r: &Request| matches!(r, Request::Store(_) | Request::StoreErase);
        let mut index = index % self.open.len();
        if is_store(&self.open[index]) {
            // Writes end in their order.
            index = self.open.iter().position(is_store).unwrap_or(index);
        }
        let request = self.open.remove(index);
        let event = match (&request, error) {
            (Request::Net(handle, ask), error) => match happening(ask, error) {
                Some(what) => {
                    self.note_answer(*handle, &what);
                    Event::Net(*handle, what)
                }
                None => return,
            },
            (_, None) => Event::Stored(Ok(())),
            (_, Some(_)) => Event::Stored(Err(espat_core::StoreError::Full)),
        };
        held(self.sim.world(&event));
        self.observe();
    }

    fn note_answer(&mut self, handle: Handle, what: &NetHappening) {
        if matches!(
            what,
            NetHappening::Connected(_) | NetHappening::Listening(_)
        ) {
            self.live
                .push((handle, matches!(what, NetHappening::Listening(_))));
        }
    }

    /// Does what the next bytes of a fuzz input say; gives the bytes after them.
    fn act<'a>(&mut self, op: u8, tail: &'a [u8]) -> &'a [u8] {
        let (&arg, rest) = tail.split_first().unwrap_or((&0, &[]));
        let n = usize::from(arg);
        match op % 12 {
            0 | 1 => {
                let (bytes, rest) = rest.split_at(n.min(rest.len()));
                self.send(bytes);
                return rest;
            }
            2 | 3 => self.send(&[LINES[n % LINES.len()].as_bytes(), b"\r\n"].concat()),
            4 => self.pass(Duration::from_millis(u64::from(arg) * u64::from(arg))),
            5 => self.answer(n, None),
            6 => self.answer(n >> 3, Some(ERRORS[n % ERRORS.len()])),
            7 => self.data(n),
            8 => self.close(n),
            9 => self.accept(),
            10 => self.power(n),
            _ => match n % 4 {
                0 => held(self.sim.time(TimeStep::Break)),
                1 => held(self.sim.stall(true)),
                2 => held(self.sim.stall(false)),
                _ => held(self.sim.stray(stray(n))),
            },
        }
        rest
    }

    fn pick(&self, n: usize, listener: bool) -> Option<Handle> {
        let of_kind: Vec<Handle> = self
            .live
            .iter()
            .filter(|(_, l)| *l == listener)
            .map(|(h, _)| *h)
            .collect();
        of_kind.get(n % of_kind.len().max(1)).copied()
    }

    fn data(&mut self, n: usize) {
        if let Some(handle) = self.pick(n & 7, false) {
            let bytes = Text::bytes(&b"0123456789abcdef".repeat(1 + (n >> 3) * 8));
            let from = Some(std::net::SocketAddr::from(([192, 0, 2, 9], 4000)));
            held(self.sim.world(&Event::Net(
                handle,
                NetHappening::Data {
                    bytes,
                    from,
                    wire: None,
                },
            )));
        }
    }

    fn close(&mut self, n: usize) {
        if let Some(handle) = self.pick(n >> 2, false) {
            let cause = [
                CloseCause::Fin,
                CloseCause::Reset,
                CloseCause::Io,
                CloseCause::Tls,
            ][n & 3];
            self.live.retain(|(live, _)| *live != handle);
            self.open
                .retain(|open| !matches!(open, Request::Net(h, _) if *h == handle));
            held(
                self.sim
                    .world(&Event::Net(handle, NetHappening::Closed(cause))),
            );
        }
    }

    fn accept(&mut self) {
        if let Some(listener) = self.pick(0, true) {
            let socket = Handle::Accepted(self.clients);
            self.clients += 1;
            let peer = std::net::SocketAddr::from(([192, 0, 2, 9], 4711));
            held(self.sim.world(&Event::Net(
                listener,
                NetHappening::Accepted {
                    socket,
                    peer,
                    local: None,
                },
            )));
            self.live.push((socket, false));
        }
    }

    fn power(&mut self, n: usize) {
        let event = match n % 5 {
            0 if self.off => PowerEvent::On,
            0 => PowerEvent::Off,
            1 => PowerEvent::On,
            2 => PowerEvent::Reset,
            3 => PowerEvent::BrownOut,
            _ => PowerEvent::Wake,
        };
        self.off = match event {
            PowerEvent::Off => true,
            PowerEvent::On => false,
            PowerEvent::Reset | PowerEvent::BrownOut | PowerEvent::Wake => self.off,
        };
        held(self.sim.world(&Event::Power(event)));
    }
}

const ERRORS: &[NetError] = &[
    NetError::Refused,
    NetError::TimedOut,
    NetError::Unreachable,
    NetError::Denied,
    NetError::AddressInUse,
    NetError::NotFound,
    NetError::Tls,
    NetError::Other,
];

/// An event about a socket that was never opened.
fn stray(n: usize) -> NetEvent<'static> {
    let socket = SocketId::requested(0x7fff_0000 + u32::try_from(n).unwrap_or_default());
    match n % 5 {
        0 => NetEvent::Connected {
            socket,
            local: std::net::SocketAddr::from(([127, 0, 0, 1], 1)),
        },
        1 => NetEvent::Failed {
            socket,
            error: NetError::Refused,
        },
        2 => NetEvent::Sent { socket, n },
        3 => NetEvent::Data {
            socket,
            from: None,
            bytes: b"stray",
            wire_len: 5,
        },
        _ => NetEvent::Closed {
            socket,
            cause: CloseCause::Fin,
        },
    }
}

/// What answers a request; `None` where nothing does.
fn happening(ask: &NetAsk, error: Option<NetError>) -> Option<NetHappening> {
    let local = std::net::SocketAddr::from(([192, 0, 2, 50], 50000));
    let what = match (ask, error) {
        (NetAsk::Connect { .. } | NetAsk::Listen { .. }, Some(error))
        | (NetAsk::Resolve { .. } | NetAsk::Ping { .. } | NetAsk::TimeSync { .. }, Some(error)) => {
            NetHappening::Failed(error)
        }
        (NetAsk::Connect { .. }, None) => NetHappening::Connected(local),
        (NetAsk::Listen { port, .. }, None) => NetHappening::Listening(*port),
        (NetAsk::Send { bytes, .. }, _) => NetHappening::Sent(
            bytes
                .resolve(&crate::matching::Names::default())
                .map_or(0, |bytes| bytes.len()),
        ),
        (NetAsk::Resolve { .. }, None) => NetHappening::Resolved(vec![[192, 0, 2, 1].into()]),
        (NetAsk::Ping { .. }, None) => NetHappening::Pong(Duration::from_millis(12)),
        (NetAsk::TimeSync { .. }, None) => NetHappening::Time(1_700_000_000_000_000),
        (NetAsk::CancelSend | NetAsk::Options(_) | NetAsk::Close(_) | NetAsk::Cancel, _) => {
            return None;
        }
    };
    Some(what)
}

fn held<T>(result: Result<T, String>) -> T {
    result.unwrap_or_else(|broken| panic!("{broken}"))
}
