//! `do`: what a rule does.

use std::net::Ipv4Addr;

use espat_core::fault::{
    Action, Lie, LinkAction, ListedLinks, MomentKind, ReportPlace, RequestKind, ResetBy,
    SendAction, Way, WifiAction,
};
use espat_core::{CloseCause, Duration, NetError, StoreError};
use toml_edit::{Item, TableLike, Value};

use super::bytes;
use super::table::{self, Source, Table, hint};
use crate::error::ScriptError;
use crate::event::{CAUSES, ERRORS};

/// An action and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Do {
    pub(super) name: String,
    pub(super) action: Action,
    pub(super) span: table::Span,
}

impl Do {
    /// Where the serial bytes go that it works on.
    pub(super) fn way(&self) -> Option<Way> {
        if let MomentKind::Run(way) = self.action.moment()? {
            Some(way)
        } else {
            None
        }
    }
}

type Read = fn(&Source<'_>, &Table<'_>) -> Result<Action, ScriptError>;

const ACTIONS: &[(&str, Read)] = &[
    ("delay", bytes::delay),
    ("split", bytes::split),
    ("merge", bytes::merge),
    ("drop", bytes::drop_bytes),
    ("flip", bytes::flip),
    ("duplicate", bytes::duplicate),
    ("insert", bytes::insert),
    ("withhold-send-ok", |_, t| {
        Ok(Action::Send(SendAction::WithholdOk(t.time("for")?)))
    }),
    ("double-send-ok", |_, _| {
        Ok(Action::Send(SendAction::DoubleOk))
    }),
    ("fail-send", |_, t| {
        let delivered = t.flag("delivered")?.unwrap_or(false);
        Ok(Action::Send(SendAction::Fail { delivered }))
    }),
    ("lose-prompt", |_, _| {
        Ok(Action::Send(SendAction::LosePrompt))
    }),
    ("hold-busy", |_, t| Ok(Action::HoldBusy(span(t, "8s")?))),
    ("put-report", put_report),
    ("close", |_, t| {
        let cause = t.word("how", CAUSES)?.unwrap_or(CloseCause::Fin);
        Ok(Action::Link(LinkAction::Close(cause)))
    }),
    ("half-close", |_, _| Ok(Action::Link(LinkAction::HalfClose))),
    ("silence", |_, t| {
        Ok(Action::Link(LinkAction::Silence(t.time("for")?)))
    }),
    ("stall", |_, t| {
        Ok(Action::Link(LinkAction::Stall(t.time("for")?)))
    }),
    ("overrun", |_, t| {
        Ok(Action::Overrun {
            bytes: t.count("bytes", 1..=65_535)?.unwrap_or(1),
            at: t.count("at", 0..=65_535)?,
        })
    }),
    ("change-sender", change_sender),
    ("fail-resolution", |_, t| {
        fail(t, RequestKind::Resolve, NetError::NotFound)
    }),
    ("fail-connect", |_, t| {
        fail(t, RequestKind::Connect, NetError::Refused)
    }),
    ("fail-handshake", |_, t| {
        fail(t, RequestKind::Handshake, NetError::Tls)
    }),
    ("fail-time-sync", |_, t| {
        fail(t, RequestKind::TimeSync, NetError::TimedOut)
    }),
    ("fail-upgrade", |_, t| {
        fail(t, RequestKind::Upgrade, NetError::Refused)
    }),
    ("slow-resolution", |_, t| slow(t, RequestKind::Resolve)),
    ("slow-connect", |_, t| slow(t, RequestKind::Connect)),
    ("slow-handshake", |_, t| slow(t, RequestKind::Handshake)),
    ("slow-time-sync", |_, t| slow(t, RequestKind::TimeSync)),
    ("slow-upgrade", |_, t| slow(t, RequestKind::Upgrade)),
    ("corrupt-upgrade", |_, t| {
        let bytes = t.count("bytes", 1..=4096)?.unwrap_or(1);
        Ok(Action::CorruptUpgrade { bytes })
    }),
    ("fail-write", |_, t| {
        let error = t.word("error", WRITE_ERRORS)?;
        Ok(Action::FailWrite(error.unwrap_or(StoreError::Other)))
    }),
    ("wrong-time", |_, t| {
        let seconds = t.number("unix", 0..=i64::from(u32::MAX))?;
        let seconds = seconds.ok_or_else(|| missing(t, "unix", "0"))?;
        Ok(Action::WrongTime(
            u64::try_from(seconds).unwrap_or_default(),
        ))
    }),
    ("lose-wifi", |_, t| {
        Ok(Action::Wifi(WifiAction::Lose(t.time("for")?)))
    }),
    ("return-wifi", |_, _| Ok(Action::Wifi(WifiAction::Return))),
    ("change-address", change_address),
    ("lie", lie),
    ("reset", |_, t| {
        Ok(Action::Reset {
            noise: t.flag("noise")?.unwrap_or(false),
            defaults: t.flag("defaults")?.unwrap_or(false),
            cause: t.word("cause", RESETS)?.unwrap_or_default(),
            keeps: t.count("keeps", 0..=65_535)?,
        })
    }),
    ("hang", |_, _| Ok(Action::Hang)),
    ("change-baud", |_, t| {
        let rate = t.number("to", 80..=5_000_000)?;
        let rate = rate.ok_or_else(|| missing(t, "to", "74880"))?;
        Ok(Action::Baud(u32::try_from(rate).unwrap_or_default()))
    }),
    ("limit-links", |_, t| {
        let links = t.number("to", 0..=5)?;
        let links = links.ok_or_else(|| missing(t, "to", "1"))?;
        Ok(Action::LinksMax {
            links: u8::try_from(links).unwrap_or_default(),
            lasts: t.time("for")?,
        })
    }),
    ("exhaust-memory", |_, t| {
        Ok(Action::OutOfMemory {
            lasts: t.time("for")?,
        })
    }),
];

const LISTED: &[(&str, ListedLinks)] =
    &[("kept", ListedLinks::Kept), ("hidden", ListedLinks::Hidden)];

const STATIONS: &[(&str, bool)] = &[("joined", true), ("unjoined", false)];

const RESETS: &[(&str, ResetBy)] = &[
    ("brown-out", ResetBy::BrownOut),
    ("watchdog", ResetBy::Watchdog),
    ("pin", ResetBy::Pin),
];

const WRITE_ERRORS: &[(&str, StoreError)] = &[
    ("full", StoreError::Full),
    ("denied", StoreError::Denied),
    ("other", StoreError::Other),
];

const PLACES: &[(&str, ReportPlace)] = &[
    ("inside-echo", ReportPlace::InsideEcho),
    ("before-prompt", ReportPlace::BeforePrompt),
    ("after-prompt", ReportPlace::AfterPrompt),
    ("before-recv", ReportPlace::BeforeRecv),
    ("before-send-ok", ReportPlace::BeforeSendOk),
];

/// The names of all actions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().map(|(name, _)| *name)
}

/// Reads `do`: a name, a table with `action`, or a list of them.
pub(super) fn read(source: &Source<'_>, rule: &Table<'_>) -> Result<Vec<Do>, ScriptError> {
    let Some(item) = rule.item("do") else {
        let message = "a fault needs `do`: what happens, such as `do = \"lose-prompt\"`";
        return Err(source.error(rule.span("do").or(Some(0..0)), message));
    };
    let wrong = |span| {
        let message = "`do` is an action's name, a table { action = \"delay\", for = \"1s\" }, or a list of these";
        source.error(span, message)
    };
    if let Some(list) = item.as_array().filter(|list| !list.is_empty()) {
        let one = |value: &Value| {
            if let Value::String(name) = value {
                by_name(source, name.value(), value.span())
            } else if let Value::InlineTable(table) = value {
                by_table(source, table, value.span())
            } else {
                Err(wrong(value.span()))
            }
        };
        return list.iter().map(one).collect();
    }
    let span = item.span().or_else(|| rule.span("do"));
    let action = if let Some(name) = item.as_str() {
        by_name(source, name, span)?
    } else if let Some(table) = item.as_table_like() {
        by_table(source, table, span)?
    } else {
        return Err(wrong(span));
    };
    Ok(vec![action])
}

fn by_name(source: &Source<'_>, name: &str, span: table::Span) -> Result<Do, ScriptError> {
    let mut table = toml_edit::InlineTable::new();
    table.insert("action", name.into());
    by_table(source, &table, span)
}

fn by_table(
    source: &Source<'_>,
    table: &dyn TableLike,
    span: table::Span,
) -> Result<Do, ScriptError> {
    let name = table.get("action").and_then(Item::as_str).unwrap_or("");
    let what = format!("`{name}`");
    let table = Table::new(source, table, &what, span.clone());
    if table.item("action").is_none() {
        let message = "an action's table needs `action`: { action = \"delay\", for = \"1s\" }";
        return Err(source.error(span, message));
    }
    let Some((_, read)) = ACTIONS.iter().find(|(known, _)| *known == name) else {
        let hint = hint(name, names());
        return Err(table.wrong("action", format!("there is no action `{name}`; {hint}")));
    };
    let action = read(source, &table)?;
    table.finish()?;
    Ok(Do {
        name: name.to_owned(),
        action,
        span,
    })
}

pub(super) fn missing(table: &Table<'_>, key: &'static str, example: &str) -> ScriptError {
    let message = format!("the action needs `{key}`, such as `{key} = {example}`");
    table.wrong(key, message)
}

pub(super) fn span(table: &Table<'_>, example: &str) -> Result<Duration, ScriptError> {
    let time = table.time("for")?;
    time.ok_or_else(|| missing(table, "for", &format!("\"{example}\"")))
}

fn put_report(_: &Source<'_>, t: &Table<'_>) -> Result<Action, ScriptError> {
    let place = t.word("place", PLACES)?;
    Ok(Action::PutReport {
        place: place.ok_or_else(|| missing(t, "place", "\"before-prompt\""))?,
        hold: t.time("hold")?.unwrap_or(Duration::from_secs(5)),
    })
}

fn fail(t: &Table<'_>, what: RequestKind, default: NetError) -> Result<Action, ScriptError> {
    Ok(Action::Fail {
        what,
        error: t.word("error", ERRORS)?.unwrap_or(default),
        after: t.time("after")?.unwrap_or_default(),
    })
}

fn slow(t: &Table<'_>, what: RequestKind) -> Result<Action, ScriptError> {
    let by = span(t, "8s")?;
    Ok(Action::Slow { what, by })
}

/// From `STATUS:2` to `STATUS:4` the station has an access point.
fn lie(_: &Source<'_>, t: &Table<'_>) -> Result<Action, ScriptError> {
    let status = t.number("status", 0..=5)?;
    let status = status.and_then(|status| u8::try_from(status).ok());
    let implied = status.is_some_and(|status| (2..=4).contains(&status));
    let lie = Lie {
        status,
        links: t.word("links", LISTED)?,
        joined: t
            .word("station", STATIONS)?
            .or_else(|| implied.then_some(true)),
    };
    if lie == Lie::default() {
        let message = "a lie needs something to say: `status = 3`, `links = \"kept\"` or `station = \"joined\"`";
        return Err(t.wrong("action", message));
    }
    Ok(Action::Lie {
        lie,
        lasts: t.time("for")?,
    })
}

fn change_address(source: &Source<'_>, t: &Table<'_>) -> Result<Action, ScriptError> {
    match address(source, t, "to")? {
        Some(ip) => Ok(Action::Wifi(WifiAction::Address(ip))),
        None => Err(missing(t, "to", "\"192.0.2.77\"")),
    }
}

fn change_sender(source: &Source<'_>, t: &Table<'_>) -> Result<Action, ScriptError> {
    let ip = address(source, t, "ip")?;
    let port = t.number("port", 1..=i64::from(u16::MAX))?;
    if ip.is_none() && port.is_none() {
        return Err(missing(t, "port", "2391"));
    }
    Ok(Action::ChangeSender {
        ip,
        port: port.and_then(|port| u16::try_from(port).ok()),
    })
}

/// The address of one computer.
fn address(
    source: &Source<'_>,
    t: &Table<'_>,
    key: &'static str,
) -> Result<Option<Ipv4Addr>, ScriptError> {
    let Some(text) = t.text(key)? else {
        return Ok(None);
    };
    let is_fit = |ip: &Ipv4Addr| !(ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast());
    match text.value.parse().ok().filter(is_fit) {
        Some(ip) => Ok(Some(ip)),
        None => Err(text.wrong(
            source,
            format!("`{key}` is an IPv4 address of a station: \"192.0.2.77\""),
        )),
    }
}
