//! A module on RFC 2217: what a host's bytes do to the line and the pins.

#[cfg(test)]
mod stand_in;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use espat_core::{Mark, ModuleConfig, PowerEvent, Timing};
    use espat_host::{Module, PowerPolicy, Rfc2217Port};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use crate::stand_in::{Ask, Bench, DEADLINE, Fed, StandIn};

    const DTR_ON: u8 = 8;
    const DTR_OFF: u8 = 9;
    const RTS_ON: u8 = 11;
    const RTS_OFF: u8 = 12;

    async fn start(power: PowerPolicy) -> (SocketAddr, Bench) {
        let config = ModuleConfig {
            timing: Timing::Fast,
            ..ModuleConfig::new()
        };
        let at = "127.0.0.1:0".parse().unwrap();
        let uart = config.profile.factory.uart;
        let port = Rfc2217Port::listen(at, uart).await.unwrap();
        let at = port.local_addr().unwrap();
        let (engine, bench) = StandIn::new();
        let (driver, handle) = Module::new(config).power(power).drive(port, engine);
        tokio::spawn(driver);
        (at, bench(handle))
    }

    /// A host that has read the module's offers.
    async fn connect(at: SocketAddr) -> TcpStream {
        let mut host = TcpStream::connect(at).await.unwrap();
        let mut offers = [0; 18];
        read(&mut host, &mut offers).await;
        assert!(offers.windows(3).any(|w| w == [255, 253, 44]), "{offers:?}");
        host
    }

    async fn read(host: &mut TcpStream, buffer: &mut [u8]) {
        timeout(DEADLINE, host.read_exact(buffer))
            .await
            .unwrap()
            .unwrap();
    }

    /// Sets a pin and waits for the answer, as hosts do.
    async fn control(host: &mut TcpStream, n: u8) {
        host.write_all(&[255, 250, 44, 5, n, 255, 240])
            .await
            .unwrap();
        let mut answer = [0; 7];
        read(host, &mut answer).await;
        assert_eq!(answer, [255, 250, 44, 105, n, 255, 240]);
    }

    async fn hear(bench: &mut Bench, expected: &[u8]) {
        assert_eq!(bench.next().await, Fed::Serial(expected.to_vec()));
        assert_eq!(bench.next().await, Fed::SerialBreak);
    }

    #[tokio::test]
    async fn bytes_pass_unchanged_both_ways() {
        let (at, mut bench) = start(PowerPolicy::OnOpen).await;
        let mut host = connect(at).await;
        host.write_all(b"AT\xff\xff\0\r\0\r\n").await.unwrap();
        hear(&mut bench, b"AT\xff\0\r\0\r\n").await;
        bench.ask(Ask::Serial(Mark::Payload, b"\r\0\xff\xfe".to_vec()));
        let mut heard = [0; 5];
        read(&mut host, &mut heard).await;
        assert_eq!(heard, *b"\r\0\xff\xff\xfe");
        assert_eq!(bench.next().await, Fed::SerialSent(4));
    }

    #[tokio::test]
    async fn opening_with_both_pins_set_resets_nothing() {
        let (at, mut bench) = start(PowerPolicy::OnOpen).await;
        let mut host = connect(at).await;
        control(&mut host, DTR_ON).await;
        control(&mut host, RTS_ON).await;
        control(&mut host, RTS_OFF).await;
        control(&mut host, DTR_OFF).await;
        host.write_all(b"AT").await.unwrap();
        hear(&mut bench, b"AT").await;
    }

    #[tokio::test]
    async fn rts_alone_holds_the_module_in_reset() {
        let (at, mut bench) = start(PowerPolicy::OnOpen).await;
        let mut host = connect(at).await;
        control(&mut host, RTS_ON).await;
        assert_eq!(bench.next().await, Fed::Power(PowerEvent::Off));
        control(&mut host, RTS_OFF).await;
        assert_eq!(bench.next().await, Fed::Power(PowerEvent::On));
        // A reset while the module takes no bytes, as one that hangs.
        bench.set_serial_room(0);
        host.write_all(b"AT\r\n").await.unwrap();
        control(&mut host, RTS_ON).await;
        assert_eq!(bench.next().await, Fed::Power(PowerEvent::Off));
        // A host that goes lets go of its pins.
        drop(host);
        let _next = connect(at).await;
        assert_eq!(bench.next().await, Fed::Power(PowerEvent::On));
    }

    #[tokio::test]
    async fn the_way_into_the_download_mode_silences_the_module_until_the_next_reset() {
        let (at, mut bench) = start(PowerPolicy::OnOpen).await;
        let mut host = connect(at).await;
        for n in [DTR_OFF, RTS_ON, DTR_ON, RTS_OFF] {
            control(&mut host, n).await;
        }
        assert_eq!(bench.next().await, Fed::Power(PowerEvent::Off));
        // EN has risen by then, or the module would not see that it is pulled low again.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        for n in [DTR_OFF, RTS_ON, RTS_OFF] {
            control(&mut host, n).await;
        }
        assert_eq!(bench.next().await, Fed::Power(PowerEvent::On));
        host.write_all(b"AT").await.unwrap();
        hear(&mut bench, b"AT").await;
    }

    #[tokio::test]
    async fn a_power_cycle_ends_the_wait_for_a_download() {
        let (at, mut bench) = start(PowerPolicy::EachOpen).await;
        let mut host = connect(at).await;
        for n in [DTR_OFF, RTS_ON, DTR_ON, RTS_OFF] {
            control(&mut host, n).await;
        }
        assert_eq!(bench.next().await, Fed::Power(PowerEvent::Off));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        drop(host);
        let mut next = connect(at).await;
        let fed = [bench.next().await, bench.next().await];
        assert_eq!(fed, [PowerEvent::Off, PowerEvent::On].map(Fed::Power));
        next.write_all(b"AT").await.unwrap();
        hear(&mut bench, b"AT").await;
    }

    #[tokio::test]
    async fn a_supply_that_is_cut_stays_cut_whatever_the_pins_do() {
        let (at, mut bench) = start(PowerPolicy::OnOpen).await;
        let mut host = connect(at).await;
        bench.handle.power(PowerEvent::Off).unwrap();
        assert_eq!(bench.next().await, Fed::Power(PowerEvent::Off));
        control(&mut host, RTS_ON).await;
        bench.handle.power(PowerEvent::On).unwrap();
        control(&mut host, RTS_OFF).await;
        assert_eq!(bench.next().await, Fed::Power(PowerEvent::On));
    }

    #[tokio::test]
    async fn a_host_that_holds_the_output_gets_it_when_it_lets_go() {
        let (at, mut bench) = start(PowerPolicy::OnOpen).await;
        let mut host = connect(at).await;
        host.write_all(&[255, 250, 44, 8, 255, 240]).await.unwrap();
        control(&mut host, DTR_ON).await;
        bench.ask(Ask::Serial(Mark::Result, b"held".to_vec()));
        control(&mut host, DTR_OFF).await;
        host.write_all(&[255, 250, 44, 9, 255, 240]).await.unwrap();
        let mut heard = [0; 4];
        read(&mut host, &mut heard).await;
        assert_eq!(heard, *b"held");
        assert_eq!(bench.next().await, Fed::SerialSent(4));
    }

    #[tokio::test]
    async fn a_host_that_asks_and_never_reads_is_not_read_either() {
        let (at, mut bench) = start(PowerPolicy::OnOpen).await;
        let host = connect(at).await;
        let question = [255, 250, 44, 0, 255, 240].repeat(10_000);
        let mut written = 0;
        // Replies are longer than questions, so the kernel's buffers fill.
        while written < 64 << 20 {
            let wrote = timeout(std::time::Duration::from_millis(300), host.writable()).await;
            let Ok(()) = wrote.map(Result::unwrap) else {
                break;
            };
            written += host.try_write(&question).unwrap_or(0);
        }
        assert!(written < 64 << 20, "{written} bytes were taken");
        drop(host);
        let mut next = connect(at).await;
        next.write_all(b"AT").await.unwrap();
        hear(&mut bench, b"AT").await;
    }

    #[tokio::test]
    async fn a_second_host_is_refused() {
        let (at, mut bench) = start(PowerPolicy::OnOpen).await;
        let mut first = connect(at).await;
        first.write_all(b"1").await.unwrap();
        hear(&mut bench, b"1").await;
        let mut second = TcpStream::connect(at).await.unwrap();
        let end = timeout(DEADLINE, second.read(&mut [0; 1])).await.unwrap();
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        assert_eq!(bench.handle.counts().hosts_refused, 1);
        first.write_all(b"2").await.unwrap();
        hear(&mut bench, b"2").await;
    }
}
