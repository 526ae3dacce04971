//! The versions that the upgrade server has, for `AT+CIPFWVER` (behaviour.md 3.18: `at_ota_cmd.c` of later releases).
//!
//! Unlike an upgrade this goes through ESP-IDF's HTTP client: the status counts, and of the answer only its body.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::http::{self, Body, body};
use super::server::{Server, Talk, token};
use crate::exec::cx::Cx;
use crate::exec::operation::{OpEvent, SocketEvent};
use crate::input::CloseCause;
use crate::net::host::Lookup;
use crate::output::{CloseHow, Family};
use crate::time::Duration;
use crate::timers::Timer;

/// How long the client waits for the next thing to happen.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What the firmware has room for in a line of its answer, without the command's name and the line's end.
const VERSION_MAX: usize = 115;

const VERSION: &[u8] = b"\"version\": ";
const VERSION_END: &[u8] = b"\", ";

/// A question for the versions.
#[derive(Debug)]
pub(crate) struct Versions {
    server: Server,
    stage: Stage,
    answer: Vec<u8>,
}

#[derive(Debug)]
enum Stage {
    Name(Lookup),
    Talk(Talk),
    Over,
}

/// How it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Goes,
    /// The versions as they stand there, with their quotes.
    Done(Vec<Vec<u8>>),
    Failed,
}

impl Versions {
    pub(crate) fn ask(cx: &mut Cx<'_>) -> (Self, Asked) {
        let server = Server::of(cx, false);
        let mut versions = Self {
            server,
            stage: Stage::Over,
            answer: Vec::new(),
        };
        let asked = versions.look_up(cx);
        (versions, asked)
    }

    pub(crate) fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Asked {
        let asked = match (&self.stage, *event) {
            (Stage::Name(asked), OpEvent::Resolved(query, result)) => {
                match asked.answered(query, result) {
                    None => Asked::Goes,
                    Some(Ok(ip)) => self.connect(cx, ip),
                    Some(Err(_)) => {
                        self.stage = Stage::Over;
                        Asked::Failed
                    }
                }
            }
            (Stage::Talk(talk), OpEvent::Socket(socket, event)) if talk.socket == socket => {
                self.on_socket(cx, event)
            }
            (_, OpEvent::Deadline) => Asked::Failed,
            _ => Asked::Goes,
        };
        if asked != Asked::Goes {
            self.end(cx);
        }
        asked
    }

    fn look_up(&mut self, cx: &mut Cx<'_>) -> Asked {
        if self.server.host.name().is_some() && !cx.wifi.station_is_up() {
            return Asked::Failed;
        }
        cx.env.set_timer(Timer::Operation, TIMEOUT);
        match self.server.host.resolve(cx, Family::V4) {
            Lookup::Known(ip) => self.connect(cx, ip),
            asked @ Lookup::Asked(_) => {
                self.stage = Stage::Name(asked);
                Asked::Goes
            }
        }
    }

    fn connect(&mut self, cx: &mut Cx<'_>, ip: core::net::IpAddr) -> Asked {
        self.server.ip = ip;
        let to = SocketAddr::new(ip, self.server.port);
        self.stage = Stage::Over;
        if !cx.wifi.reaches(cx.nvs, to.ip()) {
            return Asked::Failed;
        }
        let request = http::versions_request(&self.host(), token(cx));
        cx.env.set_timer(Timer::Operation, TIMEOUT);
        self.stage = Stage::Talk(self.server.talk(cx, request));
        Asked::Goes
    }

    fn on_socket(&mut self, cx: &mut Cx<'_>, event: SocketEvent<'_>) -> Asked {
        let Stage::Talk(talk) = &mut self.stage else {
            return Asked::Goes;
        };
        cx.env.set_timer(Timer::Operation, TIMEOUT);
        let read = cx.env.profile().upgrade.read_bytes;
        match event {
            SocketEvent::Opened => {
                let request = core::mem::take(&mut talk.request);
                cx.env.out.send(talk.socket, None, &request);
                cx.env.out.read(talk.socket, read);
                Asked::Goes
            }
            SocketEvent::Sent => Asked::Goes,
            SocketEvent::Failed => Asked::Failed,
            SocketEvent::Data(bytes) => {
                self.answer.extend_from_slice(bytes);
                match body(&self.answer, false) {
                    Body::More => {
                        cx.env.out.read(talk.socket, read);
                        Asked::Goes
                    }
                    Body::Whole(body) => Asked::Done(find_versions(&body)),
                    Body::Bad => Asked::Failed,
                }
            }
            SocketEvent::Closed(cause) => {
                let is_orderly = matches!(cause, CloseCause::Fin | CloseCause::Tls);
                match body(&self.answer, is_orderly) {
                    Body::Whole(body) => Asked::Done(find_versions(&body)),
                    Body::More | Body::Bad => Asked::Failed,
                }
            }
        }
    }

    /// The server, with its port where that is none of the usual ones.
    fn host(&self) -> String {
        let Server { host, port, ip, .. } = &self.server;
        let host = host.name().map_or_else(|| format!("{ip}"), String::clone);
        match port {
            80 | 443 => host,
            port => format!("{host}:{port}"),
        }
    }

    fn end(&mut self, cx: &mut Cx<'_>) {
        match core::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Name(Lookup::Asked(query)) => cx.net.queries.cancel(cx.env.out, query),
            Stage::Talk(talk) => cx.net.close_apart(&mut cx.env, talk.socket, CloseHow::Fin),
            Stage::Name(Lookup::Known(_)) | Stage::Over => {}
        }
    }
}

/// Every version, from its first character on, which is a quote, to its last one: the firmware looks at the text alone. Where no end
/// follows, it has found the last.
fn find_versions(body: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(at) = memchr::memmem::find(rest, VERSION) {
        rest = &rest[at + VERSION.len()..];
        let Some(end) = rest
            .get(1..)
            .and_then(|r| memchr::memmem::find(r, VERSION_END))
        else {
            break;
        };
        let len = (end + 2).min(VERSION_MAX);
        found.push(rest[..len].to_vec());
        rest = &rest[end + 1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_between_their_quotes() {
        let body = b"{\"rom_version\": \"x\", \"a\": [{\"version\": \"v2.0\", \"b\": 1}, {\"version\": \"v1.0\", }, {\"version\": \"v0\"}]}";
        assert_eq!(
            find_versions(body),
            [b"\"v2.0\"".to_vec(), b"\"v1.0\"".to_vec()]
        );
        assert_eq!(
            find_versions(b"\"version\":\"v1\", "),
            Vec::<Vec<u8>>::new()
        );
        assert_eq!(find_versions(b"\"version\": "), Vec::<Vec<u8>>::new());
    }
}
