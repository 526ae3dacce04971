//! The `openssl` command as a peer.

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::certificates::Folder;
use crate::host::DEADLINE;

/// The `openssl` command at work as a server or a client.
pub(crate) struct Openssl {
    child: Child,
    pub(crate) input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Openssl {
    /// `None`, with a word on standard output, where this computer has no `openssl`.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        match child {
            Ok(mut child) => Some(Self {
                input: child.stdin.take().unwrap(),
                output: BufReader::new(child.stdout.take().unwrap()),
                child,
            }),
            Err(error) => {
                println!("skipped: `openssl` cannot be started: {error}");
                None
            }
        }
    }

    /// `openssl s_server` on a free port.
    pub(crate) async fn server(arguments: &[&str]) -> Option<(Self, SocketAddr)> {
        let mut all = vec!["s_server", "-accept", "127.0.0.1:0"];
        all.extend(arguments);
        let mut server = Self::start(&all)?;
        let said = server.until("ACCEPT 127.0.0.1:").await;
        let port = said.rsplit(':').next().unwrap().trim().parse().unwrap();
        Some((server, SocketAddr::from(([127, 0, 0, 1], port))))
    }

    /// The same with the certificate `cert.pem` of that folder and the key `key.pem`.
    pub(crate) async fn server_of(folder: &Folder, more: &[&str]) -> Option<(Self, SocketAddr)> {
        let (cert, key) = (folder.file("cert.pem"), folder.file("key.pem"));
        let own = ["-cert", &cert, "-key", &key];
        Self::server(&[own.as_slice(), more].concat()).await
    }

    /// Reads lines up to one that has `text` in it; that line.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        self.all_until(text).await.pop().unwrap()
    }

    /// Reads lines up to one that has `text` in it; all of them.
    pub(crate) async fn all_until(&mut self, text: &str) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            let mut line = String::new();
            let n = timeout(DEADLINE, self.output.read_line(&mut line)).await;
            match n {
                Ok(Ok(n)) if n > 0 => {}
                other => panic!("{other:?}: {text:?} is not in {said:?}"),
            }
            // Names are written `CN = me` up to OpenSSL 3.1 and `CN=me` from 3.2 on.
            let plain = |text: &str| text.replace(" = ", "=");
            let is_last = plain(&line).contains(&plain(text));
            said.push(line);
            if is_last {
                return said;
            }
        }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).await.unwrap();
    }

    pub(crate) fn into_pipes(self) -> (Child, ChildStdin, BufReader<ChildStdout>) {
        (self.child, self.input, self.output)
    }

    pub(crate) async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }
}
