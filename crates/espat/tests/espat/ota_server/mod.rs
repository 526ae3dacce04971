//! `espat ota-server`, as a module meets it and as nobody should.

mod breaks;
mod files;
mod shown;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios;

use crate::console::terminal;
use crate::harness::{DEADLINE, Espat, Host, Scratch, espat};
use crate::ssl::{Openssl, has_openssl, make_certificate};

const NEWEST: &str = "/v1/device/rom/?is_format_simple=true";

/// What a module sends after the first two lines of a request.
const HEADERS: &str = "Connection: keep-alive\r\nCache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (Windows NT 5.1) \
AppleWebKit/537.36 (KHTML, like Gecko) Chrome/30.0.1599.101 Safari/537.36 \r\nAccept: */*\r\nAuthorization: token \
0123456789012345678901234567890123456789\r\nAccept-Encoding: gzip,deflate,sdch\r\nAccept-Language: zh-CN,zh;q=0.8\r\n\r\n";

/// A folder of versions and its server.
pub(crate) struct Server {
    pub(crate) espat: Espat,
    pub(crate) at: SocketAddr,
    pub(crate) folder: PathBuf,
    _scratch: Scratch,
}

fn image(len: usize) -> Vec<u8> {
    let mut image: Vec<u8> = (0..=250).cycle().take(len).collect();
    image[0] = 0xe9;
    image
}

/// Versions 2.9 and 2.10, and a certificate for the older one.
fn folder(scratch: &Scratch) -> PathBuf {
    let folder = scratch.path("roms");
    for (file, bytes) in [
        ("v2.9.0.0/ota.bin", image(50_000)),
        ("v2.9.0.0/client_ca.bin", b"\xf1\xf1ca".to_vec()),
        ("v2.10.0.0/ota.bin", image(300_000)),
    ] {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

pub(crate) fn start(name: &str, more: &[&str]) -> Server {
    let scratch = Scratch::new(&format!("ota-{name}"));
    let folder = folder(&scratch);
    let mut arguments = vec!["ota-server", folder.to_str().unwrap()];
    arguments.extend_from_slice(&["--listen", "127.0.0.1:0"]);
    arguments.extend_from_slice(more);
    let espat = Espat::start(&arguments);
    let line = espat.line();
    let at = line.rsplit("//").next().unwrap().parse();
    let at = at.unwrap_or_else(|e| panic!("{e}: the first line is `{line}`"));
    Server {
        espat,
        at,
        folder,
        _scratch: scratch,
    }
}

fn rom(version: &str, file: &str) -> String {
    format!("/v1/device/rom/?action=download_rom&version={version}&filename={file}")
}

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// A connection that a module's request was sent over.
fn asked(at: SocketAddr, target: &str, version: &str) -> TcpStream {
    let mut stream = connect(at);
    let request = format!("GET {target} HTTP/{version}\r\nHost: 127.0.0.1:80\r\n{HEADERS}");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

impl Server {
    fn asked(&self, target: &str, version: &str) -> TcpStream {
        asked(self.at, target, version)
    }

    /// Sends bytes, and reads to the end.
    fn raw(&self, request: &[u8]) -> String {
        let mut stream = connect(self.at);
        stream.write_all(request).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = vec![];
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, target: &str) -> String {
        self.raw(format!("GET {target} HTTP/1.1\r\nConnection: close\r\n\r\n").as_bytes())
    }
}

/// Reads a head, and what its `Content-Length` says.
fn head_and_length(stream: &mut TcpStream) -> (String, usize) {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.split("Content-Length: ").nth(1);
    let length = length.and_then(|rest| rest.split("\r\n").next());
    let length = length.unwrap_or_else(|| panic!("no Content-Length in {head:?}"));
    let length = length.parse().unwrap();
    (head, length)
}

#[test]
fn a_token_can_be_asked_for() {
    let server = start(
        "token",
        &["--token", "0123456789012345678901234567890123456789"],
    );
    let (head, _) = head_and_length(&mut server.asked(NEWEST, "1.0"));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    for header in [
        "",
        "Authorization: token 0\r\n",
        "Authorization: Basic 0123\r\n",
    ] {
        let request = format!("GET {NEWEST} HTTP/1.0\r\n{header}\r\n");
        let answer = server.raw(request.as_bytes());
        assert!(
            answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"),
            "{answer}"
        );
    }
    assert!(
        !server.espat.log().contains("0123"),
        "{}",
        server.espat.log()
    );
}

#[test]
fn many_clients_are_served_at_once_beside_some_that_do_nothing() {
    let server = start("many", &[]);
    let before = server.espat.resident_kib();
    let big = server.folder.join("v2.10.0.0/big.bin");
    std::fs::write(&big, image(8 << 20)).unwrap();
    let never_read: Vec<_> = (0..30)
        .map(|_| server.asked(&rom("v2.10.0.0", "big.bin"), "1.1"))
        .collect();
    let silent: Vec<_> = (0..30).map(|_| connect(server.at)).collect();
    let (at, expected) = (server.at, image(300_000));
    std::thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| {
                let mut stream = asked(at, &rom("v2.10.0.0", "ota.bin"), "1.1");
                assert_eq!(head_and_length(&mut stream).1, 300_000);
                let mut body = vec![0; 300_000];
                stream.read_exact(&mut body).unwrap();
                assert!(body == expected);
            });
        }
    });
    let grown = server.espat.resident_kib().saturating_sub(before);
    assert!(
        grown < 16 * 1024,
        "{grown} KiB for 90 clients, 30 of them with 8 MiB each to come"
    );
    drop((never_read, silent));
    server.espat.log_line("the client has gone");
}

#[test]
fn signals_end_it_at_once_with_clients_on_the_line() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = start("signal", &["--stall-at", "1"]);
        let stream = server.asked(&rom("v2.9.0.0", "ota.bin"), "1.1");
        server.espat.log_line("stalls, as asked");
        server.espat.signal(signal);
        assert_eq!(server.espat.exit().code(), Some(0));
        server.espat.log_line("1/50000 bytes, ");
        drop(stream);
    }
}

#[test]
fn https_shows_its_own_certificate_or_the_users() {
    if !has_openssl() {
        return;
    }
    let scratch = Scratch::new("ota-tls");
    let (cert, key) = (scratch.path("cert.pem"), scratch.path("key.pem"));
    make_certificate("roms.test", &cert, &key);
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let own = ["--tls", "--cert", cert, "--key", key];
    for (name, options, verify) in [
        ("tls-made", &own[..1], &[][..]),
        ("tls-own", &own, &["-CAfile", cert, "-verify_return_error"]),
    ] {
        let server = start(name, options);
        let ask = |more: &[&str]| {
            let mut client = Command::new("openssl")
                .args(["s_client", "-quiet", "-connect", &server.at.to_string()])
                .args(verify)
                .args(more)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let target = rom("v2.9.0.0", "client_ca.bin");
            let request = format!("GET {target} HTTP/1.0\r\n\r\n");
            let mut input = client.stdin.take().unwrap();
            input.write_all(request.as_bytes()).unwrap();
            let answer = client.wait_with_output().unwrap();
            String::from_utf8_lossy(&answer.stdout).into_owned()
        };
        // What the modules of 2.x speak, and what is newest.
        for more in [&["-tls1_2"][..], &[]] {
            let answer = ask(more);
            let head = "HTTP/1.1 200 OK\r\n";
            assert!(answer.starts_with(head), "{more:?}: {answer:?}");
            assert!(answer.ends_with("ca"), "{more:?}: {answer:?}");
        }
        let mut plain = server.asked(NEWEST, "1.0");
        let _ = plain.read_to_end(&mut vec![]);
        server.espat.log_line(" no TLS: ");
        // A client that never shakes hands holds up nobody.
        let _silent = connect(server.at);
        assert!(ask(&[]).ends_with("ca"));
    }
    let server = start("tls-cut", &["--tls", "--cut-at", "2"]);
    let mut client = Openssl::start(&["s_client", "-quiet", "-connect", &server.at.to_string()]);
    client.say(&format!(
        "GET {} HTTP/1.1\r\n\r\n",
        rom("v2.9.0.0", "ota.bin")
    ));
    client.until("Content-Length: 50000");
    server.espat.log_line("2/50000 bytes, ");
}
