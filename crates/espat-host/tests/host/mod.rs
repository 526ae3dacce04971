//! A module inside the test's process, and the host at its serial port. Everything waits with a deadline.
#![allow(dead_code, reason = "every test file uses another part of it")]

use espat_core::{ModuleConfig, Timing};
use espat_host::{Handle, Module, NetOptions, SerialStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, timeout};

pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A host that has powered its module on.
pub(crate) struct Host {
    pub(crate) serial: SerialStream,
    pub(crate) module: Handle,
}

/// A module without artificial delays.
pub(crate) fn fast() -> ModuleConfig {
    ModuleConfig {
        timing: Timing::Fast,
        ..ModuleConfig::new()
    }
}

impl Host {
    pub(crate) async fn start(net: NetOptions) -> Self {
        Self::of(Module::new(fast()).net(net)).await
    }

    pub(crate) async fn of(module: Module) -> Self {
        let (serial, module) = module.in_process().unwrap();
        let mut host = Self { serial, module };
        host.wait("ready\r\n").await;
        host
    }

    /// A module that has joined an access point; the echo is off.
    pub(crate) async fn joined(module: Module) -> Self {
        let mut host = Self::of(module).await;
        host.ok("ATE0").await;
        host.join().await;
        host
    }

    pub(crate) async fn join(&mut self) {
        self.ok("AT+CWMODE=1").await;
        self.ok("AT+CWJAP=\"espat\",\"\"").await;
    }

    /// Reads up to one of `ends`, and says all that came.
    pub(crate) async fn wait_any(&mut self, ends: &[&str]) -> String {
        let mut said = Vec::new();
        let reading = async {
            while !ends.iter().any(|end| said.ends_with(end.as_bytes())) {
                said.push(self.serial.read_u8().await.unwrap());
            }
        };
        let came = timeout(DEADLINE, reading).await;
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(came.is_ok(), "{said:?} instead of {ends:?}");
        said
    }

    pub(crate) async fn wait(&mut self, end: &str) -> String {
        self.wait_any(&[end]).await
    }

    pub(crate) async fn read_exact(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let read = timeout(DEADLINE, self.serial.read_exact(&mut bytes)).await;
        read.expect("the module sends no more").unwrap();
        bytes
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let sent = timeout(DEADLINE, self.serial.write_all(bytes)).await;
        sent.expect("the module reads no more").unwrap();
    }

    /// Sends a line and says its answer.
    pub(crate) async fn command(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.wait_any(&["OK\r\n", "ERROR\r\n"]).await
    }

    pub(crate) async fn ok(&mut self, line: &str) -> String {
        let said = self.command(line).await;
        assert!(said.ends_with("OK\r\n"), "{line}: {said:?}");
        said
    }

    /// Opens the only link, to that listener; its other end.
    pub(crate) async fn link_to(&mut self, listener: &TcpListener) -> TcpStream {
        let at = listener.local_addr().unwrap();
        let (ip, port) = (at.ip(), at.port());
        self.ok(&format!("AT+CIPSTART=\"TCP\",\"{ip}\",{port}"))
            .await;
        let accepted = timeout(DEADLINE, listener.accept()).await;
        accepted.expect("the module opens its link").unwrap().0
    }

    /// Sends over the only link.
    pub(crate) async fn says(&mut self, text: &str) {
        self.send(format!("AT+CIPSEND={}\r\n", text.len()).as_bytes())
            .await;
        self.wait(">").await;
        self.send(text.as_bytes()).await;
        self.wait("SEND OK\r\n").await;
    }

    pub(crate) async fn stop(self) {
        self.module.stop().await;
    }
}
