//! `AT+MDNS`: a name and a service on the local network (behaviour.md 4.18).

use alloc::string::String;
use alloc::vec::Vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::output::Service;
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] =
    &[Command::new("+MDNS").set(set).needs(Features::MDNS).doc(
        "tcp-ip.html#cmd-MDNS",
        "Announce a name and a service on the local network",
    )];

/// A label of a name (RFC 1035).
const LABEL_MAX: usize = 63;
/// What the short form takes, and the two parameters that the long one takes before its keys and values.
const SHORT: u8 = 4;
const BEFORE_TXT: u8 = 6;
/// Manual, `AT+MDNS`: `<txt_number>`.
const TXT_MAX: u8 = 10;

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let has_details = cx.env.profile().features.contains(Features::MDNS_DETAILS);
    let most = if has_details {
        BEFORE_TXT + 1 + 2 * TXT_MAX
    } else {
        SHORT
    };
    args.arity(1..=most)?;
    if !args.flag()? {
        args.arity(1..=1)?;
        cx.net.mdns.stop(&mut cx.env);
        return Ok(Reply::Done);
    }
    args.arity(SHORT..=most)?;
    let host = label(args)?;
    let kind = label(args)?;
    let kind = with_underscore(args, kind)?;
    let port = args.word(1..=65_535)?;
    let instance = opt_label(args)?.unwrap_or_else(|| host.clone());
    let protocol = opt_label(args)?.unwrap_or_else(|| "_tcp".into());
    let protocol = with_underscore(args, protocol)?;
    let txt = txt(cx, args)?;
    // ESP-IDF adds a service once (decided without a transcript; drivers send AT+MDNS=0 first).
    if cx.net.mdns.is_on() {
        return Err(AtError::Failed);
    }
    cx.net.mdns.start(Service {
        host,
        instance,
        kind,
        protocol,
        port,
        ip6: None,
        txt,
    });
    Ok(Reply::Done)
}

/// The keys and values that the host MCU names, or the firmware's own.
fn txt(cx: &Cx<'_>, args: &mut Args<'_>) -> Result<Vec<(String, String)>, AtError> {
    let given = u8::try_from(args.count()).unwrap_or(u8::MAX);
    if given <= BEFORE_TXT {
        let own = cx.env.profile().texts.mdns.iter();
        return Ok(own
            .map(|&(key, value)| (key.into(), value.into()))
            .collect());
    }
    let pairs = args.byte(1..=TXT_MAX.into())?;
    let needed = BEFORE_TXT + 1 + 2 * pairs;
    args.arity(needed..=needed)?;
    let mut txt = Vec::new();
    for _ in 0..pairs {
        let key = text(args)?;
        if key.is_empty() || !key.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'=') {
            return Err(args.invalid());
        }
        let value = text(args)?;
        txt.push((key, value));
    }
    Ok(txt)
}

fn text(args: &mut Args<'_>) -> Result<String, AtError> {
    let text = core::str::from_utf8(args.string(LABEL_MAX)?);
    text.map(String::from).map_err(|_| args.invalid())
}

fn label(args: &mut Args<'_>) -> Result<String, AtError> {
    let text = args.string(LABEL_MAX)?;
    checked(text).ok_or_else(|| args.invalid())
}

fn opt_label(args: &mut Args<'_>) -> Result<Option<String>, AtError> {
    let Some(text) = args.opt_string(LABEL_MAX)? else {
        return Ok(None);
    };
    checked(text).map(Some).ok_or_else(|| args.invalid())
}

/// One label (manuals of NonOS and a vendor of modules: no special characters such as a dot).
fn checked(text: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(text).ok()?;
    let is_label = !text.is_empty() && !text.chars().any(|c| c == '.' || c.is_control());
    is_label.then(|| text.into())
}

/// The underscore that the library of NonOS adds by itself and the manuals of the others ask for.
fn with_underscore(args: &Args<'_>, label: String) -> Result<String, AtError> {
    if label.starts_with('_') {
        return Ok(label);
    }
    if label.len() == LABEL_MAX {
        return Err(args.invalid());
    }
    Ok(alloc::format!("_{label}"))
}
