//! `--fault` and `espat scenarios`: the module broken on purpose, over real ports and sockets.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Espat, Host, Scratch, echo_peer, wait_for};

fn espat(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_espat"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn an_echo_comes_between_the_ok_and_the_prompt_of_the_next_send() {
    let scratch = Scratch::new("fault");
    let (_espat, link) = Espat::on_pty(&scratch, &["--fault", "ipd-inside-send"]);
    let mut host = Host::open_and_start(&link);
    host.join();
    let peer = echo_peer();
    host.ok(&format!(
        "AT+CIPSTART=\"TCP\",\"127.0.0.1\",{}",
        peer.port()
    ));
    // An echo that is there when the next send begins comes inside it; one that is late comes as ever, and the next may be there.
    let is_inside = |_: &usize| {
        host.write("AT+CIPSEND=4\r\n");
        let before = host.until("\r\n>");
        host.write("ping");
        host.until("\r\nSEND OK\r\n");
        before.ends_with("\r\nOK\r\n\r\n+IPD,4:ping\r\n>")
    };
    assert!((0..100).find(is_inside).is_some());
}

#[test]
fn a_module_whose_every_input_is_dear_still_hears_that_it_is_to_end() {
    let scratch = Scratch::new("fault-dear");
    let plan = scratch.path("dear.toml");
    let rule = "[[fault]]\ndo = { action = \"duplicate\", copies = 16 }\n";
    std::fs::write(&plan, rule.repeat(100)).unwrap();
    // Read and written at the same time, so that the module never waits for its host.
    let mut module = Command::new(env!("CARGO_BIN_EXE_espat"))
        .args(["--stdio", "--timing", "fast", "--fault"])
        .arg(&plan)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut to = module.stdin.take().unwrap();
    let mut from = module.stdout.take().unwrap();
    let writer = std::thread::spawn(move || while to.write_all(b"AT\r\n").is_ok() {});
    let begun = Instant::now();
    let mut some = vec![0; 4 << 20];
    from.read_exact(&mut some).unwrap();
    let reader = std::thread::spawn(move || std::io::copy(&mut from, &mut std::io::sink()));
    let (flooded, asked) = (begun.elapsed(), Instant::now());
    kill_process(Pid::from_child(&module), Signal::TERM).unwrap();
    let mut status = None;
    wait_for("the end of espat", || {
        status = module.try_wait().unwrap();
        status.is_some()
    });
    assert!(status.unwrap().success());
    // The machine's own speed is the measure: it takes a fraction of that time, or twenty times as long.
    let took = asked.elapsed();
    assert!(
        took < flooded * 10,
        "{took:?}, where 4 MiB took {flooded:?}"
    );
    writer.join().unwrap();
    reader.join().unwrap().unwrap();
}

#[test]
fn a_plan_of_ones_own_is_played_from_its_file_with_the_seed_that_is_given() {
    let scratch = Scratch::new("fault-plan");
    let plan = scratch.path("noise.toml");
    let text = "[[fault]]\nwhen = { mark = \"result\" }\ndo = { action = \"insert\", noise = 8 }\n";
    std::fs::write(&plan, text).unwrap();
    let said = |seed: &str| {
        let plan = plan.to_str().unwrap();
        let (_espat, mut host) =
            Espat::on_stdio(&["--fault", plan, "--seed", seed, "--timing", "fast"]);
        host.until("\r\nready\r\n");
        host.write("ATE0\r\n");
        host.until("ATE0\r\n");
        host.exactly(14)
    };
    let seven = said("7");
    assert!(seven.ends_with(b"\r\nOK\r\n"), "{seven:?}");
    assert_eq!(seven, said("7"));
    assert_ne!(seven, said("8"));
}

#[test]
fn a_plan_that_cannot_be_is_named_with_its_place_and_the_way_out() {
    let scratch = Scratch::new("fault-wrong");
    let plan = scratch.path("wrong.toml");
    std::fs::write(&plan, "[[fault]]\ndo = \"lose-promt\"\n").unwrap();
    let (code, out, message) = espat(&["--stdio", "--fault", plan.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(
        message.contains(
            "wrong.toml:2:6: there is no action `lose-promt`; did you mean `lose-prompt`?"
        ),
        "{message}"
    );
    let (code, _, message) = espat(&["--stdio", "--fault", "ipd-inside-sent"]);
    assert_eq!(code, Some(2));
    assert!(
        message.contains("did you mean `ipd-inside-send`?"),
        "{message}"
    );
    let (code, _, message) = espat(&["scenarios", "ipd"]);
    assert_eq!(code, Some(2));
    assert!(message.contains("espat scenarios"), "{message}");
}

#[test]
fn scenarios_are_a_table_for_people_and_json_for_programs() {
    let (code, table, _) = espat(&["scenarios"]);
    assert_eq!(code, Some(0));
    assert!(table.contains("ipd-inside-send"), "{table}");
    let (_, json, _) = espat(&["scenarios", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(table.lines().count(), rows.len() + 1);
    for row in rows {
        assert!(
            row["name"].is_string() && row["summary"].is_string(),
            "{row}"
        );
        assert!(row["row"].is_number() && row["threads"].is_array(), "{row}");
    }
    let (code, one, _) = espat(&["scenarios", "ipd-inside-send"]);
    assert_eq!(code, Some(0));
    assert!(
        one.contains("What a good driver does") && one.contains("put-report"),
        "{one}"
    );
}

#[test]
fn replay_plays_a_transcript_under_a_fault() {
    let scratch = Scratch::new("fault-replay");
    let file = scratch.path("busy.at");
    let text = "@boot explicit\n~ output\n<-\n<- ready\n-> ATE0\n<- ATE0\n<-\n<- OK\n-> AT\n<-\n<- busy p...\n";
    std::fs::write(&file, text).unwrap();
    let plan = scratch.path("busy.toml");
    let rule = "[[fault]]\nwhen = { command = \"ATE0\", event = \"result\" }\ndo = { action = \"hold-busy\", for = \"1s\" }\n";
    std::fs::write(&plan, rule).unwrap();
    let file = file.to_str().unwrap();
    let (code, out, _) = espat(&["replay", file, "--fault", plan.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{out}");
    let (code, out, _) = espat(&["replay", file]);
    assert_eq!(code, Some(1), "{out}");
}
