//! What the TLS tests have on the other side: certificates of their own, the `openssl` command, and rustls.
#![allow(
    dead_code,
    unused_imports,
    reason = "every test file uses another part of it"
)]

mod certificates;
mod flights;
mod openssl;
mod rustls;

use std::net::SocketAddr;

use espat_core::{ModuleConfig, Profile};
use espat_host::{Module, NetOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

pub(crate) use self::certificates::{Authorities, Folder, NOW, Pair, Says};
pub(crate) use self::flights::{FLIGHT, flights, listener, patient_flights, unset_flight};
pub(crate) use self::openssl::Openssl;
pub(crate) use self::rustls::{Seen, echo_server, provider, server_config};
use crate::host::{DEADLINE, Host, fast};

impl Host {
    pub(crate) async fn on(net: NetOptions) -> Self {
        Self::of_profile(fast().profile, net).await
    }

    pub(crate) async fn of_profile(profile: &'static Profile, net: NetOptions) -> Self {
        let config = ModuleConfig { profile, ..fast() };
        Self::joined(Module::new(config).net(net)).await
    }

    /// Opens the only link; whether it came up.
    pub(crate) async fn connects(&mut self, to: SocketAddr) -> bool {
        let (ip, port) = (to.ip(), to.port());
        let said = self
            .command(&format!("AT+CIPSTART=\"SSL\",\"{ip}\",{port}"))
            .await;
        let is_up = said.ends_with("CONNECT\r\n\r\nOK\r\n");
        if !is_up {
            assert_eq!(said, "\r\nERROR\r\n");
            self.wait("CLOSED\r\n").await;
        }
        is_up
    }

    /// Sets the module's clock to a time at which the tests' certificates are valid.
    pub(crate) async fn set_clock(&mut self) {
        self.ok(&format!("AT+SYSTIMESTAMP={NOW}")).await;
    }

    pub(crate) async fn close(&mut self) {
        let said = self.command("AT+CIPCLOSE").await;
        assert!(said.contains("CLOSED"), "{said:?}");
    }

    /// Tries a server of ours, with the name `server.test`, in each mode and with each CA.
    pub(crate) async fn checks_a_server_in_modes_2_and_3_only(
        &mut self,
        at: SocketAddr,
        who: &str,
    ) {
        for (conf, name, works) in [
            ("0", "", true),
            ("0", "wrong.test", true),
            ("1,0", "wrong.test", true),
            ("2,0,0", "", true),
            ("2,0,0", "server.test", true),
            ("2,0,0", "wrong.test", false),
            ("2,0,1", "", false),
            ("2,0,1", "server.test", false),
            ("3,0,0", "server.test", true),
            ("3,0,0", "wrong.test", false),
            ("3,0,1", "server.test", false),
        ] {
            self.ok(&format!("AT+CIPSSLCCONF={conf}")).await;
            self.ok(&format!("AT+CIPSSLCCN=\"{name}\"")).await;
            assert_eq!(self.connects(at).await, works, "{who} {conf} {name:?}");
            if works {
                self.close().await;
            }
        }
    }

    /// Sets the serial port and the only link up for bulk data in passthrough.
    pub(crate) async fn prepare_bulk(&mut self) {
        // With flow control on the UART nothing is thrown away where this computer is slow.
        self.ok("AT+UART_CUR=115200,8,1,0,3").await;
        self.ok("AT+CIPMODE=1").await;
    }

    /// Sends a hundred megabytes over the open link, whose peer sends them back, and reads them meanwhile.
    pub(crate) async fn carries_a_hundred_megabytes_each_way(mut self) {
        const TOTAL: usize = 100 << 20;
        let piece: Vec<u8> = (0..1 << 16)
            .map(|n: u32| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
            .collect();
        self.send(b"AT+CIPSEND\r\n").await;
        self.wait(">").await;
        let (serial, _module) = (self.serial, self.module);
        let (mut from, mut to) = tokio::io::split(serial);
        let sent = piece.clone();
        let writing = tokio::spawn(async move {
            for _ in 0..TOTAL / sent.len() {
                to.write_all(&sent).await.unwrap();
            }
            to
        });
        let mut buffer = vec![0; piece.len()];
        for n in 0..TOTAL / piece.len() {
            // Beside a load the system lets up to minutes go by before it looks again at a peer whose buffers were full.
            let read = timeout(DEADLINE * 5, from.read_exact(&mut buffer)).await;
            read.unwrap().unwrap();
            assert!(buffer == piece, "piece {n} differs");
        }
        writing.await.unwrap();
    }
}
