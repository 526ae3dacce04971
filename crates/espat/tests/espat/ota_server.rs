//! `espat ota-server`, byte for byte, as a module meets it and as nobody should.

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
fn the_newest_version_comes_in_one_read_of_a_module() {
    let server = start("newest", &[]);
    let mut stream = server.asked(NEWEST, "1.0");
    let mut buffer = [0; 1024];
    let n = stream.read(&mut buffer).unwrap();
    let expected = "HTTP/1.1 200 OK\r\nServer: espat\r\nContent-Type: application/json\r\nContent-Length: 209\r\n\
        Connection: keep-alive\r\n\r\n{\"recommended_rom_version\": \"v2.10.0.0\", \"status\": 200, \"productRoms\": \
        [{\"recommended\": 1, \"version\": \"v2.10.0.0\", \"life_cycle\": \"release\"}, \
        {\"recommended\": 0, \"version\": \"v2.9.0.0\", \"life_cycle\": \"release\"}]}";
    assert_eq!(String::from_utf8_lossy(&buffer[..n]), expected);
    server.espat.log_line("is told of v2.10.0.0");
}

#[test]
fn a_file_comes_whole_with_its_head_spelled_as_modules_scan_for_it() {
    let server = start("whole", &[]);
    for (file, len) in [("ota.bin", 50_000), ("client_ca.bin", 4)] {
        let mut stream = server.asked(&rom("v2.9.0.0", file), "1.1");
        // Head and first byte come at once: a module looks at both in one read.
        let mut first = [0; 1024];
        let n = stream.read(&mut first).unwrap();
        let expected = format!(
            "HTTP/1.1 200 OK\r\nServer: espat\r\nContent-Type: application/octet-stream\r\n\
             Content-Length: {len}\r\nConnection: keep-alive\r\n\r\n"
        );
        let (head, body) = first[..n].split_at(expected.len().min(n));
        assert_eq!(String::from_utf8_lossy(head), expected);
        assert!(!body.is_empty(), "the head came alone");
        let mut body = body.to_vec();
        let mut rest = vec![0; len - body.len()];
        stream.read_exact(&mut rest).unwrap();
        body.extend(rest);
        let path = server.folder.join("v2.9.0.0").join(file);
        assert!(body == std::fs::read(path).unwrap(), "the file is another");
    }
    let line = server.espat.log_line("ota.bin 50000/50000 bytes, ");
    assert!(line.ends_with(" s"), "{line}");
    server.espat.log_line(" v2.9.0.0 ota.bin 0/50000 bytes");
}

#[test]
fn one_connection_carries_several_requests() {
    let server = start("several", &[]);
    let mut stream = server.asked(&rom("v2.9.0.0", "client_ca.bin"), "1.1");
    for next in [
        rom("", "client_ca.bin"),
        NEWEST.to_owned(),
        rom("v2.9.0.0", "ota.bin"),
    ] {
        let (_, length) = head_and_length(&mut stream);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        stream
            .write_all(format!("GET {next} HTTP/1.1\r\n\r\n").as_bytes())
            .unwrap();
    }
    assert_eq!(head_and_length(&mut stream).1, 50_000);
}

#[test]
fn the_empty_version_is_the_newest_and_latest_says_which_that_is() {
    let server = start("empty", &[]);
    let (_, length) = head_and_length(&mut server.asked(&rom("", "ota.bin"), "1.1"));
    assert_eq!(length, 300_000);
    let server = start("latest", &["--latest", "v2.9.0.0"]);
    let (_, length) = head_and_length(&mut server.asked(&rom("", "ota.bin"), "1.1"));
    assert_eq!(length, 50_000);
    let answer = server.get(NEWEST);
    assert!(
        answer.contains("\"recommended_rom_version\": \"v2.9.0.0\","),
        "{answer}"
    );
}

#[test]
fn a_version_that_comes_later_is_served_and_many_do_not_break_the_scan() {
    let server = start("later", &[]);
    for n in 0..200 {
        let version = server.folder.join(format!("v3.{n}.0.0"));
        std::fs::create_dir(&version).unwrap();
        std::fs::write(version.join("ota.bin"), [0xe9]).unwrap();
    }
    let answer = server.get(NEWEST);
    assert!(answer.len() <= 1024, "{} bytes", answer.len());
    assert!(
        answer.contains("\"recommended_rom_version\": \"v3.199.0.0\", \"status\": 200,"),
        "{answer}"
    );
    let all = server.get("/v1/device/rom");
    assert!(
        all.len() < 8192 && all.matches("\"version\": \"v3.").count() > 80,
        "{all}"
    );
    assert!(all.contains("\"version\": \"v3.199.0.0\", "), "{all}");
}

#[test]
fn what_is_not_there_is_404_and_other_requests_are_refused() {
    let server = start("refused", &[]);
    let missing = server.get(&rom("v9", "ota.bin"));
    let expected = "HTTP/1.1 404 Not Found\r\nServer: espat\r\nContent-Type: application/json\r\nContent-Length: 51\r\n\
        Connection: close\r\n\r\n{\"status\": 404, \"message\": \"there is no such file\"}";
    assert_eq!(missing, expected);
    server
        .espat
        .log_line("404: version \"v9\", file \"ota.bin\": there is no such file");
    for target in ["/", "/v1/device/rom/?action=other", "/index.html", "*"] {
        assert!(server.get(target).starts_with("HTTP/1.1 404 "), "{target}");
    }
    let post = format!("POST {NEWEST} HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(server.raw(post.as_bytes()).starts_with("HTTP/1.1 405 "));
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"[..],
        b"hello\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let answer = server.raw(garbage);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
    }
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000));
    let answer = server.raw(long.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    assert!(server.raw(many.as_bytes()).starts_with("HTTP/1.1 431 "));
    assert_eq!(server.raw(b""), "");
    assert_eq!(server.raw(b"GET / HT"), "");
}

#[test]
fn nothing_outside_the_folder_is_served() {
    let server = start("outside", &[]);
    let outside = server.folder.with_file_name("secret.bin");
    std::fs::write(&outside, "secret").unwrap();
    symlink(&outside, server.folder.join("v2.9.0.0/link.bin")).unwrap();
    symlink(server.folder.parent().unwrap(), server.folder.join("up")).unwrap();
    symlink("ota.bin", server.folder.join("v2.9.0.0/same.bin")).unwrap();
    symlink("loop.bin", server.folder.join("v2.9.0.0/loop.bin")).unwrap();
    std::fs::create_dir(server.folder.join("v2.9.0.0/folder.bin")).unwrap();
    let pipe = server.folder.join("v2.9.0.0/pipe.bin");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    std::fs::write(server.folder.join("v2.9.0.0/.hidden.bin"), "secret").unwrap();
    for (version, file) in [
        ("..", "secret.bin"),
        (".", "../secret.bin"),
        ("v2.9.0.0", "../../secret.bin"),
        ("v2.9.0.0", "..%2f..%2fsecret.bin"),
        ("v2.9.0.0/..", "secret.bin"),
        ("%2e%2e", "secret.bin"),
        ("..\\", "secret.bin"),
        ("v2.9.0.0", "link.bin"),
        ("up", "secret.bin"),
        ("v2.9.0.0", "folder.bin"),
        ("v2.9.0.0", "pipe.bin"),
        ("v2.9.0.0", "loop.bin"),
        ("v2.9.0.0", ".hidden.bin"),
        ("v2.9.0.0", ".bin"),
        ("v2.9.0.0", "ota"),
        ("v2.9.0.0", "ota.bin%00"),
        ("v2.9.0.0", ""),
        (outside.parent().unwrap().to_str().unwrap(), "secret.bin"),
    ] {
        let answer = server.get(&rom(version, file));
        assert!(
            answer.starts_with("HTTP/1.1 404 "),
            "{version} {file}: {answer}"
        );
        assert!(!answer.contains("secret"), "{version} {file}: {answer}");
    }
    let (_, length) = head_and_length(&mut server.asked(&rom("v2.9.0.0", "same.bin"), "1.1"));
    assert_eq!(length, 50_000);
    server
        .espat
        .log_line("file \"loop.bin\": the file cannot be read");
    // What a client sends cannot write control characters to a terminal.
    server.raw(
        b"GET /v1/device/rom/?action=download_rom&version=\xc2\x9b31m&filename=a HTTP/1.1\r\n\r\n",
    );
    assert!(!server.espat.log().contains('\u{9b}'));
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
fn a_stall_keeps_the_connection_open() {
    let server = start("stall", &["--stall-at", "70000"]);
    let mut stream = server.asked(&rom("v2.10.0.0", "ota.bin"), "1.1");
    assert_eq!(head_and_length(&mut stream).1, 300_000);
    let mut body = vec![0; 70_000];
    stream.read_exact(&mut body).unwrap();
    assert!(body[..] == image(300_000)[..70_000]);
    server.espat.log_line("stalls, as asked");
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let error = stream.read(&mut body).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    drop(stream);
    server.espat.log_line("70000/300000 bytes, ");
    server.espat.log_line("s, stalled, as asked");
    // A shorter file has no such byte.
    let mut stream = server.asked(&rom("v2.9.0.0", "ota.bin"), "1.1");
    assert_eq!(head_and_length(&mut stream).1, 50_000);
    stream.read_exact(&mut body[..50_000]).unwrap();
}

#[test]
fn a_cut_is_a_reset_after_the_bytes() {
    let server = start("cut", &["--cut-at", "70000"]);
    let mut stream = server.asked(&rom("v2.10.0.0", "ota.bin"), "1.1");
    assert_eq!(head_and_length(&mut stream).1, 300_000);
    let mut body = vec![];
    let error = stream.read_to_end(&mut body).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    assert_eq!(body.len(), 70_000);
    server.espat.log_line("70000/300000 bytes, ");
    server.espat.log_line("s, cut, as asked");
    let mut stream = server.asked(NEWEST, "1.0");
    assert_eq!(
        head_and_length(&mut stream).1,
        209,
        "only downloads are broken"
    );
}

#[test]
fn a_wrong_length_is_one_byte_too_many() {
    let server = start("length", &["--wrong-length"]);
    let mut stream = server.asked(&rom("v2.9.0.0", "ota.bin"), "1.1");
    assert_eq!(head_and_length(&mut stream).1, 50_001);
    let mut body = vec![];
    stream.read_to_end(&mut body).unwrap();
    assert!(body == image(50_000));
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

#[test]
fn a_terminal_shows_bars() {
    let scratch = Scratch::new("ota-bars");
    let roms = folder(&scratch);
    let (master, slave) = terminal();
    let size = termios::Winsize {
        ws_row: 24,
        ws_col: 120,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    termios::tcsetwinsize(&slave, size).unwrap();
    let mut espat = espat();
    espat
        .args(["ota-server", roms.to_str().unwrap()])
        .args(["--listen", "127.0.0.1:0", "--stall-at", "30000"])
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(slave);
    let mut child = espat.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let at = line.trim().rsplit("//").next().unwrap().parse().unwrap();
    let mut user = Host::new(master.try_clone().unwrap(), Some(master));
    let stream = asked(at, &rom("v2.9.0.0", "ota.bin"), "1.1");
    let shown = user.until("] 30000/50000 bytes, ");
    assert!(shown.contains(" v2.9.0.0 ota.bin ["), "{shown:?}");
    drop(stream);
    user.until(" v2.9.0.0 ota.bin 30000/50000 bytes, ");
    user.until("s, stalled, as asked");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn wrong_usage_names_the_option_the_value_and_the_way_out() {
    let scratch = Scratch::new("ota-usage");
    let roms = folder(&scratch);
    let roms = roms.to_str().unwrap();
    let empty = scratch.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let file = scratch.path("file.pem");
    std::fs::write(&file, "no PEM").unwrap();
    let file = file.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, parts) in [
        (
            &["/nonexistent"][..],
            ["ota-server", "/nonexistent", "DIR/v2.4.0.0/ota.bin"],
        ),
        (&[file], ["ota-server", file, "Not a directory"]),
        (
            &[empty.to_str().unwrap()],
            ["ota-server", "no version", "DIR/v2.4.0.0/ota.bin"],
        ),
        (
            &[roms, "--latest", "v9"],
            ["--latest", "v9", "v2.10.0.0, v2.9.0.0"],
        ),
        (&[roms, "--listen", &taken], ["--listen", &taken, "port 0"]),
        (
            &[roms, "--listen", "192.0.2.1:0"],
            ["--listen", "192.0.2.1:0", "another address"],
        ),
        (
            &[roms, "--listen", "80"],
            ["--listen", "'80'", "127.0.0.1:5000"],
        ),
        (
            &[roms, "--stall-at", "1", "--cut-at", "2"],
            ["--stall-at", "--cut-at", "--help"],
        ),
        (&[roms, "--token", ""], ["--token", "0 bytes", "1 to 256"]),
        (
            &[roms, "--stall-at", "much"],
            ["--stall-at", "'much'", "--help"],
        ),
        (&[roms, "--cert", file], ["--cert", "--key", "--tls"]),
        (
            &[roms, "--tls", "--cert", file, "--key", file],
            ["--cert", file, "BEGIN CERTIFICATE"],
        ),
        (
            &[roms, "--tls", "--cert", "/nonexistent", "--key", file],
            ["--cert", "/nonexistent", "PEM"],
        ),
        (&[], ["<DIR>", "", "--help"]),
    ] {
        let output = espat()
            .arg("ota-server")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        for part in parts {
            assert!(
                message.contains(part),
                "{arguments:?}: no `{part}` in {message}"
            );
        }
    }
}
