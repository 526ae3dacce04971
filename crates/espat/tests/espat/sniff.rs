//! `espat sniff` between a host and a module, whose part `espat run` plays.

use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::harness::{self, Espat, Host, Scratch, echo_peer, wait_for};
use crate::record::{PASSWORD, send};

/// A sniffer on a module's port: the sniffer, and the link that its host opens.
fn sniff(scratch: &Scratch, device: &Path, more: &[&str]) -> (Espat, PathBuf) {
    let link = scratch.path("sniffed");
    let mut arguments = vec!["sniff", device.to_str().unwrap()];
    arguments.extend(["--pty", link.to_str().unwrap()]);
    arguments.extend_from_slice(more);
    let espat = Espat::start(&arguments);
    if more.contains(&"--record") {
        assert!(espat.line().starts_with("pty "));
    } else {
        espat.log_line("pty ");
    }
    (espat, link)
}

/// The module starts when the sniffer opens its port, whether or not there is a host.
fn open(link: &Path) -> Host {
    let mut host = Host::open(link);
    host.ok("AT");
    host
}

#[test]
fn what_was_heard_holds_on_the_module_again() {
    let scratch = Scratch::new("sniff");
    let (module, port) = Espat::on_pty(&scratch, &["--power", "now"]);
    // What it says at its start is over before anybody listens.
    module.log_line("ready");
    let file = scratch.path("heard.at");
    let options = ["--record-payload", "--record", file.to_str().unwrap()];
    let (mut sniffer, link) = sniff(&scratch, &port, &options);
    let mut host = open(&link);
    host.join();
    // The peer is there for both runs: of a line alone nobody knows what a peer said by itself.
    let peer = echo_peer();
    host.ok(&format!(
        "AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}",
        peer.port()
    ));
    send(&mut host, "AT+CIPSEND=", "hello");
    host.until("+IPD,5:hello");
    send(&mut host, "AT+CIPSEND=", &"0123456789".repeat(40));
    host.until("+IPD,400:");
    host.exactly(400);
    host.ok("AT+CIPCLOSE");
    host.write("AT+GMR\r\n");
    host.until("OK\r\n");
    sniffer.signal(Signal::TERM);
    assert_eq!(sniffer.exit().code(), Some(0), "{}", sniffer.log());
    drop(host);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# Heard between"), "{text}");
    assert!(text.contains("-> AT+CWJAP=\"lab\",\"{secret}\""), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
    assert!(
        text.contains("-> 0123456789012345{payload 368 crc32:"),
        "{text}"
    );
    assert!(text.contains("<- +IPD,5:hello"), "{text}");

    let other = Scratch::new("sniff-again");
    let (_fresh, port) = Espat::on_pty(&other, &[]);
    let output = harness::espat()
        .args([
            "replay",
            "--secret",
            &format!("secret={PASSWORD}"),
            "--port",
        ])
        .arg(&port)
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}\n{text}");
}

#[test]
fn a_transcript_goes_to_standard_output_where_no_file_is_named() {
    let scratch = Scratch::new("sniff-stdout");
    let (_module, port) = Espat::on_pty(&scratch, &["--power", "now"]);
    let (sniffer, link) = sniff(&scratch, &port, &[]);
    let mut host = Host::open(&link);
    host.ok("AT");
    assert!(
        sniffer
            .line()
            .starts_with("# Heard between a host and a module: ")
    );
    let mut steps = vec![];
    while steps.last().is_none_or(|step| step != "<- OK") {
        let line = sniffer.line();
        if !line.starts_with('~') {
            steps.push(line);
        }
    }
    assert_eq!(steps.join("|"), "-> AT|<- AT|<-|<- OK");
}

#[test]
fn bytes_go_through_unchanged_whatever_they_are() {
    let scratch = Scratch::new("sniff-bytes");
    let (_module, port) = Espat::on_pty(&scratch, &[]);
    let file = scratch.path("heard.at");
    let (_sniffer, link) = sniff(&scratch, &port, &["--record", file.to_str().unwrap()]);
    let mut host = open(&link);
    host.join();
    let peer = echo_peer();
    host.ok(&format!(
        "AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}",
        peer.port()
    ));
    host.ok("AT+CIPMODE=1");
    host.write("AT+CIPSEND\r\n");
    host.until("\r\n>");
    let all: Vec<u8> = (0..200_000_u32)
        .map(|i| (i ^ (i >> 8)).to_le_bytes()[0])
        .collect();
    host.write(&all);
    assert!(host.exactly(all.len()) == all);
}

#[test]
fn a_module_that_is_unplugged_ends_it_with_a_message_and_a_whole_record() {
    let scratch = Scratch::new("sniff-unplugged");
    let (module, port) = Espat::on_pty(&scratch, &[]);
    let file = scratch.path("heard.at");
    let (mut sniffer, link) = sniff(&scratch, &port, &["--record", file.to_str().unwrap()]);
    wait_for("the boot text", || {
        std::fs::read_to_string(&file)
            .unwrap()
            .contains("<- ready\n")
    });
    let mut host = open(&link);
    host.ok("AT");
    drop(module);
    assert_eq!(sniffer.exit().code(), Some(1), "{}", sniffer.log());
    let line = sniffer.log_line("is lost");
    assert!(line.contains("what came before it is recorded"), "{line}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("@boot explicit\n# Heard between"),
        "{text}"
    );
    assert!(text.ends_with("<- OK\n"), "{text}");
}

#[test]
fn a_device_that_is_not_there_is_wrong_usage() {
    let output = harness::espat()
        .args(["sniff", "/nowhere/ttyUSB9"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/ttyUSB9"));
}
