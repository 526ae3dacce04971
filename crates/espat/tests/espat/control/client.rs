//! A client of the control interface, and the schemas that its answers are held against.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

use crate::harness::{DEADLINE, Espat, Scratch};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e} in {:?}", self.body))
    }

    /// What is wrong, by its name.
    pub(crate) fn error(&self) -> String {
        let json = self.json();
        holds(&json, &schema("Refused"));
        json["error"]["name"].as_str().unwrap().to_owned()
    }
}

/// A module on a PTY, powered on, with a control interface on loopback and `more` options.
pub(crate) fn start(name: &str, more: &[&str]) -> (Scratch, Espat, String) {
    let scratch = Scratch::new(name);
    let mut options = vec!["--control", "127.0.0.1:0", "--power", "now"];
    options.extend_from_slice(more);
    let (espat, _) = Espat::on_pty(&scratch, &options);
    let at = place(&espat);
    (scratch, espat, at)
}

/// Where the control interface is, by the line that says so.
pub(crate) fn place(espat: &Espat) -> String {
    let line = espat.line();
    let at = line.strip_prefix("control ");
    at.unwrap_or_else(|| panic!("the line is `{line}`"))
        .to_owned()
}

pub(crate) fn get(at: &str, path: &str) -> Answer {
    request(
        at,
        &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n"),
        "",
    )
}

pub(crate) fn post(at: &str, path: &str, body: &str) -> Answer {
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
    request(at, &head, body)
}

/// Sends a head without its end, and a body.
pub(crate) fn request(at: &str, head: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    ask(&mut stream, head, body)
}

pub(crate) fn request_socket(path: &Path, head: &str) -> Answer {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    ask(&mut stream, head, "")
}

fn ask(stream: &mut (impl Read + Write), head: &str, body: &str) -> Answer {
    let length = body.len();
    let all = format!("{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    // A server that refuses by the head need not read the body.
    let _ = stream.write_all(all.as_bytes());
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer to {head:?}, but {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// The live transcript, its head read.
pub(crate) struct Live(BufReader<TcpStream>);

impl Live {
    pub(crate) fn follow(at: &str) -> Self {
        let mut stream = TcpStream::connect(at).unwrap();
        // What the kernel keeps for one that does not read is not what is tested.
        rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 64 * 1024).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        // Of HTTP/1.0 there are no chunks between the events.
        stream
            .write_all(b"GET /v1/live HTTP/1.0\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut live = Self(BufReader::new(stream));
        assert!(live.line().contains(" 200 "));
        while !live.line().is_empty() {}
        live
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next event: its name and its data.
    pub(crate) fn event(&mut self) -> (String, String) {
        let name = self.line();
        let name = name
            .strip_prefix("event: ")
            .unwrap_or_else(|| panic!("{name:?}"));
        let mut data = vec![];
        loop {
            let line = self.line();
            match line.strip_prefix("data:") {
                Some(text) => data.push(text.trim_start().to_owned()),
                None => return (name.to_owned(), data.join("\n")),
            }
        }
    }

    /// Events up to and with one that holds `text`.
    pub(crate) fn until(&mut self, text: &str) -> String {
        let mut all = String::new();
        while !all.contains(text) {
            let (name, data) = self.event();
            assert_eq!(name, "transcript", "{data}");
            all += &data;
            all.push('\n');
        }
        all
    }

    /// The same where the connection may also break off without one.
    pub(crate) fn end_or_break(&mut self) -> Option<Value> {
        let is_over =
            |stream: &mut BufReader<TcpStream>| stream.fill_buf().is_ok_and(<[u8]>::is_empty);
        while !is_over(&mut self.0) {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            if line == "event: end\n" {
                let data = self.line();
                let data = data.strip_prefix("data:").unwrap();
                return Some(serde_json::from_str(data).unwrap());
            }
        }
        None
    }

    /// The last event, whatever comes before it.
    pub(crate) fn end(&mut self) -> Value {
        loop {
            let (name, data) = self.event();
            if name == "end" {
                let mut rest = String::new();
                self.0.read_to_string(&mut rest).unwrap();
                assert_eq!(rest, "");
                return serde_json::from_str(&data).unwrap();
            }
        }
    }
}

/// The description that stands beside the documentation.
pub(crate) fn description() -> Value {
    serde_json::from_str(include_str!("../../../../../docs/control.openapi.json")).unwrap()
}

pub(crate) fn schema(name: &str) -> Value {
    description()["components"]["schemas"][name].clone()
}

/// Asserts that `value` is as a schema says, as far as the description uses JSON Schema.
pub(crate) fn holds(value: &Value, schema: &Value) {
    if let Err(error) = check(value, schema) {
        panic!("{error}\nin {value:#}");
    }
}

fn check(value: &Value, rule: &Value) -> Result<(), String> {
    for (key, wanted) in rule.as_object().unwrap() {
        let holds =
            match key.as_str() {
                "$ref" => {
                    let name = wanted.as_str().unwrap().rsplit('/').next().unwrap();
                    check(value, &schema(name))?;
                    true
                }
                "anyOf" => wanted
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|one| check(value, one).is_ok()),
                "type" => match wanted.as_array() {
                    Some(kinds) => kinds.iter().any(|kind| is(value, kind)),
                    None => is(value, wanted),
                },
                "enum" => wanted.as_array().unwrap().iter().any(|one| {
                    one == value || one.as_f64().is_some_and(|n| value.as_f64() == Some(n))
                }),
                "minimum" => value.as_f64().is_none_or(|n| n >= wanted.as_f64().unwrap()),
                "required" => wanted
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|key| value.get(key.as_str().unwrap()).is_some()),
                "additionalProperties" => {
                    assert_eq!(*wanted, Value::Bool(false));
                    let known = &rule["properties"];
                    value
                        .as_object()
                        .is_none_or(|value| value.keys().all(|key| known.get(key).is_some()))
                }
                "properties" => {
                    for (key, rule) in wanted.as_object().unwrap() {
                        if let Some(value) = value.get(key) {
                            check(value, rule).map_err(|e| format!("{key}: {e}"))?;
                        }
                    }
                    true
                }
                "items" => {
                    for value in value.as_array().unwrap() {
                        check(value, wanted)?;
                    }
                    true
                }
                // Of what is sent, not of what is answered.
                "pattern" | "format" | "description" => true,
                other => panic!("the checker does not know `{other}`"),
            };
        if !holds {
            return Err(format!("{value} is against {key} {wanted}"));
        }
    }
    Ok(())
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("the checker does not know the type {other}"),
    }
}
