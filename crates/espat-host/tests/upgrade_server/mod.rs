//! Servers of upgrades, one that says exactly what a test wants, and nginx; and modules that go to them.
#![allow(dead_code, reason = "every test file uses another part of it")]

use std::net::{SocketAddr, TcpStream as StdStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use espat_core::{ModuleConfig, UpgradeServer};
use espat_host::{Module, NetOptions, Store};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Duration, timeout};
use tokio_rustls::{TlsAcceptor, rustls};

use crate::host::{DEADLINE, Host, fast};
use crate::places;
use crate::tls_peers::Folder;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Write(Vec<u8>),
    /// The module may have read what came before; no test depends on it.
    Pause,
    /// Waits until the module has closed.
    Stall,
    /// Closes with a reset.
    Reset,
}

/// A server, and the requests that came to it.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    pub(crate) requests: UnboundedReceiver<String>,
}

impl Server {
    /// Answers every request with what `acts` says of its first line, then closes.
    pub(crate) async fn start(acts: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::of(acts, None).await
    }

    pub(crate) async fn https(
        acts: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static,
        config: rustls::ServerConfig,
    ) -> Self {
        Self::of(acts, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn of(
        acts: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (tell, requests) = unbounded_channel();
        let acts = Arc::new(acts);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acts, tell, tls) = (Arc::clone(&acts), tell.clone(), tls.clone());
                tokio::spawn(async move {
                    let respond = |request: &str| {
                        let _ = tell.send(request.to_owned());
                        acts(request.lines().next().unwrap_or_default())
                    };
                    match tls {
                        None => {
                            let reset = socket2::SockRef::from(&stream).try_clone().unwrap();
                            if serve(stream, respond).await {
                                reset.set_linger(Some(Duration::ZERO)).unwrap();
                            }
                        }
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, respond).await;
                            }
                        }
                    }
                });
            }
        });
        Self { at, requests }
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.at)
    }

    pub(crate) async fn request(&mut self) -> String {
        let came = timeout(DEADLINE, self.requests.recv()).await;
        came.expect("no request came").unwrap()
    }
}

/// Whether it is to end by a reset.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    respond: impl FnOnce(&str) -> Vec<Act>,
) -> bool {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return false,
        }
    }
    for act in respond(&String::from_utf8(request).unwrap()) {
        match act {
            Act::Write(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return false;
                }
                let _ = stream.flush().await;
            }
            Act::Pause => tokio::time::sleep(Duration::from_millis(3)).await,
            Act::Stall => {
                let _ = stream.read(&mut [0; 1]).await;
            }
            Act::Reset => return true,
        }
    }
    let _ = stream.shutdown().await;
    false
}

/// A version answer and a file answer, as a friendly server gives them.
pub(crate) fn serves(version: &str, file: &[u8]) -> impl Fn(&str) -> Vec<Act> + use<> {
    let version = format!(
        "HTTP/1.0 200 OK\r\n\r\n{{\"status\": 200, \"rom_version\": \"{version}\", \"x\": 1}}"
    );
    let file = answer(file);
    move |line| {
        vec![Act::Write(if line.contains("is_format_simple") {
            version.clone().into_bytes()
        } else {
            file.clone()
        })]
    }
}

/// A head with the right length, and the body.
pub(crate) fn answer(body: &[u8]) -> Vec<u8> {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut answer = answer.into_bytes();
    answer.extend(body);
    answer
}

/// A certificate partition as the vendor's tool makes it: its items with the numbers 0, 1, ...
pub(crate) fn partition(items: &[&[u8]]) -> Vec<u8> {
    let mut list = Vec::new();
    for (number, item) in items.iter().enumerate() {
        list.extend([2, u8::try_from(number).unwrap()]);
        list.extend(u16::try_from(item.len()).unwrap().to_le_bytes());
        list.extend(*item);
        list.resize(list.len().next_multiple_of(4), 0xff);
    }
    let mut all = vec![0xf1, 0xf1];
    all.extend(u16::try_from(items.len()).unwrap().to_le_bytes());
    all.extend(u32::try_from(list.len()).unwrap().to_le_bytes());
    all.extend(list);
    all
}

/// nginx with the files of a folder: `VERSION/FILE`.
pub(crate) struct Nginx {
    pub(crate) at: SocketAddr,
    child: Child,
}

impl Nginx {
    /// `None`, with a word on standard output, where it is not installed.
    pub(crate) fn start(folder: &Path, newest: &str) -> Option<Self> {
        let Some(program) = find("nginx") else {
            println!("skipped: nginx is not installed (Debian: apt install nginx-light)");
            return None;
        };
        // One that ends by itself is tried again elsewhere.
        for _ in 0..10 {
            let at = places::free();
            std::fs::write(folder.join("nginx.conf"), nginx_config(folder, at, newest)).unwrap();
            let mut child = Command::new(&program)
                .arg("-p")
                .arg(folder)
                .args(["-e", "stderr", "-c", "nginx.conf"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let until = std::time::Instant::now() + DEADLINE;
            while std::time::Instant::now() < until {
                if StdStream::connect(at).is_ok() {
                    return Some(Self { at, child });
                }
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                std::thread::yield_now();
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("nginx does not start");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn nginx_config(folder: &Path, at: SocketAddr, newest: &str) -> String {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {}/{name};", folder.display()))
        .join(" ");
    format!(
        "daemon off; master_process off; pid {folder}/pid; error_log stderr;
         events {{}}
         http {{
           access_log off; {temporary} default_type application/octet-stream;
           server {{
             listen {at};
             location = /v1/device/rom/ {{
               if ($arg_action = download_rom) {{ rewrite ^ /files/$arg_version/$arg_filename? last; }}
               return 200 '{{\"status\": 200, \"rom_version\": \"{newest}\", \"x\": 1}}';
             }}
             location /files/ {{ internal; alias {folder}/; }}
           }}
         }}",
        folder = folder.display()
    )
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let mut found = folders.into_iter().map(|folder| folder.join(name));
    found.find(|at| at.is_file())
}

/// A module's configuration that goes to `url` for upgrades.
pub(crate) fn config(url: &str) -> ModuleConfig {
    let mut config = fast();
    config.upgrade.server = Some(UpgradeServer::parse(url).unwrap());
    config
}

/// A module that goes to `url`, with a state and certificates where they are given.
pub(crate) async fn module(url: &str, state: Option<&Path>, certs: Option<&Folder>) -> Host {
    let mut module = Module::new(config(url));
    if let Some(state) = state {
        module = module.store(Store::open(state).unwrap()).unwrap();
    }
    let certificates = certs.map(Folder::certificates).unwrap_or_default();
    let net = NetOptions {
        certificates,
        ..NetOptions::default()
    };
    Host::joined(module.net(net)).await
}
