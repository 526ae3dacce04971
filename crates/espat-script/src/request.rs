//! `=>` lines: what the core asks of the world.

mod net;

pub use net::NetAsk;

use std::fmt;

use espat_core::{PartitionStep, Service, StoreRequest, StoreValue, UartConfig};

use crate::error::At;
use crate::handle::Handle;
use crate::mdns;
use crate::text::Text;
use crate::words::{Word, Words, quoted, terms, text_terms};

/// What the core asks of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Something about a socket or a query.
    Net(Handle, NetAsk),
    /// Announce a service by multicast DNS, or nothing any more.
    Mdns(Option<Service>),
    /// New line settings of the UART.
    Uart(UartConfig),
    /// Settings to keep.
    Store(Vec<(String, StoreValue)>),
    /// Forget all settings.
    StoreErase,
    /// A step of writing a partition.
    Partition(String, PartitionAsk),
    /// The next boot runs the firmware with this version.
    Boot(Vec<u8>),
    /// A text of a log port that is not the AT port.
    Log(Text),
}

/// A step of writing a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionAsk {
    /// Begin.
    Begin,
    /// The next bytes.
    Chunk(Text),
    /// That was all.
    Commit,
    /// Forget what was written.
    Abort,
}

impl Request {
    /// Reads what stands after `=> `.
    pub(crate) fn parse(source: &str, column: usize) -> Result<Self, At> {
        let words = &mut Words::new(source, column);
        let first = words.need(
            "what is asked for (`s0 connect ...`, `q0 resolve ...`, `mdns`, `uart`, `store`, `partition`, `boot`, `log`)",
        )?;
        let request = match (first.text, Handle::parse(&first)) {
            ("uart", _) => Self::Uart(uart(&words.need("BAUD,DATA,STOP,PARITY,FLOW")?)?),
            ("mdns", _) => Self::Mdns(mdns::parse(words)?),
            ("store", _) => store(words)?,
            ("log", _) => Self::Log(text_terms(words)?),
            ("partition", _) => partition(words)?,
            ("boot", _) => Self::Boot(words.need("the version in quotes")?.plain_bytes()?),
            (_, Some(handle)) => {
                let verb = words.need("what is asked of it")?;
                Self::Net(handle, NetAsk::parse(handle, &verb, words)?)
            }
            _ => {
                return Err(first.unknown(
                    "a request is `sN`, `aN`, `qN`, `mdns`, `uart`, `store`, `partition`, `boot` or `log`",
                ));
            }
        };
        words.end()?;
        Ok(request)
    }

    /// What the core asks of its store.
    pub(crate) fn of_store(request: StoreRequest<'_>) -> Self {
        match request {
            StoreRequest::Set(pairs) => Self::Store(
                pairs
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), value.clone()))
                    .collect(),
            ),
            StoreRequest::Erase => Self::StoreErase,
            StoreRequest::Boot { version } => Self::Boot(version.as_bytes().to_vec()),
            StoreRequest::Partition { name, step } => Self::Partition(
                name.to_owned(),
                match step {
                    PartitionStep::Begin => PartitionAsk::Begin,
                    PartitionStep::Chunk(bytes) => PartitionAsk::Chunk(Text::compressed(bytes)),
                    PartitionStep::Commit => PartitionAsk::Commit,
                    PartitionStep::Abort => PartitionAsk::Abort,
                },
            ),
        }
    }

    /// It is answered by `<= stored` or `<= store-failed`.
    pub(crate) const fn is_store(&self) -> bool {
        match self {
            Self::Store(_) | Self::StoreErase | Self::Boot(_) => true,
            Self::Partition(_, step) => !matches!(step, PartitionAsk::Abort),
            Self::Net(..) | Self::Mdns(_) | Self::Uart(_) | Self::Log(_) => false,
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(handle, ask) => {
                write!(f, "{handle} ")?;
                ask.print(f)
            }
            Self::Uart(u) => {
                write!(
                    f,
                    "uart {},{},{},{},{}",
                    u.baud, u.data_bits, u.stop_bits, u.parity, u.flow
                )
            }
            Self::Mdns(service) => f.write_str(&mdns::print(service.as_ref())),
            Self::Store(pairs) => {
                f.write_str("store")?;
                pairs
                    .iter()
                    .try_for_each(|(key, value)| write!(f, " {key}={}", store_value(value)))
            }
            Self::StoreErase => f.write_str("store erase"),
            Self::Partition(name, step) => {
                write!(f, "partition {name} ")?;
                match step {
                    PartitionAsk::Begin => f.write_str("begin"),
                    PartitionAsk::Chunk(bytes) => write!(f, "chunk {}", terms(bytes)),
                    PartitionAsk::Commit => f.write_str("commit"),
                    PartitionAsk::Abort => f.write_str("abort"),
                }
            }
            Self::Boot(version) => write!(f, "boot {}", quoted(version)),
            Self::Log(text) => write!(f, "log {}", terms(text)),
        }
    }
}

/// `key=7`, `key="text"`, or `key=default` where the key is removed.
pub(crate) fn store_pair(word: &Word<'_>) -> Result<(String, StoreValue), At> {
    let (key, value) = word.key_value();
    let value = value.filter(|v| !v.text.is_empty() && is_key(key));
    let value =
        value.ok_or_else(|| word.unknown("KEY=NUMBER, KEY=\"TEXT\" or KEY=default is expected"))?;
    let value = if value.text.starts_with('"') {
        StoreValue::Text(value.plain_bytes()?)
    } else if value.text == "default" {
        StoreValue::Default
    } else {
        StoreValue::Int(value.number("a setting without quotes")?)
    };
    Ok((key.to_owned(), value))
}

pub(crate) fn store_value(value: &StoreValue) -> String {
    match value {
        StoreValue::Int(n) => n.to_string(),
        StoreValue::Text(bytes) => quoted(bytes),
        StoreValue::Default => "default".into(),
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn store(words: &mut Words<'_>) -> Result<Request, At> {
    let first = words.need("KEY=VALUE or `erase`")?;
    if first.text == "erase" {
        return Ok(Request::StoreErase);
    }
    let mut pairs = vec![store_pair(&first)?];
    while let Some(word) = words.next()? {
        pairs.push(store_pair(&word)?);
    }
    Ok(Request::Store(pairs))
}

/// `client_ca begin`, `client_ca chunk "bytes"` ...
fn partition(words: &mut Words<'_>) -> Result<Request, At> {
    let name = words.need("the partition's name")?;
    let is_of_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if !name.text.bytes().all(is_of_name) {
        return Err(name.unknown("a partition's name has letters, digits and `_`"));
    }
    let step = words.need("begin, chunk, commit or abort")?;
    let step = match step.text {
        "begin" => PartitionAsk::Begin,
        "chunk" => PartitionAsk::Chunk(text_terms(words)?),
        "commit" => PartitionAsk::Commit,
        "abort" => PartitionAsk::Abort,
        _ => return Err(step.unknown("begin, chunk \"BYTES\", commit or abort is expected")),
    };
    Ok(Request::Partition(name.text.to_owned(), step))
}

fn uart(word: &Word<'_>) -> Result<UartConfig, At> {
    let fields: Vec<&str> = word.text.split(',').collect();
    let bad = || word.unknown("BAUD,DATA,STOP,PARITY,FLOW is expected");
    let [baud, data, stop, parity, flow] = fields.as_slice() else {
        return Err(bad());
    };
    let small = |text: &str| text.parse::<u8>().map_err(|_| bad());
    Ok(UartConfig {
        baud: baud.parse().map_err(|_| bad())?,
        data_bits: small(data)?,
        stop_bits: small(stop)?,
        parity: small(parity)?,
        flow: small(flow)?,
    })
}
