//! Laws that hold for every input, tried with random ones.

#[cfg(test)]
mod tests {
    use espat_core::{Duration, Form, Mark, ModuleConfig, Profile, Timing, commands_of};
    use espat_script::fuzz;
    use espat_script::{Event, Observed, Session, Target, TimeStep, Way};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use proptest::test_runner::RngSeed;

    /// The same 200 cases in every run; `PROPTEST_CASES=20000` tries so many, others in every run.
    fn config() -> ProptestConfig {
        let cases = std::env::var("PROPTEST_CASES")
            .ok()
            .and_then(|n| n.parse().ok());
        ProptestConfig {
            cases: cases.unwrap_or(200),
            rng_seed: if cases.is_some() {
                RngSeed::Random
            } else {
                RngSeed::Fixed(0)
            },
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    fn fast() -> ModuleConfig {
        ModuleConfig {
            timing: Timing::Fast,
            ..ModuleConfig::new()
        }
    }

    /// A parameter: in range, out of range, of the wrong type, omitted.
    fn parameter() -> impl Strategy<Value = String> {
        const NUMBERS: &[&str] = &[
            "",
            "0",
            "1",
            "2",
            "3",
            "5",
            "80",
            "1000",
            "-1",
            "99999999999",
            "0x10",
        ];
        const TEXTS: &[&str] = &[
            "\"TCP\"",
            "\"UDP\"",
            "\"192.0.2.1\"",
            "\"example.com\"",
            "\"espat\"",
            "\"password\"",
            "\"02:00:00:00:00:01\"",
            "\"a\\,b\"",
            "\"\"",
            "\"",
            "abc",
        ];
        prop_oneof![
            3 => select(NUMBERS).prop_map(str::to_owned),
            3 => select(TEXTS).prop_map(str::to_owned),
            1 => any::<i32>().prop_map(|n| n.to_string()),
        ]
    }

    /// A command of the table in one of its forms, or a line of the dictionary, or no command at all.
    fn line() -> impl Strategy<Value = String> {
        let forms: Vec<(&'static str, Form)> = commands_of(profile())
            .flat_map(|c| {
                c.forms
                    .iter()
                    .chain([&Form::Test])
                    .map(move |f| (c.name, *f))
            })
            .collect();
        let command = (select(forms), vec(parameter(), 0..6)).prop_map(
            |((name, form), parameters)| match form {
                Form::Test => format!("AT{name}=?"),
                Form::Query => format!("AT{name}?"),
                Form::Execute => format!("AT{name}"),
                Form::Set => format!("AT{name}={}", parameters.join(",")),
            },
        );
        prop_oneof![4 => command.boxed(), 3 => select(fuzz::LINES).prop_map(str::to_owned).boxed(), 1 => "[ -~]{0,40}".boxed()]
    }

    fn profile() -> &'static Profile {
        ModuleConfig::new().profile
    }

    fn outcome(config: &ModuleConfig, way: Way, lines: &[String]) -> Vec<Observed> {
        let mut session = Session::new(config, way);
        for line in lines {
            session.line(line.as_bytes());
        }
        session.finish();
        session.log().to_vec()
    }

    /// What came out on the serial line.
    fn serial(log: &[Observed]) -> usize {
        log.iter()
            .map(|o| {
                if let Observed::Serial(bytes) = o {
                    bytes.len()
                } else {
                    0
                }
            })
            .sum()
    }

    /// Commands after which a line does not end in one result: they end the module's run, or open a payload.
    fn is_special(line: &str) -> bool {
        let line = line.to_ascii_uppercase();
        ["AT+RST", "AT+RESTORE", "AT+GSLP"]
            .iter()
            .any(|s| line.contains(s))
    }

    /// What a module may hold for a host that does not read.
    fn held_max() -> usize {
        let limits = &profile().limits;
        4 * limits.uart_tx + 5 * limits.receive_window + 32 * 1024
    }

    #[test]
    fn busy_answers_that_nobody_reads_cost_bounded_memory() {
        let mut session = Session::new(&fast(), Way::Lines);
        session.line(b"AT+CWJAP=\"espat\",\"password\"");
        session.sim().stall(true).unwrap();
        session.send(b"AT+CIPSTART=\"TCP\",\"192.0.2.1\",80\r\n");
        for _ in 0..10_000 {
            session.send(b"AT\r\n");
            session.sim().time(TimeStep::Break).unwrap();
        }
        let held = session.sim().engine().inspect().bytes_held();
        assert!(held < held_max(), "{held} bytes are held");
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn splits_at_one_instant_change_nothing(lines in vec(line(), 1..8), seed in any::<u64>()) {
            let whole = outcome(&fast(), Way::Lines, &lines);
            for way in [Way::Random(seed), Way::Bytes, Way::Credit] {
                prop_assert_eq!(&whole, &outcome(&fast(), way, &lines), "{}", way.name());
            }
        }

        #[test]
        fn lines_in_one_write_split_the_same(lines in vec(line(), 1..8), seed in any::<u64>()) {
            let mut data = vec![u8::try_from(seed & 0xff).unwrap()];
            data.extend(lines.join("\r\n").bytes());
            data.extend(b"\r\n");
            fuzz::framer(&data);
        }

        #[test]
        fn every_line_has_exactly_one_result(lines in vec(line(), 1..10)) {
            let config = ModuleConfig { serial_credit: 1 << 20, ..fast() };
            let mut session = Session::new(&config, Way::Lines);
            for line in lines.iter().filter(|line| !is_special(line)) {
                let before = session.results();
                session.line(line.as_bytes());
                session.end_payload();
                prop_assert_eq!(session.results() - before, 1, "{}", line);
            }
        }

        #[test]
        fn same_seed_and_inputs_give_the_same_bytes(
            lines in vec(line(), 1..8), seed in any::<u64>(), anywhere in any::<bool>(), realistic in any::<bool>()
        ) {
            let config = ModuleConfig {
                seed,
                reports: if anywhere { espat_core::Reports::Anywhere } else { espat_core::Reports::Between },
                timing: if realistic { Timing::Realistic } else { Timing::Fast },
                ..ModuleConfig::new()
            };
            prop_assert_eq!(outcome(&config, Way::Lines, &lines), outcome(&config, Way::Lines, &lines));
        }

        /// The simulated target checks at every step: credit is never exceeded, a drain ends, `wake_at` is later than now,
        /// sockets are used between their opening and their end only, nothing comes out without a supply.
        #[test]
        fn a_random_host_and_a_random_network_break_no_law(data in vec(any::<u8>(), 0..400)) {
            fuzz::module(&data);
        }

        #[test]
        fn any_arguments_have_one_result(command in any::<u8>(), state in any::<u8>(), arguments in vec(parameter(), 0..8)) {
            let mut data = vec![command, state];
            data.extend(arguments.join(",").bytes());
            fuzz::args(&data);
        }

        #[test]
        fn a_host_that_does_not_read_costs_bounded_memory(lines in vec(line(), 1..10), rounds in 20_usize..60) {
            let mut session = Session::new(&fast(), Way::Lines);
            session.sim().stall(true).unwrap();
            for _ in 0..rounds {
                for line in lines.iter().filter(|line| !is_special(line)) {
                    session.line(line.as_bytes());
                }
            }
            let held = session.sim().engine().inspect().bytes_held();
            prop_assert!(held < held_max(), "{} bytes are held", held);
            let before = serial(session.log());
            session.sim().stall(false).unwrap();
            session.pass(Duration::ZERO);
            let after = serial(session.log());
            prop_assert!(after >= before);
        }

        #[test]
        fn without_a_supply_nothing_comes_out(lines in vec(line(), 0..6), more in vec(line(), 1..6)) {
            let mut session = Session::new(&fast(), Way::Lines);
            for line in &lines {
                session.line(line.as_bytes());
            }
            let off = Event::Power(espat_core::PowerEvent::Off);
            session.sim().world(&off).unwrap();
            for line in &more {
                session.line(line.as_bytes());
            }
            session.sim().time(TimeStep::For(Duration::from_secs(3600))).unwrap();
            session.sim().world(&Event::Power(espat_core::PowerEvent::On)).unwrap();
            session.pass(Duration::from_secs(1));
            prop_assert!(session.sim().runs(Mark::Boot) >= 2);
        }
    }
}
