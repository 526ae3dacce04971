//! `AT+CIPSENDL` of the real module on real sockets: ten megabytes, whole and bounded, and an echo that comes back meanwhile.

#[cfg(test)]
mod host;

#[cfg(test)]
mod tests {
    use espat_core::{ModuleConfig, Profile};
    use espat_host::{Module, SerialStream};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, WriteHalf};
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::time::{Duration, timeout};

    use crate::host::{DEADLINE, Host, fast};

    /// How long a write may make no progress before it counts as blocked.
    const BLOCKED: Duration = Duration::from_millis(400);
    /// What the module holds, what both kernels hold, and the port's buffer: far less than the payload.
    const HELD_MAX: usize = 8 << 20;
    const LEN: usize = 10_000_000;
    /// How long all of it may take, on a computer that has much else to do.
    const LONG: Duration = Duration::from_secs(300);

    async fn joined() -> Host {
        let config = ModuleConfig {
            profile: Profile::find("esp32-2.4").unwrap(),
            ..fast()
        };
        Host::joined(Module::new(config)).await
    }

    /// Of peers whose kernels hold little.
    fn listener() -> TcpListener {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        socket.listen(8).unwrap()
    }

    /// Neighbours can be told apart.
    fn payload() -> Vec<u8> {
        let period: Vec<u8> = (b'0'..=b'z').chain(b'A'..=b'Z').collect();
        period.into_iter().cycle().take(LEN).collect()
    }

    async fn write_until_blocked(to: &mut WriteHalf<SerialStream>, bytes: &[u8]) -> usize {
        let mut written = 0;
        while let Ok(n) = timeout(BLOCKED, to.write(&bytes[written..])).await {
            written += n.unwrap();
        }
        written
    }

    /// All that the module says, up to that and a little further.
    async fn said_until(from: &mut (impl AsyncReadExt + Unpin), what: &str) -> Vec<u8> {
        let mut said = Vec::new();
        let mut piece = vec![0; 64 * 1024];
        loop {
            let n = timeout(DEADLINE, from.read(&mut piece)).await;
            let news = said.len().saturating_sub(what.len());
            said.extend_from_slice(&piece[..n.expect("the module says no more").unwrap()]);
            let is_that = |bytes: &[u8]| bytes == what.as_bytes();
            if said[news..].windows(what.len()).any(is_that) {
                return said;
            }
        }
    }

    #[tokio::test]
    async fn ten_megabytes_arrive_whole_and_a_peer_that_does_not_read_holds_the_host_back() {
        let listener = listener();
        let mut host = joined().await;
        let mut peer = host.link_to(&listener).await;
        host.ok("AT+CIPSENDLCFG=1048576").await;
        host.send(format!("AT+CIPSENDL={LEN}\r\n").as_bytes()).await;
        host.wait("\r\n>").await;
        let payload = payload();
        let (mut from, mut to) = tokio::io::split(host.serial);
        let held = write_until_blocked(&mut to, &payload).await;
        assert!(held < HELD_MAX, "{held} bytes were taken");
        let writing = async { to.write_all(&payload[held..]).await.unwrap() };
        let reading = async {
            let mut got = vec![0; LEN];
            peer.read_exact(&mut got).await.unwrap();
            got
        };
        let all = async { tokio::join!(writing, reading, said_until(&mut from, "SEND OK\r\n")) };
        let ((), got, said) = timeout(LONG, all).await.unwrap();
        assert!(got == payload, "the payload is another one");
        let said = String::from_utf8(said).unwrap();
        let reports: Vec<usize> = said
            .lines()
            .filter_map(|line| line.strip_prefix("+CIPSENDL:"))
            .map(|values| values.split(',').next().unwrap().parse().unwrap())
            .collect();
        let expected: Vec<usize> = (1..10).map(|n| n << 20).chain([LEN]).collect();
        assert_eq!(reports, expected);
        to.write_all(b"AT\r\n").await.unwrap();
        said_until(&mut from, "\r\nOK\r\n").await;
        host.module.stop().await;
    }

    #[tokio::test]
    async fn the_send_time_out_ends_what_nobody_takes_and_the_rest_is_swallowed() {
        let listener = listener();
        let mut host = joined().await;
        host.ok("AT+CIPTCPOPT=-1,0,200").await;
        let peer = host.link_to(&listener).await;
        host.send(format!("AT+CIPSENDL={LEN}\r\n").as_bytes()).await;
        host.wait("\r\n>").await;
        let (mut from, mut to) = tokio::io::split(host.serial);
        let payload = payload();
        let writing = async { to.write_all(&payload).await.unwrap() };
        let all = async { tokio::join!(writing, said_until(&mut from, "SEND FAIL\r\n")) };
        let ((), said) = timeout(LONG, all).await.unwrap();
        let said = String::from_utf8(said).unwrap();
        let last = said.lines().rfind(|line| line.starts_with("+CIPSENDL:"));
        let (sent, _) = last.unwrap()[10..].split_once(',').unwrap();
        assert!(sent.parse::<usize>().unwrap() < HELD_MAX, "{sent}");
        drop(peer);
        host.module.stop().await;
    }

    #[tokio::test]
    async fn an_echo_comes_back_while_it_goes_on() {
        let listener = listener();
        let mut host = joined().await;
        let mut peer = host.link_to(&listener).await;
        host.ok("AT+CIPSENDLCFG=1048576").await;
        host.send(format!("AT+CIPSENDL={LEN}\r\n").as_bytes()).await;
        host.wait("\r\n>").await;
        let payload = payload();
        let (mut from, mut to) = tokio::io::split(host.serial);
        let echo = async {
            let (mut input, mut output) = peer.split();
            let copied = tokio::io::copy(&mut input, &mut output);
            let _ = timeout(LONG, copied).await;
        };
        let writing = async { to.write_all(&payload).await.unwrap() };
        let talk = async {
            let ((), said) = tokio::join!(writing, said_until(&mut from, "SEND OK\r\n"));
            said
        };
        let said = tokio::select! {
            said = talk => said,
            () = echo => panic!("the link ended, or stood still"),
        };
        let echoed = said.windows(5).filter(|w| w == b"+IPD,").count();
        assert!(echoed > 100, "{echoed} messages while it went on");
        host.module.stop().await;
    }
}
