//! Questions to time servers: to one of our own that answers as it should and as it should not, and to chrony.

#[cfg(test)]
mod places;
#[cfg(test)]
mod stand_in;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use espat_core::{Instant, NetError, QueryId};
    use espat_host::{NetOptions, Policy};
    use tokio::net::UdpSocket;
    use tokio::time::timeout;

    use crate::places;
    use crate::stand_in::{Ask, Bench, DEADLINE, Fed, start};

    /// Seconds from 1900 to 1970.
    const NTP_TO_UNIX: u64 = 2_208_988_800;
    const NEVER: Instant = Instant::from_micros(u64::MAX);

    /// A time server without a clock: a test says what it answers.
    struct Server(UdpSocket);

    impl Server {
        async fn new() -> (Self, SocketAddr) {
            Self::at("127.0.0.1").await.unwrap()
        }

        async fn at(ip: &str) -> std::io::Result<(Self, SocketAddr)> {
            let socket = UdpSocket::bind((ip, 0)).await?;
            let at = socket.local_addr()?;
            Ok((Self(socket), at))
        }

        async fn question(&self) -> (Vec<u8>, SocketAddr) {
            let mut packet = vec![0; 100];
            let question = timeout(DEADLINE, self.0.recv_from(&mut packet)).await;
            let (n, from) = question.unwrap().unwrap();
            packet.truncate(n);
            (packet, from)
        }

        async fn say(&self, packet: &[u8], to: SocketAddr) {
            self.0.send_to(packet, to).await.unwrap();
        }
    }

    /// What a good server answers: that it is so late.
    fn answer(question: &[u8], unix_us: u64) -> Vec<u8> {
        let stamp = stamp(unix_us);
        let mut packet = vec![0; 48];
        // No warning, version 4, server; stratum 1.
        packet[0] = 0b00_100_100;
        packet[1] = 1;
        packet[16..24].copy_from_slice(&stamp);
        packet[24..32].copy_from_slice(&question[40..48]);
        packet[32..40].copy_from_slice(&stamp);
        packet[40..48].copy_from_slice(&stamp);
        packet
    }

    fn stamp(unix_us: u64) -> [u8; 8] {
        let seconds = (unix_us / 1_000_000 + NTP_TO_UNIX) & u64::from(u32::MAX);
        let fraction = ((unix_us % 1_000_000) << 32) / 1_000_000;
        ((seconds << 32) | fraction).to_be_bytes()
    }

    fn ask(query: u32, server: SocketAddr) -> Ask {
        Ask::TimeSync(QueryId::new(query), server, None, NEVER)
    }

    async fn time(bench: &mut Bench, query: u32) -> Result<u64, NetError> {
        let fed = bench.next().await;
        let Fed::TimeSynced(of, result) = fed else {
            panic!("{fed:?} instead of the time of {query}")
        };
        assert_eq!(of, QueryId::new(query));
        result
    }

    fn is_about(unix_us: Result<u64, NetError>, expected_us: u64) -> bool {
        unix_us.is_ok_and(|us| (expected_us - 2..expected_us + 60_000_000).contains(&us))
    }

    #[tokio::test]
    async fn a_good_answer_is_the_time() {
        let (_serial, mut bench) = start(NetOptions::default());
        let (server, at) = Server::new().await;
        // Also beyond 2036, where the seconds of the protocol begin anew.
        for (query, unix_us) in [
            (0, 1_700_000_000_250_000),
            (1, 1_262_304_000_000_000),
            (2, 2_208_988_800_999_999),
        ] {
            bench.ask(ask(query, at));
            let (question, from) = server.question().await;
            assert_eq!(question.len(), 48);
            assert_eq!(question[0], 0b00_100_011, "version 4, client");
            assert!(question[1..40].iter().all(|&b| b == 0));
            server.say(&answer(&question, unix_us), from).await;
            let heard = time(&mut bench, query).await;
            assert!(is_about(heard, unix_us), "{heard:?} instead of {unix_us}");
        }
    }

    #[tokio::test]
    async fn a_server_may_be_anywhere_on_loopback() {
        let (_serial, mut bench) = start(NetOptions::default());
        for (query, ip) in [(0, "::1"), (1, "127.0.0.5")] {
            let Ok((server, at)) = Server::at(ip).await else {
                println!("skipped: this computer has no {ip}");
                continue;
            };
            bench.ask(ask(query, at));
            let (question, from) = server.question().await;
            let good = answer(&question, 1_700_000_000_000_000);
            server.say(&good, from).await;
            assert!(is_about(
                time(&mut bench, query).await,
                1_700_000_000_000_000
            ));
        }
    }

    #[tokio::test]
    async fn a_map_leads_to_another_server() {
        let (server, at) = Server::new().await;
        let (_serial, mut bench) = start(NetOptions {
            maps: vec![format!("pool.test:123={at}").parse().unwrap()],
            policy: Policy {
                offline: true,
                ..Policy::default()
            },
            ..NetOptions::default()
        });
        let far = "192.0.2.1:123".parse().unwrap();
        let name = Some("pool.test".to_owned());
        bench.ask(Ask::TimeSync(QueryId::new(0), far, name, NEVER));
        let (question, from) = server.question().await;
        server
            .say(&answer(&question, 1_700_000_000_000_000), from)
            .await;
        assert!(is_about(time(&mut bench, 0).await, 1_700_000_000_000_000));
        bench.ask(ask(1, far));
        assert_eq!(time(&mut bench, 1).await, Err(NetError::Denied));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_waited_past() {
        let (_serial, mut bench) = start(NetOptions::default());
        let (server, at) = Server::new().await;
        let (stranger, _) = Server::new().await;
        bench.ask(ask(0, at));
        let (question, from) = server.question().await;
        let good = answer(&question, 1_700_000_000_000_000);
        let lie = answer(&question, 1_000_000_000_000_000);
        // The right answer of the wrong sender.
        stranger.say(&lie, from).await;
        let mut guessed = lie.clone();
        guessed[24] ^= 1;
        let mut client = lie.clone();
        client[0] = 0b00_100_011;
        let mut broadcast = lie.clone();
        broadcast[0] = 0b00_100_101;
        let longer = [&lie[..], &[0; 20]].concat();
        let garbage = vec![0xff; 1400];
        for packet in [
            &guessed,
            &client,
            &broadcast,
            &lie[..47].to_vec(),
            &longer,
            &Vec::new(),
            &garbage,
        ] {
            server.say(packet, from).await;
        }
        server.say(&good, from).await;
        assert!(is_about(time(&mut bench, 0).await, 1_700_000_000_000_000));
        // Whatever comes later finds nobody.
        server.say(&lie, from).await;
        bench.settle().await;
        assert_eq!(bench.drain(), []);
    }

    #[tokio::test]
    async fn a_server_that_says_no_is_believed_at_once() {
        let (_serial, mut bench) = start(NetOptions::default());
        let (server, at) = Server::new().await;
        type Spoil = fn(&mut [u8]);
        let kiss: Spoil = |packet| {
            packet[1] = 0;
            packet[12..16].copy_from_slice(b"RATE");
        };
        let unsynchronised: Spoil = |packet| packet[0] |= 0b11_000_000;
        let no_time: Spoil = |packet| packet[40..48].fill(0);
        let stratum_16: Spoil = |packet| packet[1] = 16;
        let no_version: Spoil = |packet| packet[0] &= 0b11_000_111;
        let spoil = [
            (kiss, NetError::Refused),
            (unsynchronised, NetError::Other),
            (no_time, NetError::Other),
            (stratum_16, NetError::Other),
            (no_version, NetError::Other),
        ];
        for (query, (spoil, error)) in (0..).zip(spoil) {
            bench.ask(ask(query, at));
            let (question, from) = server.question().await;
            let mut packet = answer(&question, 1_700_000_000_000_000);
            spoil(&mut packet);
            server.say(&packet, from).await;
            assert_eq!(time(&mut bench, query).await, Err(error), "case {query}");
        }
    }

    #[tokio::test]
    async fn silence_ends_at_the_deadline_and_a_cancelled_question_never() {
        let (_serial, mut bench) = start(NetOptions::default());
        let (server, at) = Server::new().await;
        bench.ask(Ask::TimeSync(
            QueryId::new(0),
            at,
            None,
            Instant::from_millis(300),
        ));
        let (late, from) = server.question().await;
        assert_eq!(time(&mut bench, 0).await, Err(NetError::TimedOut));
        bench.ask(ask(1, at));
        let (question, from_1) = server.question().await;
        bench.ask(Ask::Cancel(QueryId::new(1)));
        bench.settle().await;
        for (question, from) in [(late, from), (question, from_1)] {
            server
                .say(&answer(&question, 1_700_000_000_000_000), from)
                .await;
        }
        bench.ask(ask(2, at));
        let (question, from) = server.question().await;
        server
            .say(&answer(&question, 1_700_000_000_000_000), from)
            .await;
        assert!(is_about(time(&mut bench, 2).await, 1_700_000_000_000_000));
    }

    #[tokio::test]
    async fn a_flood_does_not_keep_the_module_from_its_deadline() {
        let (_serial, mut bench) = start(NetOptions::default());
        let (server, at) = Server::new().await;
        bench.ask(Ask::TimeSync(
            QueryId::new(0),
            at,
            None,
            Instant::from_millis(300),
        ));
        let (_, from) = server.question().await;
        let flood = async {
            loop {
                let _ = server.0.send_to(&[0; 48], from).await;
                tokio::task::yield_now().await;
            }
        };
        let ended = tokio::select! {
            result = time(&mut bench, 0) => result,
            () = flood => unreachable!(),
        };
        assert_eq!(ended, Err(NetError::TimedOut));
    }

    /// A process that ends with its test.
    struct Daemon(Child);

    impl Drop for Daemon {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn unix_time() -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
    }

    #[tokio::test]
    async fn chrony_tells_the_time() {
        let Some(chronyd) = ["/usr/sbin/chronyd", "/usr/bin/chronyd"]
            .into_iter()
            .find(|path| std::path::Path::new(path).exists())
        else {
            println!("skipped: chronyd is not installed");
            return;
        };
        let at = places::free();
        let folder = std::env::temp_dir().join(format!("espat-chrony-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("chrony.conf");
        let text = format!(
            "port {}\nbindaddress {}\nlocal stratum 1\nallow 127.0.0.0/8\ncmdport 0\npidfile {}\n",
            at.port(),
            at.ip(),
            folder.join("pid").display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(chronyd);
        command.args(["-x", "-d", "-f"]).arg(&config);
        let rights: &[&str] = if rustix::process::geteuid().is_root() {
            &["-u", "root"]
        } else {
            &["-U"]
        };
        command.args(rights);
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut daemon = Daemon(child);
        let (_serial, mut bench) = start(NetOptions::default());
        // It needs a moment to open its port: ask until it answers.
        let started = std::time::Instant::now();
        for query in 0.. {
            let before = unix_time();
            let soon = Instant::from_micros(
                u64::try_from(started.elapsed().as_micros()).unwrap() + 500_000,
            );
            bench.ask(Ask::TimeSync(QueryId::new(query), at, None, soon));
            match time(&mut bench, query).await {
                Ok(heard) => {
                    let heard = Duration::from_micros(heard);
                    let second = Duration::from_secs(1);
                    let now = before - second..unix_time() + second;
                    assert!(now.contains(&heard), "{heard:?} is not in {now:?}");
                    break;
                }
                Err(error) => {
                    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
                    if daemon.0.try_wait().unwrap().is_some() {
                        println!("skipped: chronyd does not run here: {log}");
                        break;
                    }
                    assert!(started.elapsed() < DEADLINE, "{error:?}; {log}");
                }
            }
        }
        drop(daemon);
        let _ = std::fs::remove_dir_all(&folder);
    }
}
