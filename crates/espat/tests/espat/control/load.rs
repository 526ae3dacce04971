//! What clients cannot do to the module: hold it up, fill its memory, keep it awake, keep it from ending.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::client::{Live, get, place, post, request, start};
use crate::harness::{DEADLINE, Espat, Host, wait_for};

/// A module on TCP, its host, and where its control interface is.
fn on_tcp(more: &[&str]) -> (Espat, Host, String) {
    let mut options = vec![
        "--timing",
        "fast",
        "--tcp",
        "127.0.0.1:0",
        "--control",
        "127.0.0.1:0",
    ];
    options.extend_from_slice(more);
    let espat = Espat::start(&options);
    let port = espat.line();
    let at = place(&espat);
    let mut host = Host::connect(port.strip_prefix("tcp ").unwrap().parse().unwrap());
    host.until("\r\nready\r\n");
    (espat, host, at)
}

/// Puts the module into passthrough, and gives the peer.
fn passthrough(host: &mut Host) -> TcpStream {
    host.join();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    host.ok(&format!("AT+CIPSTART=\"TCP\",\"127.0.0.1\",{port}"));
    host.ok("AT+CIPMODE=1");
    host.write("AT+CIPSEND\r\n");
    host.until(">");
    listener.accept().unwrap().0
}

/// How long so many bytes take from the peer to the host; they have to be the right ones.
fn stream(host: &mut Host, peer: &TcpStream, len: usize) -> Duration {
    let payload: Vec<u8> = (0..=250).cycle().take(len).collect();
    let began = Instant::now();
    let mut to = peer.try_clone().unwrap();
    let sent = payload.clone();
    let sender = std::thread::spawn(move || to.write_all(&sent).unwrap());
    let got = host.exactly(len);
    sender.join().unwrap();
    assert!(got == payload, "the bytes are not those that were sent");
    began.elapsed()
}

#[test]
fn a_flood_of_requests_leaves_passthrough_whole_and_quick() {
    let (espat, mut host, at) = on_tcp(&[]);
    let peer = passthrough(&mut host);
    const LEN: usize = 16 << 20;
    let alone = stream(&mut host, &peer, LEN);
    let over = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicUsize::new(0));
    let floods: Vec<_> = (0..4)
        .map(|_| {
            let (at, over, asked) = (at.clone(), Arc::clone(&over), Arc::clone(&asked));
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(get(&at, "/v1/state").status, 200);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let flooded = stream(&mut host, &peer, LEN);
    over.store(true, Ordering::Relaxed);
    for flood in floods {
        flood.join().unwrap();
    }
    let asked = asked.load(Ordering::Relaxed);
    println!("16 MiB alone {alone:?}, beside {asked} requests {flooded:?}");
    // Far more than a share of the processor: only a module that waits for its clients takes so long.
    assert!(
        flooded < alone * 10 + DEADLINE / 2,
        "{flooded:?} instead of {alone:?}"
    );
    assert!(
        espat.resident_kib() < 64 * 1024,
        "{} KiB resident",
        espat.resident_kib()
    );
}

#[test]
fn one_that_follows_and_does_not_read_is_cut_off() {
    let (espat, mut host, at) = on_tcp(&[]);
    host.ok("ATE0");
    let mut slow = Live::follow(&at);
    let mut quick = Live::follow(&at);
    let before = espat.resident_kib();
    let rounds = 40_000;
    let reader = std::thread::spawn(move || {
        let mut oks = 0;
        while oks < rounds {
            let (name, data) = quick.event();
            assert_eq!(name, "transcript", "{data}");
            oks += data.matches("<- OK").count();
        }
    });
    for _ in 0..rounds / 100 {
        host.write("AT+CWMODE?\r\n".repeat(100));
        for _ in 0..100 {
            host.until("\r\nOK\r\n");
        }
    }
    assert!(
        espat.resident_kib() < before + 8 * 1024,
        "{before} KiB became {} KiB",
        espat.resident_kib()
    );
    // Where the commands take longer than a client's patience, the connection is cut before it can be told why.
    if let Some(end) = slow.end_or_break() {
        assert_eq!(end["reason"], "slow");
    }
    drop(host);
    // The quick one had every chance: where this machine was too busy for it, it was told so.
    let _ = reader.join();
}

#[test]
fn an_idle_interface_wakes_nobody() {
    let (_espat, mut host, at) = on_tcp(&[]);
    host.join();
    let wakeups = || {
        let counters = &get(&at, "/v1/state").json()["counters"];
        counters["wakeups"].as_u64().unwrap()
    };
    // Nothing tells of what does not happen: a second is as good as any. What would wake the module does so in each.
    wait_for("a second that is as quiet as none", || {
        let before = wakeups();
        let looked = wakeups();
        std::thread::sleep(Duration::from_secs(1));
        wakeups() - looked <= looked - before
    });
}

#[test]
fn it_ends_with_clients_of_every_kind_connected() {
    let (_scratch, mut espat, at) = start("control-end", &[]);
    let silent = TcpStream::connect(&at).unwrap();
    let mut half = TcpStream::connect(&at).unwrap();
    half.write_all(b"GET /v1/state HT").unwrap();
    let mut body = TcpStream::connect(&at).unwrap();
    body.write_all(b"POST /v1/reset HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{").unwrap();
    let mut live = Live::follow(&at);
    let began = Instant::now();
    espat.signal(Signal::TERM);
    assert_eq!(espat.exit().code(), Some(0));
    assert!(
        began.elapsed() < Duration::from_secs(9),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(live.end()["reason"], "stopped");
    drop((silent, half, body));
}

#[test]
fn heads_bodies_and_clients_are_bounded() {
    let (_scratch, espat, at) = start("control-bounds", &[]);
    let long = format!("{{\"text\":\"{}\"}}", "A".repeat(70_000));
    let answer = post(&at, "/v1/serial/send", &long);
    assert_eq!((answer.status, answer.error().as_str()), (413, "body"));
    let header = format!(
        "GET /v1/state HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n",
        "x".repeat(40_000)
    );
    assert_eq!(request(&at, &header, "").status, 431);
    let many = format!(
        "GET /v1/state HTTP/1.1\r\nHost: localhost\r\n{}",
        "X: y\r\n".repeat(100)
    );
    assert_eq!(request(&at, &many, "").status, 431);
    let followers: Vec<_> = (0..8).map(|_| Live::follow(&at)).collect();
    let answer = get(&at, "/v1/live");
    assert_eq!((answer.status, answer.error().as_str()), (503, "path"));
    drop(followers);
    wait_for("a seat", || {
        let mut stream = TcpStream::connect(&at).unwrap();
        stream
            .write_all(b"GET /v1/live HTTP/1.0\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        status.ends_with(b"200")
    });
    // More clients than are served at a time, none of which says anything: the next one is served when they are given up.
    let silent: Vec<_> = (0..40).map(|_| TcpStream::connect(&at).unwrap()).collect();
    let began = Instant::now();
    assert_eq!(get(&at, "/v1/state").status, 200);
    assert!(began.elapsed() < DEADLINE);
    drop(silent);
    assert!(espat.resident_kib() < 64 * 1024);
}

#[test]
fn noise_is_answered_and_leaves_the_next_request_working() {
    let (_scratch, _espat, at) = start("control-noise", &[]);
    for noise in [
        &b"\0\xff\x01\x02\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"AT+GMR\r\n",
        b"POST /v1/power HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/power HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(&at).unwrap();
        let _ = stream.write_all(noise);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = vec![];
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{noise:?}");
    }
    let deep = format!("{{\"supply\":{}", "[".repeat(20_000));
    assert_eq!(post(&at, "/v1/power", &deep).status, 400);
    assert_eq!(get(&at, "/v1/state").status, 200);
}
