//! `--pcap`: its blocks are whole, and Wireshark's tshark reads what the links carried.

use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::harness::{self, Espat, Host, Scratch, echo_peer, free_place};
use crate::record::{publish, send};
use crate::ssl::{Openssl, has_openssl, make_certificate};

const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const SECRETS: u32 = 10;

/// A block: its type and its body.
type Block = (u32, Vec<u8>);

/// The blocks of a capture, every length of which has to be right.
fn blocks(file: &Path) -> Vec<Block> {
    let bytes = std::fs::read(file).unwrap();
    let number = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut blocks = vec![];
    let mut at = 0;
    while at < bytes.len() {
        let len = usize::try_from(number(at + 4)).unwrap();
        assert!(
            len >= 12 && len % 4 == 0 && at + len <= bytes.len(),
            "block at {at}: {len}"
        );
        assert_eq!(
            usize::try_from(number(at + len - 4)).unwrap(),
            len,
            "block at {at}"
        );
        blocks.push((number(at), bytes[at + 8..at + len - 4].to_vec()));
        at += len;
    }
    assert_eq!(blocks[0].0, 0x0a0d_0d0a);
    assert_eq!(blocks[1].0, INTERFACE);
    blocks
}

/// The packet of a block, from its IP header on.
fn packet((_, body): &Block) -> &[u8] {
    let len = u32::from_ne_bytes(body[12..16].try_into().unwrap());
    assert_eq!(body[12..16], body[16..20], "a packet is whole");
    &body[20..20 + usize::try_from(len).unwrap()]
}

/// What `tshark` prints; `None`, with a printed reason, where it is not there.
fn tshark(file: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file)
        .args(arguments)
        .output();
    let Ok(output) = output else {
        println!("skipped: this computer has no `tshark`");
        return None;
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn end(mut espat: Espat, host: Host) {
    espat.signal(Signal::TERM);
    assert_eq!(espat.exit().code(), Some(0), "{}", espat.log());
    drop(host);
}

/// One there and one back.
fn datagrams(host: &mut Host) {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    host.ok(&format!("AT+CIPSTART=\"UDP\",\"127.0.0.1\",{port}"));
    send(host, "AT+CIPSEND=", "datagram");
    let (_, module) = other.recv_from(&mut [0; 100]).unwrap();
    other.send_to(b"answer", module).unwrap();
    host.until("+IPD,6:answer");
    host.ok("AT+CIPCLOSE");
}

/// A client of the module's own server.
fn serve(host: &mut Host, server: SocketAddr) {
    host.ok("AT+CIPMUX=1");
    host.ok("AT+CIPSERVER=1,80");
    let mut client = TcpStream::connect(server).unwrap();
    client.write_all(b"a client's").unwrap();
    host.until("+IPD,0,10:a client's");
    drop(client);
    host.until("0,CLOSED\r\n");
}

#[test]
fn tcp_and_udp_stand_in_a_capture_with_consistent_numbers() {
    let scratch = Scratch::new("pcap");
    let file = scratch.path("links.pcapng");
    let server = free_place();
    let publish = publish(server);
    let options = ["--pcap", file.to_str().unwrap(), "--publish", &publish];
    let (espat, mut host) = Espat::on_stdio(&options);
    host.until("\r\nready\r\n");
    host.join();
    let peer = echo_peer();
    host.ok(&format!(
        "AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}",
        peer.port()
    ));
    send(&mut host, "AT+CIPSEND=", &"0123456789".repeat(200));
    let mut back = 0;
    while back < 2000 {
        host.until("+IPD,");
        let n: usize = host.until(":").trim_end_matches(':').parse().unwrap();
        host.exactly(n);
        back += n;
    }
    host.ok("AT+CIPCLOSE");
    datagrams(&mut host);
    serve(&mut host, server);
    end(espat, host);

    let blocks = blocks(&file);
    let packets: Vec<_> = blocks
        .iter()
        .filter(|b| b.0 == PACKET)
        .map(packet)
        .collect();
    let of = |protocol: u8| {
        packets
            .iter()
            .filter(move |p| p[0] == 0x45 && p[9] == protocol)
    };
    assert_eq!(of(17).count(), 2);
    // SYN of both, FIN, and no segment that begins where none can.
    assert_eq!(of(6).filter(|p| p[33] & 2 != 0).count(), 4);
    assert!(of(6).any(|p| p[33] & 1 != 0));
    for name in [b"s0", b"a0"] {
        let says = |body: &[u8]| body.windows(2).any(|w| w == name);
        assert!(blocks.iter().any(|(_, body)| says(body)));
    }

    let Some(stream) = tshark(&file, &["-q", "-z", "follow,tcp,ascii,0"]) else {
        return;
    };
    assert_eq!(stream.matches("0123456789").count(), 400, "{stream}");
    let flaws = tshark(
        &file,
        &[
            "-Y",
            "tcp.analysis.flags or _ws.malformed or tcp.checksum.status==0",
        ],
    );
    assert_eq!(flaws.unwrap(), "");
    let shown = tshark(&file, &["-T", "fields", "-e", "udp.length", "-Y", "udp"]);
    assert_eq!(shown.unwrap(), "16\n14\n");
}

#[test]
fn a_capture_with_secrets_is_decrypted() {
    if !has_openssl() {
        return;
    }
    let scratch = Scratch::new("pcap-ssl");
    let (file, keys) = (scratch.path("links.pcapng"), scratch.path("keys.log"));
    let (certificate, key) = (scratch.path("cert.pem"), scratch.path("key.pem"));
    make_certificate("server.test", &certificate, &key);
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let mut server = Openssl::start(&[
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-cert",
        certificate,
        "-key",
        key,
    ]);
    let accept = server.until("ACCEPT 127.0.0.1:");
    let port = accept.trim().rsplit(':').next().unwrap();
    let options = [
        "--pcap",
        file.to_str().unwrap(),
        "--tls-keylog",
        keys.to_str().unwrap(),
    ];
    let (espat, mut host) = Espat::on_stdio(&options);
    host.until("\r\nready\r\n");
    host.join();
    host.ok(&format!("AT+CIPSTART=\"SSL\",\"127.0.0.1\",{port}"));
    send(&mut host, "AT+CIPSEND=", "GET /secret HTTP/1.0\n");
    server.until("GET /secret");
    server.say("HTTP/1.0 200 OK\n");
    host.until("200 OK\n");
    host.ok("AT+CIPCLOSE");
    end(espat, host);

    let blocks = blocks(&file);
    let all: Vec<u8> = blocks
        .iter()
        .filter(|b| b.0 == PACKET)
        .flat_map(|b| packet(b).to_vec())
        .collect();
    assert!(
        !all.windows(11).any(|w| w == b"GET /secret"),
        "it is as it was on the wire"
    );
    let secrets = blocks.iter().position(|b| b.0 == SECRETS).expect("secrets");
    let first = blocks.iter().position(|b| b.0 == PACKET).unwrap();
    assert!(
        secrets < first,
        "readers want the secrets before the packets"
    );
    let Some(stream) = tshark(
        &file,
        &[
            "-d",
            &format!("tcp.port=={port},tls"),
            "-q",
            "-z",
            "follow,tls,ascii,0",
        ],
    ) else {
        return;
    };
    assert!(
        stream.contains("GET /secret HTTP/1.0") && stream.contains("HTTP/1.0 200 OK"),
        "{stream}"
    );
}

#[test]
fn a_capture_is_never_written_over_and_needs_no_secrets() {
    let scratch = Scratch::new("pcap-taken");
    let file = scratch.path("mine");
    std::fs::write(&file, "mine").unwrap();
    let output = harness::espat()
        .args(["--stdio", "--pcap"])
        .arg(&file)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains("--pcap") && message.contains("not written over"),
        "{message}"
    );
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}
