//! `AT+MDNS` is heard and asked on the loopback interface, where it goes by itself.

#[cfg(test)]
mod host;

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

    use domain::base::iana::Class;
    use domain::base::{Message, MessageBuilder, Name, Rtype};
    use domain::rdata::AllRecordData;
    use espat_core::{ModuleConfig, Profile};
    use espat_host::{Module, NetOptions, Policy, Publish};
    use socket2::{Domain, Protocol, Socket, Type};
    use tokio::net::UdpSocket;
    use tokio::time::{Duration, timeout};

    use crate::host::{DEADLINE, Host, fast};

    const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
    const ANNOUNCE: &str = "AT+MDNS=1,\"espat\",\"_iot\",8080";
    /// Of newer lines.
    const ANNOUNCE_PUMP: &str = "AT+MDNS=1,\"espat\",\"_iot\",8080,\"My pump\",\"_tcp\"";
    const SILENCE: Duration = Duration::from_millis(300);

    /// Another one on the same interface.
    struct Other {
        socket: UdpSocket,
        port: u16,
    }

    impl Other {
        /// `None`, and why, where groups do not work on this computer's loopback interface.
        async fn start() -> Option<Self> {
            let started = Self::try_start().await;
            if let Err(error) = &started {
                eprintln!("skipped: no multicast on the loopback interface: {error}");
            }
            started.ok()
        }

        async fn try_start() -> io::Result<Self> {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_nonblocking(true)?;
            socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into())?;
            // Shared from here on: before, the system could give out a port that is shared already.
            socket.set_reuse_address(true)?;
            socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST)?;
            socket.set_multicast_loop_v4(true)?;
            socket.join_multicast_v4(&GROUP, &Ipv4Addr::LOCALHOST)?;
            let socket = UdpSocket::from_std(socket.into())?;
            let port = socket.local_addr()?.port();
            // Its own voice.
            socket.send_to(b"?", (GROUP, port)).await?;
            let heard = timeout(Duration::from_secs(1), socket.recv(&mut [0; 8])).await;
            heard.map_err(io::Error::other)??;
            Ok(Self { socket, port })
        }

        async fn ask(&self, name: &str, kind: Rtype) {
            ask(&self.socket, self.port, name, kind).await;
        }

        /// The next message that is no question.
        async fn hear(&self) -> Vec<String> {
            loop {
                let (said, _) = timeout(DEADLINE, heard(&self.socket)).await.unwrap();
                if !said.is_empty() {
                    return said;
                }
            }
        }

        async fn hears_nothing(&self) -> bool {
            timeout(SILENCE, self.hear()).await.is_err()
        }

        fn net(&self) -> NetOptions {
            NetOptions {
                mdns_port: self.port,
                ..NetOptions::default()
            }
        }
    }

    async fn ask(socket: &UdpSocket, port: u16, name: &str, kind: Rtype) {
        let mut questions = MessageBuilder::new_vec().question();
        let name = Name::<Vec<u8>>::from_chars(name.chars()).unwrap();
        questions.push((name, kind, Class::IN)).unwrap();
        socket
            .send_to(&questions.finish(), (GROUP, port))
            .await
            .unwrap();
    }

    /// What an answer says, and from where; nothing of what is a question.
    async fn heard(socket: &UdpSocket) -> (Vec<String>, SocketAddr) {
        let mut buffer = [0; 1500];
        let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
        let message = Message::from_octets(&buffer[..len]).unwrap();
        if !message.header().qr() {
            return (Vec::new(), from);
        }
        let answers = message.answer().unwrap();
        let all = answers.chain(message.additional().unwrap());
        let said = all.map(|record| {
            let record = record.unwrap();
            let data = record.to_record::<AllRecordData<_, _>>().unwrap().unwrap();
            format!(
                "{} {} {} {}",
                record.owner(),
                record.ttl().as_secs(),
                record.rtype(),
                data.data()
            )
        });
        (said.collect(), from)
    }

    #[tokio::test]
    async fn a_service_is_announced_found_and_taken_back() {
        let Some(other) = Other::start().await else {
            return;
        };
        let net = NetOptions {
            publish: vec!["8080=127.0.0.1:0".parse::<Publish>().unwrap()],
            ..other.net()
        };
        let config = ModuleConfig {
            profile: Profile::find("esp32-4.1").unwrap(),
            ..fast()
        };
        let mut host = Host::joined(Module::new(config).net(net)).await;
        host.ok("AT+CIPMUX=1").await;
        host.ok("AT+CIPSERVER=1,8080").await;
        host.ok(ANNOUNCE_PUMP).await;
        let first = other.hear().await;
        // Everybody hears it twice.
        assert_eq!(other.hear().await, first);

        other.ask("_iot._tcp.local", Rtype::PTR).await;
        let said = other.hear().await;
        let pump = "My\\ pump._iot._tcp.local";
        let server = said[1].rsplit(' ').nth(1).unwrap();
        let port: u16 = server.parse().unwrap();
        let expected = [
            format!("_iot._tcp.local 4500 PTR {pump}."),
            format!("{pump} 120 SRV 0 0 {port} espat.local"),
            format!("{pump} 4500 TXT \"vendor=Espressif\" \"version=1.0\" \"module=AT\""),
            "espat.local 120 A 127.0.0.1".into(),
        ];
        assert_eq!(said, expected);
        assert_eq!(first, expected);
        // It is where the server is.
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .unwrap();

        // Who has no part in the group gets an answer alone.
        let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket2::SockRef::from(&stranger)
            .set_multicast_if_v4(&Ipv4Addr::LOCALHOST)
            .unwrap();
        ask(&stranger, other.port, "espat.local", Rtype::A).await;
        let (said, _) = timeout(DEADLINE, heard(&stranger)).await.unwrap();
        assert_eq!(said, ["espat.local 10 A 127.0.0.1"]);

        host.ok("AT+MDNS=0").await;
        let goodbye = other.hear().await;
        assert!(goodbye.iter().all(|record| record.contains(" 0 ")));
        other.ask("_iot._tcp.local", Rtype::PTR).await;
        assert!(other.hears_nothing().await);
        host.stop().await;
    }

    #[tokio::test]
    async fn it_ends_with_the_network_and_with_the_module() {
        let Some(other) = Other::start().await else {
            return;
        };
        let mut host = Host::start(other.net()).await;
        // Its own access point would do.
        host.ok("AT+CWMODE=1").await;
        host.ok(ANNOUNCE).await;
        assert!(other.hears_nothing().await);
        host.join().await;
        other.hear().await;
        other.hear().await;
        host.ok("AT+CWQAP").await;
        assert!(other.hear().await[0].contains(" 0 "));
        host.join().await;
        other.hear().await;
        other.hear().await;
        host.stop().await;
        assert!(other.hear().await[0].contains(" 0 "));
    }

    #[tokio::test]
    async fn the_policy_counts_for_it() {
        let Some(other) = Other::start().await else {
            return;
        };
        let denied = |policy: Policy| NetOptions {
            policy,
            ..other.net()
        };
        let deny = Policy {
            deny: vec!["224.0.0.0/8".parse().unwrap()],
            ..Policy::default()
        };
        let mut host = Host::joined(Module::new(fast()).net(denied(deny))).await;
        // The module cannot know.
        host.ok(ANNOUNCE).await;
        assert!(other.hears_nothing().await);
        host.stop().await;
        let offline = Policy {
            offline: true,
            ..Policy::default()
        };
        let mut host = Host::joined(Module::new(fast()).net(denied(offline))).await;
        host.ok(ANNOUNCE).await;
        other.hear().await;
        host.stop().await;
    }
}
