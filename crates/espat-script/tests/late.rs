//! A host MCU that reads late: what the module said stands in the record where it was made, and so the record holds.

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use espat_core::{
        Duration, Input, Instant, Module, ModuleConfig, NetEvent, NetRequest, Output, SocketId,
        Timing,
    };
    use espat_script::{Engine, Givens, Plan, Recorded, Recorder, Script, Way, run};

    const SEEDS: u64 = 60;

    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % n
        }
    }

    /// A module whose line is as slow as its host.
    struct Line {
        module: Recorded<Module>,
        now: Instant,
        wake_at: Option<Instant>,
        /// Bytes that are out, and not read.
        unread: usize,
        happened: VecDeque<(SocketId, Happening)>,
    }

    enum Happening {
        Connected,
        Sent(usize),
    }

    impl Line {
        fn feed(&mut self, input: Input<'_>) {
            self.module.handle_input(self.now, input);
            loop {
                match self.module.poll_output() {
                    Output::Serial { bytes, .. } => self.unread += bytes.len(),
                    Output::Net(NetRequest::Connect { socket, .. }) => {
                        self.happened.push_back((socket, Happening::Connected));
                    }
                    Output::Net(NetRequest::Send { socket, bytes, .. }) => {
                        let sent = Happening::Sent(bytes.len());
                        self.happened.push_back((socket, sent));
                    }
                    Output::Idle { wake_at, .. } => {
                        self.wake_at = wake_at;
                        return;
                    }
                    Output::Net(_) | Output::Uart(_) | Output::Store { .. } | Output::Event(_) => {}
                }
            }
        }

        /// Lets time pass, timers at their instants, or a little late.
        fn pass(&mut self, us: u64, random: &mut Random) {
            let end = self.now + Duration::from_micros(us);
            while let Some(at) = self.wake_at.filter(|at| *at <= end) {
                self.now = (at.max(self.now) + Duration::from_micros(random.below(300))).min(end);
                self.feed(Input::Tick);
            }
            self.now = end;
        }

        fn read(&mut self, n: usize) {
            let n = n.min(self.unread);
            if n > 0 {
                self.unread -= n;
                self.feed(Input::SerialSent(n));
            }
        }

        /// What the network answers.
        fn answer(&mut self) {
            match self.happened.pop_front() {
                Some((socket, Happening::Connected)) => {
                    let local = "192.0.2.50:5000".parse().unwrap();
                    self.feed(Input::Net(NetEvent::Connected { socket, local }));
                }
                Some((socket, Happening::Sent(n))) => {
                    self.feed(Input::Net(NetEvent::Sent { socket, n }));
                }
                None => {}
            }
        }
    }

    const LINES: &[&str] = &[
        "AT\r\n",
        "AT+GMR\r\n",
        "AT+CWMODE?\r\n",
        "AT+CIPSTATUS\r\n",
        "AT+CIPMUX?\r\n",
        "AT+NONE\r\n",
        "AT+CIPSEND=4\r\nabcd",
    ];

    fn session(seed: u64, timing: Timing) -> String {
        let random = &mut Random(0x9e37_79b9_7f4a_7c15 ^ seed);
        let config = ModuleConfig {
            timing,
            serial_credit: 16 + usize::try_from(random.below(60)).unwrap(),
            ..ModuleConfig::new()
        };
        let recorder = Recorder::new(&config, Instant::ZERO, true);
        let engine = Module::power_on(config, Instant::ZERO).unwrap();
        let mut line = Line {
            module: Recorded { engine, recorder },
            now: Instant::ZERO,
            wake_at: None,
            unread: 0,
            happened: VecDeque::new(),
        };
        line.feed(Input::Tick);
        let settle = |line: &mut Line, random: &mut Random| {
            for _ in 0..400 {
                line.pass(10_000, random);
                line.read(usize::MAX);
                line.answer();
            }
        };
        settle(&mut line, random);
        for text in [
            "ATE0\r\n",
            "AT+CWMODE=1\r\n",
            "AT+CWJAP=\"home\",\"\"\r\n",
            "AT+CIPSTART=\"TCP\",\"192.0.2.1\",80\r\n",
        ] {
            line.feed(Input::Serial(text.as_bytes()));
            settle(&mut line, random);
        }
        for _ in 0..60 {
            match random.below(6) {
                0 | 1 => {
                    let text = LINES[usize::try_from(random.below(7)).unwrap()];
                    let room = line.module.serial_room();
                    line.feed(Input::Serial(&text.as_bytes()[..room.min(text.len())]));
                }
                2 => line.answer(),
                3 => line.read(usize::try_from(1 + random.below(80)).unwrap()),
                _ => {}
            }
            let us = [3, 700, 5_000, 30_000][usize::try_from(random.below(4)).unwrap()];
            line.pass(us, random);
        }
        settle(&mut line, random);
        line.module.recorder.finish()
    }

    #[track_caller]
    fn holds(text: &str, about: &str) {
        let script =
            Script::parse(text, "late.at").unwrap_or_else(|e| panic!("{about}: {e}\n{text}"));
        let plan = Plan::new(&script, &Givens::default()).unwrap();
        run(&plan, &[Way::Lines]).unwrap_or_else(|e| panic!("{about}: {e}\n{text}"));
    }

    #[test]
    fn a_record_of_a_host_that_reads_late_holds() {
        for seed in 0..SEEDS {
            for timing in [Timing::Fast, Timing::Realistic] {
                holds(&session(seed, timing), &format!("seed {seed}, {timing:?}"));
            }
        }
    }
}
