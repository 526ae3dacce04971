//! Passthrough and passive receive of the real module on real sockets: reconnection, a peer that stops reading, and
//! where data waits.

#[cfg(test)]
mod host;

#[cfg(test)]
mod tests {
    use espat_core::fault::Faulty;
    use espat_core::{ModuleConfig, Timing};
    use espat_host::Module;
    use socket2::SockRef;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpSocket, TcpStream};
    use tokio::time::{Duration, sleep, timeout};

    use crate::host::{DEADLINE, Host, fast};

    /// More than the silence that `+++` needs.
    const SILENCE: Duration = Duration::from_millis(40);
    /// How long a write may make no progress before it counts as blocked.
    const BLOCKED: Duration = Duration::from_millis(400);
    /// What a link holds in passive mode.
    const WINDOW: usize = 5744;
    /// What the chip holds of what a link sends.
    const SEND_BUFFER: usize = 5744;
    /// What passthrough holds for a link that takes nothing.
    const BUFFER: usize = 64 * 1024;

    async fn joined() -> Host {
        Host::joined(Module::new(fast())).await
    }

    impl Host {
        /// Opens a link, and enters passthrough.
        async fn pass_through(&mut self, listener: &TcpListener) -> TcpStream {
            self.ok("AT+CIPMODE=1").await;
            let peer = self.link_to(listener).await;
            self.send(b"AT+CIPSEND\r\n").await;
            self.wait("\r\n>").await;
            peer
        }

        /// Reads so many bytes of the only link; the first have been announced.
        async fn read_passive(&mut self, len: usize) -> Vec<u8> {
            let mut got = Vec::new();
            while got.len() < len {
                if !got.is_empty() {
                    self.wait("+IPD,").await;
                    self.wait("\r\n").await;
                }
                self.send(b"AT+CIPRECVDATA=2147483647\r\n").await;
                self.wait("+CIPRECVDATA:").await;
                let n = self.wait(",").await;
                let len = n.trim_end_matches(',').parse().unwrap();
                got.extend(self.read_exact(len).await);
                self.wait("\r\nOK\r\n").await;
            }
            got
        }

        /// Silence, `+++`, and the silence after which the module takes commands.
        async fn leave(&mut self) {
            // What was sent is read when the second answer comes: the silence counts from then.
            for _ in 0..2 {
                self.is_in_passthrough().await;
            }
            sleep(SILENCE).await;
            self.send(b"+++").await;
            let left = async {
                while self.is_in_passthrough().await {
                    sleep(SILENCE).await;
                }
            };
            timeout(DEADLINE, left).await.expect("passthrough goes on");
        }

        async fn is_in_passthrough(&self) -> bool {
            let look = |module: &Faulty| module.inspect().is_in_passthrough();
            self.module.inspect(look).await.unwrap()
        }
    }

    /// Of a peer whose kernel holds little of what it sends. The address is this file's own: a port that is bound again must not have been
    /// given to another test.
    fn listener(port: u16) -> TcpListener {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(4096).unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(([127, 0, 0, 77], port).into()).unwrap();
        socket.listen(8).unwrap()
    }

    async fn accept(listener: &TcpListener) -> TcpStream {
        timeout(DEADLINE, listener.accept())
            .await
            .unwrap()
            .unwrap()
            .0
    }

    async fn read_exactly(peer: &mut TcpStream, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        timeout(DEADLINE, peer.read_exact(&mut bytes))
            .await
            .expect("the payload comes")
            .unwrap();
        bytes
    }

    /// More than kernels hold; neighbours can be told apart, and nothing in it is a plus sign.
    fn payload() -> Vec<u8> {
        let period: Vec<u8> = (b'0'..=b'z').chain(b'A'..=b'Z').collect();
        period.repeat((32 << 20) / period.len())
    }

    /// Writes until nothing more is taken for `patience`.
    ///
    /// It is waited in parts: where this thread itself was held up meanwhile, whoever takes has its turn before the next part ends.
    async fn write_until_blocked(
        to: &mut (impl AsyncWriteExt + Unpin),
        bytes: &[u8],
        patience: Duration,
    ) -> usize {
        const PARTS: u32 = 5;
        let (mut written, mut waited) = (0, 0);
        while waited < PARTS {
            match timeout(patience / PARTS, to.write(&bytes[written..])).await {
                Ok(n) => (written, waited) = (written + n.unwrap(), 0),
                Err(_) => waited += 1,
            }
            assert!(
                written < bytes.len(),
                "somebody takes everything: {written} bytes"
            );
        }
        written
    }

    #[tokio::test]
    async fn passthrough_finds_a_peer_that_was_restarted() {
        let mut host = joined().await;
        let first = listener(0);
        let port = first.local_addr().unwrap().port();
        let mut peer = host.pass_through(&first).await;
        host.send(b"one").await;
        assert_eq!(read_exactly(&mut peer, 3).await, b"one");
        drop((peer, first));
        let second = listener(port);
        let mut peer = accept(&second).await;
        peer.write_all(b"back").await.unwrap();
        host.wait("back").await;
        host.send(b"two").await;
        assert_eq!(read_exactly(&mut peer, 3).await, b"two");
        host.leave().await;
        host.ok("AT").await;
    }

    #[tokio::test]
    async fn a_peer_that_stops_reading_does_not_keep_the_host_in_passthrough() {
        let mut host = joined().await;
        let listener = listener(0);
        let mut peer = host.pass_through(&listener).await;
        let all = payload();
        let mut written = 0;
        // Into the kernel, then into the buffer, then a second of waiting, then away.
        while host.module.counts().bytes_dropped == 0 {
            let piece = &all[written..written + 16 * 1024];
            host.send(piece).await;
            written += piece.len();
        }
        host.leave().await;
        host.ok("AT").await;
        let counts = host.module.counts();
        let dropped = usize::try_from(counts.bytes_dropped).unwrap();
        let in_kernel = usize::try_from(counts.net_out).unwrap();
        let in_module = written - dropped - in_kernel;
        println!(
            "{written} bytes written: {in_kernel} in the kernel, {in_module} in the module, {dropped} dropped"
        );
        assert!(in_module <= BUFFER);
        let kept = read_exactly(&mut peer, written - dropped).await;
        // What came before the buffer was full is there in any case.
        assert!(kept[..BUFFER] == all[..BUFFER], "bytes are lost or changed");
    }

    #[tokio::test]
    async fn flow_control_keeps_every_byte_for_a_peer_that_stops_reading() {
        let mut host = joined().await;
        host.ok("AT+UART_CUR=115200,8,1,0,3").await;
        let listener = listener(0);
        let mut peer = host.pass_through(&listener).await;
        let all = payload();
        // Longer than a module without flow control would wait.
        let patience = Duration::from_millis(1500);
        let mut written = write_until_blocked(&mut host.serial, &all, patience).await;
        let mut got = read_exactly(&mut peer, written).await;
        host.send(&all[written..written + 5]).await;
        written += 5;
        got.extend(read_exactly(&mut peer, 5).await);
        host.leave().await;
        host.ok("AT").await;
        assert!(got == all[..written], "bytes are lost or changed");
        assert_eq!(host.module.counts().bytes_dropped, 0);
    }

    /// Sends until the send time-out, to a peer that reads nothing and whose kernel holds little; gives the bytes of `SEND OK`.
    async fn send_until_stalled(timing: Timing) -> usize {
        const CHUNK: usize = 2048;
        /// Beyond this nothing is bounded.
        const ENOUGH: usize = 512 * 1024;
        let config = ModuleConfig {
            timing,
            ..ModuleConfig::new()
        };
        let mut host = Host::joined(Module::new(config)).await;
        host.ok("AT+CIPTCPOPT=,,700").await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2304).unwrap();
        socket.bind(([127, 0, 0, 77], 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let _peer = host.link_to(&listener).await;
        let mut sent = 0;
        while sent < ENOUGH {
            host.send(format!("AT+CIPSEND={CHUNK}\r\n").as_bytes())
                .await;
            host.wait("\r\n>").await;
            host.send(&vec![b'x'; CHUNK]).await;
            host.wait("Recv 2048 bytes\r\n").await;
            let said = host.wait_any(&["SEND OK\r\n", "SEND FAIL\r\n"]).await;
            if said.ends_with("SEND FAIL\r\n") {
                break;
            }
            sent += CHUNK;
        }
        sent
    }

    #[tokio::test]
    async fn a_realistic_module_notices_a_peer_that_takes_nothing_when_the_chip_would() {
        let sent = send_until_stalled(Timing::Realistic).await;
        println!("{sent} bytes sent: the chip holds {SEND_BUFFER}, its peer what it likes");
        // Twice the chip's buffer is what Linux makes of it; the rest is the peer's kernel.
        assert!(sent <= 2 * SEND_BUFFER + 3 * 2304, "{sent}");
        assert!(sent >= SEND_BUFFER, "{sent}");
    }

    #[tokio::test]
    async fn a_fast_module_leaves_the_send_buffer_to_the_kernel() {
        let sent = send_until_stalled(Timing::Fast).await;
        assert!(sent > 8 * SEND_BUFFER, "{sent}");
    }

    #[tokio::test]
    async fn a_send_to_a_peer_that_reset_fails_before_its_data_is_read() {
        let mut host = joined().await;
        host.ok("AT+CIPRECVMODE=1").await;
        let listener = listener(0);
        let mut peer = host.link_to(&listener).await;
        let all = &payload()[..3 * WINDOW];
        timeout(DEADLINE, peer.write_all(all))
            .await
            .unwrap()
            .unwrap();
        host.wait("+IPD,").await;
        host.wait("\r\n").await;
        SockRef::from(&peer)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(peer);
        host.send(b"AT+CIPSEND=4\r\n").await;
        host.wait("\r\n>").await;
        host.send(b"lost").await;
        host.wait("SEND FAIL\r\n").await;
        let got = host.read_passive(all.len()).await;
        assert!(got == all, "bytes are lost or changed");
        host.wait("CLOSED\r\n").await;
    }

    #[tokio::test]
    async fn a_peer_writes_as_much_as_the_window_and_the_kernel_hold() {
        let mut host = joined().await;
        host.ok("AT+CIPRECVMODE=1").await;
        let listener = listener(0);
        let mut peer = host.link_to(&listener).await;
        let all = payload();
        let written = write_until_blocked(&mut peer, &all, BLOCKED).await;
        let taken = usize::try_from(host.module.counts().net_in).unwrap();
        assert_eq!(taken, WINDOW, "the module took what its window holds");
        println!(
            "{written} bytes written: {WINDOW} in the module, {} in the kernel",
            written - WINDOW
        );
        let lengths = host.ok("AT+CIPRECVLEN?").await;
        assert!(lengths.contains("+CIPRECVLEN:5744,-1,"), "{lengths}");
        drop(peer);
        let got = host.read_passive(written).await;
        assert!(got == all[..written], "bytes are lost or changed");
        host.wait("CLOSED\r\n").await;
    }
}
