//! The runner, the simulated network and `UPDATE=1`, on an engine that fits on a page.

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use espat_core::{
        CloseHow, Connect, Duration, Input, Instant, Mark, ModuleConfig, NetEvent, NetRequest,
        Output, SocketId, SocketOptions, Transport, Wake,
    };
    use espat_script::{Engine, Givens, Plan, Script, ScriptError, Sim, Way, run_on, update_on};

    enum Out {
        Serial(Vec<u8>),
        Connect(SocketId, Connect),
        Send(SocketId, Vec<u8>),
        Read(SocketId, usize),
        Close(SocketId),
    }

    /// Echoes lines; `OPEN` connects, `SEND text` sends, `READ` reads up to four bytes, `CLOSE` closes, `WAIT` answers
    /// after a second, `LEAK` sends on a credit that it does not have.
    struct Toy {
        line: Vec<u8>,
        out: VecDeque<Out>,
        current: Option<Out>,
        wake: Option<Instant>,
        sockets: u32,
        credit: usize,
        leaks: bool,
    }

    impl Toy {
        fn new(credit: usize) -> Self {
            let mut toy = Self {
                line: Vec::new(),
                out: VecDeque::new(),
                current: None,
                wake: None,
                sockets: 0,
                credit,
                leaks: false,
            };
            toy.say(b"\r\nready\r\n");
            toy
        }

        fn say(&mut self, bytes: &[u8]) {
            self.out.push_back(Out::Serial(bytes.to_vec()));
        }

        fn socket(&self) -> SocketId {
            SocketId::requested(40 + self.sockets)
        }

        fn line(&mut self, now: Instant) {
            let line = std::mem::take(&mut self.line);
            self.say(&line);
            match line.strip_suffix(b"\r\n").unwrap_or(&line) {
                b"OPEN" => {
                    self.sockets += 1;
                    let connect = Connect {
                        transport: Transport::Tcp,
                        remote: "192.0.2.1:80".parse().unwrap(),
                        name: Some("host".into()),
                        local_ip: None,
                        local_port: 0,
                        options: SocketOptions {
                            nodelay: true,
                            ..SocketOptions::default()
                        },
                        deadline: now,
                        tls: None,
                    };
                    self.out.push_back(Out::Connect(self.socket(), connect));
                }
                b"READ" => self.out.push_back(Out::Read(self.socket(), 4)),
                b"CLOSE" => self.out.push_back(Out::Close(self.socket())),
                b"WAIT" => self.wake = Some(now + Duration::from_secs(1)),
                b"LEAK" => self.leaks = true,
                other => {
                    if let Some(text) = other.strip_prefix(b"SEND ") {
                        text.iter()
                            .for_each(|b| self.out.push_back(Out::Send(self.socket(), vec![*b])));
                    }
                }
            }
            if self.wake.is_none() {
                self.say(b"OK\r\n");
            }
        }

        fn net(&mut self, event: NetEvent<'_>) {
            match event {
                NetEvent::Connected { local, .. } => {
                    self.say(format!("CONNECT {local}\r\n").as_bytes())
                }
                NetEvent::Data { bytes, .. } => self.say(&[b"+", bytes].concat()),
                NetEvent::Closed { .. } => self.say(b"CLOSED\r\n"),
                NetEvent::Sent { n, .. } => self.say(format!("SENT {n}\r\n").as_bytes()),
                NetEvent::Failed { .. }
                | NetEvent::SendFailed { .. }
                | NetEvent::Listening { .. }
                | NetEvent::Accepted { .. }
                | NetEvent::Resolved { .. }
                | NetEvent::Pinged { .. }
                | NetEvent::TimeSynced { .. }
                | NetEvent::SlotsChanged { .. } => panic!("{event:?}"),
            }
        }
    }

    impl Engine for Toy {
        fn serial_room(&self) -> usize {
            16
        }

        fn handle_input(&mut self, now: Instant, input: Input<'_>) {
            match input {
                Input::Tick => {
                    self.wake = None;
                    self.say(b"OK\r\n");
                }
                Input::Serial(bytes) => {
                    for &byte in bytes {
                        self.line.push(byte);
                        if byte == b'\n' {
                            self.line(now);
                        }
                    }
                }
                Input::SerialSent(n) => self.credit += n,
                Input::Net(event) => self.net(event),
                Input::SerialBreak | Input::Stored { .. } | Input::Power(_) | Input::Air(_) => {
                    panic!("{input:?}")
                }
            }
        }

        fn poll_output(&mut self) -> Output<'_> {
            self.current = None;
            if let Some(Out::Serial(bytes)) = self.out.front_mut() {
                let n = if self.leaks {
                    bytes.len()
                } else {
                    bytes.len().min(self.credit)
                };
                if n > 0 {
                    self.credit = self.credit.saturating_sub(n);
                    let now: Vec<u8> = bytes.drain(..n).collect();
                    if bytes.is_empty() {
                        self.out.pop_front();
                    }
                    self.current = Some(Out::Serial(now));
                }
            } else {
                self.current = self.out.pop_front();
            }
            match &self.current {
                None => Output::Idle {
                    wake_at: self.wake,
                    why: Wake::Never,
                },
                Some(Out::Serial(bytes)) => Output::Serial {
                    mark: Mark::Line,
                    bytes,
                },
                Some(Out::Connect(socket, to)) => Output::Net(NetRequest::Connect {
                    socket: *socket,
                    to,
                }),
                Some(Out::Send(socket, bytes)) => Output::Net(NetRequest::Send {
                    socket: *socket,
                    to: None,
                    bytes,
                }),
                Some(Out::Read(socket, max)) => Output::Net(NetRequest::Read {
                    socket: *socket,
                    max: *max,
                }),
                Some(Out::Close(socket)) => Output::Net(NetRequest::Close {
                    socket: *socket,
                    how: CloseHow::Fin,
                }),
            }
        }
    }

    fn plan(text: &str) -> Plan {
        let mut givens = Givens::default();
        givens.insert(
            "hello",
            Script::parse("-> HELLO\n<- HELLO\n<- OK\n", "hello.at").unwrap(),
        );
        Plan::new(&Script::parse(text, "t.at").unwrap(), &givens).unwrap()
    }

    fn run_way(text: &str, way: Way) -> Result<(), ScriptError> {
        let mut plan = plan(text);
        if way == Way::Credit {
            plan.config.serial_credit = 1;
        }
        let toy = Toy::new(plan.config.serial_credit);
        let mut sim = Sim::with_engine(toy, &plan.config, way);
        run_on(&plan, &mut sim).map(drop)
    }

    #[track_caller]
    fn holds(text: &str) {
        for way in Way::ALL {
            run_way(text, way).unwrap_or_else(|error| panic!("{}: {error}", way.name()));
        }
    }

    #[track_caller]
    fn fails(text: &str, at: (usize, usize), message: &str) {
        let error = run_way(text, Way::Lines).unwrap_err();
        assert!(
            (error.line, error.column) == at && error.to_string().contains(message),
            "{error}"
        );
    }

    const OPEN: &str =
        "-> OPEN\n<- OPEN\n=> s0 connect tcp 192.0.2.1:80 name=host nodelay\n<- OK\n";

    #[test]
    fn lines_requests_and_events_run_in_order() {
        holds(&format!(
            "{OPEN}<= s0 connected 192.0.2.50:5000\n<- CONNECT {{any}}:{{int}}\n-> SEND ab\n<- SEND ab\n=> s0 send \"a\"\n\
             => s0 send \"b\"\n<- OK\n<= s0 sent 2\n<- SENT 2\n-> CLOSE\n<- CLOSE\n=> s0 close fin\n<- OK\n"
        ));
    }

    #[test]
    fn data_waits_for_credit_and_comes_in_its_pieces() {
        let read = "-> READ\n<- READ\n<- OK\n";
        holds(&format!(
            "{OPEN}<= s0 data \"abcdef\"\n<= s0 closed\n{read}<- +abcd\\\n{read}<- +efCLOSED\n-> X\n<- X\n<- OK\n"
        ));
    }

    #[test]
    fn time_moves_by_its_lines_only() {
        holds("-> WAIT\n<- WAIT\n~ 999ms\n~ 1ms\n<- OK\n");
        holds("-> WAIT\n<- WAIT\n~ idle\n<- OK\n~ idle\n");
        holds("-> WAIT\n~ output\n<- WAIT\n~ output\n<- OK\n");
        fails("-> WAIT\n<- WAIT\n~ 999ms\n<- OK\n", (4, 4), "nothing came");
        fails(
            "-> X\n<- X\n<- OK\n~ output\n",
            (4, 1),
            "nothing would come out",
        );
    }

    #[test]
    fn the_boot_text_is_read_unless_the_file_does_it() {
        holds("@boot explicit\n<-\n<- ready\n-> X\n<- X\n<- OK\n");
        fails(
            "@boot explicit\n-> X\n<- X\n<- OK\n",
            (2, 1),
            "before this line",
        );
    }

    #[test]
    fn givens_come_first_and_once() {
        holds("@given hello hello\n-> X\n<- X\n<- OK\n");
    }

    #[test]
    fn the_world_is_closed() {
        fails("-> X\n<- X\n", (2, 1), "<- OK");
        fails(
            "-> X\n<- X\n-> Y\n<- Y\n<- OK\n",
            (3, 1),
            "before this line the module sent",
        );
        fails(
            "-> X\n<- X\n<- OX\n",
            (3, 5),
            "came:     OK\\x0d\\x0a\n           ^",
        );
        fails("-> X\n<- \"X\"*2\n<- OK\n", (2, 4), "something else");
        fails("-> X\n<- X\n<- OK\n<- more\n", (4, 4), "nothing came");
        fails("-> X\n=> s0 close fin\n", (2, 4), "something else came");
        fails(&format!("{OPEN}<= s1 closed\n"), (5, 1), "there is no s1");
        fails(&format!("{OPEN}<= s0 sent 1\n"), (5, 1), "0 bytes");
        fails(
            "-> LEAK\n<- LEAK\n<- OK\n-> \"x\"*5000\n",
            (4, 1),
            "credit of 4096",
        );
    }

    #[test]
    fn update_rewrites_what_differs_and_keeps_the_rest() {
        let written = "# A comment.\n\n-> OPEN\n<- OPEN\n# Why.\n=> s0 connect tcp 192.0.2.9:80\n<- OK\n\n\
                       <= s0 connected 192.0.2.50:5000\n<- CONNECT {any}\n-> WAIT\n<- WAIT\n~ output\n<- KO\n-> SEND a\n";
        let wanted = "# A comment.\n\n-> OPEN\n<- OPEN\n=> s0 connect tcp 192.0.2.1:80 name=host nodelay\n# Why.\n<- OK\n\n\
                      <= s0 connected 192.0.2.50:5000\n<- CONNECT {any}\n-> WAIT\n<- WAIT\n~ output\n<- OK\n-> SEND a\n\
                      <- SEND a\n=> s0 send \"a\"\n<- OK\n";
        let script = Script::parse(written, "t.at").unwrap();
        let plan = plan(written);
        let mut sim = Sim::with_engine(Toy::new(4096), &ModuleConfig::new(), Way::Lines);
        let updated = update_on(&script, &plan, &mut sim).unwrap();
        assert_eq!(updated, wanted);
        holds(&updated);
    }
}
