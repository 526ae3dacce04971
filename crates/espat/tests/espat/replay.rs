//! `espat replay --port`: transcripts against a module behind a serial port, whose part `espat run` plays.

use std::path::Path;
use std::process::Output;

use rustix::process::Signal;

use crate::harness::{self, Espat, Scratch, echo_peer, free_place};
use crate::record::{self, FAST, PASSWORD, publish};

/// Runs a transcript on the module at `port`.
fn replay(port: &Path, more: &[&str], file: &Path) -> Output {
    harness::espat()
        .args(["replay", "--ip", "127.0.0.1", "--port"])
        .arg(port)
        .args(more)
        .arg(file)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn a_record_holds_on_a_module_behind_a_port_with_real_peers() {
    let scratch = Scratch::new("replay-record");
    let file = scratch.path("session.at");
    let server = free_place();
    let publish = publish(server);
    let options = ["--record-payload", "--publish", &publish];
    let (mut espat, mut host) = record::start(&scratch, &file, &[FAST, &options].concat());
    let peer = echo_peer();
    record::session(&mut host, peer, server);
    record::passthrough(&mut host, peer);
    record::reset(&mut host);
    espat.signal(Signal::TERM);
    espat.exit();
    drop(host);

    let (_espat, port) = Espat::on_pty(&scratch, &["--publish", &publish]);
    let secret = format!("secret={PASSWORD}");
    let options = [
        "--secret",
        &secret,
        "--reach",
        &publish,
        "--prepare",
        "restore",
    ];
    // Twice: a module that has been used, and joins by itself, is made ready again.
    for _ in 0..2 {
        let output = replay(&port, &options, &file);
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(output.status.code(), Some(0), "{}\n{text}", said(&output));
        assert!(said(&output).starts_with("ok    "), "{}", said(&output));
    }
    // The real password is neither in the record nor known to whoever has it.
    let output = replay(&port, &options[2..], &file);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("give --secret secret=VALUE"),
        "{}",
        said(&output)
    );
}

#[test]
fn the_first_difference_is_shown_with_what_came_before_it() {
    let scratch = Scratch::new("replay-differs");
    let (_espat, port) = Espat::on_pty(&scratch, &[]);
    let file = scratch.path("wrong.at");
    std::fs::write(
        &file,
        "-> ATE0\n<- ATE0\n<-\n<- OK\n-> AT+CIPMUX?\n<- +CIPMUX:7\n<-\n<- OK\n",
    )
    .unwrap();
    let junit = scratch.path("report.xml");
    let output = replay(
        &port,
        &["--patience", "1", "--junit", junit.to_str().unwrap()],
        &file,
    );
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    for line in [
        "1 | -> ATE0",
        "5 | -> AT+CIPMUX?",
        "wrong.at:6:12: ",
        "expected: +CIPMUX:7\\x0d\\x0a",
        "came:     +CIPMUX:0\\x0d\\x0a",
    ] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    let report = std::fs::read_to_string(&junit).unwrap();
    let report = roxmltree::Document::parse(&report).unwrap_or_else(|e| panic!("{e}\n{report}"));
    let failure = report
        .descendants()
        .find(|n| n.has_tag_name("failure"))
        .unwrap();
    assert!(failure.text().unwrap().contains("came:     +CIPMUX:0"));
}

#[test]
fn what_a_real_module_cannot_be_is_not_run_and_the_reason_said() {
    let scratch = Scratch::new("replay-skips");
    let (_espat, port) = Espat::on_pty(&scratch, &[]);
    let folder = scratch.path("at");
    std::fs::create_dir(&folder).unwrap();
    for (name, text, why) in [
        (
            "ap.at",
            "@ap \"home\" \"12345678\" rssi=-90\n-> AT\n",
            "its air is special",
        ),
        (
            "nvs.at",
            "@nvs wifi.mode=1\n-> AT\n",
            "its settings or certificates are given",
        ),
        (
            "idle.at",
            "-> AT\n~ idle\n",
            "a serial port has no such time",
        ),
        (
            "power.at",
            "<= power reset\n",
            "its power, air, flash or certificates change",
        ),
        (
            "reports.at",
            "@reports anywhere\n-> AT\n",
            "@terminator and @reports are ours",
        ),
        (
            "long.at",
            "-> AT\n<- AT\n<-\n<- OK\n~ 1h\n",
            "it takes longer than it may",
        ),
    ] {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        let junit = scratch.path("report.xml");
        let options = ["--time-max", "60", "--junit", junit.to_str().unwrap()];
        let output = replay(&port, &options, &file);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(
            said.contains(&format!("skip  {}: {why}", file.display())),
            "{said}"
        );
        let report = std::fs::read_to_string(&junit).unwrap();
        let report = roxmltree::Document::parse(&report).unwrap();
        let skipped = report
            .descendants()
            .find(|n| n.has_tag_name("skipped"))
            .unwrap();
        assert!(skipped.attribute("message").unwrap().starts_with(why));
    }
}

#[test]
fn a_port_that_is_not_there_or_does_not_answer_is_said_so() {
    let scratch = Scratch::new("replay-port");
    let file = scratch.path("at.at");
    std::fs::write(&file, "-> AT\n<- AT\n<-\n<- OK\n").unwrap();
    let output = replay(&scratch.path("nothing"), &[], &file);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--port"), "{}", said(&output));
}

#[test]
fn a_module_that_does_not_stop_sending_is_given_up() {
    let scratch = Scratch::new("replay-flood");
    let file = scratch.path("at.at");
    std::fs::write(&file, "-> AT\n<- AT\n<-\n<- OK\n").unwrap();
    let plan = scratch.path("flood.toml");
    // A byte every 2 ms, for as long as anything is said.
    let flood = "[[fault]]\ndo = [{ action = \"insert\", noise = 4096 }, { action = \"split\", gap = \"2ms\" }]\n";
    std::fs::write(&plan, flood).unwrap();
    let plan = plan.to_str().unwrap();
    let (_espat, port) = Espat::on_pty(&scratch, &["--fault", plan]);
    // Where this machine holds the module up for a pause, the module did stop sending: then it is asked again.
    for attempt in 1.. {
        let output = replay(&port, &["--patience", "1"], &file);
        assert_eq!(output.status.code(), Some(1));
        let said = said(&output);
        if said.contains("does not stop sending") {
            break;
        }
        assert!(attempt < 10, "{said}");
        println!("the module was held up:\n{said}");
    }
}

#[test]
fn a_report_of_simulated_runs_is_xml() {
    let scratch = Scratch::new("replay-junit");
    let (good, bad) = (scratch.path("good.at"), scratch.path("bad <&>.at"));
    std::fs::write(&good, "-> AT\n<- AT\n<-\n<- OK\n").unwrap();
    std::fs::write(&bad, "-> AT\n<- AT\n<- <&\\x01>\n").unwrap();
    let junit = scratch.path("report.xml");
    let output = harness::espat()
        .arg("replay")
        .args([&good, &bad])
        .arg("--junit")
        .arg(&junit)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("2 | <- AT"), "{}", said(&output));
    let report = std::fs::read_to_string(&junit).unwrap();
    let report = roxmltree::Document::parse(&report).unwrap_or_else(|e| panic!("{e}\n{report}"));
    let suite = report.root_element();
    assert_eq!(suite.attribute("tests"), Some("2"));
    assert_eq!(suite.attribute("failures"), Some("1"));
    let cases: Vec<_> = suite
        .children()
        .filter(|n| n.has_tag_name("testcase"))
        .collect();
    assert_eq!(cases[1].attribute("name"), bad.to_str());
    assert!(cases[0].attribute("time").unwrap().parse::<f64>().is_ok());
}
