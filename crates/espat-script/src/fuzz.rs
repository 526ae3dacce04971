//! What the fuzz targets do with their bytes, and what the property tests do with random ones. Each function panics when
//! a law of the module or of the parser is broken; fuzz/ calls them from libFuzzer, tests/corpus.rs with the kept corpus.

use std::collections::BTreeSet;

use espat_core::fault::{Action, FaultPlan, LinkAction, SendAction};
use espat_core::profile::PROFILES;
use espat_core::{Duration, Form, LogPort, ModuleConfig, Reports, Timing, commands_of};

use crate::fault::random_plan;
use crate::script::Script;
use crate::session::Session;
use crate::sim::Way;
use crate::target::Observed;
use crate::text::Text;

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
    "AT+CIPSNTPCFG=1,-330,\"192.0.2.1\",\"example.com\"",
    "AT+CIUPDATE",
    "AT+CIUPDATE=0,\"v1\",\"client_ca\",1",
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
    let names = PROFILES.iter().flat_map(|p| commands_of(p)).map(|c| c.name);
    let names: BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
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
        let mut session = Session::new(
            &ModuleConfig {
                timing: Timing::Fast,
                ..ModuleConfig::new()
            },
            way,
        );
        for write in bytes.split_inclusive(|&b| b == 0xff) {
            session.send(write);
            session.answer_all();
            session.pass(Duration::from_millis(30));
        }
        session.finish();
        let (log, sim_way) = first.get_or_insert_with(|| (session.log().to_vec(), way));
        assert!(
            log.as_slice() == session.log(),
            "{} and {} differ\n{}",
            sim_way.name(),
            way.name(),
            crate::ways::difference(log, session.log())
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
    let mut session = Session::new(&config, Way::Lines);
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
        session.line(line.as_bytes());
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
    let before = session.results();
    session.line(&[format!("AT{}=", command.name).as_bytes(), &rest].concat());
    session.end_payload();
    let results = session.results() - before;
    assert!(
        results == 1,
        "AT{}={}: {results} results",
        command.name,
        Text::bytes(&rest)
    );
    session.finish();
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
        Reports::Between
    } else {
        Reports::Anywhere
    };
    config.durable = setup & 4 != 0;
    config.log_port = match setup >> 3 & 3 {
        0 | 1 => LogPort::Off,
        2 => LogPort::Shared,
        _ => LogPort::Separate,
    };
    config.seed = u64::from(setup);
    let mut session = Session::new(&config, Way::Random(u64::from(setup)));
    while let [op, tail @ ..] = rest {
        rest = session.act(*op, tail);
        session.observe();
    }
    session.finish();
}

/// The same under a random fault plan, twice and cut in every way: the outcome must be the same. The first bytes choose the plan.
///
/// # Panics
/// A law is broken.
pub fn faults(data: &[u8]) {
    let (head, rest) = data.split_at(data.len().min(4));
    let seed = head
        .iter()
        .fold(0, |seed, &byte| seed << 8 | u64::from(byte));
    let plans = [random_plan(seed), random_plan(seed ^ 0x5eed_0000)];
    let plans = &plans[..=usize::from(seed % 3 == 0)];
    let mut ways = vec![Way::Lines, Way::Lines];
    if !plans.iter().any(answers_at_once) {
        ways.extend([Way::Random(seed), Way::Bytes, Way::Credit]);
    }
    let mut first: Option<Vec<Observed>> = None;
    for way in ways {
        let log = under_faults(plans, way, rest);
        let expected = first.get_or_insert_with(|| log.clone());
        assert!(
            *expected == log,
            "{} differs\n{}\n{plans:#?}",
            way.name(),
            crate::ways::difference(expected, &log)
        );
    }
}

/// Whether a plan answers for the network at the instant of the request: what the host has sent after it then meets the answer or
/// the request, as it was cut.
fn answers_at_once(plan: &FaultPlan) -> bool {
    let mut actions = plan.rules.iter().flat_map(|rule| &rule.actions);
    actions.any(|action| {
        matches!(
            action,
            Action::Send(SendAction::Fail { .. })
                | Action::Link(LinkAction::HalfClose | LinkAction::Silence(_))
                | Action::Fail {
                    after: Duration::ZERO,
                    ..
                }
        )
    })
}

/// More than this cannot stand in a module and a layer around it: what the module may hold, and what plans put in.
const HELD_MAX: usize = 1 << 20;

fn under_faults(plans: &[FaultPlan], way: Way, mut rest: &[u8]) -> Vec<Observed> {
    let config = ModuleConfig {
        timing: if rest.len().is_multiple_of(2) {
            Timing::Fast
        } else {
            Timing::Realistic
        },
        serial_credit: 1 << 16,
        ..ModuleConfig::new()
    };
    let mut session = Session::with_faults(&config, plans, way);
    while let [op, tail @ ..] = rest {
        // A host that does not read gets as much as its credit is, and what comes while output waits for it depends on that too.
        let is_little = |arg: &u8| *arg < 0x40;
        let is_skipped = match op % 12 {
            7 => !tail.first().is_some_and(is_little),
            op => op == 11,
        };
        rest = if is_skipped {
            tail.get(1..).unwrap_or_default()
        } else {
            session.act(*op, tail)
        };
        session.observe();
        let engine = session.sim().engine();
        let held = engine.bytes_held() + engine.inspect().bytes_held();
        assert!(held <= HELD_MAX, "{held} bytes are held");
    }
    session.finish();
    session.log().to_vec()
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
