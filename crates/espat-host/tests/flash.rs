//! `AT+SYSFLASH` and `AT+SYSMFG`: certificates that a host MCU writes are those of real handshakes, on a disk and without one.

#[cfg(test)]
mod host;
#[cfg(test)]
mod tls_peers;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use espat_core::{ModuleConfig, Profile};
    use espat_host::{Module, NetOptions, Store};

    use crate::host::{Host, fast};
    use crate::tls_peers::{Folder, Pair, Says, echo_server, server_config};

    async fn module(profile: &str, state: Option<&Path>, certs: Option<&Folder>) -> Host {
        let config = ModuleConfig {
            profile: Profile::find(profile).unwrap(),
            ..fast()
        };
        let mut module = Module::new(config);
        if let Some(state) = state {
            module = module.store(Store::open(state).unwrap()).unwrap();
        }
        let net = NetOptions {
            certificates: certs.map(Folder::certificates).unwrap_or_default(),
            ..NetOptions::default()
        };
        Host::joined(module.net(net)).await
    }

    /// A certificate partition with one item, as the vendor's tool makes it.
    fn partition(item: &[u8]) -> Vec<u8> {
        let mut list = vec![1, 0];
        list.extend(u16::try_from(item.len()).unwrap().to_le_bytes());
        list.extend(item);
        list.resize(list.len().next_multiple_of(4), 0xff);
        let mut all = b"\xf1\xf1\x01\x00".to_vec();
        all.extend(u32::try_from(list.len()).unwrap().to_le_bytes());
        all.extend(list);
        all
    }

    async fn write(host: &mut Host, line: &str, bytes: &[u8]) {
        host.send(format!("{line}\r\n").as_bytes()).await;
        host.wait(">").await;
        host.send(bytes).await;
        assert_eq!(host.wait("\r\nOK\r\n").await, "\r\nOK\r\n");
    }

    #[tokio::test]
    async fn a_partition_of_cas_counts_when_it_is_whole() {
        let (ours, theirs) = (Pair::authority("ours"), Pair::authority("theirs"));
        let (to, _) =
            echo_server(server_config(&ours.issue(&Says::name("server.test")), None)).await;
        let certs = Folder::new();
        certs.put("client_ca.0.pem", &theirs.certificate_pem());
        let list = partition(&ours.certificate_pem());
        let (first, second) = list.split_at(list.len() / 2);
        let state = Folder::new();
        for path in [None, Some(state.path())] {
            let mut host = module("esp32-2.2", path, Some(&certs)).await;
            host.set_clock().await;
            host.ok("AT+CIPSSLCCONF=2,0,0").await;
            assert!(!host.connects(to).await);
            host.ok("AT+SYSFLASH=0,\"client_ca\"").await;
            let line = format!("AT+SYSFLASH=1,\"client_ca\",0,{}", first.len());
            write(&mut host, &line, first).await;
            let missing = host.command("AT+CIPSSLCCONF=2,0,0").await;
            assert_eq!(missing, "NO CA FOUND\r\n\r\nERROR\r\n");
            let place = format!("{},{}", first.len(), second.len());
            write(
                &mut host,
                &format!("AT+SYSFLASH=1,\"client_ca\",{place}"),
                second,
            )
            .await;
            host.ok("AT+CIPSSLCCONF=2,0,0").await;
            assert!(host.connects(to).await);
            host.stop().await;
        }
        // The state has it, and the module reads it.
        let mut host = module("esp32-2.2", Some(state.path()), Some(&certs)).await;
        host.set_clock().await;
        assert!(host.connects(to).await);
        host.close().await;
        host.send(b"AT+SYSFLASH=2,\"client_ca\",0,8\r\n").await;
        assert_eq!(host.read_exact(12).await, b"+SYSFLASH:8,");
        assert_eq!(host.read_exact(8).await, &list[..8]);
        host.wait("\r\nOK\r\n").await;
        host.stop().await;
    }

    #[tokio::test]
    async fn values_of_manufacture_are_the_certificates_of_their_slots() {
        let ours = Pair::authority("ours");
        let client = ours.issue(&Says::name("module"));
        let peer = ours.issue(&Says::name("server.test"));
        let (to, _) = echo_server(server_config(&peer, Some(&ours))).await;
        let values = [
            ("client_ca", ours.certificate_pem()),
            ("client_cert", client.certificate_pem()),
            ("client_key", client.key_pem()),
        ];
        let state = Folder::new();
        for path in [None, Some(state.path())] {
            let mut host = module("esp32c3-3.3", path, None).await;
            host.set_clock().await;
            let missing = host.command("AT+CIPSSLCCONF=3,0,0").await;
            assert_eq!(missing, "NO CERT FOUND\r\n\r\nERROR\r\n");
            for (name, pem) in &values {
                let line = format!("AT+SYSMFG=2,\"{name}\",\"{name}.0\",8,{}", pem.len());
                write(&mut host, &line, pem).await;
            }
            host.ok("AT+CIPSSLCCONF=3,0,0").await;
            assert!(host.connects(to).await);
            host.stop().await;
        }
        let mut host = module("esp32c3-3.3", Some(state.path()), None).await;
        host.set_clock().await;
        assert!(host.connects(to).await);
        host.close().await;
        let listed = host.ok("AT+SYSMFG=1,\"client_key\"").await;
        assert_eq!(
            listed,
            "+SYSMFG:\"client_key\",\"client_key.0\",8\r\n\r\nOK\r\n"
        );
        host.ok("AT+SYSMFG=0,\"client_key\"").await;
        let missing = host.command("AT+CIPSSLCCONF=3,0,0").await;
        assert_eq!(missing, "NO PRVT_KEY FOUND\r\n\r\nERROR\r\n");
        host.stop().await;
    }

    #[tokio::test]
    async fn a_value_of_manufacture_wins_over_the_file_of_its_slot() {
        let (ours, theirs) = (Pair::authority("ours"), Pair::authority("theirs"));
        let (to, _) =
            echo_server(server_config(&ours.issue(&Says::name("server.test")), None)).await;
        let certs = Folder::new();
        certs.put("client_ca.0.pem", &ours.certificate_pem());
        certs.put("client_ca.1.pem", &ours.certificate_pem());
        let mut host = module("esp32c3-3.3", None, Some(&certs)).await;
        host.set_clock().await;
        host.ok("AT+CIPSSLCCONF=2,0,0").await;
        assert!(host.connects(to).await);
        host.close().await;
        let pem = theirs.certificate_pem();
        let line = format!("AT+SYSMFG=2,\"client_ca\",\"client_ca.0\",8,{}", pem.len());
        write(&mut host, &line, &pem).await;
        assert!(!host.connects(to).await);
        host.ok("AT+CIPSSLCCONF=2,0,1").await;
        assert!(host.connects(to).await);
        host.close().await;
        host.ok("AT+SYSMFG=0,\"client_ca\",\"client_ca.0\"").await;
        host.ok("AT+CIPSSLCCONF=2,0,0").await;
        assert!(host.connects(to).await);
        host.stop().await;
    }
}
