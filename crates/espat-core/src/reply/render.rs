//! How replies are written: the only file that knows CR LF and the blank-line rules (behaviour.md 1.9, 1.10).

use alloc::vec::Vec;
use core::fmt::{Display, Write};
use core::net::SocketAddr;

use super::code::ResultCode;
use super::error::AtError;
use super::urc::{LinkUp, Urc};
use crate::net::LinkId;
use crate::outbox::Outbox;
use crate::output::Mark;

/// One `+NAME:a,b,c` line; its values are added one by one, its end is written when it is dropped.
pub(crate) struct Line<'a> {
    out: &'a mut Outbox,
    separator: &'static str,
    end: &'static str,
}

impl Line<'_> {
    /// A number.
    pub(crate) fn int(self, value: impl Into<i64>) -> Self {
        let value = value.into();
        self.show(value)
    }

    /// Anything that prints itself.
    pub(crate) fn show(mut self, value: impl Display) -> Self {
        self.separate();
        self.out.write(format_args!("{value}"));
        self
    }

    /// Anything that prints itself, in quotes.
    pub(crate) fn quoted(mut self, value: impl Display) -> Self {
        self.separate();
        self.out.write(format_args!("\"{value}\""));
        self
    }

    /// Bytes as they are: the firmware escapes nothing on its way out.
    pub(crate) fn bytes(mut self, value: &[u8]) -> Self {
        self.separate();
        self.out.extend(value);
        self
    }

    /// Bytes as they are, in quotes.
    pub(crate) fn quoted_bytes(mut self, value: &[u8]) -> Self {
        self.separate();
        self.out.extend(b"\"");
        self.out.extend(value);
        self.out.extend(b"\"");
        self
    }

    /// Bytes as they are, in quotes where the firmware has them.
    pub(crate) fn maybe_quoted(self, value: &[u8], quoted: bool) -> Self {
        if quoted {
            self.quoted_bytes(value)
        } else {
            self.bytes(value)
        }
    }

    /// Text that stands for itself, such as the `(` of `+CWLAP`; no comma follows.
    pub(crate) fn literal(mut self, text: &'static str) -> Self {
        self.separate();
        self.out.extend(text.as_bytes());
        self.separator = "";
        self
    }

    /// Text that closes what `literal` opened.
    pub(crate) fn close(self, text: &'static str) {
        self.out.extend(text.as_bytes());
    }

    fn separate(&mut self) {
        let separator = core::mem::replace(&mut self.separator, ",");
        self.out.extend(separator.as_bytes());
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.out.extend(self.end.as_bytes());
    }
}

/// A link's number, where the multiple-links mode shows it.
#[derive(Clone, Copy)]
pub(crate) struct Shown(pub(crate) Option<LinkId>);

impl Outbox {
    /// A line of an answer, such as `+CIPMUX:0`; the result code is set apart from it by an empty line.
    pub(crate) fn line(&mut self, name: &'static str) -> Line<'_> {
        self.begin(Mark::Line);
        self.extend(name.as_bytes());
        Line {
            out: self,
            separator: ":",
            end: "\r\n",
        }
    }

    /// A line of an answer that the result code follows without an empty line.
    pub(crate) fn tight_line(&mut self, name: &'static str) -> Line<'_> {
        let mut line = self.line(name);
        line.end = "";
        line
    }

    /// A line of text.
    pub(crate) fn text_line(&mut self, text: impl Display) {
        self.begin(Mark::Line);
        self.write(format_args!("{text}\r\n"));
    }

    /// A line of text that the result code follows without an empty line.
    pub(crate) fn tight_text(&mut self, text: impl Display) {
        self.begin(Mark::Line);
        self.write(format_args!("{text}"));
    }

    /// The head of `+CIPRECVDATA:n,` before its data.
    pub(crate) fn data_head(&mut self, name: &'static str, len: usize, peer: Option<SocketAddr>) {
        self.begin(Mark::Line);
        if self.quirks.read_begins_a_line {
            self.write(format_args!("\r\n{name},{len}:"));
            return;
        }
        self.write(format_args!("{name}:{len},"));
        if let Some(peer) = peer {
            self.write(format_args!("\"{}\",{},", peer.ip(), peer.port()));
        }
    }

    /// A line that ends with bytes as they are, such as `+SYSMFG`'s.
    pub(crate) fn payload_line(&mut self, name: &'static str, head: impl Display, bytes: &[u8]) {
        self.begin(Mark::Line);
        self.write(format_args!("{name}:{head},"));
        self.join(Mark::Payload);
        self.extend(bytes);
        self.join(Mark::Line);
        self.extend(b"\r\n");
    }

    pub(crate) fn result(&mut self, code: ResultCode) {
        self.begin(Mark::Result);
        self.write(format_args!("\r\n{}\r\n", code.text()));
    }

    pub(crate) fn error(&mut self, error: AtError, with_number: bool) {
        self.begin(Mark::Result);
        if with_number {
            self.write(format_args!("ERR CODE:0x{:08x}\r\n", error.number()));
        }
        let text = if error == AtError::Busy {
            "busy p..."
        } else {
            "ERROR"
        };
        self.write(format_args!("\r\n{text}\r\n"));
    }

    /// Input while a payload is on its way, on NonOS (behaviour.md U16: without a line end before it).
    pub(crate) fn busy_sending(&mut self) {
        self.begin(Mark::Result);
        self.extend(b"busy s...\r\n");
    }

    /// A line as it came in, or its rest. NonOS sends every byte back but LF, and CR LF for that (behaviour.md U16).
    pub(crate) fn echo(&mut self, line: &[u8]) {
        self.begin(Mark::Echo);
        match line.strip_suffix(b"\n") {
            Some(line) if self.quirks.echo_repeats_cr => {
                self.extend(line);
                self.extend(b"\r\n");
            }
            Some(_) | None => self.extend(line),
        }
    }

    pub(crate) fn prompt(&mut self) {
        self.begin(Mark::Prompt);
        let prompt: &[u8] = if self.quirks.prompt_has_space {
            b"> "
        } else {
            b"\r\n>"
        };
        self.extend(prompt);
    }

    /// The `>` of commands that say no OK before it.
    pub(crate) fn bare_prompt(&mut self) {
        self.begin(Mark::Prompt);
        self.extend(b">");
    }

    /// The `>` behind which passthrough begins.
    pub(crate) fn passthrough_prompt(&mut self) {
        self.begin(Mark::Prompt);
        self.extend(b"\r\n>");
    }

    /// The prompt of the saved link, which no command asked for.
    pub(crate) fn saved_link_prompt(&mut self) {
        self.begin(Mark::Report);
        self.extend(b"\r\n>");
    }

    pub(crate) fn received(&mut self, len: usize) {
        self.begin(Mark::Recv);
        self.write(format_args!("\r\nRecv {len} bytes\r\n"));
    }

    /// A result that stands outside a command: `SEND Canceled`, `Will force to restart!!!`.
    pub(crate) fn notice(&mut self, text: &str) {
        self.begin(Mark::Result);
        self.write(format_args!("\r\n{text}\r\n"));
    }

    pub(crate) fn ready(&mut self) {
        self.begin(Mark::Boot);
        self.extend(b"\r\nready\r\n");
    }

    /// A text of the log UART. Debug prints carry a CR of their own before the line end (behaviour.md 0.2).
    pub(crate) fn log(&mut self, text: impl Display) {
        if self.begin_log() {
            self.write(format_args!("{text}\r\n"));
        }
    }

    /// A report other than `+IPD`. `multi`: the multiple-links mode; `link_conn`: `AT+SYSMSG` bit 1.
    pub(crate) fn report(&mut self, urc: Urc, multi: bool, link_conn: bool) {
        self.begin(Mark::Report);
        match urc {
            Urc::WifiConnected => self.extend(b"WIFI CONNECTED\r\n"),
            Urc::WifiGotIp => self.extend(b"WIFI GOT IP\r\n"),
            Urc::WifiGotIp6Local => self.extend(b"WIFI GOT IPv6 LL\r\n"),
            Urc::WifiGotIp6Global => self.extend(b"WIFI GOT IPv6 GL\r\n"),
            Urc::WifiDisconnect => self.extend(b"WIFI DISCONNECT\r\n"),
            Urc::Connect(up) if link_conn => self.link_conn(up),
            Urc::Connect(LinkUp { link, .. }) if multi => {
                self.write(format_args!("{link},CONNECT\r\n"))
            }
            Urc::Connect(_) => self.extend(b"CONNECT\r\n"),
            Urc::Closed(link) if multi => self.write(format_args!("{link},CLOSED\r\n")),
            Urc::Closed(_) => self.extend(b"CLOSED\r\n"),
            Urc::SegmentSent(link, number) if multi => {
                self.write(format_args!("\r\n{link},{number},SEND OK\r\n"))
            }
            Urc::SegmentSent(_, number) => self.write(format_args!("\r\n{number},SEND OK\r\n")),
            Urc::SegmentsLost(_) => self.extend(b"\r\nSEND FAIL\r\n"),
            Urc::StationJoined(mac) => self.write(format_args!("+STA_CONNECTED:\"{mac}\"\r\n")),
            Urc::StationGotIp(mac, ip) => {
                self.write(format_args!("+DIST_STA_IP:\"{mac}\",\"{ip}\"\r\n"))
            }
            Urc::StationLeft(mac) => self.write(format_args!("+STA_DISCONNECTED:\"{mac}\"\r\n")),
            Urc::TimeUpdated => self.extend(b"+TIME_UPDATED\r\n"),
            Urc::Upgrade(state) => self.write(format_args!("+CIPUPDATE:{state}\r\n")),
            Urc::Data(_) | Urc::Unread(_) => {
                debug_assert!(false, "+IPD is written by `ipd` or `ipd_announce`")
            }
        }
    }

    /// `+IPD` with its data.
    pub(crate) fn ipd(&mut self, link: Shown, peer: Option<SocketAddr>, data: &[u8]) {
        self.ipd_head(link, data.len());
        if let Some(peer) = peer {
            let (ip, port) = (peer.ip(), peer.port());
            if self.quirks.addresses_unquoted {
                self.write(format_args!(",{ip},{port}"));
            } else {
                self.write(format_args!(",\"{ip}\",{port}"));
            }
        }
        self.extend(b":");
        self.join(Mark::Payload);
        self.extend(data);
    }

    /// `+IPD` that only says how much there is to read.
    pub(crate) fn ipd_announce(&mut self, link: Shown, len: usize) {
        self.ipd_head(link, len);
        self.extend(b"\r\n");
    }

    fn ipd_head(&mut self, Shown(link): Shown, len: usize) {
        self.begin(Mark::Report);
        match link {
            Some(link) => self.write(format_args!("\r\n+IPD,{link},{len}")),
            None => self.write(format_args!("\r\n+IPD,{len}")),
        }
    }

    fn link_conn(&mut self, up: LinkUp) {
        let LinkUp {
            link,
            kind,
            accepted,
            remote,
            local_port,
        } = up;
        let (ip, port) = (remote.ip(), remote.port());
        self.write(format_args!(
            "+LINK_CONN:0,{link},\"{kind}\",{},\"{ip}\",{port},{local_port}\r\n",
            u8::from(accepted)
        ));
    }
}

/// Lines of the chip's ROM.
pub(crate) fn rom_text(lines: &[&str]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| [line.as_bytes(), b"\r\n"].concat())
        .collect()
}

impl Write for Outbox {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.extend(text.as_bytes());
        Ok(())
    }
}
