//! Time servers and pings, as a host at the serial port sees them.

use std::net::{SocketAddr, UdpSocket};

use crate::harness::{DEADLINE, Espat, Host, espat_as_nobody, wait_for};

/// A time server that says it is half a second past 2023-11-14 22:13:20 UTC.
fn time_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut question = [0; 48];
        while let Ok((48, from)) = socket.recv_from(&mut question) {
            let stamp = (((1_700_000_000_u64 + 2_208_988_800) << 32) | (1 << 31)).to_be_bytes();
            let mut answer = [0; 48];
            answer[..2].copy_from_slice(&[0b00_100_100, 1]);
            answer[24..32].copy_from_slice(&question[40..]);
            answer[32..40].copy_from_slice(&stamp);
            answer[40..].copy_from_slice(&stamp);
            let _ = socket.send_to(&answer, from);
        }
    });
    at
}

/// Asks until the clock has been set.
fn time_of_2023(host: &mut Host) -> String {
    let mut shown = String::new();
    wait_for("the time of the server", || {
        shown = host.ok("AT+CIPSNTPTIME?");
        !shown.contains(" 1970")
    });
    shown
}

#[test]
fn a_mapped_time_server_sets_the_clock() {
    let map = format!("us.pool.ntp.org:123={}", time_server());
    let (_espat, mut host) = Espat::on_stdio(&["--offline", "--map", &map]);
    host.until("\r\nready\r\n");
    host.join();
    let shown = host.ok("AT+CIPSNTPTIME?");
    assert!(
        shown.starts_with("+CIPSNTPTIME:Thu Jan  1 00:00:"),
        "{shown}"
    );
    // The first two of the firmware's own servers are out of reach.
    host.ok("AT+CIPSNTPCFG=1,8");
    let shown = time_of_2023(&mut host);
    assert!(shown.starts_with("+CIPSNTPTIME:Wed Nov 15 06:1"), "{shown}");
    assert!(shown.ends_with(" 2023\r\nOK\r\n"), "{shown}");
    let seconds = host.ok("AT+SYSTIMESTAMP?");
    let seconds: u64 = seconds["+SYSTIMESTAMP:".len()..]
        .trim_end_matches("\r\nOK\r\n")
        .parse()
        .unwrap();
    assert!(
        (1_700_000_000..1_700_000_100).contains(&seconds),
        "{seconds}"
    );
}

#[test]
fn a_ping_of_loopback_takes_milliseconds() {
    let (espat, mut host) = Espat::on_stdio(&["--offline", "--map", "box.test=127.0.0.1"]);
    host.until("\r\nready\r\n");
    host.join();
    for target in ["127.0.0.1", "box.test"] {
        host.write(format!("AT+PING=\"{target}\"\r\n"));
        let line = host.until("\r\n");
        if line == "+PING:TIMEOUT\r\n" && espat.log().contains("AT+PING reaches nobody") {
            println!("skipped: this computer lets the user send no ICMP");
            return;
        }
        let ms = line.trim_start_matches("+PING:").trim_end();
        let ms: u64 = ms.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(u128::from(ms) < DEADLINE.as_millis(), "{line}");
        host.until("\r\nOK\r\n");
    }
}

#[test]
fn where_icmp_is_forbidden_a_ping_times_out_and_the_log_says_why() {
    let Some(command) = espat_as_nobody() else {
        return;
    };
    let (espat, mut host) = Espat::on_stdio_of(command, &[]);
    host.until("\r\nready\r\n");
    host.join();
    host.write("AT+PING=\"127.0.0.1\"\r\n");
    let line = host.until("\r\n");
    if line != "+PING:TIMEOUT\r\n" {
        println!("skipped: this computer lets everybody ping");
        return;
    }
    host.until("\r\nERROR\r\n");
    let why = espat.log_line("AT+PING reaches nobody");
    assert!(
        why.contains("ping_group_range") && why.contains("CAP_NET_RAW"),
        "{why}"
    );
    host.ok("AT");
}

#[test]
fn a_ping_that_the_policy_denies_times_out() {
    let (espat, mut host) = Espat::on_stdio(&["--deny", "127.0.0.0/8"]);
    host.until("\r\nready\r\n");
    host.join();
    host.write("AT+PING=\"127.0.0.1\"\r\n");
    assert_eq!(
        host.until("\r\nERROR\r\n"),
        "+PING:TIMEOUT\r\n\r\nERROR\r\n"
    );
    espat.log_line("127.0.0.1 is denied");
}
