//! Names by the module's own name servers, which `--map` leads to one on loopback.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use crate::harness::{DEADLINE, Espat, echo_peer};

/// A name server that knows `broker.test` as 127.0.0.1, and answers nothing about other names; and what tells of questions.
fn name_server() -> (SocketAddr, Receiver<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    let (tell, asked) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((n, from)) = socket.recv_from(&mut buffer) {
            let mut answer = buffer[..n].to_vec();
            let _ = tell.send(());
            if !answer[12..].starts_with(b"\x06broker\x04test\0\0\x01") {
                continue;
            }
            answer[2..4].copy_from_slice(&[0x81, 0x80]);
            answer[7] = 1;
            // The name above, A, IN, for a minute.
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
            let _ = socket.send_to(&answer, from);
        }
    });
    (at, asked)
}

#[test]
fn a_mapped_name_server_answers_for_names() {
    let (server, _asked) = name_server();
    let map = format!("208.67.222.222:53={server}");
    let (_espat, mut host) = Espat::on_stdio(&["--offline", "--map", &map]);
    host.until("\r\nready\r\n");
    host.join();
    assert_eq!(
        host.ok("AT+CIPDNS?"),
        "+CIPDNS:0,\"127.0.0.1\"\r\n\r\nOK\r\n"
    );
    host.command("AT+CIPDOMAIN=\"broker.test\"", "ERROR");
    host.ok("AT+CIPDNS=1");
    assert_eq!(
        host.ok("AT+CIPDNS?"),
        "+CIPDNS:1,\"208.67.222.222\"\r\n\r\nOK\r\n"
    );
    assert_eq!(
        host.ok("AT+CIPDOMAIN=\"broker.test\""),
        "+CIPDOMAIN:\"127.0.0.1\"\r\n\r\nOK\r\n"
    );
    let port = echo_peer().port();
    host.ok(&format!("AT+CIPSTART=\"TCP\",\"broker.test\",{port}"));
    host.ok("AT+CIPCLOSE");
}

#[test]
fn a_silent_name_server_keeps_the_module_busy_for_seven_seconds() {
    let (server, asked) = name_server();
    let map = format!("208.67.222.222:53={server}");
    let (_espat, mut host) = Espat::on_stdio(&["--offline", "--map", &map]);
    host.until("\r\nready\r\n");
    host.join();
    host.ok("AT+CIPDNS=1");
    let begin = Instant::now();
    host.write("AT+CIPDOMAIN=\"nowhere.test\"\r\n");
    asked.recv_timeout(DEADLINE).unwrap();
    host.write("AT\r\n");
    host.until("\r\nbusy p...\r\n");
    host.until("\r\nERROR\r\n");
    let took = begin.elapsed();
    assert!(took.as_secs() >= 6 && took < DEADLINE, "failed in {took:?}");
    host.ok("AT+CIPDOMAIN=\"broker.test\"");
}
