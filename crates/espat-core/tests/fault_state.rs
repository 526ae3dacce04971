//! What a module does that is broken on purpose: each place at which the engine reads `FaultState`.

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use espat_core::fault::{FaultState, Lie, ReportPlace};
    use espat_core::{
        AirEvent, CloseHow, Duration, Input, Instant, LogPort, Module, ModuleConfig, NetEvent,
        NetRequest, Output, PowerEvent, Profile, SocketId, Timing, Wake,
    };

    /// A host that reads at once, and the network that its module asks.
    struct Host {
        module: Module,
        now: Instant,
        asked: Vec<String>,
        wake: Wake,
    }

    impl Host {
        fn new(profile: &str) -> Self {
            let config = ModuleConfig {
                timing: Timing::Fast,
                log_port: LogPort::Off,
                profile: Profile::find(profile).unwrap(),
                ..ModuleConfig::new()
            };
            let mut host = Self {
                module: Module::power_on(config, Instant::ZERO).unwrap(),
                now: Instant::ZERO,
                asked: Vec::new(),
                wake: Wake::Never,
            };
            host.drain();
            host
        }

        /// It has joined an access point and has a link.
        fn linked() -> Self {
            let mut host = Self::new("esp32-2.2");
            host.say("ATE0\r\n");
            host.say("AT+CWMODE=1\r\n");
            host.say("AT+CWJAP=\"espat\",\"\"\r\n");
            let said = host.open(0);
            assert_eq!(said, "CONNECT\r\n\r\nOK\r\n");
            host
        }

        /// Opens a link over its n-th socket.
        fn open(&mut self, n: u32) -> String {
            let said = self.say("AT+CIPSTART=\"TCP\",\"192.0.2.1\",80\r\n");
            assert_eq!(said, "");
            // A number is taken before the socket is opened.
            let socket = SocketId::requested(2 * n + 1);
            let local = SocketAddr::from(([192, 0, 2, 50], 50_001));
            self.feed(Input::Net(NetEvent::Connected { socket, local }))
        }

        fn faults(&mut self) -> &mut FaultState {
            self.module.faults_mut()
        }

        fn say(&mut self, text: &str) -> String {
            self.feed(Input::Serial(text.as_bytes()))
        }

        fn hear(&mut self, data: &str) -> String {
            self.feed(Input::Net(NetEvent::Data {
                socket: LINK,
                from: None,
                bytes: data.as_bytes(),
                wire_len: data.len(),
            }))
        }

        fn pass(&mut self, time: Duration) -> String {
            self.now += time;
            self.feed(Input::Tick)
        }

        /// Gives what came out.
        fn feed(&mut self, input: Input<'_>) -> String {
            self.module.handle_input(self.now, input);
            String::from_utf8_lossy(&self.drain()).into_owned()
        }

        fn drain(&mut self) -> Vec<u8> {
            let mut said = Vec::new();
            let mut sent = 0;
            loop {
                match self.module.poll_output() {
                    Output::Serial { bytes, .. } => {
                        sent += bytes.len();
                        said.extend_from_slice(bytes);
                    }
                    Output::Net(NetRequest::Send { bytes, .. }) => {
                        self.asked.push(String::from_utf8_lossy(bytes).into());
                    }
                    Output::Net(NetRequest::Read { max, .. }) => {
                        self.asked.push(format!("read {max}"));
                    }
                    Output::Net(NetRequest::Close { how, .. }) => {
                        self.asked.push(format!("close {how:?}"));
                    }
                    Output::Net(_) | Output::Uart(_) | Output::Store { .. } | Output::Event(_) => {}
                    Output::Idle { .. } if sent > 0 => {
                        let sent = core::mem::take(&mut sent);
                        self.module.handle_input(self.now, Input::SerialSent(sent));
                    }
                    Output::Idle { why, .. } => {
                        self.wake = why;
                        return said;
                    }
                }
            }
        }
    }

    const LINK: SocketId = SocketId::requested(1);
    const SENT: Input<'static> = Input::Net(NetEvent::Sent { socket: LINK, n: 4 });

    fn send_with(place: ReportPlace) -> [String; 4] {
        let mut host = Host::linked();
        host.faults().reports = Some(place);
        assert_eq!(host.hear("data"), "");
        let said = [
            host.say("AT+CIPSEND=4\r\n"),
            host.say("te"),
            host.say("st"),
            host.feed(SENT),
        ];
        assert_eq!(host.faults().reports, None, "it happened");
        said
    }

    #[test]
    fn reports_come_at_the_moment_that_is_named() {
        let [prompt, recv, end] = ["\r\nOK\r\n\r\n>", "\r\nRecv 4 bytes\r\n", "\r\nSEND OK\r\n"];
        let ipd = "\r\n+IPD,4:data";
        assert_eq!(
            send_with(ReportPlace::BeforePrompt),
            [
                format!("\r\nOK\r\n{ipd}\r\n>"),
                "".into(),
                recv.into(),
                end.into()
            ]
        );
        assert_eq!(
            send_with(ReportPlace::AfterPrompt),
            [format!("{prompt}{ipd}"), "".into(), recv.into(), end.into()]
        );
        assert_eq!(
            send_with(ReportPlace::BeforeRecv),
            [prompt.into(), "".into(), format!("{ipd}{recv}"), end.into()]
        );
        assert_eq!(
            send_with(ReportPlace::BeforeSendOk),
            [prompt.into(), "".into(), recv.into(), format!("{ipd}{end}")]
        );
    }

    #[test]
    fn what_comes_while_payload_is_typed_comes_after_the_prompt() {
        let mut host = Host::linked();
        host.faults().reports = Some(ReportPlace::AfterPrompt);
        host.say("AT+CIPSEND=4\r\n");
        host.say("te");
        assert_eq!(host.hear("data"), "\r\n+IPD,4:data");
        assert_eq!(host.say("st"), "\r\nRecv 4 bytes\r\n");
    }

    #[test]
    fn a_report_cuts_an_echo() {
        let mut host = Host::linked();
        host.say("ATE1\r\n");
        host.faults().reports = Some(ReportPlace::InsideEcho);
        assert_eq!(host.hear("data"), "");
        assert_eq!(host.say("AT\r\n"), "AT\r\n+IPD,4:data\r\n\r\nOK\r\n");
        assert_eq!(host.say("AT\r\n"), "AT\r\n\r\nOK\r\n");
    }

    #[test]
    fn busy_until_a_time_also_after_ok() {
        let mut host = Host::linked();
        let busy = "\r\nbusy p...\r\n";
        assert_eq!(host.say("AT+CI"), "", "a line that is begun");
        host.faults().busy_until = Some(host.now + Duration::from_secs(8));
        assert_eq!(host.say("PMUX?\r\n"), busy);
        assert_eq!(host.say("AT\r\nAT\r\n"), "", "one chunk, one answer");
        host.pass(Duration::from_secs(7));
        assert_eq!(host.say("\r\n"), busy);
        assert_eq!(host.hear("data"), "\r\n+IPD,4:data");
        host.pass(Duration::from_secs(1));
        assert_eq!(host.say("AT\r\n"), "\r\nOK\r\n");
    }

    #[test]
    fn a_reset_ends_busy() {
        let mut host = Host::linked();
        host.faults().busy_until = Some(host.now + Duration::from_secs(3600));
        assert!(host.say("AT+RST\r\n").contains("Will force to restart!!!"));
        assert!(host.say("AT\r\n").ends_with("\r\nOK\r\n"));
    }

    #[test]
    fn a_hang_answers_nothing_until_a_reset_from_outside() {
        let mut host = Host::linked();
        host.asked.clear();
        host.faults().hang = true;
        assert_eq!(host.say("AT\r\nAT+RST\r\n"), "");
        assert_eq!(host.wake, Wake::Never);
        assert_eq!(
            host.hear("data"),
            "",
            "the stack still takes what was asked for"
        );
        host.feed(Input::Air(AirEvent::Lost));
        host.feed(Input::Air(AirEvent::Back));
        assert_eq!(host.pass(Duration::from_secs(3600)), "");
        assert_eq!(host.asked, [""; 0], "no credit, no close");
        let said = host.feed(Input::Power(PowerEvent::Reset));
        assert_eq!(said, "\r\nready\r\nWIFI CONNECTED\r\nWIFI GOT IP\r\n");
        assert_eq!(host.asked, [format!("close {:?}", CloseHow::Vanish)]);
        assert_eq!(host.say("AT\r\n"), "AT\r\n\r\nOK\r\n");
    }

    #[test]
    fn a_hung_firmware_has_no_timers_and_its_uart_goes_on() {
        let mut host = Host::linked();
        host.say("AT+CWRECONNCFG=1,0\r\n");
        host.feed(Input::Air(AirEvent::Lost));
        assert!(
            matches!(host.wake, Wake::Timer(_)),
            "the station looks for it"
        );
        host.module.handle_input(host.now, Input::Serial(b"AT\r\n"));
        let mut sent = 0;
        while let Output::Serial { bytes, .. } = host.module.poll_output() {
            sent += bytes.len();
        }
        host.faults().hang = true;
        assert_eq!(host.feed(Input::SerialSent(sent)), "");
        assert_eq!(host.module.inspect().bytes_held(), 0, "it has left");
        assert_eq!(host.wake, Wake::Never);
    }

    #[test]
    fn no_socket_is_left() {
        let mut host = Host::linked();
        host.say("AT+CIPCLOSE\r\n");
        host.say("AT+CIPMUX=1\r\n");
        host.faults().links_max = Some(0);
        let start = "AT+CIPSTART=4,\"TCP\",\"192.0.2.1\",80\r\n";
        assert_eq!(host.say(start), "\r\nERROR\r\n");
        host.faults().links_max = Some(1);
        assert_eq!(host.say(start), "");
    }

    #[test]
    fn queries_lie_about_the_access_point() {
        let mut host = Host::linked();
        host.faults().lie = Lie {
            status: Some(3),
            joined: Some(true),
            ..Lie::default()
        };
        host.feed(Input::Air(AirEvent::Lost));
        assert_eq!(host.say("AT+CIPSTATUS\r\n"), "STATUS:3\r\n\r\nOK\r\n");
        assert!(
            host.say("AT+CWSTATE?\r\n")
                .starts_with("+CWSTATE:2,\"espat\"\r\n")
        );
        assert!(host.say("AT+CWJAP?\r\n").starts_with("+CWJAP:\"espat\","));
        assert!(
            host.say("AT+CIPSTA?\r\n")
                .starts_with("+CIPSTA:ip:\"0.0.0.0\"")
        );
        host.faults().lie = Lie::default();
        assert_eq!(host.say("AT+CIPSTATUS\r\n"), "STATUS:5\r\n\r\nOK\r\n");
        assert_eq!(host.say("AT+CWJAP?\r\n"), "\r\nOK\r\n");
    }

    #[test]
    fn no_memory_no_socket_and_no_buffer() {
        let mut host = Host::linked();
        let (error, ok) = ("\r\nERROR\r\n", "\r\nOK\r\n");
        host.faults().out_of_memory = true;
        assert_eq!(host.say("AT+CIPSEND=4\r\n"), error);
        assert_eq!(host.say("AT+CIPCLOSE\r\n"), format!("CLOSED\r\n{ok}"));
        for kind in ["TCP", "UDP", "SSL"] {
            let start = format!("AT+CIPSTART=\"{kind}\",\"192.0.2.1\",80\r\n");
            assert_eq!(host.say(&start), error);
        }
        host.say("AT+CIPMUX=1\r\n");
        assert_eq!(host.say("AT+CIPSERVER=1,80\r\n"), error);
        assert_eq!(host.say("AT+SYSRAM?\r\n"), format!("+SYSRAM:1348,628{ok}"));
        host.faults().out_of_memory = false;
        assert_eq!(host.say("AT+CIPSERVER=1,80\r\n"), "");
    }

    #[test]
    fn a_boot_shows_the_rom() {
        let mut host = Host::new("esp32-2.2");
        host.faults().boot_noise = true;
        let said = host.feed(Input::Power(PowerEvent::BrownOut));
        assert!(said.starts_with("\r\nBrownout detector was triggered\r\n\r\nets Jun  8"));
        assert!(
            said.ends_with("entry 0x40078628\r\n\r\nready\r\n"),
            "{said}"
        );
        let said = host.feed(Input::Power(PowerEvent::BrownOut));
        assert_eq!(said, "\r\nready\r\n", "once");
    }

    #[test]
    fn an_esp8266_shows_it_at_another_rate() {
        let mut host = Host::new("esp8266-2.2");
        host.faults().boot_noise = true;
        let said = host.feed(Input::Power(PowerEvent::Watchdog));
        let noise = said.strip_suffix("\r\nready\r\n").unwrap();
        assert!(noise.len() > 100 && !noise.contains("ets"), "{noise}");
        // A host MCU that listens at the ROM's rate can read it.
        let mut host = Host::new("esp8266-2.2");
        host.say("AT+UART_CUR=74880,8,1,0,0\r\n");
        host.faults().boot_noise = true;
        let said = host.feed(Input::Power(PowerEvent::Watchdog));
        assert!(said.starts_with("\r\n ets Jan  8 2013,rst cause:4, boot mode:(3,7)\r\n"));
    }

    #[test]
    fn a_boot_finds_no_settings() {
        let mut host = Host::linked();
        host.faults().lost_settings = true;
        let said = host.feed(Input::Power(PowerEvent::BrownOut));
        assert_eq!(said, "\r\nready\r\n", "nothing is joined");
        assert!(host.say("AT+CWMODE?\r\n").contains("+CWMODE:3"));
    }
}
