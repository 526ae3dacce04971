//! Hosts that behave badly: they vanish, come and go, send noise, or never read.

use std::time::Duration;

use crate::harness::{Espat, Host, Scratch, echo_peer, wait_for};

#[test]
fn a_payload_that_a_vanished_host_began_is_finished_by_the_next() {
    let scratch = Scratch::new("vanish");
    let (_espat, link) = Espat::on_pty(&scratch, &[]);
    let mut host = Host::open_and_start(&link);
    host.join();
    host.ok(&format!(
        "AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}",
        echo_peer().port()
    ));
    host.write("AT+CIPSEND=10\r\n");
    host.until(">");
    host.write("0123");
    drop(host);
    let mut host = Host::open(&link);
    host.write("456789");
    host.until("\r\nSEND OK\r\n");
    host.until("+IPD,10:0123456789");
    host.ok("AT");
}

#[test]
fn two_hundred_hosts_come_and_go() {
    let scratch = Scratch::new("come-and-go");
    let (_espat, link) = Espat::on_pty(&scratch, &[]);
    drop(Host::open_and_start(&link));
    for round in 0..200 {
        let mut host = Host::open(&link);
        if round % 2 == 0 {
            host.ok("AT");
        }
    }
    Host::open(&link).ok("AT");
}

#[test]
fn noise_leaves_the_next_command_working() {
    let scratch = Scratch::new("noise");
    let (espat, link) = Espat::on_pty(&scratch, &[]);
    let mut host = Host::open_and_start(&link);
    host.ok("ATE0");
    let mut state = 1_u32;
    let noise: Vec<u8> = (0..1 << 20)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect();
    host.write(&noise);
    host.write("\r\nAT+CIPMUX?\r\n");
    host.until("+CIPMUX:0");
    host.until("\r\nOK\r\n");
    assert_eq!(host.ok("AT"), "\r\nOK\r\n");
    assert!(
        espat.resident_kib() < 32 * 1024,
        "{} KiB resident",
        espat.resident_kib()
    );
}

#[test]
fn a_host_that_never_reads_costs_bounded_memory() {
    let scratch = Scratch::new("never-reads");
    let (espat, link) = Espat::on_pty(&scratch, &[]);
    let mut host = Host::open_and_start(&link);
    host.ok("AT");
    let before = espat.resident_kib();
    let max = 16 << 20;
    let written = host.write_blindly(&b"AT+GMR\r\n".repeat(64), max, Duration::from_millis(300));
    assert!(
        written < max,
        "the module took {written} bytes without being read"
    );
    assert!(
        espat.resident_kib() < before + 8 * 1024,
        "{before} KiB became {} KiB",
        espat.resident_kib()
    );
    // What it held back comes once it is read, and the next command works.
    host.write("\r\nAT+CIPMUX?\r\n");
    host.until("+CIPMUX:0");
}

#[test]
fn a_flood_from_a_peer_waits_for_a_host_that_does_not_read() {
    let scratch = Scratch::new("flood");
    let (espat, link) = Espat::on_pty(&scratch, &[]);
    let mut host = Host::open_and_start(&link);
    host.join();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    host.ok(&format!("AT+CIPSTART=\"TCP\",\"127.0.0.1\",{port}"));
    let (mut peer, _) = listener.accept().unwrap();
    peer.set_nonblocking(true).unwrap();
    let before = espat.resident_kib();
    let block = [b'x'; 65536];
    let mut taken = 0_usize;
    let mut refusals = 0;
    wait_for("the end of what the peer can send", || {
        match std::io::Write::write(&mut peer, &block) {
            Ok(n) => {
                taken += n;
                refusals = 0;
            }
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => refusals += 1,
            Err(e) => panic!("{e}"),
        }
        refusals > 100 || taken > 256 << 20
    });
    assert!(
        taken < 64 << 20,
        "{taken} bytes were taken while the host did not read"
    );
    assert!(
        espat.resident_kib() < before + 8 * 1024,
        "{before} KiB became {} KiB",
        espat.resident_kib()
    );
    drop(peer);
    let mut received = 0;
    while received < taken {
        host.until("+IPD,");
        let n: usize = host.until(":").trim_end_matches(':').parse().unwrap();
        received += host.exactly(n).len();
    }
    host.until("CLOSED\r\n");
}
