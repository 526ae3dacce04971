//! Links over real sockets: clients, servers, data in bulk.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use crate::harness::{DEADLINE, Espat, Host, Scratch, echo_peer};

/// Payload in which every position can be told from its neighbours, with everything that a terminal would change.
fn payload(n: usize) -> Vec<u8> {
    (0..n)
        .map(|i| (i ^ (i >> 8).wrapping_mul(31) ^ (i >> 16).wrapping_mul(7)).to_le_bytes()[0])
        .collect()
}

/// Reads the next `+IPD,<n>:` and its payload.
fn ipd(host: &mut Host) -> Vec<u8> {
    host.until("+IPD,");
    let n = host.until(":");
    let n = n.trim_end_matches(':').parse().unwrap();
    host.exactly(n)
}

#[test]
fn a_tcp_client_sends_and_receives_over_a_pty() {
    let scratch = Scratch::new("client");
    let (_espat, link) = Espat::on_pty(&scratch, &[]);
    let mut host = Host::open_and_start(&link);
    host.join();
    let peer = echo_peer();
    let connected = host.ok(&format!(
        "AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}",
        peer.port()
    ));
    assert_eq!(connected, "CONNECT\r\n\r\nOK\r\n");
    host.write("AT+CIPSEND=5\r\n");
    host.until(">");
    host.write("hello");
    host.until("\r\nSEND OK\r\n");
    assert_eq!(ipd(&mut host), b"hello");
    host.ok("AT+CIPCLOSE");
}

#[test]
fn a_map_leads_a_name_to_a_peer_without_resolving_it() {
    let peer = echo_peer();
    let map = format!("broker.invalid:1883={peer}");
    let (_espat, mut host) = Espat::on_stdio(&["--offline", "--map", &map]);
    host.until("\r\nready\r\n");
    host.join();
    host.ok("AT+CIPSTART=\"TCP\",\"broker.invalid\",1883");
}

#[test]
fn what_the_policy_denies_is_not_reached() {
    let peer = echo_peer();
    let (_espat, mut host) = Espat::on_stdio(&["--deny", "127.0.0.0/8"]);
    host.until("\r\nready\r\n");
    host.join();
    host.command(
        &format!("AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}", peer.port()),
        "ERROR",
    );
}

#[test]
fn a_server_whose_port_is_taken_gets_a_free_one_that_the_log_names() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let publish = format!("80={}", taken.local_addr().unwrap());
    let (espat, mut host) = Espat::on_stdio(&["--publish", &publish]);
    host.until("\r\nready\r\n");
    host.join();
    host.ok("AT+CIPMUX=1");
    host.ok("AT+CIPSERVER=1,80");
    let line = espat.log_line("is reached at ");
    let (_, addr) = line.rsplit_once(' ').unwrap();
    let addr: SocketAddr = addr.parse().unwrap();
    let mut client = TcpStream::connect(addr).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    host.until("0,CONNECT\r\n");
    client.write_all(b"ping").unwrap();
    assert_eq!(host.until("ping"), "\r\n+IPD,0,4:ping");
    host.write("AT+CIPSEND=0,4\r\n");
    host.until(">");
    host.write("pong");
    host.until("\r\nSEND OK\r\n");
    let mut answer = [0; 4];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"pong");
    drop(client);
    host.until("0,CLOSED\r\n");
}

#[test]
fn a_megabyte_goes_out_and_comes_back_unchanged() {
    const CHUNK: usize = 2048;
    let scratch = Scratch::new("megabyte");
    let (_espat, link) = Espat::on_pty(&scratch, &[]);
    let mut host = Host::open_and_start(&link);
    host.join();
    host.ok(&format!(
        "AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}",
        echo_peer().port()
    ));
    let sent = payload(1 << 20);
    let mut back = vec![];
    for chunk in sent.chunks(CHUNK) {
        host.write(format!("AT+CIPSEND={}\r\n", chunk.len()));
        host.until(">");
        host.write(chunk);
        host.until("\r\nSEND OK\r\n");
        let due = back.len() + chunk.len();
        while back.len() < due {
            back.extend(ipd(&mut host));
        }
    }
    assert!(
        back == sent,
        "what came back differs at byte {:?}",
        back.iter().zip(&sent).position(|(a, b)| a != b)
    );
}

#[test]
fn datagrams_go_both_ways_and_keep_their_bounds() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(DEADLINE)).unwrap();
    let (_espat, mut host) = Espat::on_stdio(&[]);
    host.until("\r\nready\r\n");
    host.join();
    let port = peer.local_addr().unwrap().port();
    host.ok(&format!("AT+CIPSTART=\"UDP\",\"127.0.0.1\",{port}"));
    host.write("AT+CIPSEND=4\r\n");
    host.until(">");
    host.write("ping");
    host.until("\r\nSEND OK\r\n");
    let mut datagram = [0; 100];
    let (n, module) = peer.recv_from(&mut datagram).unwrap();
    assert_eq!(&datagram[..n], b"ping");
    peer.send_to(b"one", module).unwrap();
    peer.send_to(b"three", module).unwrap();
    assert_eq!(ipd(&mut host), b"one");
    assert_eq!(ipd(&mut host), b"three");
}

#[test]
fn a_session_in_realistic_timing_takes_plausible_times() {
    let start = Instant::now();
    let (_espat, mut host) = Espat::on_stdio(&["--timing", "realistic"]);
    host.until("\r\nready\r\n");
    let boot = start.elapsed();
    assert!(boot > Duration::from_millis(200), "booted in {boot:?}");
    host.ok("ATE0");
    host.ok("AT+CWMODE=1");
    let start = Instant::now();
    host.ok("AT+CWJAP=\"lab\",\"secret1234\"");
    let join = start.elapsed();
    assert!(join > Duration::from_millis(500), "joined in {join:?}");
    host.ok(&format!(
        "AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}",
        echo_peer().port()
    ));
    host.write("AT+CIPSEND=2048\r\n");
    host.until(">");
    let sent = payload(2048);
    // Not from the send's result on: the echo may have begun before this thread has read it.
    let start = Instant::now();
    host.write(&sent);
    host.until("\r\nSEND OK\r\n");
    let back = ipd(&mut host);
    // 2048 bytes of ten bits at 115200 baud.
    let paced = start.elapsed();
    assert!(
        paced > Duration::from_millis(150),
        "2048 bytes came in {paced:?}"
    );
    assert!(back == sent[..back.len()]);
}

#[test]
fn a_client_that_the_system_cannot_accept_is_accepted_when_it_can() {
    let (espat, mut host) = Espat::on_stdio(&["--publish", "80=127.0.0.1:0"]);
    host.until("\r\nready\r\n");
    host.join();
    host.ok("AT+CIPMUX=1");
    host.ok("AT+CIPSERVER=1,80");
    let line = espat.log_line("is reached at ");
    let at: SocketAddr = line.rsplit_once(' ').unwrap().1.parse().unwrap();
    espat.may_open_more(false);
    let _client = TcpStream::connect(at).unwrap();
    espat.log_line("a client cannot be accepted");
    espat.may_open_more(true);
    // Nothing else happens that could wake the module.
    host.until("0,CONNECT\r\n");
    assert_eq!(espat.log().matches("cannot be accepted").count(), 1);
}
