//! What is recorded of a session is a transcript that holds, and has no password in it.

#[cfg(test)]
mod tests {
    use espat_core::{Duration, Input, Instant, Mark, Module, ModuleConfig, Output, Timing};
    use espat_script::{
        Event, Givens, NetAsk, NetHappening, Observed, Plan, Recorded, Recorder, Request, Script,
        Sim, Target, Text, TimeStep, Want, Way, run,
    };

    const PASSWORD: &str = "correct horse";

    fn recorded(config: &ModuleConfig, keep_payload: bool) -> Sim<Recorded<Module>> {
        let recorder = Recorder::new(config, Instant::ZERO, keep_payload);
        let engine = Module::power_on(config.clone(), Instant::ZERO).unwrap();
        Sim::with_engine(Recorded { engine, recorder }, config, Way::Lines)
    }

    /// The whole record, and the payload beside it.
    fn ended(recorder: &mut Recorder) -> (String, Vec<u8>) {
        recorder.end();
        recorder.hand_over(|text, payload| (text.to_owned(), payload.to_vec()))
    }

    /// Answers everything in a friendly way.
    fn settle(sim: &mut Sim<Recorded<Module>>) {
        while let Some(observed) = sim.observe(Want::Nothing).unwrap() {
            let answer = match observed {
                Observed::Ask(Request::Net(handle, NetAsk::Connect { .. })) => (
                    handle,
                    NetHappening::Connected("192.0.2.50:5000".parse().unwrap()),
                ),
                Observed::Stream(handle, bytes) => (handle, NetHappening::Sent(bytes.len())),
                Observed::Ask(_) | Observed::Serial(_) => continue,
            };
            sim.world(&Event::Net(answer.0, answer.1)).unwrap();
        }
    }

    fn say(sim: &mut Sim<Recorded<Module>>, text: &str) {
        sim.send(text.as_bytes()).unwrap();
        settle(sim);
        sim.time(TimeStep::For(Duration::from_secs(4))).unwrap();
        settle(sim);
    }

    fn session(config: &ModuleConfig, keep_payload: bool) -> (String, Vec<u8>) {
        let mut sim = recorded(config, keep_payload);
        sim.time(TimeStep::For(Duration::from_secs(1))).unwrap();
        let join = format!("AT+CWJAP=\"home\",\"{PASSWORD}\"\r\n");
        for line in [
            "AT\r\n",
            "AT+CWMODE=1\r\n",
            &join,
            "AT+CIPSTART=\"TCP\",\"192.0.2.1\",80\r\n",
            "AT+CIPSEND=1000\r\n",
        ] {
            say(&mut sim, line);
        }
        say(&mut sim, &"0123456789".repeat(100));
        say(&mut sim, "AT+CIPCLOSE\r\nAT\r\n");
        let engine = sim.into_engine();
        let mut recorder = engine.recorder;
        ended(&mut recorder)
    }

    #[track_caller]
    fn holds(text: &str, payload: Vec<u8>) {
        let script = Script::parse(text, "recorded.at").unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(script.print(), text, "a record is in the canonical form");
        let mut plan = Plan::new(&script, &Givens::default()).unwrap();
        plan.payload = payload;
        run(&plan, &Way::ALL).unwrap_or_else(|e| panic!("{e}\n{text}"));
    }

    #[test]
    fn a_record_with_its_payload_holds() {
        for timing in [Timing::Fast, Timing::Realistic] {
            let (text, payload) = session(
                &ModuleConfig {
                    timing,
                    ..ModuleConfig::new()
                },
                true,
            );
            assert!(text.contains("at:0") && !payload.is_empty(), "{text}");
            holds(&text, payload);
        }
    }

    #[test]
    fn long_payload_is_left_out_and_said_so_when_it_is_needed() {
        let (text, payload) = session(&ModuleConfig::new(), false);
        assert!(
            payload.is_empty() && text.contains("-> 0123456789012345{payload 968 crc32:"),
            "{text}"
        );
        let script = Script::parse(&text, "recorded.at").unwrap();
        let plan = Plan::new(&script, &Givens::default()).unwrap();
        let error = run(&plan, &[Way::Lines]).unwrap_err().to_string();
        assert!(error.contains("--record-payload"), "{error}");
    }

    /// Opens the connection, or gives the answer and ends it, or writes.
    fn upgrade(sim: &mut Sim<Recorded<Module>>, answer: &[u8]) {
        while let Some(observed) = sim.observe(Want::Nothing).unwrap() {
            let event = match observed {
                Observed::Ask(Request::Net(handle, NetAsk::Connect { .. })) => Event::Net(
                    handle,
                    NetHappening::Connected("192.0.2.50:5000".parse().unwrap()),
                ),
                Observed::Stream(handle, request) => {
                    let sent = NetHappening::Sent(request.len());
                    sim.world(&Event::Net(handle, sent)).unwrap();
                    let (bytes, from, wire) = (Text::bytes(answer), None, None);
                    Event::Net(handle, NetHappening::Data { bytes, from, wire })
                }
                Observed::Ask(request) if request.to_string().starts_with("partition ") => {
                    Event::Stored(Ok(()))
                }
                Observed::Ask(_) | Observed::Serial(_) => continue,
            };
            sim.world(&event).unwrap();
        }
    }

    #[test]
    fn no_token_is_in_a_record_of_an_upgrade() {
        let mut config = ModuleConfig::new();
        config
            .air
            .access_points
            .push(espat_core::AccessPoint::new(b"home", PASSWORD.as_bytes()));
        config.upgrade.token = Some("correct horse battery".into());
        config.upgrade.server = espat_core::UpgradeServer::parse("http://192.0.2.1:80");
        let mut sim = recorded(&config, true);
        sim.time(TimeStep::For(Duration::from_secs(1))).unwrap();
        say(&mut sim, "AT+CWMODE=1\r\n");
        say(&mut sim, &format!("AT+CWJAP=\"home\",\"{PASSWORD}\"\r\n"));
        sim.send(b"AT+CIUPDATE=0,\"v1\",\"client_ca\"\r\n").unwrap();
        let file = [0x5a; 200];
        let answer = [b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n", &file[..]].concat();
        upgrade(&mut sim, &answer);
        sim.time(TimeStep::For(Duration::from_secs(1))).unwrap();
        settle(&mut sim);
        let mut recorder = sim.into_engine().recorder;
        let (text, payload) = ended(&mut recorder);
        assert!(text.contains("partition client_ca commit"), "{text}");
        assert!(!text.contains("horse"), "{text}");
        holds(&text, payload);
    }

    /// Payload that looks like the beginning of a command stands where it was sent.
    #[test]
    fn payload_with_an_at_in_it_does_not_wait_for_a_line_s_end() {
        let config = ModuleConfig {
            timing: Timing::Fast,
            ..ModuleConfig::new()
        };
        for ways in [["AT+CIPSEND=4\r\n", "data"], ["AT+CIPSEND=4\r\nda", "ta"]] {
            let mut sim = recorded(&config, false);
            sim.time(TimeStep::For(Duration::from_secs(1))).unwrap();
            for line in [
                "AT+CWMODE=1\r\n",
                "AT+CWJAP=\"home\",\"\"\r\n",
                "AT+CIPSTART=\"TCP\",\"192.0.2.1\",80\r\n",
                ways[0],
                ways[1],
                "AT+CIPCLOSE\r\n",
            ] {
                say(&mut sim, line);
            }
            let (text, payload) = ended(&mut sim.into_engine().recorder);
            let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
            assert!(at("ta\\\n") < at("=> s0 send \"data\""), "{text}");
            holds(&text, payload);
        }
    }

    /// A module takes no key where the command was wrong, and some hosts send it all the same.
    #[test]
    fn a_key_that_nobody_takes_is_left_out_too() {
        let config = ModuleConfig {
            timing: Timing::Fast,
            ..ModuleConfig::new()
        };
        let mut sim = recorded(&config, true);
        sim.time(TimeStep::For(Duration::from_secs(1))).unwrap();
        for line in [
            "AT+SYSFLASH = 1,client_key ,0,27\r\n",
            "-----BEGIN PRIVATE KEY-----",
            "AT+GMR\r\n",
        ] {
            sim.send(line.as_bytes()).unwrap();
            settle(&mut sim);
            sim.time(TimeStep::For(Duration::from_secs(1))).unwrap();
        }
        let (text, _) = ended(&mut sim.into_engine().recorder);
        assert!(
            !text.contains("PRIVATE") && text.contains("-> AT+GMR"),
            "{text}"
        );
    }

    /// A private key that a host MCU writes and reads, as whole lines, byte by byte, and without waiting for the prompt.
    #[test]
    fn private_keys_are_left_out() {
        const KEY: &str = "-----BEGIN PRIVATE KEY-----";
        let flash = [
            "AT+SYSFLASH=0,\"client_key\"\r\n",
            "AT+SYSFLASH=1,\"client_key\",0,27\r\n",
            KEY,
            "AT+SYSFLASH=2,\"client_key\",0,27\r\n",
            "AT+GMR\r\n",
        ];
        let manufacturing = [
            "AT+SYSMFG=2,\"client_key\",\"client_key.0\",8,27\r\n",
            KEY,
            "AT+SYSMFG=1,\"client_key\",\"client_key.0\"\r\n",
            "AT+SYSFLASH=2,\"mfg_nvs\",0,4096\r\n",
            "AT+GMR\r\n",
        ];
        for (profile, lines) in [("esp32-2.2", flash), ("esp32c3-3.3", manufacturing)] {
            let config = ModuleConfig {
                profile: espat_core::Profile::find(profile).unwrap(),
                timing: Timing::Fast,
                ..ModuleConfig::new()
            };
            for way in 0..3 {
                let mut sim = recorded(&config, way == 0);
                sim.time(TimeStep::For(Duration::from_secs(1))).unwrap();
                let joined = lines.concat();
                let pieces: Vec<&str> = match way {
                    0 => lines.to_vec(),
                    1 => (0..joined.len()).map(|at| &joined[at..=at]).collect(),
                    _ => joined.split_inclusive(KEY).collect(),
                };
                for piece in pieces {
                    sim.send(piece.as_bytes()).unwrap();
                    store(&mut sim);
                }
                let mut recorder = sim.into_engine().recorder;
                let (text, kept) = ended(&mut recorder);
                assert!(text.contains("{payload 27 "), "{way}: {text}");
                assert!(!text.contains("PRIVATE"), "{way}: {text}");
                assert!(!kept.windows(7).any(|w| w == b"PRIVATE"));
                Script::parse(&text, "recorded.at").unwrap_or_else(|e| panic!("{e}\n{text}"));
            }
        }
    }

    /// Takes everything that comes, and lets the flash have its writes.
    fn store(sim: &mut Sim<Recorded<Module>>) {
        let mut stored = 0;
        while let Some(observed) = sim.observe(Want::Nothing).unwrap() {
            let is_step = matches!(observed, Observed::Ask(Request::Partition(..)));
            stored += usize::from(is_step);
        }
        for _ in 0..stored {
            sim.world(&Event::Stored(Ok(()))).unwrap();
        }
        while sim.observe(Want::Nothing).unwrap().is_some() {}
    }

    #[test]
    fn no_password_is_in_a_record() {
        let mut config = ModuleConfig::new();
        config
            .air
            .access_points
            .push(espat_core::AccessPoint::new(b"home", PASSWORD.as_bytes()));
        let (text, _) = session(&config, true);
        assert!(
            text.contains("{secret}") && text.contains("WIFI GOT IP"),
            "{text}"
        );
        assert!(!text.contains("horse"), "{text}");
        // Typed by hand, and ended in the middle.
        let mut recorder = Recorder::new(&config, Instant::ZERO, false);
        for (i, byte) in format!("AT+CWJAP=\"home\",\"{PASSWORD}")
            .bytes()
            .enumerate()
        {
            let now = Instant::from_millis(200 * i as u64);
            recorder.input(now, &Input::Serial(&[byte]));
            recorder.output(&Output::Serial {
                mark: Mark::Report,
                bytes: b"+IPD,1:x",
            });
        }
        let text = recorder.finish();
        assert!(
            text.contains("{secret}") && !text.contains("horse"),
            "{text}"
        );
    }
}
