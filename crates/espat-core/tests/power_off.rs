//! What a module that lost its power still does: nothing on its wires.

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use espat_core::{
        CloseHow, Input, Instant, Module, ModuleConfig, NetEvent, NetRequest, Output, PowerEvent,
        SocketId, Timing,
    };

    const NOW: Instant = Instant::ZERO;
    const LINK: SocketId = SocketId::requested(1);

    /// A host, and the network that its module asks.
    struct Host {
        module: Module,
        reads: bool,
        heard: Vec<u8>,
    }

    impl Host {
        /// It has joined an access point, and its serial line takes eight bytes before the host has to read.
        fn new() -> Self {
            let config = ModuleConfig {
                timing: Timing::Fast,
                serial_credit: 8,
                ..ModuleConfig::new()
            };
            let module = Module::power_on(config, NOW).unwrap();
            let mut host = Self {
                module,
                reads: true,
                heard: Vec::new(),
            };
            host.drain();
            host.say(b"AT+CWMODE=1\r\n");
            host.say(b"AT+CWJAP=\"espat\",\"\"\r\n");
            host
        }

        fn linked() -> Self {
            let mut host = Self::new();
            let asked = host.say(b"AT+CIPSTART=\"TCP\",\"192.0.2.1\",80\r\n");
            assert_eq!(asked, [format!("connect {LINK}")]);
            let local = SocketAddr::from(([192, 0, 2, 50], 50_001));
            host.feed(Input::Net(NetEvent::Connected {
                socket: LINK,
                local,
            }));
            assert_eq!(host.module.inspect().links(), 1);
            host
        }

        fn say(&mut self, bytes: &[u8]) -> Vec<String> {
            self.feed(Input::Serial(bytes))
        }

        /// Gives what the module asks of the network then.
        fn feed(&mut self, input: Input<'_>) -> Vec<String> {
            self.module.handle_input(NOW, input);
            self.drain()
        }

        fn drain(&mut self) -> Vec<String> {
            let (mut asked, mut sent) = (Vec::new(), 0);
            loop {
                match self.module.poll_output() {
                    Output::Serial { bytes, .. } => {
                        sent += bytes.len();
                        self.heard.extend_from_slice(bytes);
                    }
                    Output::Net(NetRequest::Connect { socket, .. }) => {
                        asked.push(format!("connect {socket}"));
                    }
                    Output::Net(NetRequest::Send { socket, .. }) => {
                        asked.push(format!("send {socket}"));
                    }
                    Output::Net(NetRequest::Close { socket, how }) => {
                        assert_eq!(how, CloseHow::Vanish);
                        asked.push(format!("close {socket}"));
                    }
                    Output::Net(_) | Output::Uart(_) | Output::Store { .. } | Output::Event(_) => {}
                    Output::Idle { .. } if self.reads && sent > 0 => {
                        let taken = core::mem::take(&mut sent);
                        self.module.handle_input(NOW, Input::SerialSent(taken));
                    }
                    Output::Idle { .. } => return asked,
                }
            }
        }
    }

    #[test]
    fn a_send_behind_output_that_nobody_reads_does_not_go_out() {
        let mut host = Host::linked();
        host.say(b"AT+CIPSEND=4\r\n");
        host.reads = false;
        assert_eq!(host.say(b"test"), [""; 0], "`Recv 4 bytes` is in the way");
        let asked = host.feed(Input::Power(PowerEvent::Off));
        assert_eq!(asked, [format!("close {LINK}")]);
        assert_eq!(host.feed(Input::SerialSent(64)), [""; 0]);
    }

    #[test]
    fn a_link_that_was_not_begun_is_not_begun() {
        let mut host = Host::new();
        host.reads = false;
        let asked = host.say(b"AT+CIPSTART=\"TCP\",\"192.0.2.1\",80\r\n");
        assert_eq!(asked, [""; 0], "the echo is in the way");
        assert_eq!(host.feed(Input::Power(PowerEvent::Off)), [""; 0]);
        host.reads = true;
        host.feed(Input::SerialSent(64));
        host.feed(Input::Power(PowerEvent::On));
        host.say(b"AT+CWJAP=\"espat\",\"\"\r\n");
        let asked = host.say(b"AT+CIPSTART=\"TCP\",\"192.0.2.1\",80\r\n");
        assert_eq!(asked.len(), 1, "{asked:?}");
    }

    #[test]
    fn a_reset_from_outside_loses_what_the_uart_has_not_sent() {
        for event in [
            PowerEvent::Reset,
            PowerEvent::BrownOut,
            PowerEvent::Watchdog,
        ] {
            let mut host = Host::linked();
            host.reads = false;
            host.say(b"AT+CIPSEND=4\r\n");
            host.heard.clear();
            let asked = host.feed(Input::Power(event));
            assert_eq!(asked, [format!("close {LINK}")]);
            host.reads = true;
            host.feed(Input::SerialSent(8));
            assert!(host.heard.starts_with(b"\r\nready\r\n"), "{event:?}");
        }
    }
}
