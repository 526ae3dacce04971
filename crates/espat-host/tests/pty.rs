//! A module on a PTY, and hosts that open, close, lock and neglect it.

#[cfg(test)]
mod stand_in;

#[cfg(test)]
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects; all else is wrong"
)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use espat_core::{Mark, ModuleConfig, PowerEvent, Timing};
    use espat_host::{HandleError, Module, PowerPolicy, PtyPort};
    use serial2_tokio::SerialPort as Host;
    use tokio::time::timeout;

    use crate::stand_in::{Ask, Bench, DEADLINE, Fed, StandIn};

    fn start(power: PowerPolicy) -> (PathBuf, Bench) {
        start_at(None, power)
    }

    fn start_at(link: Option<&Path>, power: PowerPolicy) -> (PathBuf, Bench) {
        let port = PtyPort::open(link).unwrap();
        let link = port.link().to_owned();
        let (engine, bench) = StandIn::new();
        let config = ModuleConfig {
            timing: Timing::Fast,
            ..ModuleConfig::new()
        };
        let (driver, handle) = Module::new(config).power(power).drive(port, engine);
        tokio::spawn(driver);
        (link, bench(handle))
    }

    fn open(link: &PathBuf) -> Host {
        Host::open(link, 115_200).unwrap()
    }

    async fn read(host: &Host, len: usize) -> Vec<u8> {
        let mut all = vec![0; len];
        let mut filled = 0;
        while filled < len {
            filled += timeout(DEADLINE, host.read(&mut all[filled..]))
                .await
                .unwrap()
                .unwrap();
        }
        all
    }

    async fn hear(bench: &mut Bench, expected: &[u8]) {
        let mut heard = Vec::new();
        while heard.len() < expected.len() {
            match bench.next().await {
                Fed::Serial(bytes) => heard.extend(bytes),
                Fed::SerialSent(_) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(heard, expected);
    }

    async fn power_cycle(bench: &mut Bench) {
        loop {
            match bench.next().await {
                Fed::Power(PowerEvent::Off) => break,
                Fed::SerialSent(_) => {}
                other => panic!("{other:?} instead of a power cycle"),
            }
        }
        assert_eq!(bench.next().await, Fed::Power(PowerEvent::On));
    }

    #[tokio::test]
    async fn the_first_open_powers_the_module_on_and_bytes_go_both_ways() {
        let (link, mut bench) = start(PowerPolicy::OnOpen);
        assert_eq!(
            bench.handle.inspect(|_| ()).await,
            Err(HandleError::NeverPowered)
        );
        let host = open(&link);
        host.write_all(b"AT\r\n").await.unwrap();
        hear(&mut bench, b"AT\r\n").await;
        let all: Vec<u8> = (0..=255).collect();
        bench.ask(Ask::Serial(Mark::Payload, all.clone()));
        assert_eq!(read(&host, 256).await, all);
        host.write_all(&all).await.unwrap();
        hear(&mut bench, &all).await;
        drop(host);
        let host = open(&link);
        host.write_all(b"again").await.unwrap();
        hear(&mut bench, b"again").await;
    }

    #[tokio::test]
    async fn every_open_can_be_a_power_cycle() {
        let (link, mut bench) = start(PowerPolicy::EachOpen);
        let host = open(&link);
        host.write_all(b"1").await.unwrap();
        hear(&mut bench, b"1").await;
        let second = open(&link);
        second.write_all(b"2").await.unwrap();
        hear(&mut bench, b"2").await;
        drop(host);
        second.write_all(b"3").await.unwrap();
        hear(&mut bench, b"3").await;
        for _ in 0..20 {
            // One host leaves, and only then another comes.
            drop(open(&link));
        }
        second.write_all(b"4").await.unwrap();
        hear(&mut bench, b"4").await;
        drop(second);
        gone(&bench).await;
        let third = open(&link);
        power_cycle(&mut bench).await;
        third.write_all(b"5").await.unwrap();
        hear(&mut bench, b"5").await;
    }

    /// Waits until the driver has seen that the last host is gone: then output vanishes at once.
    async fn gone(bench: &Bench) {
        let vanished = async {
            loop {
                let before = bench.handle.counts().serial_out;
                bench.ask(Ask::Serial(Mark::Report, vec![b'x'; 300_000]));
                for _ in 0..100 {
                    bench.settle().await;
                    if bench.handle.counts().serial_out == before + 300_000 {
                        return;
                    }
                }
            }
        };
        timeout(DEADLINE, vanished).await.unwrap();
    }

    #[tokio::test]
    async fn what_a_host_wrote_before_it_left_is_heard() {
        let (link, mut bench) = start(PowerPolicy::Now);
        for _ in 0..50 {
            let host = open(&link);
            host.write_all(b"AT+RST\r\n").await.unwrap();
            drop(host);
            hear(&mut bench, b"AT+RST\r\n").await;
        }
    }

    #[tokio::test]
    async fn a_host_never_sees_what_was_for_another() {
        let (link, mut bench) = start(PowerPolicy::Now);
        bench.ask(Ask::Serial(Mark::Boot, b"nobody is there".to_vec()));
        assert_eq!(bench.next().await, Fed::SerialSent(15));
        let host = open(&link);
        host.write_all(b"!").await.unwrap();
        hear(&mut bench, b"!").await;
        bench.ask(Ask::Serial(Mark::Report, vec![b'x'; 100_000]));
        read(&host, 10).await;
        drop(host);
        gone(&bench).await;
        let host = open(&link);
        host.write_all(b"?").await.unwrap();
        loop {
            match bench.next().await {
                Fed::Serial(bytes) => break assert_eq!(bytes, b"?"),
                Fed::SerialSent(_) => {}
                other => panic!("{other:?}"),
            }
        }
        bench.ask(Ask::Serial(Mark::Result, b"OK".to_vec()));
        assert_eq!(read(&host, 2).await, b"OK");
    }

    #[tokio::test]
    async fn a_closed_port_costs_nothing() {
        let (link, mut bench) = start(PowerPolicy::Now);
        let host = open(&link);
        host.write_all(b"x").await.unwrap();
        hear(&mut bench, b"x").await;
        drop(host);
        gone(&bench).await;
        bench.settle().await;
        // What the host's leaving itself stirred up is over when nothing is counted any more.
        let mut before = bench.handle.counts();
        for round in 0.. {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let after = bench.handle.counts();
            if after == before {
                break;
            }
            assert!(after.wakeups - before.wakeups < 100, "the driver spins");
            assert!(round < 5, "the driver is woken again and again");
            before = after;
        }
    }

    #[tokio::test]
    async fn a_host_that_does_not_read_is_heard_and_costs_bounded_memory() {
        let (link, mut bench) = start(PowerPolicy::Now);
        let host = open(&link);
        host.write_all(b"x").await.unwrap();
        hear(&mut bench, b"x").await;
        bench.ask(Ask::Serial(Mark::Payload, vec![b'y'; 1 << 20]));
        host.write_all(b"still here").await.unwrap();
        hear(&mut bench, b"still here").await;
        assert!(bench.handle.counts().serial_out < 1 << 20);
        assert!(read(&host, 1 << 20).await.iter().all(|&b| b == b'y'));
    }

    #[tokio::test]
    async fn a_lock_does_not_outlive_its_host() {
        let (link, mut bench) = start(PowerPolicy::Now);
        for _ in 0..3 {
            let host = open(&link);
            // Root alone gets past the lock, so it is set by a second descriptor.
            let locking = std::fs::File::open(&link).unwrap();
            rustix::termios::ioctl_tiocexcl(locking).unwrap();
            host.write_all(b"mine").await.unwrap();
            hear(&mut bench, b"mine").await;
            drop(host);
            gone(&bench).await;
            bench.drain();
        }
    }

    #[tokio::test]
    async fn a_host_that_opens_and_closes_in_a_loop_does_no_harm() {
        let (link, mut bench) = start(PowerPolicy::EachOpen);
        for _ in 0..200 {
            drop(open(&link));
        }
        let host = open(&link);
        host.write_all(b"AT\r\n").await.unwrap();
        loop {
            match bench.next().await {
                Fed::Serial(bytes) => break assert_eq!(bytes, b"AT\r\n"),
                Fed::Power(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn the_link_goes_with_the_module() {
        let own = std::env::temp_dir().join(format!("espat-pty-link-{}", std::process::id()));
        let (link, bench) = start_at(Some(&own), PowerPolicy::Now);
        bench.settle().await;
        assert_eq!(link, own);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        bench.handle.stop().await;
        assert!(std::fs::symlink_metadata(&link).is_err());
    }
}
