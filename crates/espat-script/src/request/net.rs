//! What is asked about a socket or a query: `connect tcp 192.0.2.1:80`, `send "ab"`, `resolve "example.org" v4`.

use std::fmt;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use espat_core::{CloseHow, Family, SocketOptions, Transport};

use crate::error::At;
use crate::handle::Handle;
use crate::peer;
use crate::text::Text;
use crate::tls::{TlsAsk, TlsListenAsk};
use crate::words::{Word, Words, bare_or_quoted, ip_list, keys, print_ips, quoted, terms, word_of};

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

impl NetAsk {
    pub(super) fn parse(
        handle: Handle,
        verb: &Word<'_>,
        words: &mut Words<'_>,
    ) -> Result<Self, At> {
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

    pub(super) fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
