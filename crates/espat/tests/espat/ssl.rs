//! SSL links of the binary, with the `openssl` command on the other side.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::{Espat, Host, Scratch};

/// `openssl` at work; it ends with the test.
pub(crate) struct Openssl {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Openssl {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    pub(crate) fn until(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            let n = self.output.read_line(&mut line).unwrap();
            assert!(n > 0, "openssl ends before it says {text:?}");
        }
        line
    }

    pub(crate) fn say(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Whether this computer has the command; the reason for a skip is printed.
pub(crate) fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        println!("skipped: this computer has no `openssl`");
    }
    found
}

/// A self-signed certificate of that name, and its key.
pub(crate) fn make_certificate(name: &str, certificate: &Path, key: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:P-256", "-subj", &format!("/CN={name}")])
        .args(["-keyout", key.to_str().unwrap(), "-out"])
        .arg(certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// The module's clock as this computer's.
fn set_clock(host: &mut Host) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    host.ok(&format!("AT+SYSTIMESTAMP={}", now.as_secs()));
}

/// A module that has joined and knows the time.
fn started(more: &[&str]) -> (Espat, Host) {
    let (espat, mut host) = Espat::on_stdio(more);
    host.until("\r\nready\r\n");
    host.join();
    set_clock(&mut host);
    (espat, host)
}

#[test]
fn a_client_checks_its_server_and_leaves_a_key_log() {
    if !has_openssl() {
        return;
    }
    let scratch = Scratch::new("ssl-client");
    let certs = scratch.path("certs");
    std::fs::create_dir(&certs).unwrap();
    let (ca, key) = (certs.join("client_ca.0.pem"), scratch.path("key.pem"));
    make_certificate("server.test", &ca, &key);
    let mut server = Openssl::start(&[
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-cert",
        ca.to_str().unwrap(),
        "-key",
        key.to_str().unwrap(),
    ]);
    let accept = server.until("ACCEPT 127.0.0.1:");
    let port = accept.trim().rsplit(':').next().unwrap().to_owned();
    let keys = scratch.path("keys.log");
    let arguments = [
        "--certs",
        certs.to_str().unwrap(),
        "--tls-keylog",
        keys.to_str().unwrap(),
    ];
    std::fs::write(&keys, "").unwrap();
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o640)).unwrap();
    let (espat, mut host) = started(&arguments);
    espat.log_line("keys.log: others can read this key log");
    let connect = format!("AT+CIPSTART=\"SSL\",\"127.0.0.1\",{port}");
    host.ok("AT+CIPSSLCCONF=2");
    host.ok("AT+CIPSSLCCN=\"other.test\"");
    host.command(&connect, "ERROR");
    espat.log_line("the peer's certificate was refused: hostname mismatch");
    host.until("CLOSED\r\n");
    host.ok("AT+CIPSSLCCN=\"server.test\"");
    host.ok(&connect);
    host.write("AT+CIPSEND=6\r\n");
    host.until(">");
    host.write("hello\n");
    host.until("SEND OK\r\n");
    server.until("hello");
    server.say("world\n");
    host.until("+IPD,6:world\n");
    host.ok("AT+CIPCLOSE");
    let keys = std::fs::read_to_string(keys).unwrap();
    assert!(keys.starts_with("CLIENT_RANDOM "), "{keys}");
    let secret = keys.split_whitespace().nth(2).unwrap();
    assert!(!espat.log().contains(secret), "secrets are not logged");
    // An end without close_notify is one on the wire, and told apart in the log.
    assert!(!espat.log().contains("without close_notify"));
    host.ok(&connect);
    drop(server);
    host.until("CLOSED\r\n");
    espat.log_line("ended without close_notify");
}

#[test]
fn without_a_time_no_certificate_is_valid_and_the_log_says_why() {
    if !has_openssl() {
        return;
    }
    let scratch = Scratch::new("ssl-dates");
    let (ca, key) = (scratch.path("client_ca.0.pem"), scratch.path("key.pem"));
    make_certificate("server.test", &ca, &key);
    let [cert, key] = [&ca, &key].map(|path| path.to_str().unwrap());
    let arguments = [
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-cert",
        cert,
        "-key",
        key,
    ];
    let mut server = Openssl::start(&arguments);
    let accept = server.until("ACCEPT 127.0.0.1:");
    let port = accept.trim().rsplit(':').next().unwrap().to_owned();
    let folder = ca.parent().unwrap().to_str().unwrap();
    let (espat, mut host) = Espat::on_stdio(&["--certs", folder]);
    host.until("\r\nready\r\n");
    host.join();
    host.ok("AT+CIPSSLCCONF=2");
    let connect = format!("AT+CIPSTART=\"SSL\",\"127.0.0.1\",{port}");
    host.command(&connect, "ERROR");
    espat.log_line("certificate is not yet valid (it is 1970 on the module's clock");
    host.until("CLOSED\r\n");
    set_clock(&mut host);
    host.ok(&connect);
}

#[test]
fn a_server_keeps_its_own_certificate_in_the_state() {
    if !has_openssl() {
        return;
    }
    let scratch = Scratch::new("ssl-server");
    let state = scratch.path("state");
    let mut fingerprints = vec![];
    for _ in 0..2 {
        let arguments = [
            "--state",
            state.to_str().unwrap(),
            "--publish",
            "443=127.0.0.1:0",
        ];
        let (espat, mut host) = started(&arguments);
        host.ok("AT+CIPMUX=1");
        host.ok("AT+CIPSERVER=1,443,\"SSL\"");
        let line = espat.log_line("shows a self-signed certificate, SHA-256 ");
        fingerprints.push(line.rsplit(' ').next().unwrap().to_owned());
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
    let file = state.join("certs/self_signed_server.pem");
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(file.clone()), mode(state.join("certs"))),
        (0o600, 0o700)
    );
    // It stays in use when others can read it, with a warning.
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (espat, mut host) = started(&[
        "--state",
        state.to_str().unwrap(),
        "--publish",
        "443=127.0.0.1:0",
    ]);
    host.ok("AT+CIPMUX=1");
    host.ok("AT+CIPSERVER=1,443,\"SSL\"");
    espat.log_line("self_signed_server.pem: others can read or change this private key");
    let line = espat.log_line("shows a self-signed certificate, SHA-256 ");
    assert!(line.ends_with(&fingerprints[0]));
}

#[test]
fn keys_that_others_can_read_are_used_with_a_warning() {
    if !has_openssl() {
        return;
    }
    let scratch = Scratch::new("ssl-mode");
    let (cert, key) = (
        scratch.path("client_cert.0.pem"),
        scratch.path("client_key.0.pem"),
    );
    make_certificate("me", &cert, &key);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let folder = key.parent().unwrap().to_str().unwrap();
    let (espat, mut host) = started(&["--certs", folder]);
    espat.log_line("client_key.0.pem: others can read or change this private key");
    host.ok("AT+CIPSSLCCONF=1");
}

#[test]
fn folders_and_files_that_cannot_be_used_are_named() {
    for (option, value, what) in [
        ("--certs", "/nonexistent/certs", "cannot read the folder"),
        (
            "--tls-keylog",
            "/nonexistent/keys.log",
            "cannot open the file",
        ),
    ] {
        let output = crate::harness::espat()
            .args(["--stdio", option, value])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        for part in [option, value, what] {
            assert!(said.contains(part), "{said}");
        }
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "one session")]
fn nothing_secret_is_logged() {
    if !has_openssl() {
        return;
    }
    let scratch = Scratch::new("ssl-secrets");
    let certs = scratch.path("certs");
    std::fs::create_dir(&certs).unwrap();
    let (cert, key) = (
        certs.join("client_cert.0.pem"),
        certs.join("client_key.0.pem"),
    );
    make_certificate("me", &cert, &key);
    let (state, keys) = (scratch.path("state"), scratch.path("keys.log"));
    // "geheimnis", in hexadecimal.
    let mut server = Openssl::start(&[
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-nocert",
        "-psk",
        "67656865696d6e6973",
    ]);
    let accept = server.until("ACCEPT 127.0.0.1:");
    let port = accept.trim().rsplit(':').next().unwrap().to_owned();
    let (espat, mut host) = started(&[
        "--log",
        "trace",
        "--certs",
        certs.to_str().unwrap(),
        "--state",
        state.to_str().unwrap(),
        "--tls-keylog",
        keys.to_str().unwrap(),
        "--publish",
        "443=127.0.0.1:0",
    ]);
    host.ok("AT+CIPSSLCCONF=1");
    host.ok("AT+CIPSSLCPSK=\"geheimnis\",\"Client_identity\"");
    host.ok(&format!("AT+CIPSTART=\"SSL\",\"127.0.0.1\",{port}"));
    host.write("AT+CIPSEND=8\r\n");
    host.until(">");
    host.write("payload\n");
    host.until("SEND OK\r\n");
    server.until("payload");
    host.ok("AT+CIPCLOSE");
    host.ok("AT+CIPSSLCPSK=\"falsches\",\"Client_identity\"");
    host.command(
        &format!("AT+CIPSTART=\"SSL\",\"127.0.0.1\",{port}"),
        "ERROR",
    );
    host.ok("AT+CIPMUX=1");
    host.ok("AT+CIPSERVER=1,443,\"SSL\"");
    espat.log_line("shows a self-signed certificate");
    let mut secrets = vec![
        "geheimnis".to_owned(),
        "falsches".to_owned(),
        "67656865696d6e6973".to_owned(),
        "payload".to_owned(),
    ];
    for pem in [key, state.join("certs/self_signed_server.pem")] {
        let pem = std::fs::read_to_string(pem).unwrap();
        let (key, _) = pem.split_once("-----END PRIVATE KEY").unwrap();
        secrets.extend(key.lines().skip(1).map(str::to_owned));
    }
    let keys = std::fs::read_to_string(keys).unwrap();
    secrets.extend(
        keys.lines()
            .filter_map(|line| line.split(' ').nth(2))
            .map(str::to_owned),
    );
    assert!(secrets.len() > 8, "{secrets:?}");
    let log = espat.log();
    assert!(log.lines().count() > 3, "{log}");
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret:?} is in the log");
    }
}

#[test]
fn files_that_are_no_certificates_are_named_and_count_as_empty() {
    if !has_openssl() {
        return;
    }
    let scratch = Scratch::new("ssl-files");
    let good = scratch.path("client_ca.9.pem");
    make_certificate("ca", &good, &scratch.path("key.pem"));
    let pem = std::fs::read(&good).unwrap();
    let fifo = scratch.path("client_ca.0.pem");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    std::fs::create_dir(scratch.path("client_ca.1.pem")).unwrap();
    let put = |number: u8, bytes: &[u8]| {
        let path = scratch.path(&format!("client_ca.{number}.pem"));
        std::fs::write(path, bytes).unwrap();
    };
    put(2, b"");
    put(3, b"\0\xff no certificate");
    put(4, &pem[..pem.len() / 2]);
    put(5, &[pem.clone(), pem[..pem.len() / 2].to_vec()].concat());
    put(6, &pem.repeat(600));
    put(7, &pem.repeat(100));
    let (espat, mut host) = started(&["--certs", fifo.parent().unwrap().to_str().unwrap()]);
    for (number, said) in [
        (0, "it is no file"),
        (1, "it is no file"),
        (2, "not certificates in PEM form"),
        (3, "not certificates in PEM form"),
        (4, "not certificates in PEM form"),
        (5, "not certificates in PEM form"),
        (6, "256 KiB are enough for certificates"),
    ] {
        let line = espat.log_line(&format!("client_ca.{number}.pem: "));
        assert!(
            line.contains(said) && line.contains("counts as empty"),
            "{line}"
        );
        host.write(format!("AT+CIPSSLCCONF=2,0,{number}\r\n"));
        host.until("NO CA FOUND\r\n\r\nERROR\r\n");
    }
    // Many certificates, one of them often, are fine.
    host.ok("AT+CIPSSLCCONF=2,0,7");
    host.ok("AT+CIPSSLCCONF=2,0,9");
}
