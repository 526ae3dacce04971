//! `when`: at which moments a rule acts.

use espat_core::Mark;
use espat_core::fault::{
    Counter, EventKind, Moved, Occurrence, Pattern, Probability, RunMark, StateKind, Trigger, Way,
};

use super::table::{Source, Table, hint};
use crate::error::ScriptError;

const EVENTS: &[(&str, EventKind)] = &[
    ("reset", EventKind::Reset),
    ("ready", EventKind::Ready),
    ("wifi-connected", EventKind::WifiConnected),
    ("got-ip", EventKind::GotIp),
    ("wifi-lost", EventKind::WifiLost),
    ("resolve", EventKind::Resolve),
    ("dial", EventKind::Dial),
    ("connect", EventKind::Connect),
    ("data", EventKind::Data),
    ("send", EventKind::Send),
    ("sent", EventKind::Sent),
    ("closed", EventKind::Closed),
    ("result", EventKind::Result),
    ("prompt", EventKind::Prompt),
];

const STATES: &[(&str, StateKind)] = &[
    ("idle", StateKind::Idle),
    ("busy", StateKind::Busy),
    ("payload", StateKind::Payload),
    ("passthrough", StateKind::Passthrough),
    ("down", StateKind::Down),
    ("joined", StateKind::Joined),
    ("unjoined", StateKind::Unjoined),
    ("link-open", StateKind::LinkOpen),
    ("no-link", StateKind::NoLink),
    ("dns-unset", StateKind::DnsUnset),
];

const OUT_MARKS: &[(&str, RunMark)] = &[
    ("echo", RunMark::Out(Mark::Echo)),
    ("line", RunMark::Out(Mark::Line)),
    ("result", RunMark::Out(Mark::Result)),
    ("prompt", RunMark::Out(Mark::Prompt)),
    ("recv", RunMark::Out(Mark::Recv)),
    ("report", RunMark::Out(Mark::Report)),
    ("payload", RunMark::Out(Mark::Payload)),
    ("boot", RunMark::Out(Mark::Boot)),
    ("log", RunMark::Out(Mark::Log)),
];

const IN_MARKS: &[(&str, RunMark)] = &[("line", RunMark::Line), ("payload", RunMark::Data)];

const COUNTERS: &[(&str, Counter)] = &[
    ("serial-in", Counter::SerialIn),
    ("serial-out", Counter::SerialOut),
    ("link-sent", Counter::LinkSent),
    ("link-received", Counter::LinkReceived),
    ("upgraded", Counter::Upgraded),
];

/// Reads `when`. `way`: where the serial bytes go that the rule's actions work on.
pub(super) fn read(
    source: &Source<'_>,
    when: &Table<'_>,
    way: Option<Way>,
) -> Result<Trigger, ScriptError> {
    let marks = if way == Some(Way::In) {
        IN_MARKS
    } else {
        OUT_MARKS
    };
    let command = when.text("command")?;
    let text = when.text("text")?;
    let pattern = |found: &super::table::Found<String>| Pattern::new(&found.value);
    let link = when.number("link", 0..=4)?;
    Ok(Trigger {
        command: command.as_ref().map(pattern),
        occurrence: occurrence(source, when)?,
        link: link.and_then(|link| u8::try_from(link).ok()),
        moved: moved(when)?,
        uptime: when.time("uptime")?,
        event: event(source, when)?,
        after: when.time("after")?.unwrap_or_default(),
        state: when.word("state", STATES)?,
        probability: probability(when)?,
        mark: when.word("mark", marks)?,
        text: text.as_ref().map(pattern),
    })
}

fn event(source: &Source<'_>, when: &Table<'_>) -> Result<Option<EventKind>, ScriptError> {
    let Some(found) = when.text("event")? else {
        return Ok(None);
    };
    if let Some(name) = found.value.strip_prefix("fault ") {
        return Ok(Some(EventKind::Rule(name.to_owned())));
    }
    let known = EVENTS.iter().find(|(word, _)| *word == found.value);
    if let Some((_, event)) = known {
        return Ok(Some(event.clone()));
    }
    let words = EVENTS.iter().map(|(word, _)| *word);
    let hint = hint(&found.value, words.chain(["fault NAME"]));
    let message = format!("there is no `event = \"{}\"`; {hint}", found.value);
    Err(found.wrong(source, message))
}

fn moved(when: &Table<'_>) -> Result<Option<Moved>, ScriptError> {
    let mut moved = None;
    for (key, what) in COUNTERS {
        if let Some(bytes) = when.number(key, 1..=i64::MAX)? {
            if moved.is_some() {
                let message =
                    format!("`{key}` is a second number of bytes; one fault waits for one");
                return Err(when.wrong(key, message));
            }
            let bytes = u64::try_from(bytes).unwrap_or_default();
            moved = Some(Moved { what: *what, bytes });
        }
    }
    Ok(moved)
}

fn probability(when: &Table<'_>) -> Result<Probability, ScriptError> {
    let Some(item) = when.item("probability") else {
        return Ok(Probability::CERTAIN);
    };
    let whole = |number: i64| f64::from(i32::try_from(number).unwrap_or(i32::MAX));
    let number = item.as_float().or_else(|| item.as_integer().map(whole));
    match number.filter(|number| *number >= 1e-6 && *number <= 1.0) {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number from 1 to a million"
        )]
        Some(number) => Ok(Probability((number * 1e6).round() as u32)),
        None => Err(when.wrong(
            "probability",
            "`probability` is a number from 0.000001 to 1: 0.25 is once in four times",
        )),
    }
}

/// `2`, `[1, 3]`, `"every 3"`, `"from 2"`.
fn occurrence(source: &Source<'_>, when: &Table<'_>) -> Result<Occurrence, ScriptError> {
    let Some(item) = when.item("occurrence") else {
        return Ok(Occurrence::Each);
    };
    let wrong = || {
        let message = "`occurrence` counts from 1: 2, [1, 3], \"every 3\" or \"from 2\"";
        source.error(item.span().or_else(|| when.span("occurrence")), message)
    };
    let number = |number: i64| u32::try_from(number).ok().filter(|&n| n > 0);
    let found = if let Some(one) = item.as_integer() {
        number(one).map(|n| Occurrence::These(vec![n]))
    } else if let Some(list) = item.as_array() {
        let these = list.iter().map(|value| number(value.as_integer()?));
        let these: Option<Vec<u32>> = these.collect();
        these.filter(|t| !t.is_empty()).map(Occurrence::These)
    } else {
        let words: Vec<&str> = item.as_str().unwrap_or_default().split(' ').collect();
        match words.as_slice() {
            ["every", n] => n.parse().ok().and_then(number).map(Occurrence::Every),
            ["from", n] => n.parse().ok().and_then(number).map(Occurrence::From),
            _ => None,
        }
    };
    found.ok_or_else(wrong)
}
