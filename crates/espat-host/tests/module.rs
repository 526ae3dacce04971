//! The real module on real sockets, inside this process.

#[cfg(test)]
mod tests {
    use espat_core::{ModuleConfig, PowerEvent, Timing};
    use espat_host::{Module, NetOptions, SerialStream};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream, UdpSocket};
    use tokio::time::{Duration, timeout};

    const DEADLINE: Duration = Duration::from_secs(10);

    /// A host that has powered the module on.
    struct Host(SerialStream);

    impl Host {
        async fn start(net: NetOptions) -> (Self, espat_host::Handle) {
            let config = ModuleConfig {
                timing: Timing::Fast,
                ..ModuleConfig::new()
            };
            let (serial, handle) = Module::new(config).net(net).in_process().unwrap();
            let mut host = Self(serial);
            host.wait("ready\r\n").await;
            (host, handle)
        }

        /// Reads up to `end`, and says what came before it.
        async fn wait(&mut self, end: &str) -> String {
            let mut said = Vec::new();
            let reading = async {
                while !said.ends_with(end.as_bytes()) {
                    said.push(self.0.read_u8().await.unwrap());
                }
            };
            let end_came = timeout(DEADLINE, reading).await;
            let said = String::from_utf8_lossy(&said).into_owned();
            assert!(end_came.is_ok(), "{said:?} instead of {end:?}");
            said
        }

        async fn send(&mut self, bytes: &[u8]) {
            self.0.write_all(bytes).await.unwrap();
        }

        async fn command(&mut self, line: &str) -> String {
            self.send(format!("{line}\r\n").as_bytes()).await;
            self.wait("OK\r\n").await
        }

        async fn join(&mut self) {
            self.command("AT+CWMODE=1").await;
            self.command("AT+CWJAP=\"espat\",\"\"").await;
        }
    }

    #[tokio::test]
    async fn a_tcp_link_carries_payload_both_ways() {
        let (mut host, module) = Host::start(NetOptions::default()).await;
        host.join().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        host.command(&format!("AT+CIPSTART=\"TCP\",\"127.0.0.1\",{port}"))
            .await;
        let (mut peer, _) = listener.accept().await.unwrap();
        host.send(b"AT+CIPSEND=4\r\n").await;
        host.wait(">").await;
        host.send(b"ping").await;
        host.wait("SEND OK\r\n").await;
        let mut ping = [0; 4];
        timeout(DEADLINE, peer.read_exact(&mut ping))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&ping, b"ping");
        peer.write_all(b"pong").await.unwrap();
        host.wait("+IPD,4:pong").await;
        drop(peer);
        host.wait("CLOSED\r\n").await;
        module.stop().await;
    }

    #[tokio::test]
    async fn a_megabyte_comes_through_a_slow_serial_side_whole() {
        let (mut host, _module) = Host::start(NetOptions::default()).await;
        host.join().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        host.command(&format!("AT+CIPSTART=\"TCP\",\"127.0.0.1\",{port}"))
            .await;
        let (mut peer, _) = listener.accept().await.unwrap();
        let payload: Vec<u8> = (0..1_u32 << 20)
            .map(|n| n.to_le_bytes()[(n % 3) as usize])
            .collect();
        let sent = payload.clone();
        tokio::spawn(async move { peer.write_all(&sent).await });
        let mut got = Vec::new();
        while got.len() < payload.len() {
            host.wait("+IPD,").await;
            let head = host.wait(":").await;
            let mut piece = vec![0; head.trim_end_matches(':').parse().unwrap()];
            timeout(DEADLINE, host.0.read_exact(&mut piece))
                .await
                .unwrap()
                .unwrap();
            got.extend(piece);
        }
        assert!(got == payload, "bytes are lost or changed");
        host.wait("CLOSED\r\n").await;
    }

    #[tokio::test]
    async fn a_server_is_published_and_serves() {
        let free = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let publish = vec![format!("80={free}").parse().unwrap()];
        let (mut host, _module) = Host::start(NetOptions {
            publish,
            ..NetOptions::default()
        })
        .await;
        host.join().await;
        host.command("AT+CIPMUX=1").await;
        host.command("AT+CIPSERVER=1,80").await;
        let mut client = TcpStream::connect(free).await.unwrap();
        host.wait("0,CONNECT\r\n").await;
        client.write_all(b"GET").await.unwrap();
        host.wait("+IPD,0,3:GET").await;
        host.send(b"AT+CIPSEND=0,2\r\n").await;
        host.wait(">").await;
        host.send(b"ok").await;
        host.wait("SEND OK\r\n").await;
        host.command("AT+CIPCLOSE=0").await;
        let mut all = Vec::new();
        timeout(DEADLINE, client.read_to_end(&mut all))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(all, b"ok");
    }

    #[tokio::test]
    async fn a_udp_link_answers_its_peer() {
        let (mut host, _module) = Host::start(NetOptions::default()).await;
        host.join().await;
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = peer.local_addr().unwrap().port();
        host.command(&format!("AT+CIPSTART=\"UDP\",\"127.0.0.1\",{port}"))
            .await;
        host.send(b"AT+CIPSEND=5\r\n").await;
        host.wait(">").await;
        host.send(b"hello").await;
        host.wait("SEND OK\r\n").await;
        let mut buffer = [0; 16];
        let (n, from) = timeout(DEADLINE, peer.recv_from(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&buffer[..n], b"hello");
        peer.send_to(b"world", from).await.unwrap();
        host.wait("+IPD,5:world").await;
    }

    #[tokio::test]
    async fn names_are_resolved_and_refusals_are_told() {
        let maps = vec!["box.test=127.0.0.1".parse().unwrap()];
        let (mut host, _module) = Host::start(NetOptions {
            maps,
            ..NetOptions::default()
        })
        .await;
        host.join().await;
        let answer = host.command("AT+CIPDOMAIN=\"box.test\"").await;
        assert!(answer.contains("127.0.0.1"), "{answer}");
        let free = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        host.send(format!("AT+CIPSTART=\"TCP\",\"box.test\",{free}\r\n").as_bytes())
            .await;
        host.wait("ERROR\r\n").await;
    }

    #[tokio::test]
    async fn power_off_takes_links_with_it() {
        let (mut host, module) = Host::start(NetOptions::default()).await;
        host.join().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        host.command(&format!("AT+CIPSTART=\"TCP\",\"127.0.0.1\",{port}"))
            .await;
        let (mut peer, _) = listener.accept().await.unwrap();
        module.power(PowerEvent::Off).unwrap();
        let end = timeout(DEADLINE, peer.read(&mut [0; 1])).await.unwrap();
        assert!(end.is_err(), "{end:?}");
        module.power(PowerEvent::On).unwrap();
        host.wait("ready\r\n").await;
        host.command("AT").await;
    }
}
