//! One upgrade, as the firmware does it: a look-up, a connection that asks for the newest version where none was named, and
//! one that fetches the file into its partition (behaviour.md 3.18).
//!
//! Its sockets are no links: they have no numbers, and no report speaks of them. At most one read of the file stands in
//! memory; the next one is asked for when the flash has it.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::file::{FIRMWARE, File, Took};
use super::http::Answer;
use super::server::{Server, Talk, token};
use super::{FAILED, http};
use crate::exec::cx::Cx;
use crate::exec::operation::{OpEvent, SocketEvent};
use crate::input::CloseCause;
use crate::net::host::Lookup;
use crate::output::{CloseHow, Family, SocketId, StoreTag};
use crate::reply::urc::Urc;
use crate::timers::Timer;

/// What is to be upgraded.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) https: bool,
    /// `None`: the newest that the server has.
    pub(crate) version: Option<Vec<u8>>,
    pub(crate) partition: Vec<u8>,
    /// Beside commands, which come between its reports.
    pub(crate) in_background: bool,
}

impl Order {
    /// The firmware itself. Only the start of the name is looked at.
    pub(crate) fn is_firmware(&self) -> bool {
        self.partition.starts_with(FIRMWARE.as_bytes())
    }
}

/// How an upgrade goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Goes,
    Done,
    Failed,
}

/// An upgrade under way.
#[derive(Debug)]
pub(crate) struct Upgrade {
    order: Order,
    server: Server,
    stage: Stage,
    /// The answer to the question for a version, where the firmware reads it on.
    answer: Option<Answer>,
}

#[derive(Debug)]
enum Stage {
    Name(Lookup),
    Version(Talk),
    Begin(StoreTag),
    File(Talk, File),
    Commit(StoreTag),
    Switch(StoreTag),
    Over,
}

impl Upgrade {
    /// Starts; an upgrade that fails at once has said so.
    pub(crate) fn start(cx: &mut Cx<'_>, order: Order) -> (Self, Turn) {
        cx.env
            .log(format_args!("ota_mode:{}", u8::from(order.https)));
        let timeout = cx.env.profile().upgrade.timeout;
        cx.env.set_timer(Timer::Upgrade, timeout);
        let server = Server::of(cx, order.https);
        let mut upgrade = Self {
            order,
            server,
            stage: Stage::Over,
            answer: None,
        };
        let turn = upgrade.look_up(cx);
        let turn = upgrade.conclude(cx, turn);
        (upgrade, turn)
    }

    pub(crate) fn is_firmware(&self) -> bool {
        self.order.is_firmware()
    }

    pub(crate) fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Turn {
        let turn = match *event {
            OpEvent::Resolved(query, result) => match &self.stage {
                Stage::Name(asked) => match asked.answered(query, result) {
                    None => Turn::Goes,
                    Some(Ok(ip)) => self.on_address(cx, ip),
                    Some(Err(_)) => {
                        self.stage = Stage::Over;
                        cx.env.log("gethostbyname fail");
                        Turn::Failed
                    }
                },
                Stage::Version(_)
                | Stage::Begin(_)
                | Stage::File(..)
                | Stage::Commit(_)
                | Stage::Switch(_)
                | Stage::Over => Turn::Goes,
            },
            OpEvent::Socket(socket, event) if self.talks_over(socket) => self.on_socket(cx, event),
            OpEvent::Stored(tag, result) => self.on_stored(cx, tag, result.is_ok()),
            // The firmware's timer closes the connection, and does nothing where there is none.
            OpEvent::UpgradeTimeout if self.is_connected() => {
                cx.env.log("ota timeout!");
                Turn::Failed
            }
            OpEvent::Payload(_)
            | OpEvent::Piece { .. }
            | OpEvent::GroupDue
            | OpEvent::Cancelled
            | OpEvent::Link(..)
            | OpEvent::Socket(..)
            | OpEvent::Listening(_)
            | OpEvent::Pinged(..)
            | OpEvent::TimeSynced(..)
            | OpEvent::Wifi(_)
            | OpEvent::UpgradeTimeout
            | OpEvent::Deadline => Turn::Goes,
        };
        self.conclude(cx, turn)
    }

    fn conclude(&mut self, cx: &mut Cx<'_>, turn: Turn) -> Turn {
        if turn == Turn::Goes {
            return turn;
        }
        cx.env.timers.stop(Timer::Upgrade);
        match core::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Name(Lookup::Asked(query)) => cx.net.queries.cancel(cx.env.out, query),
            Stage::Version(talk) | Stage::File(talk, _) => {
                cx.net.close_apart(&mut cx.env, talk.socket, CloseHow::Fin);
            }
            Stage::Name(Lookup::Known(_))
            | Stage::Begin(_)
            | Stage::Commit(_)
            | Stage::Switch(_)
            | Stage::Over => {}
        }
        if turn == Turn::Failed {
            cx.ota.abort(&mut cx.env, cx.nvs);
            cx.ota.state = FAILED;
            if self.order.in_background {
                cx.env.report(Urc::Upgrade(FAILED));
            }
        }
        turn
    }

    fn look_up(&mut self, cx: &mut Cx<'_>) -> Turn {
        if self.server.host.name().is_some() && !cx.wifi.station_is_up() {
            cx.env.log("gethostbyname fail");
            return Turn::Failed;
        }
        let lookup = self.server.host.resolve(cx, Family::V4);
        self.stage = Stage::Name(lookup);
        match lookup {
            Lookup::Known(ip) => self.on_address(cx, ip),
            Lookup::Asked(_) => Turn::Goes,
        }
    }

    fn on_address(&mut self, cx: &mut Cx<'_>, ip: IpAddr) -> Turn {
        self.stage = Stage::Over;
        self.server.ip = ip;
        self.say(cx, 1);
        if has_run_out(cx) {
            return Turn::Failed;
        }
        if self.is_cut_off(cx) {
            cx.env.log("connect to server failed!");
            return Turn::Failed;
        }
        match &self.order.version {
            None => {
                let table = &cx.env.profile().upgrade;
                let reads_on = cx.env.profile().quirks.upgrade_reads_version_on;
                self.answer = reads_on.then(|| Answer::new(table.read_bytes));
                let request =
                    http::version_request(self.server.shown(cx), self.server.port, token(cx));
                self.stage = Stage::Version(self.server.talk(cx, request));
                Turn::Goes
            }
            Some(version) => {
                let version = version.clone();
                self.begin(cx, &version)
            }
        }
    }

    /// The version is known: the partition is next.
    fn begin(&mut self, cx: &mut Cx<'_>, version: &[u8]) -> Turn {
        let shown = String::from_utf8_lossy(version);
        cx.env.log(format_args!("version:{shown}"));
        self.order.version = Some(version.to_vec());
        let Some((partition, _)) = self.partition(cx) else {
            let name = String::from_utf8_lossy(&self.order.partition);
            cx.env.log(format_args!("no custom partition: {name}"));
            return Turn::Failed;
        };
        self.stage = Stage::Begin(cx.ota.begin(&mut cx.env, cx.nvs, partition));
        Turn::Goes
    }

    /// The partition that is written, and its size.
    fn partition(&self, cx: &Cx<'_>) -> Option<(&'static str, usize)> {
        let table = &cx.env.profile().upgrade;
        if self.is_firmware() {
            return Some((FIRMWARE, table.firmware_bytes));
        }
        let name = self.order.partition.as_slice();
        let found = table
            .partitions
            .iter()
            .find(|partition| partition.name.as_bytes() == name)?;
        Some((found.name, found.bytes))
    }

    fn on_socket(&mut self, cx: &mut Cx<'_>, event: SocketEvent<'_>) -> Turn {
        match event {
            SocketEvent::Opened => self.ask(cx),
            SocketEvent::Failed => {
                cx.env.log("connect to server failed!");
                Turn::Failed
            }
            SocketEvent::Sent => Turn::Goes,
            SocketEvent::Data(read) => {
                let Stage::File(_, file) = &mut self.stage else {
                    return self.on_part(cx, read);
                };
                let took = file.take(cx, read);
                self.after_read(cx, took)
            }
            SocketEvent::Closed(cause) => {
                let Stage::File(_, file) = &mut self.stage else {
                    return self.on_answer_end(cx, cause);
                };
                file.closed = Some(cause);
                // The firmware learns of it when it reads, which is after it has written.
                if file.writing.is_some() {
                    Turn::Goes
                } else if file.is_complete() && is_orderly(cause) {
                    self.commit(cx)
                } else {
                    log_end(cx, cause)
                }
            }
        }
    }

    /// The connection is there: sends the request, and reads.
    fn ask(&mut self, cx: &mut Cx<'_>) -> Turn {
        if matches!(self.stage, Stage::Version(_)) {
            self.say(cx, 2);
        }
        if let Stage::Version(talk) | Stage::File(talk, _) = &mut self.stage {
            let request = core::mem::take(&mut talk.request);
            if self.order.version.is_none() {
                let len = request.len();
                cx.env.log(format_args!("http request length {len} bytes"));
            }
            cx.env.out.send(talk.socket, None, &request);
            let read = cx.env.profile().upgrade.read_bytes;
            cx.env.out.read(talk.socket, read);
        }
        Turn::Goes
    }

    /// A read of the answer, which may be all that counts.
    fn on_part(&mut self, cx: &mut Cx<'_>, read: &[u8]) -> Turn {
        let Some(mut answer) = self.answer.take() else {
            return self.on_answer(cx, read);
        };
        if answer.take(read) {
            return self.on_answer(cx, answer.text());
        }
        if let Stage::Version(talk) = &self.stage {
            cx.env.out.read(talk.socket, answer.room());
        }
        self.answer = Some(answer);
        Turn::Goes
    }

    /// The server closed without more of an answer.
    fn on_answer_end(&mut self, cx: &mut Cx<'_>, cause: CloseCause) -> Turn {
        match self.answer.take() {
            None => self.on_answer(cx, b""),
            Some(answer) if is_orderly(cause) => self.on_answer(cx, answer.text()),
            Some(_) => {
                cx.env.log("recv data from server failed!");
                Turn::Failed
            }
        }
    }

    /// What counts of the answer.
    fn on_answer(&mut self, cx: &mut Cx<'_>, answer: &[u8]) -> Turn {
        if let Stage::Version(talk) = core::mem::replace(&mut self.stage, Stage::Over) {
            cx.net.close_apart(&mut cx.env, talk.socket, CloseHow::Fin);
        }
        let Some(version) = http::find_version(answer) else {
            cx.env.log("rom_version error!");
            return Turn::Failed;
        };
        self.say(cx, 3);
        self.begin(cx, version)
    }

    fn on_stored(&mut self, cx: &mut Cx<'_>, tag: StoreTag, is_ok: bool) -> Turn {
        let awaited = match &self.stage {
            Stage::Begin(awaited) | Stage::Commit(awaited) | Stage::Switch(awaited) => {
                Some(*awaited)
            }
            Stage::File(_, file) => file.writing,
            Stage::Name(_) | Stage::Version(_) | Stage::Over => None,
        };
        if awaited != Some(tag) {
            return Turn::Goes;
        }
        if !is_ok {
            return Turn::Failed;
        }
        match &mut self.stage {
            Stage::Begin(_) => self.fetch(cx),
            Stage::File(_, file) => {
                file.writing = None;
                self.read_on(cx)
            }
            Stage::Commit(_) => self.after_commit(cx),
            Stage::Switch(_) => self.done(cx),
            Stage::Name(_) | Stage::Version(_) | Stage::Over => Turn::Goes,
        }
    }

    /// The partition can be written: fetches the file.
    fn fetch(&mut self, cx: &mut Cx<'_>) -> Turn {
        let Some((partition, bytes_max)) = self.partition(cx) else {
            return Turn::Failed;
        };
        if has_run_out(cx) {
            return Turn::Failed;
        }
        let version = self.order.version.as_deref().unwrap_or_default();
        if self.is_cut_off(cx) {
            cx.env.log("connect to server2 failed!");
            return Turn::Failed;
        }
        let Server { port, .. } = self.server;
        let request_max = cx.env.profile().upgrade.request_bytes;
        let name = &self.order.partition;
        let host = self.server.shown(cx);
        let request = http::file_request(version, name, host, port, token(cx), request_max);
        let file = File::new(partition, bytes_max);
        self.stage = Stage::File(self.server.talk(cx, request), file);
        Turn::Goes
    }

    fn after_read(&mut self, cx: &mut Cx<'_>, took: Took) -> Turn {
        match took {
            Took::Writes => Turn::Goes,
            Took::Nothing => self.read_on(cx),
            Took::Refused => Turn::Failed,
            Took::End => self.commit(cx),
        }
    }

    /// What was read is in the partition: reads again, unless that was all.
    fn read_on(&mut self, cx: &mut Cx<'_>) -> Turn {
        let Stage::File(talk, file) = &mut self.stage else {
            return Turn::Goes;
        };
        if file.is_complete() {
            return self.commit(cx);
        }
        if let Some(cause) = file.closed {
            return log_end(cx, cause);
        }
        let read = cx.env.profile().upgrade.read_bytes;
        cx.env.out.read(talk.socket, read);
        Turn::Goes
    }

    fn commit(&mut self, cx: &mut Cx<'_>) -> Turn {
        let Stage::File(talk, file) = core::mem::replace(&mut self.stage, Stage::Over) else {
            return Turn::Failed;
        };
        cx.net.close_apart(&mut cx.env, talk.socket, CloseHow::Fin);
        // The firmware's end check refuses an image of which nothing was written.
        if self.is_firmware() && file.received == 0 {
            return Turn::Failed;
        }
        let tag = cx.ota.commit(&mut cx.env, cx.nvs, file.partition);
        self.stage = Stage::Commit(tag);
        Turn::Goes
    }

    fn after_commit(&mut self, cx: &mut Cx<'_>) -> Turn {
        if !self.is_firmware() {
            return self.done(cx);
        }
        let version = self.order.version.as_deref().unwrap_or_default();
        let version = http::plain_version(version, cx.env.profile().upgrade.name_bytes);
        self.stage = Stage::Switch(cx.ota.switch(&mut cx.env, cx.nvs, version));
        Turn::Goes
    }

    fn done(&mut self, cx: &mut Cx<'_>) -> Turn {
        self.say(cx, 4);
        Turn::Done
    }

    /// `+CIPUPDATE:n`, at once where the command itself is running.
    fn say(&self, cx: &mut Cx<'_>, state: i8) {
        cx.ota.state = state;
        if self.order.in_background {
            cx.env.report(Urc::Upgrade(state));
        } else {
            cx.env.out.line("+CIPUPDATE").int(state);
        }
    }

    fn talk(&self) -> Option<&Talk> {
        match &self.stage {
            Stage::Version(talk) | Stage::File(talk, _) => Some(talk),
            Stage::Name(_)
            | Stage::Begin(_)
            | Stage::Commit(_)
            | Stage::Switch(_)
            | Stage::Over => None,
        }
    }

    fn talks_over(&self, socket: SocketId) -> bool {
        self.talk().is_some_and(|talk| talk.socket == socket)
    }

    fn is_connected(&self) -> bool {
        self.talk().is_some()
    }

    /// No network that the module is on leads to the server.
    fn is_cut_off(&self, cx: &Cx<'_>) -> bool {
        !cx.wifi.reaches(cx.nvs, self.server.ip)
    }
}

/// The timer has run out while there was nothing to close.
fn has_run_out(cx: &mut Cx<'_>) -> bool {
    let is_over = cx.env.timers.due(Timer::Upgrade).is_none();
    if is_over {
        cx.env.log("ota timeout!");
    }
    is_over
}

fn is_orderly(cause: CloseCause) -> bool {
    matches!(cause, CloseCause::Fin | CloseCause::Tls)
}

/// The server closed too early.
fn log_end(cx: &mut Cx<'_>, cause: CloseCause) -> Turn {
    cx.env.log(if is_orderly(cause) {
        "receive all packet over!"
    } else {
        "receive data error!"
    });
    Turn::Failed
}
