//! However a line with a secret is broken, cut and mixed with others, the secret is in no record of it.

#[cfg(test)]
mod tests {
    use espat_core::profile::PROFILES;
    use espat_core::{Duration, Input, Instant, Mark, Module, ModuleConfig, Output, Timing};
    use espat_script::{Observed, Recorded, Recorder, Request, Sim, Target, TimeStep, Want, Way};

    const SEEDS: u64 = 600;
    /// No other letters of a session are these.
    const LETTERS: &[u8] = b"QXZJKVWY";
    /// So much of a secret in a row is in no record.
    const PART: usize = 4;

    /// `#` is the secret.
    const LINES: &[&str] = &[
        "AT+CWJAP=\"home\",\"#\"",
        "AT+CWJAP_CUR=\"home\",\"#\",\"aa:bb:cc:00:11:22\"",
        "AT+CWSAP=\"me\",\"#\",5,3",
        "AT+CWSAP_DEF=\"me\",\"#\",5,3,4,0",
        "AT+CIPSSLCPSK=\"#\",\"hint\"",
        "AT+CIPSSLCPSK=0,\"#\",\"hint\"",
        "AT+CIPSSLCPSKHEX=0,\"#\",\"hint\"",
        "AT+CWJEAP=\"ent\",1,\"id\",\"user\",\"#\",3",
        "AT+MQTTUSERCFG=0,1,\"me\",\"user\",\"#\",0,0,\"\"",
        "AT+BTSECPARAM=3,1,\"#\"",
    ];

    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        fn below(&mut self, n: usize) -> usize {
            usize::try_from(self.next() % n as u64).unwrap()
        }

        fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
            &of[self.below(of.len())]
        }

        fn secret(&mut self) -> String {
            let len = 8 + self.below(30);
            (0..len).map(|_| char::from(*self.one(LETTERS))).collect()
        }
    }

    /// A line with a secret, as some driver may get it wrong.
    fn line(random: &mut Random, secret: &str) -> String {
        let mut line = (*random.one(LINES)).to_owned();
        for _ in 0..random.below(4) {
            break_line(random, &mut line);
        }
        if random.below(8) == 0 {
            misspell(random, &mut line);
        }
        let secret = match random.below(6) {
            0 => format!("{}\\\"{}", &secret[..4], &secret[4..]),
            1 => format!("{},{}", &secret[..4], &secret[4..]),
            2 => format!("{} {}", &secret[..4], &secret[4..]),
            _ => secret.to_owned(),
        };
        line.replace('#', &secret)
    }

    fn break_line(random: &mut Random, line: &mut String) {
        let broken = match random.below(14) {
            0 => line.to_lowercase(),
            1 => line.replacen(',', " ,", 1 + random.below(3)),
            2 => line.replace(',', ", "),
            3 => line.replacen('=', " = ", 1),
            4 => line.replacen('"', "", 1 + random.below(5)),
            5 => line.replace('"', "'"),
            6 => format!("{line},1,\"more\",7,7,7,7,7,7,7,7"),
            7 => format!(
                "{}{line}",
                random.one(&["z", "at", "\u{1}\u{7f}", "data ", "+++", "AT+GMR "])
            ),
            8 => line.replace(
                "AT+",
                ["A+", "T+", "+", "", "AT", "ATT+", "AT++"][random.below(7)],
            ),
            9 => line.replace(
                "\"home\"",
                &format!("\"{}\"", "h".repeat(240 + random.below(400))),
            ),
            10 => format!("{line}{}", random.one(&["\"", ",", " ", ";AT", "\\", "?"])),
            11 => line.replacen('=', ["", " ", "?", ":", "=="][random.below(5)], 1),
            12 => line.replace(",\"hint\"", "").replace(",5,3", ""),
            _ => format!("{line}{}", "x".repeat(300)),
        };
        *line = broken;
    }

    /// One letter of the name.
    fn misspell(random: &mut Random, line: &mut String) {
        for name in [
            "CWJAP",
            "CWSAP",
            "CIPSSLCPSK",
            "CWJEAP",
            "MQTTUSERCFG",
            "BTSECPARAM",
        ] {
            let (Some(at), false) = (line.find(name), line.contains("HEX")) else {
                continue;
            };
            if !line.contains(&format!("AT+{name}")) || !line.contains('=') {
                return;
            }
            let at = at + random.below(name.len());
            match random.below(3) {
                0 => line.replace_range(at..=at, "x"),
                1 => line.replace_range(at..=at, ""),
                _ => line.insert(at, 'x'),
            }
            return;
        }
    }

    #[track_caller]
    fn tells_nothing(text: &str, payload: &[u8], secret: &str, about: &str) {
        for part in secret.as_bytes().windows(PART) {
            let part = std::str::from_utf8(part).unwrap();
            let upper = text.to_uppercase();
            assert!(
                !upper.contains(part),
                "{about}: `{part}` of {secret}\n{text}"
            );
            let beside = payload
                .windows(PART)
                .any(|w| w.eq_ignore_ascii_case(part.as_bytes()));
            assert!(!beside, "{about}: `{part}` of {secret} is in the payload");
        }
    }

    fn ended(mut recorder: Recorder) -> (String, Vec<u8>) {
        recorder.end();
        recorder.hand_over(|text, payload| (text.to_owned(), payload.to_vec()))
    }

    fn settle(sim: &mut Sim<Recorded<Module>>) {
        while let Some(observed) = sim.observe(Want::Nothing).unwrap() {
            assert!(!matches!(observed, Observed::Ask(Request::Log(_))));
        }
    }

    /// On modules of all lines, with their echo and their answers.
    #[test]
    fn a_module_s_record_tells_no_secret() {
        for seed in 0..SEEDS {
            let random = &mut Random(seed);
            let (secret, keep) = (random.secret(), random.below(2) == 0);
            let said = line(random, &secret);
            let config = ModuleConfig {
                profile: PROFILES[random.below(PROFILES.len())],
                timing: [Timing::Fast, Timing::Realistic][random.below(2)],
                ..ModuleConfig::new()
            };
            let recorder = Recorder::new(&config, Instant::ZERO, keep);
            let engine = Module::power_on(config.clone(), Instant::ZERO).unwrap();
            let mut sim = Sim::with_engine(Recorded { engine, recorder }, &config, Way::Lines);
            sim.time(TimeStep::For(Duration::from_secs(2))).unwrap();
            let busy = ["", "AT+CWLAP\r\n", "AT+CWMODE=3\r\n"][random.below(3)];
            let all = format!("{busy}{said}\r\nAT\r\nAT+CWSAP?\r\nAT+CIPSSLCPSK?\r\n");
            let mut rest = all.as_bytes();
            while !rest.is_empty() {
                let most = [1, 7, 60, 1000][random.below(4)];
                let (piece, others) = rest.split_at(rest.len().min(1 + random.below(most)));
                sim.send(piece).unwrap();
                settle(&mut sim);
                let pause = [0, 1, 10, 300_000][random.below(4)];
                sim.time(TimeStep::For(Duration::from_micros(pause)))
                    .unwrap();
                rest = others;
            }
            sim.time(TimeStep::For(Duration::from_secs(9))).unwrap();
            settle(&mut sim);
            let (text, payload) = ended(sim.into_engine().recorder);
            tells_nothing(&text, &payload, &secret, &format!("seed {seed}, `{said}`"));
        }
    }

    /// Between a host and a module of which nothing is known, which sends back what it hears, reports in the middle.
    #[test]
    fn a_line_that_is_listened_to_tells_no_secret() {
        for seed in 0..SEEDS {
            let random = &mut Random(seed);
            let (secret, keep) = (random.secret(), random.below(2) == 0);
            let said = line(random, &secret);
            let mut recorder = Recorder::listening(Instant::ZERO, false, keep);
            let mut now = Instant::ZERO;
            let end = *random.one(&["\r\n", "\r\n", "\r", "\n"]);
            let all = format!("AT{end}{said}{end}AT+GMR\r\n");
            let (mut heard, mut echoed) = (0, 0);
            while echoed < all.len() {
                now += Duration::from_micros([0, 30, 3_000, 400_000][random.below(4)]);
                let most = [1, 9, 80, 1000][random.below(4)];
                if heard < all.len() && random.below(2) == 0 {
                    let to = all.len().min(heard + 1 + random.below(most));
                    recorder.input(now, &Input::Serial(&all.as_bytes()[heard..to]));
                    heard = to;
                    continue;
                }
                // Cut where a report comes in, which is a line of its own.
                let to = heard.min(echoed + 1 + random.below(most));
                recorder.input(now, &Input::Tick);
                let cut = random.below(12) == 0 && to < all.len();
                let report: &[u8] = if cut { b"\r\nWIFI DISCONNECT\r\n" } else { b"" };
                for bytes in [&all.as_bytes()[echoed..to], report] {
                    let mark = Mark::Report;
                    recorder.output(&Output::Serial { mark, bytes });
                }
                echoed = to;
                if random.below(3) == 0 {
                    let (wake_at, why) = (None, espat_core::Wake::Never);
                    recorder.output(&Output::Idle { wake_at, why });
                }
            }
            let (text, payload) = ended(recorder);
            tells_nothing(&text, &payload, &secret, &format!("seed {seed}, `{said}`"));
        }
    }

    /// A listener who comes in the middle of such a line.
    #[test]
    fn a_listener_who_joins_hears_no_secret() {
        for seed in 0..SEEDS {
            let random = &mut Random(seed);
            let secret = random.secret();
            let said = line(random, &secret);
            let from = random.below(said.len());
            let Some(heard) = said.get(from..) else {
                continue;
            };
            let mut recorder = Recorder::joining(&ModuleConfig::new(), Instant::ZERO);
            for piece in format!("{heard}\r\nAT\r\n")
                .as_bytes()
                .chunks(1 + random.below(40))
            {
                recorder.input(Instant::from_millis(seed), &Input::Serial(piece));
            }
            let (text, payload) = ended(recorder);
            tells_nothing(&text, &payload, &secret, &format!("seed {seed}, `{heard}`"));
        }
    }
}
