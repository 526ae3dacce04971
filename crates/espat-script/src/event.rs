//! `<=` lines: what the world answers or does.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use espat_core::{AirEvent, CloseCause, Duration, NetError, PowerEvent, Slots, StoreError};

use crate::error::At;
use crate::handle::Handle;
use crate::peer;
use crate::text::Text;
use crate::time::{parse_duration, print_duration};
use crate::tls::slots;
use crate::words::{Word, Words, ip_list, keys, print_ips, terms, word_of};

/// What the world answers or does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// About a socket or a query.
    Net(Handle, NetHappening),
    /// The oldest unanswered store request is durable, or failed.
    Stored(Result<(), StoreError>),
    /// Supply and pins.
    Power(PowerEvent),
    /// The air around the station.
    Air(AirEvent),
    /// The slots that are usable from here on.
    Slots(Slots),
}

/// What happens to a socket or a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetHappening {
    /// A link is open; the local address.
    Connected(SocketAddr),
    /// A request failed.
    Failed(NetError),
    /// The listener listens on this real port.
    Listening(u16),
    /// A client came.
    Accepted {
        /// The client's socket.
        socket: Handle,
        /// Its address.
        peer: SocketAddr,
        /// Our address; `None`: the station's address and the listener's port.
        local: Option<SocketAddr>,
    },
    /// The stack took so many bytes.
    Sent(usize),
    /// The peer takes no more payload; data before the end still comes.
    SendFailed,
    /// Data arrives; delivered when the core has given credit, in pieces of that credit.
    Data {
        /// The payload.
        bytes: Text,
        /// The sender, for UDP.
        from: Option<SocketAddr>,
        /// What it took on the wire; `None`: the payload's length.
        wire: Option<usize>,
    },
    /// The link ended, after all data before it.
    Closed(CloseCause),
    /// A name has these addresses.
    Resolved(Vec<IpAddr>),
    /// An echo request was answered after that time.
    Pong(Duration),
    /// A time server said: microseconds since 1970.
    Time(u64),
}

/// What failures of the network are called, in transcripts and fault plans.
pub(crate) const ERRORS: &[(&str, NetError)] = &[
    ("refused", NetError::Refused),
    ("timed-out", NetError::TimedOut),
    ("unreachable", NetError::Unreachable),
    ("denied", NetError::Denied),
    ("in-use", NetError::AddressInUse),
    ("not-found", NetError::NotFound),
    ("tls", NetError::Tls),
    ("other", NetError::Other),
];

/// What ends of links are called, in transcripts and fault plans.
pub(crate) const CAUSES: &[(&str, CloseCause)] = &[
    ("fin", CloseCause::Fin),
    ("reset", CloseCause::Reset),
    ("tls", CloseCause::Tls),
    ("io", CloseCause::Io),
];

const STORE_ERRORS: &[(&str, StoreError)] = &[
    ("full", StoreError::Full),
    ("denied", StoreError::Denied),
    ("other", StoreError::Other),
];

const POWER: &[(&str, PowerEvent)] = &[
    ("off", PowerEvent::Off),
    ("on", PowerEvent::On),
    ("reset", PowerEvent::Reset),
    ("brown-out", PowerEvent::BrownOut),
    ("watchdog", PowerEvent::Watchdog),
    ("wake", PowerEvent::Wake),
];

impl Event {
    /// Reads what stands after `<= `.
    pub(crate) fn parse(source: &str, column: usize) -> Result<Self, At> {
        let words = &mut Words::new(source, column);
        let first = words.need("what happens (`s0 connected ...`, `stored`, `power ...`)")?;
        let event = match (first.text, Handle::parse(&first)) {
            ("stored", _) => Self::Stored(Ok(())),
            ("store-failed", _) => Self::Stored(Err(words
                .need("full, denied or other")?
                .one_of(STORE_ERRORS)?)),
            ("power", _) => Self::Power(
                words
                    .need("off, on, reset, brown-out, watchdog or wake")?
                    .one_of(POWER)?,
            ),
            ("air", _) => Self::Air(air(words)?),
            ("slots", _) => Self::Slots(slots(words)?),
            (_, Some(handle)) => {
                let verb = words.need("what happens to it")?;
                Self::Net(handle, NetHappening::parse(handle, &verb, words)?)
            }
            _ => {
                return Err(first.unknown(
                    "an event is `sN`, `aN`, `qN`, `stored`, `store-failed`, `slots`, `power` or `air`",
                ));
            }
        };
        words.end()?;
        Ok(event)
    }
}

impl NetHappening {
    fn parse(handle: Handle, verb: &Word<'_>, words: &mut Words<'_>) -> Result<Self, At> {
        let is_query = matches!(handle, Handle::Query(_));
        let happening = match (verb.text, is_query) {
            ("failed", _) => Self::Failed(words.need("why")?.one_of(ERRORS)?),
            ("connected", false) => Self::Connected(words.need("the local address")?.addr()?),
            ("listening", false) => Self::Listening(words.need("the port")?.number("a port")?),
            ("accepted", false) => {
                let client = words.need("the client's socket, such as a0")?;
                let socket = Handle::parse(&client).filter(|h| matches!(h, Handle::Accepted(_)));
                let socket =
                    socket.ok_or_else(|| client.unknown("the client's socket is a0, a1, ..."))?;
                let peer = words.need("the client's address")?.addr()?;
                let [local] = keys(words, ["local"])?;
                Self::Accepted {
                    socket,
                    peer,
                    local: local.map(|w| w.addr()).transpose()?,
                }
            }
            ("sent", false) => Self::Sent(words.need("how many bytes")?.number("a count")?),
            ("send-failed", false) => Self::SendFailed,
            ("data", false) => Self::data(words)?,
            ("closed", false) => {
                let cause = words
                    .next()?
                    .map_or(Ok(CloseCause::Fin), |word| word.one_of(CAUSES))?;
                Self::Closed(cause)
            }
            ("resolved", true) => Self::Resolved(ip_list(&words.need("the addresses")?)?),
            ("pong", true) => {
                let word = words.need("the round-trip time")?;
                Self::Pong(parse_duration(&word)?)
            }
            ("time", true) => Self::Time(unix_time(&words.need("seconds since 1970")?)?),
            (_, true) => return Err(verb.unknown("a query has resolved, pong, time and failed")),
            (_, false) => {
                let verbs =
                    "connected, failed, listening, accepted, sent, send-failed, data and closed";
                return Err(verb.unknown(&format!("a socket has {verbs}")));
            }
        };
        Ok(happening)
    }

    fn data(words: &mut Words<'_>) -> Result<Self, At> {
        let first = words.need("the payload in quotes")?;
        let mut bytes = first.text()?;
        let (mut from, mut wire) = (None, None);
        while let Some(word) = words.next()? {
            match word.key_value() {
                ("from", Some(value)) => from = Some(value.addr()?),
                ("wire", Some(value)) => wire = Some(value.number("a length")?),
                _ if word.text.starts_with('"') => {
                    word.text()?
                        .pieces
                        .into_iter()
                        .for_each(|piece| bytes.push(piece));
                }
                _ => {
                    return Err(
                        word.unknown("`from=IP:PORT` and `wire=LENGTH` may follow the payload")
                    );
                }
            }
        }
        Ok(Self::Data { bytes, from, wire })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected(local) => write!(f, "connected {}", peer::print(*local)),
            Self::Failed(error) => write!(f, "failed {}", word_of(ERRORS, error)),
            Self::Listening(port) => write!(f, "listening {port}"),
            Self::Accepted {
                socket,
                peer,
                local,
            } => {
                write!(f, "accepted {socket} {}", peer::print(*peer))?;
                local.map_or(Ok(()), |local| write!(f, " local={}", peer::print(local)))
            }
            Self::Sent(n) => write!(f, "sent {n}"),
            Self::SendFailed => f.write_str("send-failed"),
            Self::Data { bytes, from, wire } => {
                write!(f, "data {}", terms(bytes))?;
                if let Some(from) = from {
                    write!(f, " from={}", peer::print(*from))?;
                }
                wire.map_or(Ok(()), |wire| write!(f, " wire={wire}"))
            }
            Self::Closed(cause) => write!(f, "closed {}", word_of(CAUSES, cause)),
            Self::Resolved(ips) => write!(f, "resolved {}", print_ips(ips)),
            Self::Pong(time) => write!(f, "pong {}", print_duration(*time)),
            Self::Time(us) if us % 1_000_000 == 0 => write!(f, "time {}", us / 1_000_000),
            Self::Time(us) => write!(f, "time {}.{:06}", us / 1_000_000, us % 1_000_000),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(handle, happening) => {
                write!(f, "{handle} ")?;
                happening.print(f)
            }
            Self::Slots(slots) => {
                f.write_str("slots")?;
                slots
                    .iter()
                    .try_for_each(|(kind, n)| write!(f, " {}.{n}", kind.name()))
            }
            Self::Stored(Ok(())) => f.write_str("stored"),
            Self::Stored(Err(error)) => write!(f, "store-failed {}", word_of(STORE_ERRORS, error)),
            Self::Power(event) => write!(f, "power {}", word_of(POWER, event)),
            Self::Air(AirEvent::Lost) => f.write_str("air lost"),
            Self::Air(AirEvent::Back) => f.write_str("air back"),
            Self::Air(AirEvent::Address(ip)) => write!(f, "air address {ip}"),
        }
    }
}

fn air(words: &mut Words<'_>) -> Result<AirEvent, At> {
    let what = words.need("lost, back or address")?;
    match what.text {
        "lost" => Ok(AirEvent::Lost),
        "back" => Ok(AirEvent::Back),
        "address" => {
            let ip = words.need("the station's new address")?;
            Ok(AirEvent::Address(ip.number("an IPv4 address")?))
        }
        _ => Err(what.unknown("lost, back or address is expected")),
    }
}

/// `1700000000` or `1700000000.25`, in microseconds.
fn unix_time(word: &Word<'_>) -> Result<u64, At> {
    let (seconds, fraction) = word.text.split_once('.').unwrap_or((word.text, ""));
    let parsed = (|| {
        let seconds: u64 = seconds.parse().ok()?;
        let fraction = (fraction.len() <= 6 && fraction.bytes().all(|b| b.is_ascii_digit()))
            .then(|| format!("{fraction:0<6}").parse::<u64>().ok())??;
        seconds.checked_mul(1_000_000)?.checked_add(fraction)
    })();
    parsed.ok_or_else(|| word.unknown("seconds since 1970 are expected, with up to six decimals"))
}
