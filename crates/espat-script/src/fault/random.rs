//! Random plans: every trigger and every action, for tests and fuzz targets.

use std::net::Ipv4Addr;

use espat_core::fault::{
    Action, ByteAction, Counter, EventKind, FaultPlan, InsertPlace, Inserted, Lie, LinkAction,
    ListedLinks, Moved, Occurrence, Pattern, Probability, ReportPlace, RequestKind, ResetBy, Rule,
    RunMark, SendAction, Span, StateKind, Trigger, Way, WifiAction,
};
use espat_core::{CloseCause, Duration, Mark, NetError, StoreError};

use crate::simulate::Dice;

const PATTERNS: &[&str] = &["AT+CIPSEND*", "AT+CIPSTART*", "AT*", "AT+CW*", "*=*", "AT"];
const TEXTS: &[&str] = &["*OK*", "*", "+IPD*", "*SEND*", "AT*"];
const MARKS: &[Mark] = &[
    Mark::Echo,
    Mark::Line,
    Mark::Result,
    Mark::Prompt,
    Mark::Recv,
    Mark::Report,
    Mark::Payload,
    Mark::Boot,
];
const EVENTS: &[EventKind] = &[
    EventKind::Reset,
    EventKind::Ready,
    EventKind::WifiConnected,
    EventKind::GotIp,
    EventKind::WifiLost,
    EventKind::Resolve,
    EventKind::Dial,
    EventKind::Connect,
    EventKind::Data,
    EventKind::Send,
    EventKind::Sent,
    EventKind::Closed,
    EventKind::Result,
    EventKind::Prompt,
];
const STATES: &[StateKind] = &[
    StateKind::Idle,
    StateKind::Busy,
    StateKind::Payload,
    StateKind::Passthrough,
    StateKind::Down,
    StateKind::Joined,
    StateKind::Unjoined,
    StateKind::LinkOpen,
    StateKind::NoLink,
    StateKind::DnsUnset,
];
const COUNTERS: &[Counter] = &[
    Counter::SerialIn,
    Counter::SerialOut,
    Counter::LinkSent,
    Counter::LinkReceived,
    Counter::Upgraded,
];
const PLACES: &[ReportPlace] = &[
    ReportPlace::InsideEcho,
    ReportPlace::BeforePrompt,
    ReportPlace::AfterPrompt,
    ReportPlace::BeforeRecv,
    ReportPlace::BeforeSendOk,
];
const REQUESTS: &[RequestKind] = &[
    RequestKind::Resolve,
    RequestKind::Connect,
    RequestKind::Handshake,
    RequestKind::TimeSync,
    RequestKind::Upgrade,
];
const CAUSES: &[CloseCause] = &[
    CloseCause::Fin,
    CloseCause::Reset,
    CloseCause::Tls,
    CloseCause::Io,
];

/// The plan of a seed: one to four rules.
#[must_use]
pub fn random_plan(seed: u64) -> FaultPlan {
    let dice = &mut Dice::new(seed);
    let rules = (0..=dice.below(3)).map(|number| {
        let (first, second) = (action(dice), action(dice));
        let mut actions = vec![first];
        // Actions of one rule work at one moment.
        if second.moment().is_none() || second.moment() == actions[0].moment() {
            actions.push(second);
        }
        // What brings its own moment again and again takes most of a run's time and does nothing else.
        let repeats =
            |action: &Action| matches!(action, Action::Reset { .. } | Action::HoldBusy(_));
        let always = if actions.iter().any(repeats) { 0 } else { 50 };
        Rule {
            name: (number == 0).then(|| "first".into()),
            trigger: trigger(dice, &actions, number),
            actions,
            times: dice
                .percent(100 - always)
                .then(|| u32::try_from(1 + dice.below(3)).unwrap_or(1)),
        }
    });
    FaultPlan {
        name: format!("random-{seed}"),
        rules: rules.collect(),
        seed,
    }
}

fn one<T: Clone>(dice: &mut Dice, from: &[T]) -> T {
    from[dice.below(from.len())].clone()
}

fn time(dice: &mut Dice) -> Duration {
    let us = match dice.below(4) {
        0 => 0,
        1 => dice.below(2_000),
        2 => dice.below(200_000),
        _ => dice.below(20_000_000),
    };
    Duration::from_micros(u64::try_from(us).unwrap_or_default())
}

fn maybe_time(dice: &mut Dice) -> Option<Duration> {
    dice.percent(70).then(|| time(dice))
}

fn trigger(dice: &mut Dice, actions: &[Action], number: usize) -> Trigger {
    let own = actions.iter().find_map(Action::moment);
    let mut trigger = Trigger::default();
    if dice.percent(30) {
        trigger.command = Some(Pattern::new(one(dice, PATTERNS)));
    }
    if own.is_none() {
        match dice.below(6) {
            0 | 1 => trigger.event = Some(one(dice, EVENTS)),
            2 if number > 0 => trigger.event = Some(EventKind::Rule("first".into())),
            2 | 3 => {
                let bytes = u64::try_from(1 + dice.below(500)).unwrap_or(1);
                let what = one(dice, COUNTERS);
                trigger.moved = Some(Moved { what, bytes });
            }
            4 => trigger.uptime = Some(time(dice)),
            _ => trigger.state = Some(one(dice, STATES)),
        }
        if dice.percent(40) {
            trigger.after = time(dice);
        }
    } else if actions
        .iter()
        .any(|a| matches!(a, Action::Bytes(Way::Out, _)))
    {
        if dice.percent(70) {
            trigger.mark = Some(RunMark::Out(one(dice, MARKS)));
        }
        if dice.percent(30) {
            trigger.text = Some(Pattern::new(one(dice, TEXTS)));
        }
    } else if actions
        .iter()
        .any(|a| matches!(a, Action::Bytes(Way::In, _)))
    {
        if dice.percent(30) {
            trigger.mark = Some(one(dice, &[RunMark::Line, RunMark::Data]));
        }
        if dice.percent(40) {
            trigger.text = Some(Pattern::new(one(dice, TEXTS)));
        }
    }
    trigger.occurrence = match dice.below(6) {
        0 => Occurrence::These(vec![1, u32::try_from(2 + dice.below(4)).unwrap_or(2)]),
        1 => Occurrence::Every(u32::try_from(1 + dice.below(4)).unwrap_or(1)),
        2 => Occurrence::From(u32::try_from(1 + dice.below(4)).unwrap_or(1)),
        _ => Occurrence::Each,
    };
    if dice.percent(30) {
        let chance = u32::try_from(1 + dice.below(1_000_000)).unwrap_or(1);
        trigger.probability = Probability(chance);
    }
    if dice.percent(10) {
        trigger.link = Some(u8::try_from(dice.below(3)).unwrap_or_default());
    }
    trigger
}

fn span(dice: &mut Dice) -> Span {
    Span {
        at: dice.percent(50).then(|| dice.below(12)),
        bytes: dice.percent(60).then(|| 1 + dice.below(6)),
    }
}

fn byte_action(dice: &mut Dice) -> ByteAction {
    match dice.below(7) {
        0 => ByteAction::Delay {
            by: time(dice),
            jitter: time(dice),
        },
        1 => ByteAction::Split {
            piece: 1 + dice.below(5),
            gap: time(dice),
        },
        2 => ByteAction::Merge {
            runs: 2 + dice.below(3),
            within: time(dice),
        },
        3 => ByteAction::Drop(span(dice)),
        4 => ByteAction::Flip {
            span: span(dice),
            bits: u8::try_from(1 + dice.below(8)).unwrap_or(1),
        },
        5 => ByteAction::Duplicate {
            span: span(dice),
            copies: 1 + dice.below(3),
        },
        _ => ByteAction::Insert {
            bytes: if dice.percent(50) {
                Inserted::Noise(1 + dice.below(20))
            } else {
                Inserted::Bytes(b"\r\nAT\r\n".to_vec())
            },
            place: match dice.below(3) {
                0 => InsertPlace::Before,
                1 => InsertPlace::After,
                _ => InsertPlace::At(dice.below(9)),
            },
        },
    }
}

#[allow(clippy::too_many_lines, reason = "an arm an action")]
fn action(dice: &mut Dice) -> Action {
    match dice.below(20) {
        0..3 => Action::Bytes(Way::Out, byte_action(dice)),
        3..5 => Action::Bytes(Way::In, byte_action(dice)),
        5 => Action::Send(one(
            dice,
            &[
                SendAction::WithholdOk(None),
                SendAction::WithholdOk(Some(Duration::from_secs(3))),
                SendAction::DoubleOk,
                SendAction::Fail { delivered: true },
                SendAction::Fail { delivered: false },
                SendAction::LosePrompt,
            ],
        )),
        6 => Action::HoldBusy(time(dice)),
        7 => Action::PutReport {
            place: one(dice, PLACES),
            hold: time(dice),
        },
        8 | 9 => Action::Link(match dice.below(4) {
            0 => LinkAction::Close(one(dice, CAUSES)),
            1 => LinkAction::HalfClose,
            2 => LinkAction::Silence(maybe_time(dice)),
            _ => LinkAction::Stall(maybe_time(dice)),
        }),
        10 => Action::Overrun {
            bytes: 1 + dice.below(40),
            at: dice.percent(50).then(|| dice.below(20)),
        },
        11 => Action::Fail {
            what: one(dice, REQUESTS),
            error: one(
                dice,
                &[NetError::Refused, NetError::NotFound, NetError::Tls],
            ),
            after: time(dice),
        },
        12 => Action::Slow {
            what: one(dice, REQUESTS),
            by: time(dice),
        },
        13 => Action::WrongTime(u64::try_from(dice.below(1 << 31)).unwrap_or_default()),
        14 => Action::Wifi(match dice.below(3) {
            0 => WifiAction::Lose(maybe_time(dice)),
            1 => WifiAction::Return,
            _ => WifiAction::Address(Ipv4Addr::new(192, 0, 2, 99)),
        }),
        15 => Action::Lie {
            lie: Lie {
                status: Some(u8::try_from(dice.below(6)).unwrap_or_default()),
                links: one(
                    dice,
                    &[None, Some(ListedLinks::Kept), Some(ListedLinks::Hidden)],
                ),
                joined: one(dice, &[None, Some(true), Some(false)]),
            },
            lasts: maybe_time(dice),
        },
        16 => Action::Reset {
            noise: dice.percent(50),
            defaults: dice.percent(50),
            cause: one(dice, &[ResetBy::BrownOut, ResetBy::Watchdog, ResetBy::Pin]),
            keeps: dice.percent(30).then(|| dice.below(12)),
        },
        17 if dice.percent(30) => Action::FailWrite(StoreError::Full),
        17 if dice.percent(50) => Action::Hang,
        17 => Action::Baud(one(dice, &[9600, 57_600, 74_880, 230_400])),
        18 => Action::LinksMax {
            links: u8::try_from(dice.below(6)).unwrap_or_default(),
            lasts: maybe_time(dice),
        },
        _ => Action::OutOfMemory {
            lasts: maybe_time(dice),
        },
    }
}
