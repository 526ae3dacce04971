//! `=>` lines: what the core asks of the world.

use std::fmt;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use espat_core::{CloseHow, Family, Service, SocketOptions, StoreValue, Transport, UartConfig};

use crate::error::At;
use crate::mdns;
use crate::peer;
use crate::text::Text;
use crate::tls::{TlsAsk, TlsListenAsk};
use crate::words::{Word, Words, bare_or_quoted, quoted, terms};

/// A socket or a query, numbered in the order in which they appear: `s0`, `a0`, `q0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Handle {
    /// A socket that the core asked for.
    Socket(u32),
    /// A client that a listener accepted.
    Accepted(u32),
    /// A question to the world.
    Query(u32),
}

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

/// What is asked about a socket or a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetAsk {
    /// Open a link.
    Connect {
        /// The protocol.
        transport: Transport,
        /// Where.
        remote: SocketAddr,
        /// The name as the host MCU wrote it.
        name: Option<String>,
        /// The local address asked for.
        local_ip: Option<IpAddr>,
        /// The local port asked for; 0: any.
        local_port: u16,
        /// The socket's options.
        options: SocketOptions,
        /// The handshake, for TLS.
        tls: Option<Box<TlsAsk>>,
    },
    /// Listen for clients.
    Listen {
        /// The module's port.
        port: u16,
        /// Options of accepted sockets.
        options: SocketOptions,
        /// The handshakes, for TLS.
        tls: Option<TlsListenAsk>,
    },
    /// Send payload.
    Send {
        /// The payload.
        bytes: Text,
        /// The receiver, for UDP.
        to: Option<(SocketAddr, Option<String>)>,
    },
    /// Forget what was not sent yet.
    CancelSend,
    /// Change options.
    Options(SocketOptions),
    /// The module's clock was set, to so many seconds since 1970.
    Clock(i64),
    /// Close.
    Close(CloseHow),
    /// Find a name's addresses.
    Resolve {
        /// The name.
        name: String,
        /// Which addresses count.
        family: Family,
        /// Whom to ask; empty: the host's resolver.
        servers: Vec<IpAddr>,
    },
    /// Send one echo request.
    Ping {
        /// Whom.
        ip: IpAddr,
        /// The name as the host MCU wrote it.
        name: Option<String>,
        /// Payload bytes.
        len: usize,
    },
    /// Ask a time server.
    TimeSync {
        /// Whom.
        server: SocketAddr,
        /// The name as the host MCU wrote it.
        name: Option<String>,
    },
    /// The answer is no longer wanted.
    Cancel,
}

const FAMILIES: &[(&str, Family)] = &[
    ("v4", Family::V4),
    ("v6", Family::V6),
    ("prefer-v4", Family::PreferV4),
];
const HOWS: &[(&str, CloseHow)] = &[
    ("fin", CloseHow::Fin),
    ("reset", CloseHow::Reset),
    ("vanish", CloseHow::Vanish),
];
const TRANSPORTS: &[(&str, Transport)] = &[
    ("tcp", Transport::Tcp),
    ("udp", Transport::Udp),
    ("tls", Transport::Tls),
];

impl Handle {
    /// `s0`, `a0` or `q0`.
    pub(crate) fn parse(word: &Word<'_>) -> Option<Self> {
        let digits = word
            .text
            .get(1..)
            .filter(|d| *d == "0" || !d.starts_with('0'))?;
        let number = digits
            .parse()
            .ok()
            .filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
        match word.text.as_bytes()[0] {
            b's' => Some(Self::Socket(number)),
            b'a' => Some(Self::Accepted(number)),
            b'q' => Some(Self::Query(number)),
            _ => None,
        }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(n) => write!(f, "s{n}"),
            Self::Accepted(n) => write!(f, "a{n}"),
            Self::Query(n) => write!(f, "q{n}"),
        }
    }
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
}

impl Request {
    /// It is answered by `<= stored` or `<= store-failed`.
    pub(crate) const fn is_store(&self) -> bool {
        match self {
            Self::Store(_) | Self::StoreErase | Self::Boot(_) => true,
            Self::Partition(_, step) => !matches!(step, PartitionAsk::Abort),
            Self::Net(..) | Self::Mdns(_) | Self::Uart(_) | Self::Log(_) => false,
        }
    }
}

impl NetAsk {
    fn parse(handle: Handle, verb: &Word<'_>, words: &mut Words<'_>) -> Result<Self, At> {
        let is_query = matches!(handle, Handle::Query(_));
        let ask = match (verb.text, is_query) {
            ("connect", false) => Self::connect(words)?,
            ("listen", false) => Self::listen(words)?,
            ("send", false) => Self::send(words)?,
            ("cancel-send", false) => Self::CancelSend,
            ("options", false) => Self::Options(options(words)?),
            ("clock", false) => {
                let seconds = words.need("seconds since 1970")?;
                Self::Clock(seconds.number("seconds since 1970")?)
            }
            ("close", false) => Self::Close(words.need("fin, reset or vanish")?.one_of(HOWS)?),
            ("resolve", true) => Self::resolve(words)?,
            ("ping", true) => {
                let ip = words.need("the address")?.ip()?;
                let [name, len] = keys(words, ["name", "len"])?;
                let len = len.map_or(Ok(0), |w| w.number("a length"))?;
                Self::Ping {
                    ip,
                    name: name.map(|w| w.name()).transpose()?,
                    len,
                }
            }
            ("timesync", true) => {
                let server = words.need("the server's address")?.addr()?;
                let [name] = keys(words, ["name"])?;
                Self::TimeSync {
                    server,
                    name: name.map(|w| w.name()).transpose()?,
                }
            }
            ("cancel", true) => Self::Cancel,
            (_, true) => return Err(verb.unknown("a query has resolve, ping, timesync and cancel")),
            (_, false) => {
                return Err(verb.unknown(
                    "a socket has connect, listen, send, cancel-send, options, clock and close",
                ));
            }
        };
        Ok(ask)
    }

    fn connect(words: &mut Words<'_>) -> Result<Self, At> {
        let transport = words.need("tcp, udp or tls")?.one_of(TRANSPORTS)?;
        let remote = words.need("the remote address")?.addr()?;
        let mut connect = (None, None, 0, SocketOptions::default());
        let mut tls = (transport == Transport::Tls).then(Box::<TlsAsk>::default);
        while let Some(word) = words.next()? {
            match word.key_value() {
                ("name", Some(value)) => connect.0 = Some(value.name()?),
                ("local", Some(value)) => connect.1 = Some(value.ip()?),
                ("lport", Some(value)) => connect.2 = value.number("a port")?,
                _ if tls.as_mut().map_or(Ok(false), |tls| tls.take(&word))? => {}
                _ => option(&word, &mut connect.3)?,
            }
        }
        let (name, local_ip, local_port, options) = connect;
        Ok(Self::Connect {
            transport,
            remote,
            name,
            local_ip,
            local_port,
            options,
            tls,
        })
    }

    fn listen(words: &mut Words<'_>) -> Result<Self, At> {
        let port = words.need("the port")?.number("a port")?;
        let (mut options, mut tls) = (SocketOptions::default(), None::<TlsListenAsk>);
        while let Some(word) = words.next()? {
            let is_tls = tls.as_mut().map_or(Ok(false), |tls| tls.take(&word))?;
            match (word.text, &tls) {
                _ if is_tls => {}
                ("tls", None) => tls = Some(TlsListenAsk::default()),
                _ => option(&word, &mut options)?,
            }
        }
        Ok(Self::Listen { port, options, tls })
    }

    fn send(words: &mut Words<'_>) -> Result<Self, At> {
        let mut bytes = words.need("the payload in quotes")?.text()?;
        let mut to: Option<(SocketAddr, Option<String>)> = None;
        while let Some(word) = words.next()? {
            match (word.key_value(), &mut to) {
                (("to", Some(value)), None) => to = Some((value.addr()?, None)),
                (("name", Some(value)), Some((_, name))) => *name = Some(value.name()?),
                (_, None) if word.text.starts_with('"') => {
                    word.text()?
                        .pieces
                        .into_iter()
                        .for_each(|piece| bytes.push(piece));
                }
                _ => {
                    return Err(
                        word.unknown("`to=IP:PORT` and then `name=HOST` may follow the payload")
                    );
                }
            }
        }
        Ok(Self::Send { bytes, to })
    }

    fn resolve(words: &mut Words<'_>) -> Result<Self, At> {
        let name = words.need("the name")?.name()?;
        let family = words.need("v4, v6 or prefer-v4")?.one_of(FAMILIES)?;
        let [servers] = keys(words, ["servers"])?;
        let servers = servers.map_or(Ok(Vec::new()), |w| ip_list(&w))?;
        Ok(Self::Resolve {
            name,
            family,
            servers,
        })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect {
                transport,
                remote,
                name,
                local_ip,
                local_port,
                options,
                tls,
            } => {
                write!(
                    f,
                    "connect {} {}",
                    word_of(TRANSPORTS, transport),
                    peer::print(*remote)
                )?;
                print_name(f, name.as_deref())?;
                if let Some(ip) = local_ip {
                    write!(f, " local={}", peer::print_ip(*ip))?;
                }
                if *local_port != 0 {
                    write!(f, " lport={local_port}")?;
                }
                print_tls(f, tls.as_deref())?;
                print_options(f, options)
            }
            Self::Listen { port, options, tls } => {
                write!(f, "listen {port}")?;
                print_tls(f, tls.as_ref())?;
                print_options(f, options)
            }
            Self::Send { bytes, to } => {
                write!(f, "send {}", terms(bytes))?;
                if let Some((addr, name)) = to {
                    write!(f, " to={}", peer::print(*addr))?;
                    print_name(f, name.as_deref())?;
                }
                Ok(())
            }
            Self::CancelSend => f.write_str("cancel-send"),
            Self::Options(options) => {
                f.write_str("options")?;
                print_options(f, options)
            }
            Self::Clock(unix_s) => write!(f, "clock {unix_s}"),
            Self::Close(how) => write!(f, "close {}", word_of(HOWS, how)),
            Self::Resolve {
                name,
                family,
                servers,
            } => print_resolve(f, name, family, servers),
            Self::Ping { ip, name, len } => {
                write!(f, "ping {}", peer::print_ip(*ip))?;
                print_name(f, name.as_deref())?;
                write!(f, " len={len}")
            }
            Self::TimeSync { server, name } => {
                write!(f, "timesync {}", peer::print(*server))?;
                print_name(f, name.as_deref())
            }
            Self::Cancel => f.write_str("cancel"),
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

pub(crate) fn word_of<T: PartialEq>(choices: &[(&'static str, T)], value: &T) -> &'static str {
    choices
        .iter()
        .find(|(_, choice)| choice == value)
        .map_or("?", |(name, _)| name)
}

/// The values of these keys, each at most once; any other word is refused.
pub(crate) fn keys<'a, const N: usize>(
    words: &mut Words<'a>,
    names: [&str; N],
) -> Result<[Option<Word<'a>>; N], At> {
    let mut values = [None; N];
    while let Some(word) = words.next()? {
        let (key, value) = word.key_value();
        let slot = names.iter().position(|name| *name == key);
        match (slot, value) {
            (Some(i), Some(value)) if values[i].is_none() => values[i] = Some(value),
            _ => {
                return Err(word.unknown(&format!(
                    "each of {} may stand here once, as key=value",
                    names.join(", ")
                )));
            }
        }
    }
    Ok(values)
}

pub(crate) fn ip_list(word: &Word<'_>) -> Result<Vec<IpAddr>, At> {
    word.text
        .split(',')
        .map(|text| {
            Word {
                text,
                column: word.column,
            }
            .ip()
        })
        .collect()
}

pub(crate) fn print_ips(ips: &[IpAddr]) -> String {
    ips.iter()
        .map(|ip| peer::print_ip(*ip))
        .collect::<Vec<_>>()
        .join(",")
}

/// All further words as one text.
pub(crate) fn text_terms(words: &mut Words<'_>) -> Result<Text, At> {
    let mut text = words.need("the text in quotes")?.text()?;
    while let Some(word) = words.next()? {
        word.text()?
            .pieces
            .into_iter()
            .for_each(|piece| text.push(piece));
    }
    Ok(text)
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

fn options(words: &mut Words<'_>) -> Result<SocketOptions, At> {
    let mut options = SocketOptions::default();
    while let Some(word) = words.next()? {
        option(&word, &mut options)?;
    }
    Ok(options)
}

fn option(word: &Word<'_>, options: &mut SocketOptions) -> Result<(), At> {
    match word.key_value() {
        ("keepalive", Some(value)) => options.keep_alive_s = value.number("keepalive")?,
        ("linger", Some(value)) => options.linger_s = Some(value.number("linger")?),
        ("nodelay", None) => options.nodelay = true,
        _ => return Err(word.unknown("options are keepalive=SECONDS, nodelay and linger=SECONDS")),
    }
    Ok(())
}

fn print_tls(f: &mut fmt::Formatter<'_>, tls: Option<&impl fmt::Display>) -> fmt::Result {
    tls.map_or(Ok(()), |tls| write!(f, "{tls}"))
}

fn print_resolve(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    family: &Family,
    servers: &[IpAddr],
) -> fmt::Result {
    let (name, family) = (quoted(name.as_bytes()), word_of(FAMILIES, family));
    write!(f, "resolve {name} {family}")?;
    if servers.is_empty() {
        return Ok(());
    }
    write!(f, " servers={}", print_ips(servers))
}

fn print_options(f: &mut fmt::Formatter<'_>, options: &SocketOptions) -> fmt::Result {
    if options.keep_alive_s != 0 {
        write!(f, " keepalive={}", options.keep_alive_s)?;
    }
    if options.nodelay {
        f.write_str(" nodelay")?;
    }
    options
        .linger_s
        .map_or(Ok(()), |s| write!(f, " linger={s}"))
}

fn print_name(f: &mut fmt::Formatter<'_>, name: Option<&str>) -> fmt::Result {
    let Some(name) = name else { return Ok(()) };
    f.write_char(' ')?;
    write!(f, "name={}", bare_or_quoted(name.as_bytes()))
}
