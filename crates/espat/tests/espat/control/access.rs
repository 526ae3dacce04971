//! Who is let in.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use rustix::process::Signal;

use super::client::{get, place, request, request_socket, start};
use crate::harness::{Espat, Scratch, espat};

const STATE: &str = "GET /v1/state HTTP/1.1\r\nHost: localhost\r\n";

/// The message of a start that fails.
fn refused(arguments: &[&str]) -> String {
    let output = espat().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn other_computers_need_a_token() {
    for at in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8090"] {
        let message = refused(&["--control", at]);
        assert!(
            message.contains(at) && message.contains("--control-token"),
            "{message}"
        );
    }
    let message = refused(&["--control", "0.0.0.0:0", "--control-token", "hush hush"]);
    assert!(
        message.contains("--control-token") && !message.contains("hush"),
        "{message}"
    );
    let scratch = Scratch::new("control-remote");
    let options = ["--control-token", "hush", "--control", "0.0.0.0:0"];
    let (espat, _) = Espat::on_pty(&scratch, &options);
    let at = place(&espat).replace("0.0.0.0", "127.0.0.1");
    assert_eq!(get(&at, "/v1/state").status, 401);
    let head = "GET /v1/state HTTP/1.1\r\nHost: 192.0.2.1\r\nAuthorization: Bearer hush\r\n";
    assert_eq!(request(&at, head, "").status, 200);
    assert!(!espat.log().contains("hush"));
}

#[test]
fn a_token_is_asked_for_wherever_it_comes_from() {
    let scratch = Scratch::new("control-token");
    let file = scratch.path("espat.toml");
    std::fs::write(
        &file,
        "control = \"127.0.0.1:0\"\ncontrol-token = \"hush\"\n",
    )
    .unwrap();
    let (espat, _) = Espat::on_pty(
        &scratch,
        &["--config", file.to_str().unwrap(), "--log", "debug"],
    );
    let at = place(&espat);
    let with = |token: &str| request(&at, &format!("{STATE}Authorization: {token}\r\n"), "");
    assert_eq!(with("Bearer hush").status, 200);
    assert_eq!(with("bearer hush").status, 200);
    let without = get(&at, "/v1/state");
    assert_eq!(
        (without.status, without.error().as_str()),
        (401, "Authorization")
    );
    assert!(
        without.head.contains("www-authenticate: bearer"),
        "{}",
        without.head
    );
    for wrong in [
        "Bearer hus",
        "Bearer hushh",
        "Bearer",
        "Bearer ",
        "Basic hush",
        "hush",
    ] {
        let answer = with(wrong);
        assert_eq!(answer.status, 401, "{wrong}");
        assert!(!answer.body.contains("hus"), "{}", answer.body);
    }
    // Whoever does not show it is not told what there is.
    assert_eq!(get(&at, "/v1/nothing").status, 401);
    assert!(!espat.log().contains("hush"));
}

#[test]
fn pages_of_elsewhere_and_names_led_here_are_refused() {
    let (_scratch, _espat, at) = start("control-browser", &[]);
    let with = |headers: &str| request(&at, &format!("GET /v1/state HTTP/1.1\r\n{headers}"), "");
    for host in [
        "example.com",
        "espat.example.com:80",
        "192.0.2.1",
        "localhost.example.com",
    ] {
        let answer = with(&format!("Host: {host}\r\n"));
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (403, "Host"),
            "{host}"
        );
        assert_eq!(answer.json()["error"]["value"], host);
    }
    assert_eq!(with("").status, 403);
    assert_eq!(with("Host: localhost\r\nHost: localhost\r\n").status, 400);
    for own in [at.as_str(), "LOCALHOST", "[::1]:1", "127.9.9.9"] {
        assert_eq!(with(&format!("Host: {own}\r\n")).status, 200, "{own}");
    }
    for origin in [
        "http://example.com",
        "null",
        "https://localhost",
        "http://localhost:1",
    ] {
        let answer = with(&format!("Host: localhost\r\nOrigin: {origin}\r\n"));
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (403, "Origin"),
            "{origin}"
        );
    }
    assert_eq!(
        with(&format!("Host: {at}\r\nOrigin: http://{at}\r\n")).status,
        200
    );
    for (site, status) in [("cross-site", 403), ("same-site", 403), ("none", 200)] {
        let answer = with(&format!("Host: localhost\r\nSec-Fetch-Site: {site}\r\n"));
        assert_eq!(answer.status, status, "{site}");
    }
    for kind in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
    ] {
        let answer = request(
            &at,
            &format!("POST /v1/reset HTTP/1.1\r\nHost: localhost\r\n{kind}"),
            "{}",
        );
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (415, "Content-Type"),
            "{kind}"
        );
    }
    let json = "POST /v1/reset HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\n";
    assert_eq!(request(&at, json, "{}").status, 200);
}

#[test]
fn a_socket_is_the_users_alone_and_goes_with_the_module() {
    let scratch = Scratch::new("control-socket");
    let path = scratch.path("control");
    let name = path.to_str().unwrap();
    let (mut espat, _) = Espat::on_pty(&scratch, &["--control", name]);
    assert_eq!(place(&espat), name);
    assert_eq!(
        std::fs::symlink_metadata(&path).unwrap().mode() & 0o777,
        0o600
    );
    assert_eq!(request_socket(&path, STATE).status, 200);
    let message = refused(&["--tcp", "127.0.0.1:0", "--control", name]);
    assert!(
        message.contains(name) && message.contains("another program"),
        "{message}"
    );
    espat.signal(Signal::TERM);
    assert_eq!(espat.exit().code(), Some(0));
    assert!(
        std::fs::symlink_metadata(&path).is_err(),
        "the socket is still there"
    );
}

#[test]
fn a_stale_socket_is_replaced_and_anything_else_left_alone() {
    let scratch = Scratch::new("control-stale");
    let path = scratch.path("control");
    let name = path.to_str().unwrap();
    let mut espat = Espat::start(&["--tcp", "127.0.0.1:0", "--control", name]);
    espat.line();
    place(&espat);
    espat.signal(Signal::KILL);
    espat.exit();
    assert!(
        std::fs::symlink_metadata(&path).is_ok(),
        "a killed process leaves it"
    );
    let espat = Espat::start(&["--tcp", "127.0.0.1:0", "--control", name]);
    espat.line();
    place(&espat);
    assert_eq!(request_socket(&path, STATE).status, 200);
    let file = scratch.path("file");
    std::fs::write(&file, "mine").unwrap();
    let message = refused(&["--tcp", "127.0.0.1:0", "--control", file.to_str().unwrap()]);
    assert!(message.contains("left alone"), "{message}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    let open = scratch.path("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let message = refused(&[
        "--tcp",
        "127.0.0.1:0",
        "--control",
        open.join("s").to_str().unwrap(),
    ]);
    assert!(message.contains("only this user"), "{message}");
    let message = refused(&["--tcp", "127.0.0.1:0", "--control", "/no-such-folder/s"]);
    assert!(message.contains("/no-such-folder"), "{message}");
}
