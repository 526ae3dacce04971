//! `--record`: what a module did, as a transcript that holds.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{self, DEADLINE, Espat, Host, Scratch, echo_peer, free_place, wait_for};
use crate::ssl::{Openssl, has_openssl, make_certificate};

pub(crate) const FAST: &[&str] = &["--timing", "fast"];
pub(crate) const PASSWORD: &str = "secret1234";

/// Runs a record, which has to hold.
#[track_caller]
fn holds(record: &Path) {
    if let Err(why) = runs(record) {
        panic!("{why}");
    }
}

/// Whether a record holds; otherwise why not.
fn runs(record: &Path) -> Result<(), String> {
    let output = harness::espat().arg("replay").arg(record).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let text = std::fs::read_to_string(record).unwrap();
    match output.status.code() {
        Some(0) => Ok(()),
        _ => Err(format!("{said}\n{text}")),
    }
}

/// Makes a record until one holds.
///
/// The module's own delays are those of the machine where that is held up: what it said late stands in the record after a time that a
/// replay, which is never late, does not let pass. So a record that does not hold is made again, and named.
#[track_caller]
fn some_holds(mut make: impl FnMut(usize) -> Result<(), String>) {
    const TRIES: usize = 5;
    for attempt in 1.. {
        let Err(why) = make(attempt) else { return };
        assert!(attempt < TRIES, "{why}");
        println!("a record did not hold at once:\n{why}");
    }
}

pub(crate) fn start(scratch: &Scratch, record: &Path, more: &[&str]) -> (Espat, Host) {
    let link = scratch.path("port");
    let mut options = vec!["--record", record.to_str().unwrap()];
    options.extend(["--pty", link.to_str().unwrap()]);
    options.extend_from_slice(more);
    let espat = Espat::start(&options);
    espat.line();
    let host = Host::open_and_start(&link);
    (espat, host)
}

pub(crate) fn send(host: &mut Host, command: &str, payload: &str) {
    host.write(format!("{command}{}\r\n", payload.len()));
    host.until(">");
    host.write(payload);
    host.until("\r\nSEND OK\r\n");
}

/// What a driver does in a day, over `peer` and the module's own server at `server`.
pub(crate) fn session(host: &mut Host, peer: SocketAddr, server: SocketAddr) {
    host.join();
    let start = format!("AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}", peer.port());
    host.ok(&start);
    send(host, "AT+CIPSEND=", "hello");
    host.until("+IPD,5:hello");
    // Longer than what is written out in full.
    send(host, "AT+CIPSEND=", &"0123456789".repeat(100));
    host.until("+IPD,1000:");
    host.exactly(1000);
    host.ok("AT+CIPCLOSE");

    host.ok("AT+CIPMUX=1");
    host.ok("AT+CIPRECVMODE=1");
    host.ok("AT+CIPSERVER=1,80");
    let mut client = TcpStream::connect(server).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    host.until("0,CONNECT\r\n");
    client.write_all(b"passive data").unwrap();
    host.until("+IPD,0,12\r\n");
    host.write("AT+CIPRECVDATA=0,100\r\n");
    host.until("+CIPRECVDATA:12,passive data\r\nOK\r\n");
    send(host, "AT+CIPSEND=0,", "answer");
    let mut answer = [0; 6];
    client.read_exact(&mut answer).unwrap();
    drop(client);
    host.until("0,CLOSED\r\n");
    host.ok("AT+CIPSERVER=0");
    host.ok("AT+CIPRECVMODE=0");
    host.ok("AT+CIPMUX=0");
}

pub(crate) fn passthrough(host: &mut Host, peer: SocketAddr) {
    host.ok(&format!(
        "AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}",
        peer.port()
    ));
    host.ok("AT+CIPMODE=1");
    host.write("AT+CIPSEND\r\n");
    host.until("\r\n>");
    let long = "passthrough ".repeat(300);
    host.write(&long);
    assert_eq!(host.exactly(long.len()), long.as_bytes());
    leave_passthrough(host);
    host.ok("AT+CIPMODE=0");
    host.ok("AT+CIPCLOSE");
}

/// Leaves passthrough to a peer that sends back what it gets; the module's own echo is off.
fn leave_passthrough(host: &mut Host) {
    for _ in 0..10 {
        // The guard time around `+++` is real time. Where the module is held up meanwhile, all of it is payload and comes back.
        std::thread::sleep(Duration::from_millis(60));
        host.write("+++");
        std::thread::sleep(Duration::from_millis(1100));
        host.write("AT\r\n");
        if host.until("\r\n") == "\r\n" {
            host.until("OK\r\n");
            return;
        }
    }
    panic!("the module stays in passthrough");
}

fn ssl(host: &mut Host, scratch: &Scratch) {
    let (certificate, key) = (scratch.path("cert.pem"), scratch.path("key.pem"));
    make_certificate("server.test", &certificate, &key);
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let arguments = ["-accept", "127.0.0.1:0", "-cert", certificate, "-key", key];
    let mut server = Openssl::start(&[&["s_server"][..], &arguments].concat());
    let accept = server.until("ACCEPT 127.0.0.1:");
    let port = accept.trim().rsplit(':').next().unwrap();
    host.ok(&format!("AT+CIPSTART=\"SSL\",\"127.0.0.1\",{port}"));
    send(host, "AT+CIPSEND=", "hello\n");
    server.until("hello");
    server.say("world\n");
    host.until("+IPD,6:world\n");
    host.ok("AT+CIPCLOSE");
}

/// The option's value that has it there.
pub(crate) fn publish(server: SocketAddr) -> String {
    format!("80={server}")
}

pub(crate) fn reset(host: &mut Host) {
    host.ok("AT+RST");
    host.until("\r\nready\r\n");
    host.ok("AT");
}

#[test]
fn a_record_of_a_session_holds_and_tells_no_password() {
    for timing in ["fast", "realistic"] {
        some_holds(|attempt| recorded_session(timing, attempt));
    }
}

/// Makes a record of a session; whether it holds.
fn recorded_session(timing: &str, attempt: usize) -> Result<(), String> {
    let scratch = Scratch::new(&format!("record-{timing}-{attempt}"));
    let record = scratch.path("session.at");
    let server = free_place();
    let publish = publish(server);
    let options = [
        "--timing",
        timing,
        "--record-payload",
        "--publish",
        &publish,
    ];
    let (mut espat, mut host) = start(&scratch, &record, &options);
    let peer = echo_peer();
    session(&mut host, peer, server);
    passthrough(&mut host, peer);
    if has_openssl() {
        ssl(&mut host, &scratch);
    }
    reset(&mut host);
    espat.signal(Signal::TERM);
    assert_eq!(espat.exit().code(), Some(0), "{}", espat.log());
    let text = std::fs::read_to_string(&record).unwrap();
    assert!(text.starts_with("@boot explicit\n"), "{text}");
    assert!(text.contains("AT+CWJAP=\"lab\",\"{secret}\""), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
    assert!(
        text.contains("{payload ") && text.contains(" at:"),
        "{text}"
    );
    let payload = std::fs::read(payload_of(&record)).unwrap();
    assert!(payload.len() > 3000, "{}", payload.len());
    runs(&record)
}

fn payload_of(record: &Path) -> PathBuf {
    format!("{}.payload", record.display()).into()
}

#[test]
fn a_record_of_a_module_that_was_broken_on_purpose_breaks_again() {
    for scenario in ["ipd-inside-send", "one-byte-at-a-time", "jitter"] {
        some_holds(|attempt| recorded_fault(scenario, attempt));
    }
}

/// Makes a record of a module with a fault; whether it holds.
fn recorded_fault(scenario: &str, attempt: usize) -> Result<(), String> {
    let scratch = Scratch::new(&format!("record-{scenario}-{attempt}"));
    let record = scratch.path("broken.at");
    let options = ["--fault", scenario, "--seed", "7"];
    let (mut espat, mut host) = start(&scratch, &record, &[FAST, &options].concat());
    host.join();
    let peer = echo_peer();
    host.ok(&format!(
        "AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}",
        peer.port()
    ));
    for _ in 0..2 {
        send(&mut host, "AT+CIPSEND=", "hello");
    }
    host.ok("AT+CIPCLOSE");
    espat.signal(Signal::TERM);
    assert_eq!(espat.exit().code(), Some(0), "{}", espat.log());
    let text = std::fs::read_to_string(&record).unwrap();
    let directives = format!("\n@fault {scenario}\n@fault-seed 7\n\n");
    assert!(text.contains(&directives), "{text}");
    runs(&record)
}

#[test]
fn a_record_that_leaves_payload_out_says_what_was_there() {
    let scratch = Scratch::new("record-left-out");
    let record = scratch.path("bug.at");
    let (mut espat, mut host) = start(&scratch, &record, FAST);
    host.join();
    host.ok(&format!(
        "AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}",
        echo_peer().port()
    ));
    send(&mut host, "AT+CIPSEND=", &"0123456789".repeat(100));
    host.until("+IPD,1000:");
    host.exactly(1000);
    espat.signal(Signal::INT);
    assert_eq!(espat.exit().code(), Some(0));
    let text = std::fs::read_to_string(&record).unwrap();
    let line = "-> 0123456789012345{payload 968 crc32:";
    assert!(text.contains(line), "{text}");
    assert!(
        text.contains("+IPD,1000:0123456789012345{payload 968 crc32:"),
        "{text}"
    );
    assert!(!payload_of(&record).exists());
    let output = harness::espat()
        .arg("replay")
        .arg(&record)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("--record-payload"));
}

#[test]
fn a_record_is_usable_after_a_kill_and_never_written_over() {
    let scratch = Scratch::new("record-kill");
    let record = scratch.path("killed.at");
    let (mut espat, mut host) = start(&scratch, &record, FAST);
    host.ok("AT+CWMODE=1");
    wait_for("the record", || {
        std::fs::read_to_string(&record)
            .unwrap()
            .contains("<- OK\n")
    });
    espat.signal(Signal::KILL);
    espat.exit();
    let before = std::fs::read_to_string(&record).unwrap();
    assert!(before.ends_with('\n'), "{before}");
    holds(&record);
    let again = harness::espat()
        .args(["--stdio", "--record"])
        .arg(&record)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(2), "{message}");
    assert!(
        message.contains("--record") && message.contains("there already"),
        "{message}"
    );
    assert_eq!(std::fs::read_to_string(&record).unwrap(), before);
}

#[test]
fn a_full_disk_ends_the_record_and_not_the_module() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        println!("skipped: this computer has no /dev/full");
        return;
    }
    let scratch = Scratch::new("record-full");
    // A file there already is refused, and so a limit of the process stands for the disk.
    let record = scratch.path("full.at");
    let mut command = std::process::Command::new("sh");
    let program = harness::espat();
    command
        .arg("-c")
        // XFSZ is ignored, so that writing fails instead; 2 blocks are 1 KiB.
        .arg("trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\"")
        .arg(program.get_program())
        .args(["--record", record.to_str().unwrap()]);
    let (mut espat, mut host) = Espat::on_stdio_of(command, &[]);
    host.until("\r\nready\r\n");
    for _ in 0..200 {
        host.ok("AT");
    }
    espat.log_line("the record ends here");
    host.ok("AT");
    host.close_input();
    host.rest();
    assert_eq!(espat.exit().code(), Some(0));
    let text = std::fs::read_to_string(&record).unwrap();
    assert!(text.ends_with('\n') && text.len() > 500, "{text}");
}
