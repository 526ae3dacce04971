//! `espat ctl` at a running module.

use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};

use rustix::process::Signal;

use super::client::{place, start};
use crate::harness::{DEADLINE, Espat, Host, Scratch, espat, refusing, wait_for};

fn ctl(at: &str, arguments: &[&str]) -> Output {
    command(at, arguments).output().unwrap()
}

fn command(at: &str, arguments: &[&str]) -> Command {
    let mut command = espat();
    command.args(["ctl", "--control", at]).args(arguments);
    command
}

/// What it prints where it goes well.
fn did(at: &str, arguments: &[&str]) -> String {
    let output = ctl(at, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    assert_eq!(errors, "", "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Its exit code and message where it does not.
fn failed(output: Output) -> (i32, String) {
    assert_eq!(output.stdout, b"");
    let message = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), message)
}

#[test]
fn commands_reach_the_module() {
    let scratch = Scratch::new("ctl");
    let (espat, link) = Espat::on_pty(&scratch, &["--control", "127.0.0.1:0"]);
    let at = place(&espat);
    assert!(did(&at, &["state"]).contains("phase    unpowered\n"));
    let (code, message) = failed(ctl(&at, &["reset"]));
    assert_eq!(code, 1);
    assert!(
        message.contains("never powered on") && message.contains("espat ctl power on"),
        "{message}"
    );
    let mut host = Host::open_and_start(&link);
    host.join();
    let state = did(&at, &["state"]);
    for row in [
        "profile  esp32-2.2\n",
        "phase    ready\n",
        "uart     115200 8N1\n",
        "station  up `lab` 127.0.0.1\n",
        "softAP   off\n",
        "modes    no echo, one link, framed data, active receive\n",
    ] {
        assert!(state.contains(row), "{row} in\n{state}");
    }
    assert_eq!(did(&at, &["links"]), "no links\n");
    let echo = crate::harness::echo_peer();
    host.ok(&format!(
        "AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}",
        echo.port()
    ));
    let links = did(&at, &["links"]);
    assert!(links.starts_with("ID  PROTOCOL  STATE"), "{links}");
    assert!(links.contains(&echo.to_string()), "{links}");
    let json: serde_json::Value = serde_json::from_str(&did(&at, &["links", "--json"])).unwrap();
    assert_eq!(json["links"][0]["state"], "open");
    assert_eq!(did(&at, &["send", "AT+CIPMUX?"]), "12 bytes\n");
    host.until("+CIPMUX:0\r\n");
    host.until("OK\r\n");
    assert_eq!(did(&at, &["emit", "\\xff\\"]), "1 bytes\n");
    assert_eq!(host.exactly(1), b"\xff");
    did(&at, &["wifi", "down"]);
    host.until("WIFI DISCONNECT\r\n");
    assert!(did(&at, &["state"]).contains("the access points are gone"));
    did(&at, &["wifi", "up"]);
    did(&at, &["wifi", "address", "127.0.0.3"]);
    assert_eq!(did(&at, &["power", "off"]), "off\n");
    did(&at, &["power", "on"]);
    host.until("\r\nready\r\n");
    did(&at, &["power", "brown-out"]);
    host.until("\r\nready\r\n");
    did(&at, &["reset"]);
    host.until("\r\nready\r\n");
}

#[test]
fn faults_are_started_from_a_name_and_from_a_file() {
    let (scratch, _espat, at) = start("ctl-fault", &[]);
    assert!(did(&at, &["scenarios"]).contains("ipd-inside-send"));
    assert_eq!(did(&at, &["fault", "list"]), "no faults\n");
    let name = "ipd-inside-send";
    let started = did(&at, &["fault", "start", name, "--seed", "7"]);
    assert_eq!(started, "0 ipd-inside-send, seed 7\n");
    let file = scratch.path("own-plan.toml");
    std::fs::write(
        &file,
        "[[fault]]\nwhen = { command = \"AT\" }\ndo = \"hang\"\n",
    )
    .unwrap();
    let started = did(&at, &["fault", "start", file.to_str().unwrap()]);
    assert_eq!(started, "1 own-plan, seed 0\n");
    let listed = did(&at, &["fault", "list"]);
    assert!(
        listed.contains("0   ipd-inside-send  7") && listed.contains("1   own-plan"),
        "{listed}"
    );
    assert!(did(&at, &["state"]).contains("faults   ipd-inside-send, own-plan\n"));
    assert_eq!(did(&at, &["fault", "stop", "own-plan"]), "1 stopped\n");
    assert_eq!(did(&at, &["fault", "stop", "0"]), "0 stopped\n");
    let (code, message) = failed(ctl(&at, &["fault", "stop", "0"]));
    assert!(code == 1 && message.contains("fault list"), "{message}");
    let (code, message) = failed(ctl(&at, &["fault", "start", "no-such"]));
    assert!(
        code == 2 && message.contains("no-such") && message.contains("espat scenarios"),
        "{message}"
    );
    let (code, message) = failed(ctl(&at, &["fault", "start", "./no-such.toml"]));
    assert!(code == 2 && message.contains("./no-such.toml"), "{message}");
    std::fs::write(&file, "[[fault]]\ndo = \"hnag\"\n").unwrap();
    let (code, message) = failed(ctl(&at, &["fault", "start", file.to_str().unwrap()]));
    assert!(code == 2 && message.contains("own-plan:2:"), "{message}");
}

/// The lines that a process prints, each with its end.
fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (tell, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = tell.send(line + "\n");
        }
    });
    lines
}

#[test]
fn the_transcript_comes_until_the_module_ends() {
    for json in [false, true] {
        let (_scratch, mut espat, at) = start(&format!("ctl-tail-{json}"), &[]);
        let arguments: &[_] = if json { &["tail", "--json"] } else { &["tail"] };
        let mut tail = command(&at, arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = lines_of(tail.stdout.take().unwrap());
        let (mut said, mut text) = (0, String::new());
        wait_for("one that follows", || {
            // Nothing says that it follows but what it prints, so it is given something to print.
            did(&at, &["send", "AT+CWMODE?"]);
            said += 1;
            text.extend(printed.try_iter());
            text.contains("OK")
        });
        espat.signal(Signal::TERM);
        espat.exit();
        assert_eq!(tail.wait().unwrap().code(), Some(0));
        while let Ok(line) = printed.recv_timeout(DEADLINE) {
            text += &line;
        }
        if json {
            assert!(text.lines().all(|line| line.starts_with("{\"")), "{text}");
            assert!(text.ends_with("\"event\":\"end\"}\n"), "{text}");
        } else {
            assert!(
                text.contains("-> AT+CWMODE?\n") && text.contains("<- OK"),
                "{said} times: {text}"
            );
        }
    }
}

#[test]
fn a_killed_module_breaks_its_transcript_off() {
    let (_scratch, espat, at) = start("ctl-killed", &[]);
    let tail = command(&at, &["tail"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("one that follows", || {
        did(&at, &["send", "AT"]);
        super::get(&at, "/v1/state").json()["counters"]["inputs"].as_u64() > Some(20)
    });
    espat.signal(Signal::KILL);
    let output = tail.wait_with_output().unwrap();
    // Killed before it was reached: another way to fail.
    assert!(matches!(output.status.code(), Some(1 | 2)));
    assert!(!output.stderr.is_empty());
}

#[test]
fn failures_name_the_way_out() {
    let (_scratch, _espat, at) = start("ctl-fails", &["--control-token", "hush"]);
    let (code, message) = failed(ctl(&at, &["state"]));
    assert_eq!(code, 2);
    assert!(
        message.contains("Authorization") && message.contains("--control-token"),
        "{message}"
    );
    let (code, message) = failed(ctl(&at, &["--control-token", "hushh", "state"]));
    assert!(code == 2 && !message.contains("hushh"), "{message}");
    did(&at, &["--control-token", "hush", "state"]);
    let mut by_environment = espat();
    by_environment
        .env("ESPAT_CONTROL", &at)
        .env("ESPAT_CONTROL_TOKEN", "hush")
        .args(["ctl", "state"]);
    assert_eq!(by_environment.output().unwrap().status.code(), Some(0));
    let (code, message) = failed(espat().args(["ctl", "state"]).output().unwrap());
    assert_eq!(code, 2);
    assert!(
        message.contains("--control") && message.contains("ESPAT_CONTROL"),
        "{message}"
    );
    let (_nobody, refusing) = refusing();
    for nobody in [&*refusing.to_string(), "/no-such-folder/socket"] {
        let (code, message) = failed(ctl(nobody, &["state"]));
        assert_eq!(code, 2);
        assert!(
            message.contains(nobody) && message.contains("cannot be reached"),
            "{message}"
        );
    }
    for wrong in [
        &["send", "a\\n"][..],
        &["power", "up"],
        &["wifi", "address", "1.2.3"],
        &["nothing"],
        &[],
    ] {
        assert_eq!(ctl(&at, wrong).status.code(), Some(2), "{wrong:?}");
    }
}

/// Somebody else who listens, with this answer to any request; `None`: none.
fn stranger(answer: Option<&'static str>) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            match answer {
                Some(answer) => drop(stream.write_all(answer.as_bytes())),
                // Until the other side gives up.
                None => drop(stream.read(&mut [0])),
            }
        }
    });
    at
}

#[test]
fn who_is_no_module_is_named_with_what_it_says() {
    for (answer, said) in [
        (Some("SSH-2.0-x\r\n"), "it says `SSH-2.0-x`"),
        (Some(""), "it says nothing, and ends the connection"),
        (
            Some("HTTP/1.1 404 Not Found\r\n\r\n<html>"),
            "status 404, and then `<html>`",
        ),
        (
            Some("HTTP/1.1 200 OK\r\n\r\nhello"),
            "status 200, and then `hello`",
        ),
        (None, "does not answer within 10s"),
    ] {
        let at = stranger(answer);
        for command in ["state", "tail"] {
            let (code, message) = failed(ctl(&at, &[command]));
            let is_named = message.contains(&at) && message.contains(said);
            assert!(code == 2 && is_named, "{command}: {message}");
            let way_out = format!("does `espat --control {at}` run?");
            assert!(message.contains(&way_out), "{message}");
        }
    }
}

#[test]
fn a_socket_is_spoken_to_as_well() {
    let scratch = Scratch::new("ctl-socket");
    let path = scratch.path("control");
    let name = path.to_str().unwrap();
    let (espat, _) = Espat::on_pty(&scratch, &["--control", name]);
    place(&espat);
    assert!(did(name, &["state"]).contains("phase    unpowered\n"));
}
