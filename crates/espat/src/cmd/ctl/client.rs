//! A client of the control interface: one request a connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, anyhow};
use serde_json::Value;

use crate::control::{ControlAddr, ControlToken};
use crate::failure::Usage;

/// How long a module may take to be reached.
const REACH: Duration = Duration::from_secs(5);
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(30);
/// The longest line of a head or of an event.
const LINE_BYTES: u64 = 1024 * 1024;
/// The longest answer.
const BODY_BYTES: u64 = 16 * 1024 * 1024;

/// Where a module is reached, and what it wants to be shown.
#[derive(Debug)]
pub(super) struct Client<'a> {
    at: &'a ControlAddr,
    token: Option<&'a str>,
}

/// An answer whose head has been read.
pub(super) struct Answer {
    body: BufReader<Stream>,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl<'a> Client<'a> {
    /// # Errors
    /// A token that cannot be one.
    pub(super) fn new(at: &'a ControlAddr, token: Option<&'a ControlToken>) -> Result<Self, Usage> {
        let token = token.map(ControlToken::checked).transpose();
        let token = token.map_err(|e| Usage::new(format!("--control-token: {e}")))?;
        Ok(Self { at, token })
    }

    /// Asks, and gives the body of an answer that went well.
    ///
    /// # Errors
    /// The module cannot be reached, or refuses.
    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<String> {
        let answer = self.open(method, path, body)?;
        let mut text = String::new();
        answer.body.take(BODY_BYTES).read_to_string(&mut text)?;
        Ok(text)
    }

    /// Follows an endless answer.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(super) fn follow(&self, path: &str) -> anyhow::Result<Answer> {
        let answer = self.open("GET", path, None)?;
        answer.body.get_ref().patience(None)?;
        Ok(answer)
    }

    fn open(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let unreachable = |e: io::Error| {
            let at = self.at;
            Usage::new(format!(
                "--control {at}: the module cannot be reached: {e}; does `espat --control {at}` run?"
            ))
        };
        let mut stream = Stream::connect(self.at).map_err(unreachable)?;
        // HTTP/1.0: the answer ends with its connection, and is in no chunks.
        let mut request = format!("{method} {path} HTTP/1.0\r\nHost: {}\r\n", self.host());
        if let Some(token) = self.token {
            request += &format!("Authorization: Bearer {token}\r\n");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        if method != "GET" {
            let length = body.len();
            request += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
        }
        request += "\r\n";
        request += &body;
        // Where it does not take all of it, its answer says why.
        let _ = stream.write_all(request.as_bytes());
        let mut body = BufReader::new(stream);
        let status = read_head(&mut body).map_err(unreachable)?;
        if (200..300).contains(&status) {
            return Ok(Answer { body });
        }
        let mut text = String::new();
        let _ = body.take(BODY_BYTES).read_to_string(&mut text);
        Err(refusal(status, &text))
    }

    /// The name that the module is called by: its address, or nobody's for a socket.
    fn host(&self) -> String {
        match self.at {
            ControlAddr::Tcp(at) => at.to_string(),
            ControlAddr::Unix(_) => "localhost".to_owned(),
        }
    }
}

impl Answer {
    /// The next event: its name and its data; `None` where the stream ends without a last one.
    ///
    /// # Errors
    /// The stream breaks.
    pub(super) fn event(&mut self) -> anyhow::Result<Option<(String, String)>> {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let line = read_line(&mut self.body).context("the transcript broke off")?;
            let Some(line) = line else { return Ok(None) };
            if line.is_empty() && !name.is_empty() {
                return Ok(Some((name, data)));
            }
            if let Some(of) = line.strip_prefix("event: ") {
                of.clone_into(&mut name);
            } else if let Some(of) = line.strip_prefix("data: ") {
                if !data.is_empty() {
                    data.push('\n');
                }
                data.push_str(of);
            }
        }
    }
}

/// Reads a head and gives its status.
fn read_head(from: &mut impl BufRead) -> io::Result<u16> {
    let none = || io::Error::new(io::ErrorKind::InvalidData, "what answers there is no espat");
    let first = read_line(from)?.ok_or_else(none)?;
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|s| s.split(' ').nth(1));
    let status = status.and_then(|s| s.parse().ok()).ok_or_else(none)?;
    while !read_line(from)?.ok_or_else(none)?.is_empty() {}
    Ok(status)
}

/// A line without its end; `None` at the end of the stream.
fn read_line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = vec![];
    let n = from
        .by_ref()
        .take(LINE_BYTES)
        .read_until(b'\n', &mut line)?;
    let line = String::from_utf8_lossy(&line);
    Ok((n > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// What the module refused, with the way out that it names. What was asked wrongly, or without the right to, is wrong usage.
fn refusal(status: u16, body: &str) -> anyhow::Error {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let part = |name: &str| json["error"][name].as_str();
    let message = match (
        part("name"),
        part("value"),
        part("message"),
        part("way_out"),
    ) {
        (Some(name), Some(value), Some(message), Some(way_out)) => {
            format!("{name} `{}`: {message}; {way_out}", value.escape_debug())
        }
        (Some(name), None, Some(message), Some(way_out)) => format!("{name}: {message}; {way_out}"),
        _ => format!("the module answers status {status} without saying why"),
    };
    if matches!(status, 400 | 401 | 403) {
        Usage::new(message).into()
    } else {
        anyhow!(message)
    }
}

impl Stream {
    fn connect(at: &ControlAddr) -> io::Result<Self> {
        let stream = match at {
            ControlAddr::Tcp(at) => Self::Tcp(TcpStream::connect_timeout(&reachable(*at), REACH)?),
            ControlAddr::Unix(path) => Self::Unix(UnixStream::connect(path)?),
        };
        stream.patience(Some(ANSWER))?;
        Ok(stream)
    }

    fn patience(&self, time: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(time),
            Self::Unix(stream) => stream.set_read_timeout(time),
        }
    }
}

/// A module that listens on all addresses is reached on loopback.
fn reachable(mut at: SocketAddr) -> SocketAddr {
    if at.ip().is_unspecified() {
        at.set_ip(match at {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    at
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
