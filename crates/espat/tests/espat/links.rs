//! Links over real sockets: clients, servers, data in bulk.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

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
