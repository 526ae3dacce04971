//! `AT+CIUPDATE` against servers of every kind, on a disk and without one.

#[cfg(test)]
mod host;
#[cfg(test)]
mod places;
#[cfg(test)]
mod tls_peers;
#[cfg(test)]
mod upgrade_server;

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use espat_host::{Module, NetOptions, Store};

    use crate::host::{Host, fast};
    use crate::tls_peers::{Folder, Pair, echo_server, server_config};
    use crate::upgrade_server::{Act, Nginx, Server, answer, module, partition, serves};

    const FIRMWARE: &str = "AT+CIUPDATE=0,\"v2.4.0.0\"";

    fn image(len: usize) -> Vec<u8> {
        let mut image: Vec<u8> = (0..len).map(|n| u8::try_from(n % 251).unwrap()).collect();
        image[0] = 0xe9;
        image
    }

    async fn version(host: &mut Host) -> String {
        let said = host.ok("AT+GMR").await;
        let line = said.lines().next().unwrap();
        let version = line.strip_prefix("AT version:").unwrap();
        version.split('(').next().unwrap().to_owned()
    }

    /// A command, up to the boot after it.
    async fn restarts(host: &mut Host, line: &str) {
        host.ok(line).await;
        host.wait("ready\r\n").await;
        host.wait("WIFI GOT IP\r\n").await;
        host.ok("ATE0").await;
    }

    fn names(folder: &Path) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn the_newest_firmware_is_fetched_and_stays() {
        let image = image(300_000);
        let mut server = Server::start(serves("v2.4.0.0", &image)).await;
        let state = Folder::new();
        let mut host = module(&server.url("http"), Some(state.path()), None).await;
        assert_eq!(version(&mut host).await, "2.2.0.0");
        let said = host.ok("AT+CIUPDATE").await;
        let steps = "+CIPUPDATE:1\r\n+CIPUPDATE:2\r\n+CIPUPDATE:3\r\n+CIPUPDATE:4\r\n\r\nOK\r\n";
        assert_eq!(said, steps);
        let asks = server.request().await;
        let host_line = format!(
            "HTTP/1.0\r\nHost: {}\r\nConnection: keep-alive\r\n",
            server.at
        );
        assert!(asks.contains(&host_line), "{asks}");
        let fetches = server.request().await;
        let line = "GET /v1/device/rom/?action=download_rom&version=v2.4.0.0&filename=ota.bin HTTP/1.1\r\n";
        assert!(fetches.starts_with(line), "{fetches}");
        host.wait("ready\r\n").await;
        host.wait("WIFI GOT IP\r\n").await;
        host.ok("ATE0").await;
        assert_eq!(version(&mut host).await, "2.4.0.0");
        restarts_without_joining(&mut host, "AT+RESTORE").await;
        assert_eq!(version(&mut host).await, "2.4.0.0");
        host.stop().await;
        let kept = std::fs::read(state.path().join("partitions/ota.bin")).unwrap();
        assert_eq!(kept, image);
        let text = std::fs::read_to_string(state.path().join("module.toml")).unwrap();
        assert!(text.contains("version = \"v2.4.0.0\""), "{text}");
        let mut host = module(&server.url("http"), Some(state.path()), None).await;
        assert_eq!(version(&mut host).await, "2.4.0.0");
    }

    async fn restarts_without_joining(host: &mut Host, line: &str) {
        host.ok(line).await;
        host.wait("ready\r\n").await;
        host.ok("ATE0").await;
    }

    #[tokio::test]
    async fn https_checks_no_certificate_and_sends_the_name() {
        let anybody = Pair::authority("anybody");
        let served = serves("v2.4.0.0", &image(5000));
        let server = Server::https(served, server_config(&anybody, None)).await;
        let mut net = NetOptions::default();
        let map = format!("iot.espressif.cn:443=127.0.0.1:{}", server.at.port());
        net.maps.push(map.parse().unwrap());
        let mut host = Host::joined(Module::new(fast()).net(net)).await;
        restarts(&mut host, "AT+CIUPDATE=1").await;
        assert_eq!(version(&mut host).await, "2.4.0.0");
        // Without a state it lives as long as the module.
        restarts(&mut host, "AT+RST").await;
        assert_eq!(version(&mut host).await, "2.4.0.0");
    }

    #[tokio::test]
    async fn maps_and_policy_apply() {
        let server = Server::start(serves("v2.4.0.0", &image(10))).await;
        let map = format!("iot.espressif.cn:80=127.0.0.1:{}", server.at.port());
        let mut net = NetOptions::default();
        net.maps.push(map.parse().unwrap());
        net.policy.deny.push("127.0.0.0/8".parse().unwrap());
        let mut host = Host::joined(Module::new(fast()).net(net.clone())).await;
        assert_eq!(
            host.command(FIRMWARE).await,
            "+CIPUPDATE:1\r\n\r\nERROR\r\n"
        );
        net.policy.deny.clear();
        let mut host = Host::joined(Module::new(fast()).net(net)).await;
        restarts(&mut host, FIRMWARE).await;
    }

    #[tokio::test]
    async fn a_failure_changes_nothing_and_the_next_command_works() {
        let whole = answer(&image(10_000));
        let old = partition(&[b"old"]);
        let cut = whole[..8000].to_vec();
        let cases: Vec<(&str, Vec<Act>)> = vec![
            ("cut", vec![Act::Write(cut.clone())]),
            ("reset", vec![Act::Write(cut), Act::Reset]),
            (
                "not found",
                vec![Act::Write(
                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n".to_vec(),
                )],
            ),
            (
                "no length",
                vec![Act::Write(b"HTTP/1.1 200 OK\r\n\r\n\xe9".to_vec())],
            ),
            ("nothing", vec![]),
            (
                "head alone",
                vec![
                    Act::Write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n".to_vec()),
                    Act::Stall,
                ],
            ),
            ("garbage", vec![Act::Write(vec![0; 100_000])]),
        ];
        let state = Folder::new();
        let folder = state.path().join("partitions");
        for (name, acts) in cases {
            let server = Server::start(move |_| acts.clone()).await;
            let mut host = module(&server.url("http"), Some(state.path()), None).await;
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("ota.bin"), &old).unwrap();
            let said = host.command(FIRMWARE).await;
            assert_eq!(said, "+CIPUPDATE:1\r\n\r\nERROR\r\n", "{name}");
            host.ok("AT").await;
            assert_eq!(version(&mut host).await, "2.2.0.0", "{name}");
            host.stop().await;
            assert_eq!(names(&folder), ["ota.bin"], "{name}");
            assert_eq!(std::fs::read(folder.join("ota.bin")).unwrap(), old);
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_where_it_does_not() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n".to_vec();
        let server = Server::start(move |_| {
            let mut acts = vec![Act::Write(head.clone())];
            acts.extend(vec![Act::Write(vec![b'x'; 1 << 20]); 100]);
            acts
        })
        .await;
        let state = Folder::new();
        let mut host = module(&server.url("http"), Some(state.path()), None).await;
        let said = host
            .command("AT+CIUPDATE=0,\"v2.4.0.0\",\"client_ca\"")
            .await;
        assert_eq!(said, "+CIPUPDATE:1\r\n\r\nERROR\r\n");
        host.ok("AT").await;
        host.stop().await;
        assert_eq!(names(&state.path().join("partitions")), [""; 0]);
    }

    #[tokio::test]
    async fn a_drip_and_odd_cuts_make_the_same_file() {
        let image = image(3000);
        let whole = answer(&image);
        let head = whole.len() - image.len();
        let server = Server::start(move |_| {
            let mut acts = vec![Act::Write(whole[..head + 1].to_vec()), Act::Pause];
            for piece in whole[head + 1..].chunks(701) {
                acts.extend([Act::Write(piece.to_vec()), Act::Pause]);
            }
            acts
        })
        .await;
        let state = Folder::new();
        let mut host = module(&server.url("http"), Some(state.path()), None).await;
        restarts(&mut host, FIRMWARE).await;
        let kept = std::fs::read(state.path().join("partitions/ota.bin")).unwrap();
        assert_eq!(kept, image);
    }

    #[tokio::test]
    async fn beside_a_link_that_works() {
        let list = partition(&[&Pair::authority("ours").certificate_pem()]);
        let whole = answer(&list);
        let server =
            Server::start(move |_| vec![Act::Write(whole[..whole.len() - 1].to_vec()), Act::Stall])
                .await;
        let state = Folder::new();
        let mut host = module(&server.url("http"), Some(state.path()), None).await;
        host.ok("AT+CIUPDATE=0,\"v2.4.0.0\",\"client_ca\",1").await;
        host.wait("+CIPUPDATE:1\r\n").await;
        let (to, _) = echo_server(server_config(&Pair::authority("peer"), None)).await;
        assert!(host.connects(to).await);
        host.says("ping").await;
        host.wait("+IPD,4:ping").await;
        let said = host.command("AT+CIUPDATE").await;
        assert_eq!(said, "\r\nERROR\r\n");
        assert_eq!(
            host.ok("AT+CIPSTATUS").await.matches("+CIPSTATUS:").count(),
            1
        );
        host.ok("AT+RST").await;
        host.wait("ready\r\n").await;
        host.stop().await;
        assert_eq!(names(&state.path().join("partitions")), [""; 0]);
    }

    #[tokio::test]
    async fn nginx_serves_an_upgrade() {
        let folder = Folder::new();
        let image = image(1_000_000);
        std::fs::create_dir(folder.path().join("v2.4.0.0")).unwrap();
        std::fs::write(folder.path().join("v2.4.0.0/ota.bin"), &image).unwrap();
        let ca = partition(&[&Pair::authority("ours").certificate_pem()]);
        std::fs::write(folder.path().join("v2.4.0.0/client_ca.bin"), ca).unwrap();
        let Some(nginx) = Nginx::start(folder.path(), "v2.4.0.0") else {
            return;
        };
        let state = Folder::new();
        let mut host = module(&format!("http://{}", nginx.at), Some(state.path()), None).await;
        restarts(&mut host, "AT+CIUPDATE").await;
        assert_eq!(version(&mut host).await, "2.4.0.0");
        let kept = std::fs::read(state.path().join("partitions/ota.bin")).unwrap();
        assert!(kept == image, "the image differs");
        host.ok("AT+CIUPDATE=0,,\"client_ca\"").await;
        host.ok("AT+CIPSSLCCONF=2,0,0").await;
        // A page of nginx's, with status 404 and a length.
        assert_eq!(
            host.command("AT+CIUPDATE=0,\"v9.9.9.9\"").await,
            "+CIPUPDATE:1\r\n\r\nERROR\r\n"
        );
    }

    const CHILD_STATE: &str = "ESPAT_TEST_UPGRADE_STATE";
    const CHILD_URL: &str = "ESPAT_TEST_UPGRADE_URL";

    /// Not a test by itself: the process that others start, which upgrades a partition again and again.
    #[tokio::test]
    async fn child() {
        let (Ok(state), Ok(url)) = (std::env::var(CHILD_STATE), std::env::var(CHILD_URL)) else {
            return;
        };
        let mut host = module(&url, Some(Path::new(&state)), None).await;
        loop {
            let said = host
                .command("AT+CIUPDATE=0,\"v2.4.0.0\",\"client_ca\"")
                .await;
            if said.ends_with("ERROR\r\n") {
                return;
            }
        }
    }

    fn start_child(mut program: Command, state: &Path, url: &str) -> std::process::Child {
        program
            .args(["tests::child", "--exact", "--nocapture"])
            .env(CHILD_STATE, state)
            .env(CHILD_URL, url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    #[tokio::test]
    async fn a_kill_at_any_moment_leaves_a_whole_partition() {
        // Each answer is another partition, told by its bytes.
        let count = std::sync::atomic::AtomicU8::new(0);
        let mut server = Server::start(move |_| {
            let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            vec![Act::Write(answer(&vec![n; 8000]))]
        })
        .await;
        let state = Folder::new();
        let folder = state.path().join("partitions");
        for round in 0..20_u32 {
            let program = Command::new(std::env::current_exe().unwrap());
            let mut child = start_child(program, state.path(), &server.url("http"));
            for _ in 0..=round % 4 {
                server.request().await;
            }
            let until = Instant::now() + Duration::from_micros(u64::from(round * 211 % 4000));
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            while server.requests.try_recv().is_ok() {}
            if let Ok(bytes) = std::fs::read(folder.join("client_ca.bin")) {
                assert_eq!(bytes.len(), 8000);
                assert!(bytes.iter().all(|b| *b == bytes[0]), "torn");
            }
            drop(Store::open(state.path()).unwrap());
            assert!(names(&folder).iter().all(|name| name == "client_ca.bin"));
        }
        assert_eq!(names(&folder), ["client_ca.bin"]);
    }

    #[tokio::test]
    async fn a_full_disk_leaves_the_old_partition() {
        let server = Server::start(serves("v2.4.0.0", &[b'n'; 8000])).await;
        let state = Folder::new();
        let folder = state.path().join("partitions");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("client_ca.bin"), b"old").unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""]);
        shell.arg(std::env::current_exe().unwrap());
        let mut child = start_child(shell, state.path(), &server.url("http"));
        let status = tokio::task::spawn_blocking(move || child.wait().unwrap());
        assert!(status.await.unwrap().success());
        assert_eq!(names(&folder), ["client_ca.bin"]);
        assert_eq!(std::fs::read(folder.join("client_ca.bin")).unwrap(), b"old");
    }
}
