//! The host MCU: lines and payload as a driver sends them, and sometimes what no driver should.

use espat_core::{Duration, PowerEvent};

use super::Run;
use super::commands::Line;
use super::dice::letters;
use crate::event::Event;
use crate::target::Target;
use crate::time::TimeStep;

/// What the host MCU knows.
#[derive(Debug, Default)]
pub(super) struct Host {
    /// The line that has no result yet.
    line: Option<Waiting>,
    /// `AT+CIPMUX=1` was the last that was said.
    multi: bool,
    /// Since the last boot some settings were not to be kept.
    pub(super) forgets: bool,
    pub(super) is_stalled: bool,
    pub(super) is_off: bool,
    /// Results of a life before the last reset have not come out.
    is_blind: bool,
    /// Which links were last opened over UDP.
    datagrams: [bool; 5],
    /// Payload bytes typed so far.
    typed: usize,
    boots: usize,
}

#[derive(Debug)]
struct Waiting {
    text: String,
    finals: usize,
    boots: usize,
    /// Passthrough, a cancelled send, a reset: there may be no result.
    is_excused: bool,
}

/// The longest that anything may take once the world answers.
const PATIENCE_S: usize = 400;

impl Run {
    pub(super) fn host_acts(&mut self) -> Result<(), String> {
        let view = self.sim.engine().module.inspect();
        let (ready, busy, raw) = (view.is_ready(), view.is_busy(), view.is_in_passthrough());
        let missing = view.payload_missing();
        let room = self.sim.engine().module.serial_room() > 0;
        if self.host.is_stalled && self.dice.percent(10) {
            return self.stall(false);
        }
        if self.host.is_off || !ready {
            return if self.dice.percent(10) {
                self.send(b"AT\r\n")
            } else {
                Ok(())
            };
        }
        if raw {
            return self.pass_through();
        }
        if let Some(missing) = missing {
            return self.type_payload(missing);
        }
        if busy {
            return match self.dice.below(40) {
                0 => self.send(b"AT+RST\r\n"),
                1..5 => self.send(b"AT+GMR\r\n"),
                _ => Ok(()),
            };
        }
        if self.host.line.is_some() || self.host.is_blind || !room {
            return Ok(());
        }
        match self.dice.below(60) {
            0 => self.make_noise(),
            1 => self.stall(true),
            2 => self.sim.time(TimeStep::Break),
            _ => self.say_line(),
        }
    }

    fn say_line(&mut self) -> Result<(), String> {
        let view = self.sim.engine().module.inspect();
        let links: Vec<u8> = view.link_views().map(|link| link.id).collect();
        let line = Line::any(&mut self.dice, &links, self.host.multi);
        if line.text == "AT+CIPMODE=1" && self.host.is_stalled {
            // When raw bytes begin could not be told from what was said before.
            return Ok(());
        }
        self.say(&line)
    }

    fn say(&mut self, line: &Line) -> Result<(), String> {
        let ledger = &mut self.sim.engine_mut().ledger;
        ledger.answer.clear();
        ledger.streams.reading = line.link;
        ledger.streams.is_datagram = self.host.datagrams[usize::from(line.link)];
        ledger.streams.has_line = line.text != "AT+CIPSEND";
        if line.text.starts_with("AT+CIPSTART") {
            self.host.datagrams[usize::from(line.link)] |= line.is_datagram;
        }
        // The saved link has number 0.
        self.host.datagrams[0] |=
            line.text.starts_with("AT+SAVETRANSLINK") && line.text.contains("UDP");
        self.host.line = Some(Waiting {
            text: line.text.clone(),
            finals: ledger.finals,
            boots: ledger.boots,
            is_excused: line.text == "AT+CIPSEND",
        });
        self.send(format!("{}\r\n", line.text).as_bytes())
    }

    fn pass_through(&mut self) -> Result<(), String> {
        if self.dice.percent(20) {
            return self.escape();
        }
        let len = 1 + if self.dice.percent(80) {
            self.dice.below(40)
        } else {
            self.dice.below(6000)
        };
        let mut bytes = self.payload(len);
        if self.dice.percent(10) {
            bytes.splice(0..0, *b"++");
        }
        self.send(&bytes)
    }

    fn escape(&mut self) -> Result<(), String> {
        // It may have gone over the link, or have lost its payload.
        if let Some(line) = &mut self.host.line {
            line.is_excused = true;
        }
        self.pass(Duration::from_millis(30))?;
        self.send(b"+++")?;
        self.pass(Duration::from_millis(30))
    }

    fn type_payload(&mut self, missing: usize) -> Result<(), String> {
        match self.dice.below(30) {
            0 => self.escape(),
            1..10 => {
                let len = 1 + self.dice.below(missing);
                let bytes = self.payload(len);
                self.send(&bytes)
            }
            _ => {
                let bytes = self.payload(missing);
                self.send(&bytes)
            }
        }
    }

    fn payload(&mut self, len: usize) -> Vec<u8> {
        self.host.typed += len;
        letters(0, self.host.typed - len, len)
    }

    /// Bytes that are no line, and then an end, so that the next line stands alone.
    fn make_noise(&mut self) -> Result<(), String> {
        self.stall(false)?;
        let len = self.dice.below(300);
        let mut noise: Vec<u8> = (0..len)
            .map(|_| u8::try_from(self.dice.below(256)).unwrap_or_default())
            .collect();
        noise.extend(b"\r\n");
        self.send(&noise)?;
        self.host.line = None;
        self.pass(Duration::from_secs(2))
    }

    fn stall(&mut self, stalled: bool) -> Result<(), String> {
        self.note(format!(
            "# the host MCU {} reading",
            if stalled { "stops" } else { "goes on" }
        ));
        self.host.is_stalled = stalled;
        self.host.is_blind &= stalled;
        self.sim.stall(stalled)?;
        self.observe()
    }

    pub(super) fn power_acts(&mut self) -> Result<(), String> {
        let event = match self.dice.below(6) {
            _ if self.host.is_off => PowerEvent::On,
            0 | 1 => PowerEvent::Off,
            2 | 3 => PowerEvent::Reset,
            4 => PowerEvent::Watchdog,
            _ => PowerEvent::BrownOut,
        };
        self.power(event)
    }

    fn power(&mut self, event: PowerEvent) -> Result<(), String> {
        let event_line = Event::Power(event);
        self.note(format!("<= {event_line}"));
        self.host.is_off = match event {
            PowerEvent::Off => true,
            PowerEvent::On => false,
            PowerEvent::Reset | PowerEvent::BrownOut | PowerEvent::Watchdog | PowerEvent::Wake => {
                self.host.is_off
            }
        };
        self.host.line = None;
        self.host.multi = false;
        self.host.is_blind = self.host.is_stalled;
        self.world.lose_all();
        self.sim.world(&event_line)?;
        self.observe()
    }

    /// A line that is over had one result, and only one.
    pub(super) fn host_checks(&mut self) -> Result<(), String> {
        let watched = self.sim.engine();
        let view = watched.module.inspect();
        let ledger = &watched.ledger;
        if ledger.boots != self.host.boots {
            self.host.boots = ledger.boots;
            self.host.forgets = false;
            self.host.multi = false;
        }
        let Some(line) = &self.host.line else {
            return Ok(());
        };
        let is_over = !view.is_busy() && watched.module.serial_room() > 0;
        if self.host.is_stalled || (view.is_ready() && !is_over) {
            return Ok(());
        }
        let results = ledger.finals - line.finals.min(ledger.finals);
        let was_reset = ledger.boots != line.boots || !view.is_ready();
        let is_raw = view.is_in_passthrough();
        let holds = match results {
            1 => true,
            0 => was_reset || is_raw || line.is_excused,
            _ => false,
        };
        if !holds {
            return Err(format!("`{}` had {results} results", line.text));
        }
        if ledger.last == b"OK" && results == 1 {
            match line.text.as_str() {
                "AT+CIPMUX=1" => self.host.multi = true,
                "AT+CIPMUX=0" => self.host.multi = false,
                "AT+SYSSTORE=0" => self.host.forgets = true,
                _ => {}
            }
        }
        self.tally.commands += 1;
        self.host.line = None;
        self.sim.engine_mut().ledger.streams.has_line = false;
        Ok(())
    }

    /// The supply is there, the host MCU reads, the world answers: then the module takes a command again.
    pub(super) fn come_to_rest(&mut self) -> Result<(), String> {
        if self.host.is_off {
            self.power(PowerEvent::On)?;
        }
        self.stall(false)?;
        for _ in 0..PATIENCE_S {
            self.check()?;
            let view = self.sim.engine().module.inspect();
            let (busy, ready) = (view.is_busy(), view.is_ready());
            let (missing, raw) = (view.payload_missing(), view.is_in_passthrough());
            if let Some(missing) = missing {
                let bytes = self.payload(missing);
                self.send(&bytes)?;
            } else if raw {
                self.escape()?;
            } else if ready && !busy && self.host.line.is_none() && self.world.is_idle() {
                self.sim.engine().check_streams()?;
                return self.answers_at();
            }
            self.world_answers_all()?;
            self.pass(Duration::from_secs(1))?;
        }
        let (view, line) = (self.sim.engine().module.inspect(), &self.host.line);
        Err(format!(
            "not usable after {PATIENCE_S} s in which the world answers: ready {}, busy {}, passthrough {}, line {line:?}",
            view.is_ready(),
            view.is_busy(),
            view.is_in_passthrough(),
        ))
    }

    fn answers_at(&mut self) -> Result<(), String> {
        self.send(b"\r\n")?;
        self.pass(Duration::from_secs(2))?;
        // The saved link may come up at any of these places.
        for _ in 0..10 {
            if self.is_in_passthrough() {
                self.escape()?;
            }
            self.world_answers_all()?;
            if self.is_in_passthrough() {
                continue;
            }
            self.ask("AT")?;
            let last = &self.sim.engine().ledger.last;
            return match last.as_slice() {
                b"OK" => Ok(()),
                _ => Err(format!("AT was answered {}", last.escape_ascii())),
            };
        }
        Err("the module goes into passthrough again and again".into())
    }

    fn is_in_passthrough(&self) -> bool {
        self.sim.engine().module.inspect().is_in_passthrough()
    }

    /// A question, and the lines that answer it.
    pub(super) fn ask(&mut self, text: &str) -> Result<Vec<u8>, String> {
        let line = Line {
            text: text.to_owned(),
            link: 0,
            is_datagram: false,
        };
        self.say(&line)?;
        for _ in 0..100 {
            self.check()?;
            if self.host.line.is_none() {
                return Ok(self.sim.engine().ledger.answer.clone());
            }
            if self.is_in_passthrough() {
                return Ok(vec![]);
            }
            self.pass(Duration::from_millis(20))?;
        }
        Err(format!("`{text}` had no result within 2 s"))
    }
}
