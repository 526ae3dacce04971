//! Telnet with the COM port option (RFC 854, RFC 2217): what a host's bytes mean, and what answers them.
//!
//! Keeps nothing that grows with what a host sends: a subnegotiation longer than any that means something is given up, and what
//! follows it is data again.

use espat_core::UartConfig;

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;

const BINARY: u8 = 0;
const ECHO: u8 = 1;
const SUPPRESS_GO_AHEAD: u8 = 3;
const COM_PORT: u8 = 44;

/// Added to a command's number where the access server says it.
const FROM_SERVER: u8 = 100;

/// Longer than every subnegotiation that is understood; a signature may be longer and is cut.
const SUB_BYTES: usize = 256;

/// CTS: the module may always be sent to, as its UART has flow control off until `AT+UART_CUR` says otherwise.
const MODEM_STATE: u8 = 0x10;

/// What a host wants of the line, beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It set the line, after so many of the data bytes that came with it.
    Line(UartConfig, usize),
    /// It set or cleared DTR or RTS.
    Pins(Pins),
    /// It takes no bytes until further notice, or takes them again.
    Hold(bool),
}

/// The outputs of a host's UART that boards lead to EN and IO0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pins {
    pub(super) dtr: bool,
    pub(super) rts: bool,
}

/// One host's side of the protocol.
#[derive(Debug)]
pub(super) struct Telnet {
    state: State,
    sub: Vec<u8>,
    ours: Options,
    theirs: Options,
    line: UartConfig,
    pins: Pins,
    is_break: bool,
    /// Data bytes of those that are being decoded.
    heard: usize,
    replies: Vec<u8>,
    /// The last byte for a host that refused binary was a CR, whose companion has not been sent.
    owes_after_cr: bool,
    /// The host knows the option, and was told of the modem lines.
    knows_modem: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Data,
    /// After a CR, in a direction that is not binary.
    Cr,
    Iac,
    Verb(u8),
    Sub,
    SubIac,
}

/// Which options are on in one direction, and which were refused.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    on: u8,
    refused: u8,
}

impl Options {
    fn bit(option: u8) -> Option<u8> {
        match option {
            BINARY => Some(1),
            ECHO => Some(2),
            SUPPRESS_GO_AHEAD => Some(4),
            COM_PORT => Some(8),
            _ => None,
        }
    }

    fn is_on(self, option: u8) -> bool {
        Self::bit(option).is_some_and(|bit| self.on & bit != 0)
    }

    /// Switches an option; whether that is news.
    fn switch(&mut self, option: u8, on: bool) -> bool {
        let Some(bit) = Self::bit(option) else {
            return false;
        };
        let before = self.on;
        if on {
            self.on |= bit;
            self.refused &= !bit;
        } else {
            self.on &= !bit;
            self.refused |= bit;
        }
        before != self.on
    }
}

impl Telnet {
    /// For a host that has just connected, with the first offers on their way.
    pub(super) fn new(line: UartConfig) -> Self {
        let mut telnet = Self {
            state: State::Data,
            sub: vec![],
            ours: Options::default(),
            theirs: Options::default(),
            line,
            pins: Pins::default(),
            is_break: false,
            heard: 0,
            replies: vec![],
            owes_after_cr: false,
            knows_modem: false,
        };
        // What is offered counts as on: the host's consent is then no news and needs no answer.
        for option in [BINARY, SUPPRESS_GO_AHEAD, ECHO] {
            telnet.ours.switch(option, true);
            telnet.replies.extend([IAC, WILL, option]);
        }
        for option in [BINARY, SUPPRESS_GO_AHEAD, COM_PORT] {
            telnet.theirs.switch(option, true);
            telnet.replies.extend([IAC, DO, option]);
        }
        telnet
    }

    /// Decodes in place: the data is `bytes[..n]` of the returned `n`.
    pub(super) fn receive(&mut self, bytes: &mut [u8], wishes: &mut Vec<Wish>) -> usize {
        if self.state == State::Data && self.is_plain(bytes) {
            return bytes.len();
        }
        let mut n = 0;
        self.heard = 0;
        for at in 0..bytes.len() {
            if let Some(byte) = self.receive_byte(bytes[at], wishes) {
                bytes[n] = byte;
                n += 1;
                self.heard = n;
            }
        }
        n
    }

    /// What the host is to be answered; empty it as it is sent.
    pub(super) fn replies(&mut self) -> &mut Vec<u8> {
        &mut self.replies
    }

    /// Whether bytes for the host go as they are.
    pub(super) fn sends_plain(&self, bytes: &[u8]) -> bool {
        let has_refused = self.ours.refused & 1 != 0;
        !has_refused && !bytes.contains(&IAC)
    }

    /// Adds bytes for the host to the replies, as they are written on the wire.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let is_binary = self.ours.is_on(BINARY);
        for &byte in bytes {
            if std::mem::take(&mut self.owes_after_cr) && byte != b'\n' {
                self.replies.push(0);
            }
            self.replies.push(byte);
            if byte == IAC {
                self.replies.push(IAC);
            }
            self.owes_after_cr = byte == b'\r' && !is_binary;
        }
    }

    fn is_plain(&self, bytes: &[u8]) -> bool {
        self.theirs.is_on(BINARY) && !bytes.contains(&IAC)
    }

    fn receive_byte(&mut self, byte: u8, wishes: &mut Vec<Wish>) -> Option<u8> {
        match self.state {
            State::Cr if byte == 0 => self.state = State::Data,
            State::Data | State::Cr if byte == IAC => self.state = State::Iac,
            State::Data | State::Cr => {
                let is_cr = byte == b'\r' && !self.theirs.is_on(BINARY);
                self.state = if is_cr { State::Cr } else { State::Data };
                return Some(byte);
            }
            State::Iac => return self.on_command(byte),
            State::Verb(verb) => {
                self.state = State::Data;
                self.on_verb(verb, byte);
            }
            State::Sub if byte == IAC => self.state = State::SubIac,
            State::Sub => self.add_to_sub(byte),
            State::SubIac if byte == IAC => {
                self.state = State::Sub;
                self.add_to_sub(IAC);
            }
            State::SubIac if byte == SE => {
                self.state = State::Data;
                self.on_sub(wishes);
                self.sub.clear();
            }
            // Its end was lost: what comes is a command of its own.
            State::SubIac => {
                self.sub.clear();
                return self.on_command(byte);
            }
        }
        None
    }

    fn on_command(&mut self, byte: u8) -> Option<u8> {
        self.state = match byte {
            WILL | WONT | DO | DONT => State::Verb(byte),
            SB => State::Sub,
            _ => State::Data,
        };
        (byte == IAC).then_some(IAC)
    }

    fn add_to_sub(&mut self, byte: u8) {
        if self.sub.len() < SUB_BYTES {
            self.sub.push(byte);
        } else {
            self.sub.clear();
            self.state = State::Data;
        }
    }

    fn on_verb(&mut self, verb: u8, option: u8) {
        self.switch(verb, option);
        let is_agreed = option == COM_PORT && matches!(verb, WILL | DO);
        if is_agreed && !std::mem::replace(&mut self.knows_modem, true) {
            self.answer(7, &[MODEM_STATE]);
        }
    }

    fn switch(&mut self, verb: u8, option: u8) {
        match verb {
            WILL if matches!(option, BINARY | SUPPRESS_GO_AHEAD | COM_PORT) => {
                if self.theirs.switch(option, true) {
                    self.replies.extend([IAC, DO, option]);
                }
            }
            WILL => self.replies.extend([IAC, DONT, option]),
            WONT => {
                if self.theirs.switch(option, false) {
                    self.replies.extend([IAC, DONT, option]);
                }
            }
            DO if Options::bit(option).is_some() => {
                if self.ours.switch(option, true) {
                    self.replies.extend([IAC, WILL, option]);
                }
            }
            DO => self.replies.extend([IAC, WONT, option]),
            _ => {
                if self.ours.switch(option, false) {
                    self.replies.extend([IAC, WONT, option]);
                }
            }
        }
    }

    fn on_sub(&mut self, wishes: &mut Vec<Wish>) {
        let sub = std::mem::take(&mut self.sub);
        let [COM_PORT, command, value @ ..] = sub.as_slice() else {
            return;
        };
        let before = (self.line, self.pins);
        match (*command, value) {
            (0, []) => self.answer(0, concat!("espat ", env!("CARGO_PKG_VERSION")).as_bytes()),
            (1, &[a, b, c, d]) => {
                let baud = u32::from_be_bytes([a, b, c, d]);
                if baud > 0 {
                    self.line.baud = baud;
                }
                self.answer(1, &self.line.baud.to_be_bytes());
            }
            (2, &[bits]) => {
                if (5..=8).contains(&bits) {
                    self.line.data_bits = bits;
                }
                self.answer(2, &[self.line.data_bits]);
            }
            (3, &[parity]) => {
                // Mark and space parity are nothing that the module has: the line keeps its parity, and the answer says so.
                if (1..=3).contains(&parity) {
                    self.line.parity = parity - 1;
                }
                self.answer(3, &[self.line.parity + 1]);
            }
            (4, &[stop]) => {
                self.line.stop_bits = match stop {
                    1 => 1,
                    2 => 3,
                    3 => 2,
                    _ => self.line.stop_bits,
                };
                let stop = [1, 1, 3, 2][usize::from(self.line.stop_bits.min(3))];
                self.answer(4, &[stop]);
            }
            (5, &[control]) => self.on_control(control),
            (8, []) => wishes.push(Wish::Hold(true)),
            (9, []) => wishes.push(Wish::Hold(false)),
            (10, &[mask]) => self.answer(10, &[mask]),
            (11, &[mask]) => {
                self.answer(11, &[mask]);
                if mask & MODEM_STATE != 0 {
                    self.answer(7, &[MODEM_STATE]);
                }
            }
            // What left the module's UART is in the socket already, and what the host sent is on the line: nothing waits between.
            (12, &[what @ 1..=3]) => self.answer(12, &[what]),
            _ => {}
        }
        if before.0 != self.line {
            wishes.push(Wish::Line(self.line, self.heard));
        }
        if before.1 != self.pins {
            wishes.push(Wish::Pins(self.pins));
        }
        self.sub = sub;
    }

    fn on_control(&mut self, control: u8) {
        let switched = |on| if on { 0 } else { 1 };
        let answer = match control {
            0..=3 => {
                match control {
                    1 => self.line.flow = 0,
                    3 => self.line.flow = 3,
                    // XON and XOFF are nothing that the module has: the line keeps its flow control, and the answer says so.
                    _ => {}
                }
                if self.line.flow == 0 { 1 } else { 3 }
            }
            4..=6 => {
                self.is_break = control == 5 || control == 4 && self.is_break;
                5 + switched(self.is_break)
            }
            7..=9 => {
                self.pins.dtr = control == 8 || control == 7 && self.pins.dtr;
                8 + switched(self.pins.dtr)
            }
            10..=12 => {
                self.pins.rts = control == 11 || control == 10 && self.pins.rts;
                11 + switched(self.pins.rts)
            }
            13..=16 => {
                if self.line.flow == 0 {
                    14
                } else {
                    16
                }
            }
            _ => return,
        };
        self.answer(5, &[answer]);
    }

    fn answer(&mut self, command: u8, value: &[u8]) {
        self.replies
            .extend([IAC, SB, COM_PORT, command + FROM_SERVER]);
        for &byte in value {
            self.replies.push(byte);
            if byte == IAC {
                self.replies.push(IAC);
            }
        }
        self.replies.extend([IAC, SE]);
    }
}

#[cfg(test)]
#[path = "telnet_tests.rs"]
mod tests;
