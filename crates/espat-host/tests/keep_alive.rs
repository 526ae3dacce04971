//! The keep-alive of `AT+CIPSTART` on the sockets themselves, as the system shows them.

#[cfg(test)]
mod host;
#[cfg(test)]
mod tls_peers;

#[cfg(test)]
mod tests {
    use espat_host::NetOptions;
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use crate::host::{DEADLINE, Host};
    use crate::tls_peers::{Pair, echo_server, server_config};

    /// Until the next probe, in hundredths of a second; `None` while the timer is off. The table is Linux's; on others nothing
    /// can be seen.
    ///
    /// Both ports name the link: the system gives one local port to connections to different peers, and shows for a minute those
    /// that are gone.
    fn timer(local_port: u16, remote_port: u16) -> Option<Option<u32>> {
        let table = std::fs::read_to_string("/proc/self/net/tcp").ok()?;
        let ends = [local_port, remote_port].map(|port| format!("0100007F:{port:04X}"));
        let line = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|words| words.get(1..3).is_some_and(|seen| seen == ends))?;
        let (which, left) = line[5].split_once(':')?;
        // 2 is the keep-alive timer, unless data waits for its acknowledgement.
        Some((which == "02").then(|| u32::from_str_radix(left, 16).unwrap()))
    }

    /// Waits until a link's timer is as expected.
    async fn expect(host: &mut Host, idle_s: u32) {
        let said = host.command("AT+CIPSTATUS").await;
        let mut words = said.rsplit(',').skip(1);
        let mut port = || words.next().unwrap().parse().unwrap();
        let (local, remote) = (port(), port());
        let begun = Instant::now();
        loop {
            let Some(seen) = timer(local, remote) else {
                println!("skipped: /proc/self/net/tcp does not show the link");
                return;
            };
            let is_right = match seen {
                None => idle_s == 0,
                Some(left) => left <= idle_s * 100 && left + 6000 > idle_s * 100,
            };
            if is_right {
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "{seen:?} instead of {idle_s} s");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn the_socket_option_and_the_parameter_are_one_setting_on_newer_lines() {
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = plain.local_addr().unwrap().port();
        let newer = espat_core::Profile::find("esp32-2.4").unwrap();
        let mut host = Host::of_profile(newer, NetOptions::default()).await;
        host.ok("AT+CIPTCPOPT=-1,0,0,100").await;
        let start = format!("AT+CIPSTART=\"TCP\",\"127.0.0.1\",{port}");
        host.ok(&start).await;
        expect(&mut host, 100).await;
        host.ok("AT+CIPTCPOPT=-1,0,0,7200").await;
        expect(&mut host, 7200).await;
        host.ok("AT+CIPTCPOPT=-1,0,0,0").await;
        expect(&mut host, 0).await;
        host.close().await;
        host.ok(&format!("{start},200")).await;
        expect(&mut host, 200).await;
        host.close().await;
        host.ok(&start).await;
        expect(&mut host, 200).await;
    }

    #[tokio::test]
    async fn it_reaches_the_sockets_of_tcp_and_ssl_links() {
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (ssl, _) = echo_server(server_config(&Pair::authority("anybody"), None)).await;
        let mut host = Host::on(NetOptions::default()).await;
        for (kind, at) in [("TCP", plain.local_addr().unwrap()), ("SSL", ssl)] {
            for (parameter, idle_s) in [("", 0), (",0", 0), (",100", 100), (",7200", 7200)] {
                let port = at.port();
                host.ok(&format!(
                    "AT+CIPSTART=\"{kind}\",\"127.0.0.1\",{port}{parameter}"
                ))
                .await;
                expect(&mut host, idle_s).await;
                // Other options leave it as it is.
                host.ok("AT+CIPTCPOPT=-1,1,0").await;
                expect(&mut host, idle_s).await;
                host.ok("AT+CIPTCPOPT=-1,0,0").await;
                host.close().await;
            }
        }
    }
}
