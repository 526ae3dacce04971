//! A client of the control interface: one request a connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde_json::Value;

use crate::control::{ControlAddr, ControlToken};
use crate::failure::Usage;

/// How long a module may take to be reached.
const REACH: Duration = Duration::from_secs(5);
/// How long it may take to answer, all in all.
const ANSWER: Duration = Duration::from_secs(10);
/// How much of what is no answer is shown.
const SHOWN: usize = 60;
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
    /// It is endless.
    has_events: bool,
}

/// What is known of an answer before its body.
struct Head {
    status: u16,
    has_events: bool,
}

/// A connection that has to answer before `deadline`.
struct Stream {
    socket: Socket,
    deadline: Option<Instant>,
}

enum Socket {
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
        let text = read_body(answer.body).map_err(|e| self.unreachable(&e))?;
        if serde_json::from_str::<Value>(&text).is_err() {
            return Err(self.foreign(200, &text).into());
        }
        Ok(text)
    }

    /// Follows an endless answer.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(super) fn follow(&self, path: &str) -> anyhow::Result<Answer> {
        let mut answer = self.open("GET", path, None)?;
        if !answer.has_events {
            let text = read_body(answer.body).map_err(|e| self.unreachable(&e))?;
            return Err(self.foreign(200, &text).into());
        }
        answer.body.get_mut().wait_for_ever()?;
        Ok(answer)
    }

    fn open(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let mut stream = Stream::connect(self.at).map_err(|e| self.unreachable(&e))?;
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
        let head = read_head(&mut body).map_err(|e| self.unreachable(&e))?;
        if (200..300).contains(&head.status) {
            let has_events = head.has_events;
            return Ok(Answer { body, has_events });
        }
        let text = read_body(body).map_err(|e| self.unreachable(&e))?;
        Err(refusal(head.status, &text).unwrap_or_else(|| self.foreign(head.status, &text).into()))
    }

    fn unreachable(&self, error: &io::Error) -> Usage {
        let at = self.at;
        Usage::new(format!(
            "--control {at}: the module cannot be reached: {error}; does `espat --control {at}` run?"
        ))
    }

    /// Who answers in HTTP, and not as a module does.
    fn foreign(&self, status: u16, body: &str) -> Usage {
        let said = shown(body.as_bytes());
        let error = format!("what answers there is no espat: status {status}, and then {said}");
        self.unreachable(&io::Error::other(error))
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

fn read_head(from: &mut impl BufRead) -> io::Result<Head> {
    let none = |got: String| {
        let message = format!("what answers there is no espat: it says {got}");
        io::Error::new(io::ErrorKind::InvalidData, message)
    };
    let ended = || none("nothing, and ends the connection".to_owned());
    let first = read_line(from)?.ok_or_else(ended)?;
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|s| s.split(' ').nth(1));
    let status = status.and_then(|s| s.parse().ok());
    let status = status.ok_or_else(|| none(shown(first.as_bytes())))?;
    let mut has_events = false;
    loop {
        let line = read_line(from)?.ok_or_else(ended)?.to_ascii_lowercase();
        if line.is_empty() {
            return Ok(Head { status, has_events });
        }
        let is_type = line.starts_with("content-type:");
        has_events |= is_type && line.contains("text/event-stream");
    }
}

/// The rest of an answer.
fn read_body(body: BufReader<Stream>) -> io::Result<String> {
    let mut bytes = vec![];
    body.take(BODY_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The beginning of what somebody says, in quotes.
fn shown(said: &[u8]) -> String {
    let begin = &said[..said.len().min(SHOWN)];
    let more = if said.len() > SHOWN { "..." } else { "" };
    match begin {
        [] => "nothing".to_owned(),
        begin => format!("`{}{more}`", begin.escape_ascii()),
    }
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

/// What the module refused, with the way out that it names; `None`: no module says so. What was asked wrongly, or without the right to, is
/// wrong usage.
fn refusal(status: u16, body: &str) -> Option<anyhow::Error> {
    let json: Value = serde_json::from_str(body).ok()?;
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
        _ => return None,
    };
    Some(if matches!(status, 400 | 401 | 403) {
        Usage::new(message).into()
    } else {
        anyhow!(message)
    })
}

impl Stream {
    fn connect(at: &ControlAddr) -> io::Result<Self> {
        let deadline = Instant::now() + ANSWER;
        let socket = match at {
            ControlAddr::Tcp(at) => {
                let stream = TcpStream::connect_timeout(&reachable(*at), REACH)?;
                stream.set_write_timeout(Some(ANSWER))?;
                Socket::Tcp(stream)
            }
            ControlAddr::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(ANSWER))?;
                Socket::Unix(stream)
            }
        };
        let deadline = Some(deadline);
        Ok(Self { socket, deadline })
    }

    fn wait_for_ever(&mut self) -> io::Result<()> {
        self.deadline = None;
        self.patience(None)
    }

    fn patience(&self, time: Option<Duration>) -> io::Result<()> {
        match &self.socket {
            Socket::Tcp(stream) => stream.set_read_timeout(time),
            Socket::Unix(stream) => stream.set_read_timeout(time),
        }
    }

    /// Reads what comes before the deadline, however it dribbles.
    fn read_in_time(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            // None at all would be an error of its own.
            self.patience(Some(left.max(Duration::from_millis(1))))?;
        }
        match &mut self.socket {
            Socket::Tcp(stream) => stream.read(buffer),
            Socket::Unix(stream) => stream.read(buffer),
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
        self.read_in_time(buffer).map_err(|error| {
            // What a read that timed out is called differs.
            let is_late = matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            );
            if is_late {
                let message = format!("what listens there does not answer within {ANSWER:?}");
                io::Error::new(io::ErrorKind::TimedOut, message)
            } else {
                error
            }
        })
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.socket {
            Socket::Tcp(stream) => stream.write(bytes),
            Socket::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
