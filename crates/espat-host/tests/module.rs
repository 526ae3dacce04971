//! The real module on real sockets, inside this process.

#[cfg(test)]
mod host;
#[cfg(test)]
mod places;

#[cfg(test)]
mod tests {
    use espat_core::{ModuleConfig, PowerEvent, Timing};
    use espat_host::{Module, NetOptions};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream, UdpSocket};
    use tokio::time::timeout;

    use crate::host::{DEADLINE, Host};
    use crate::places;

    #[tokio::test]
    async fn a_tcp_link_carries_payload_both_ways() {
        let mut host = Host::start(NetOptions::default()).await;
        host.join().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = host.link_to(&listener).await;
        host.says("ping").await;
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
        host.stop().await;
    }

    #[tokio::test]
    async fn a_megabyte_comes_through_a_slow_serial_side_whole() {
        let mut host = Host::start(NetOptions::default()).await;
        host.join().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = host.link_to(&listener).await;
        let payload: Vec<u8> = (0..1_u32 << 20)
            .map(|n| n.to_le_bytes()[(n % 3) as usize])
            .collect();
        let sent = payload.clone();
        tokio::spawn(async move { peer.write_all(&sent).await });
        let mut got = Vec::new();
        while got.len() < payload.len() {
            host.wait("+IPD,").await;
            let head = host.wait(":").await;
            let len = head.trim_end_matches(':').parse().unwrap();
            got.extend(host.read_exact(len).await);
        }
        assert!(got == payload, "bytes are lost or changed");
        host.wait("CLOSED\r\n").await;
    }

    #[tokio::test]
    async fn a_server_is_published_and_serves() {
        let free = places::free();
        let publish = vec![format!("80={free}").parse().unwrap()];
        let mut host = Host::start(NetOptions {
            publish,
            ..NetOptions::default()
        })
        .await;
        host.join().await;
        host.ok("AT+CIPMUX=1").await;
        host.ok("AT+CIPSERVER=1,80").await;
        let mut client = TcpStream::connect(free).await.unwrap();
        host.wait("0,CONNECT\r\n").await;
        client.write_all(b"GET").await.unwrap();
        host.wait("+IPD,0,3:GET").await;
        host.send(b"AT+CIPSEND=0,2\r\n").await;
        host.wait(">").await;
        host.send(b"ok").await;
        host.wait("SEND OK\r\n").await;
        host.ok("AT+CIPCLOSE=0").await;
        let mut all = Vec::new();
        timeout(DEADLINE, client.read_to_end(&mut all))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(all, b"ok");
    }

    #[tokio::test]
    async fn a_udp_link_answers_its_peer() {
        let mut host = Host::start(NetOptions::default()).await;
        host.join().await;
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = peer.local_addr().unwrap().port();
        host.ok(&format!("AT+CIPSTART=\"UDP\",\"127.0.0.1\",{port}"))
            .await;
        host.says("hello").await;
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
        let mut host = Host::start(NetOptions {
            maps,
            ..NetOptions::default()
        })
        .await;
        host.join().await;
        let answer = host.ok("AT+CIPDOMAIN=\"box.test\"").await;
        assert!(answer.contains("127.0.0.1"), "{answer}");
        let (_nobody, at) = places::refusing();
        let line = format!("AT+CIPSTART=\"TCP\",\"box.test\",{}\r\n", at.port());
        host.send(line.as_bytes()).await;
        host.wait("ERROR\r\n").await;
    }

    #[tokio::test]
    async fn power_off_takes_links_with_it() {
        let mut host = Host::start(NetOptions::default()).await;
        host.join().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = host.link_to(&listener).await;
        host.module.power(PowerEvent::Off).unwrap();
        let end = timeout(DEADLINE, peer.read(&mut [0; 1])).await.unwrap();
        assert!(end.is_err(), "{end:?}");
        host.module.power(PowerEvent::On).unwrap();
        host.wait("ready\r\n").await;
        host.ok("AT").await;
    }

    #[tokio::test]
    async fn a_reset_loses_what_stands_in_the_uart() {
        let config = ModuleConfig {
            timing: Timing::Realistic,
            ..ModuleConfig::new()
        };
        let mut host = Host::of(Module::new(config)).await;
        // The answer to AT+GMR takes some ten seconds at this rate.
        host.ok("AT+UART_CUR=300,8,1,0,0").await;
        host.send(b"AT+GMR\r\n").await;
        host.wait("AT").await;
        host.module.power(PowerEvent::BrownOut).unwrap();
        let said = host.wait("ready\r\n").await;
        assert!(!said.contains("OK"), "{said}");
    }
}
