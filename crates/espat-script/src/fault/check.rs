//! What cannot be: keys and actions that exclude each other, and moments that never come.

use std::collections::HashMap;

use espat_core::fault::{Action, EventKind, MomentKind, ReportPlace, Rule, Trigger};
use toml_edit::TableLike;

use super::action::Do;
use super::table::{Source, Table};
use crate::error::ScriptError;

/// Actions of one rule that undo or exclude each other.
const EXCLUSIVE: &[&[&str]] = &[
    &["close", "half-close", "silence"],
    &["close", "stall"],
    &["withhold-send-ok", "double-send-ok", "fail-send"],
    &["hang", "reset"],
    &["lose-wifi", "return-wifi"],
    &["split", "merge"],
];

/// Keys of which each is a moment.
const MOMENTS: &[&str] = &[
    "event",
    "uptime",
    "serial-in",
    "serial-out",
    "link-sent",
    "link-received",
    "upgraded",
];

/// The actions of a rule go together.
pub(super) fn actions(source: &Source<'_>, actions: &[Do]) -> Result<(), ScriptError> {
    for (index, action) in actions.iter().enumerate() {
        for earlier in &actions[..index] {
            let (a, b) = (earlier.name.as_str(), action.name.as_str());
            let excludes = |group: &&[&str]| group.contains(&a) && group.contains(&b) && a != b;
            if EXCLUSIVE.iter().any(excludes) {
                let message =
                    format!("`{b}` and `{a}` exclude each other; put them into two faults");
                return Err(source.error(action.span.clone(), message));
            }
            let moments = (earlier.action.moment(), action.action.moment());
            if let (Some(first), Some(second)) = moments
                && first != second
            {
                let message = format!(
                    "`{b}` works on {}, `{a}` on {}; put them into two faults",
                    named(second),
                    named(first)
                );
                return Err(source.error(action.span.clone(), message));
            }
        }
    }
    Ok(())
}

/// What a moment is called.
fn named(moment: MomentKind) -> &'static str {
    use espat_core::fault::{RequestKind, Way};
    match moment {
        MomentKind::Run(Way::Out) => "bytes to the host",
        MomentKind::Run(Way::In) => "bytes from the host",
        MomentKind::Request(RequestKind::Resolve) => "resolutions",
        MomentKind::Request(RequestKind::Connect) => "connects",
        MomentKind::Request(RequestKind::Handshake) => "handshakes",
        MomentKind::Request(RequestKind::TimeSync) => "questions to time servers",
        MomentKind::Request(RequestKind::Upgrade) => "upgrades",
        MomentKind::Request(RequestKind::Send) => "sends",
        MomentKind::Request(RequestKind::Data) => "data that arrives",
        MomentKind::Command => "commands",
        MomentKind::Start
        | MomentKind::Event
        | MomentKind::Moved
        | MomentKind::Uptime
        | MomentKind::State => "moments of its own",
    }
}

/// The keys of `when` make one moment that the actions can act at.
pub(super) fn moment(
    source: &Source<'_>,
    when: &Table<'_>,
    trigger: &Trigger,
    actions: &[Do],
) -> Result<(), ScriptError> {
    let mut moments = MOMENTS.iter().filter(|key| when.has(key));
    let first = moments.next();
    if let (Some(first), Some(second)) = (first, moments.next()) {
        let message = format!(
            "`{second}` and `{first}` are two moments; a fault has one. Name the other fault, and \
             let this one wait for it: `event = \"fault NAME\"`"
        );
        return Err(source.error(when.span(second), message));
    }
    let own = actions
        .iter()
        .find_map(|action| Some((action, action.action.moment()?)));
    let run_key = ["mark", "text"].into_iter().find(|key| when.has(key));
    match own {
        Some((action, moment)) => {
            own_moment(source, when, action, moment, first.copied(), run_key)?;
        }
        None => {
            if let (Some(key), Some(other)) = (run_key, first) {
                let message =
                    format!("`{key}` and `{other}` are two moments; leave one of them out");
                return Err(source.error(when.span(key), message));
            }
        }
    }
    places(source, when, actions)?;
    contradictions(source, when, trigger)
}

fn own_moment(
    source: &Source<'_>,
    when: &Table<'_>,
    action: &Do,
    moment: MomentKind,
    first: Option<&str>,
    run_key: Option<&str>,
) -> Result<(), ScriptError> {
    let name = &action.name;
    if let Some(key) = first {
        let message = format!(
            "`{name}` acts on {}: `{key}` cannot be its moment; `command`, `state` and `occurrence` can narrow it down",
            named(moment)
        );
        return Err(source.error(when.span(key), message));
    }
    if when.has("after") {
        let message = format!(
            "`{name}` acts on {} as they come: `after` has no effect on it",
            named(moment)
        );
        return Err(source.error(when.span("after"), message));
    }
    let takes_mark = matches!(action.action, Action::Bytes(..));
    if let Some(key) = run_key.filter(|_| !takes_mark) {
        let message = format!("`{name}` does not choose by `{key}`; leave it out");
        return Err(source.error(when.span(key), message));
    }
    Ok(())
}

/// Reports inside a send need a command that is one.
fn places(source: &Source<'_>, when: &Table<'_>, actions: &[Do]) -> Result<(), ScriptError> {
    let is_in_send = |action: &&Do| matches!(action.action, Action::PutReport { place, .. } if place != ReportPlace::InsideEcho);
    let Some(action) = actions.iter().find(is_in_send) else {
        return Ok(());
    };
    let command = when.text("command")?;
    let can_send = command.as_ref().is_none_or(|command| {
        let head = command
            .value
            .split(['*', '?', '='])
            .next()
            .unwrap_or_default();
        let head = head.to_ascii_uppercase();
        let is_whole = head.len() == command.value.len();
        ["AT+CIPSEND", "AT+CIPSENDEX", "AT+CIPSENDL"]
            .iter()
            .any(|send| {
                if is_whole {
                    *send == head
                } else {
                    send.starts_with(&head)
                }
            })
    });
    let Some(command) = command.filter(|_| !can_send) else {
        return Ok(());
    };
    let message = format!(
        "`{}` puts reports inside a send, and `{}` is none; write `command = \"AT+CIPSEND*\"`, or \
         `place = \"inside-echo\"`",
        action.name, command.value
    );
    Err(command.wrong(source, message))
}

fn contradictions(
    source: &Source<'_>,
    when: &Table<'_>,
    trigger: &Trigger,
) -> Result<(), ScriptError> {
    use espat_core::fault::StateKind;
    let state = trigger.state;
    let complain = |key: &str, other: &str| {
        let message = format!("`{key}` and `{other}` contradict each other: this never happens");
        Err(source.error(when.span(key), message))
    };
    if state == Some(StateKind::NoLink) && trigger.link.is_some() {
        return complain("state", "link");
    }
    let is_of_link = matches!(
        trigger.event,
        Some(EventKind::Data | EventKind::Send | EventKind::Sent)
    );
    if state == Some(StateKind::NoLink) && is_of_link {
        return complain("state", "event");
    }
    if state == Some(StateKind::Down) && trigger.event == Some(EventKind::Ready) {
        return complain("state", "event");
    }
    Ok(())
}

/// Whether the fault `name` comes after the fault `other`, itself or by those that it waits for.
fn waits_for(rules: &[Rule], name: &str, other: &str) -> bool {
    let named = rules.iter().filter_map(|r| Some((r.name.as_deref()?, r)));
    let named: HashMap<&str, &Rule> = named.collect();
    let mut next = name;
    for _ in rules {
        let rule = named.get(next);
        let Some(EventKind::Rule(before)) = rule.and_then(|r| r.trigger.event.as_ref()) else {
            return false;
        };
        if before == other {
            return true;
        }
        next = before;
    }
    false
}

/// What a rule waits for exists, and does not wait for the rule in turn.
pub(super) fn follows(
    source: &Source<'_>,
    table: &dyn TableLike,
    rules: &[Rule],
) -> Result<(), ScriptError> {
    let rule = Table::new(source, table, "a fault", None);
    let Some(when) = rule.table("when", "a fault's `when`")? else {
        return Ok(());
    };
    let Some(event) = when.text("event")? else {
        return Ok(());
    };
    let Some(name) = event.value.strip_prefix("fault ") else {
        return Ok(());
    };
    let own = rule.text("name")?.map(|name| name.value);
    if own.as_deref() == Some(name) {
        return Err(event.wrong(
            source,
            format!("the fault `{name}` waits for itself: it never begins"),
        ));
    }
    if let Some(own) = own
        && waits_for(rules, name, &own)
    {
        let message = format!(
            "the fault `{name}` waits for `{own}`, which waits for it: neither begins; give one of them another moment"
        );
        return Err(event.wrong(source, message));
    }
    let names = rules.iter().filter_map(|rule| rule.name.as_deref());
    if names.clone().any(|known| known == name) {
        return Ok(());
    }
    let names: Vec<&str> = names.collect();
    let message = if names.is_empty() {
        format!("no fault of this plan has a name; give one `name = \"{name}\"`")
    } else {
        format!(
            "there is no fault named `{name}`; {}",
            super::table::hint(name, names.into_iter())
        )
    };
    Err(event.wrong(source, message))
}
