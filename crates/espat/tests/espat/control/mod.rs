//! The control interface: what each route does, who is let in, and what a client cannot do to the module.

mod access;
pub(crate) mod client;
mod ctl;
mod load;

use serde_json::{Value, json};

use crate::harness::{Espat, Host, Scratch, echo_peer, wait_for};
use client::{Live, description, get, holds, place, post, schema, start};

fn state(at: &str) -> Value {
    let answer = get(at, "/v1/state");
    assert_eq!(answer.status, 200);
    holds(&answer.json(), &schema("State"));
    answer.json()
}

/// The answer of a route that went well, held against its schema.
fn did(at: &str, path: &str, body: &str) -> Value {
    let answer = post(at, path, body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let name = if path.starts_with("/v1/serial") {
        "Taken"
    } else {
        "Phase"
    };
    holds(&answer.json(), &schema(name));
    answer.json()
}

#[test]
fn the_state_follows_the_module() {
    let scratch = Scratch::new("control-state");
    let options = ["--control", "127.0.0.1:0", "--publish", "8080=127.0.0.1:0"];
    let (espat, link) = Espat::on_pty(&scratch, &options);
    let at = place(&espat);
    let before = state(&at);
    assert_eq!(before["phase"], "unpowered");
    assert_eq!(before["module"], Value::Null);
    let mut host = Host::open_and_start(&link);
    let module = &state(&at)["module"];
    assert_eq!(module["echo"], true);
    assert_eq!(module["station"]["state"], "idle");
    assert_eq!(module["softap"]["stations"], 0);
    host.join();
    host.ok("AT+CIPMUX=1");
    host.ok("AT+CIPSERVER=1,8080");
    let echo = echo_peer();
    host.ok(&format!(
        "AT+CIPSTART=3,\"TCP\",\"127.0.0.1\",{}",
        echo.port()
    ));
    let module = &state(&at)["module"];
    assert_eq!(module["echo"], false);
    assert_eq!(module["multiple_links"], true);
    let station = json!({"state": "up", "ssid": "lab", "ip": "127.0.0.1"});
    assert_eq!(module["station"], station);
    assert_eq!(module["softap"], Value::Null);
    assert_eq!(module["server"]["protocol"], "TCP");
    assert_eq!(module["links"], 1);
    let links = get(&at, "/v1/links");
    assert_eq!(links.status, 200);
    let links = links.json();
    holds(&links, &schema("Links"));
    assert_eq!(links["links"][0]["id"], 3);
    assert_eq!(links["links"][0]["protocol"], "TCP");
    assert_eq!(links["links"][0]["state"], "open");
    assert_eq!(links["links"][0]["remote"], echo.to_string());
    assert!(!get(&at, "/v1/state").body.contains("secret1234"));
}

#[test]
fn reset_and_supply_reach_the_module() {
    let scratch = Scratch::new("control-power");
    let (espat, link) = Espat::on_pty(&scratch, &["--control", "127.0.0.1:0"]);
    let at = place(&espat);
    for (path, body) in [
        ("/v1/reset", ""),
        ("/v1/power", "{\"supply\":\"off\"}"),
        ("/v1/power", "{\"supply\":\"brown-out\"}"),
        ("/v1/wifi", "{\"air\":\"down\"}"),
        ("/v1/serial/send", "{\"text\":\"AT\"}"),
        ("/v1/serial/emit", "{\"text\":\"AT\"}"),
    ] {
        let answer = post(&at, path, body);
        assert_eq!(answer.status, 409, "{path} {body}: {}", answer.body);
        assert_eq!(answer.error(), "module");
    }
    assert_eq!(get(&at, "/v1/links").status, 409);
    did(&at, "/v1/power", "{\"supply\":\"on\"}");
    let mut host = Host::open(&link);
    host.ok("ATE0");
    did(&at, "/v1/reset", "{}");
    host.until("\r\nready\r\n");
    assert_eq!(host.ok("ATE0"), "ATE0\r\n\r\nOK\r\n");
    did(&at, "/v1/power", "{\"supply\":\"brown-out\"}");
    host.until("\r\nready\r\n");
    assert_eq!(
        did(&at, "/v1/power", "{\"supply\":\"off\"}")["phase"],
        "off"
    );
    host.write("AT\r\n");
    assert_eq!(
        did(&at, "/v1/power", "{\"supply\":\"off\"}")["phase"],
        "off"
    );
    did(&at, "/v1/power", "{\"supply\":\"on\"}");
    assert_eq!(
        host.until("ready\r\n"),
        "\r\nready\r\n",
        "nothing was said while it was off"
    );
    espat.log_line("boot, BrownOut");
}

#[test]
fn the_air_goes_and_comes_back_and_the_address_changes() {
    let scratch = Scratch::new("control-wifi");
    let (espat, link) = Espat::on_pty(&scratch, &["--control", "127.0.0.1:0"]);
    let at = place(&espat);
    let mut host = Host::open_and_start(&link);
    host.join();
    host.ok("AT+CWRECONNCFG=1,0");
    did(&at, "/v1/wifi", "{\"air\":\"down\"}");
    host.until("WIFI DISCONNECT\r\n");
    assert_eq!(state(&at)["module"]["air"], "down");
    did(&at, "/v1/wifi", "{\"air\":\"up\"}");
    host.until("WIFI GOT IP\r\n");
    did(&at, "/v1/wifi", "{\"address\":\"127.0.0.7\"}");
    wait_for("the new address", || {
        state(&at)["module"]["station"]["ip"] == "127.0.0.7"
    });
    for wrong in ["127.0.0", "0.0.0.0", "255.255.255.255", "224.0.0.1"] {
        let answer = post(&at, "/v1/wifi", &format!("{{\"address\":\"{wrong}\"}}"));
        assert_eq!((answer.status, answer.error().as_str()), (400, "address"));
        assert_eq!(answer.json()["error"]["value"], wrong);
    }
    let answer = post(&at, "/v1/wifi", "{}");
    assert_eq!((answer.status, answer.error().as_str()), (400, "body"));
}

#[test]
fn bytes_go_on_the_line_both_ways() {
    let scratch = Scratch::new("control-serial");
    let (espat, link) = Espat::on_pty(&scratch, &["--control", "127.0.0.1:0"]);
    let at = place(&espat);
    let mut host = Host::open_and_start(&link);
    host.ok("ATE0");
    assert_eq!(
        did(&at, "/v1/serial/send", "{\"text\":\"AT+CIPMUX?\\r\\n\"}")["bytes"],
        12
    );
    assert!(host.until("\r\nOK\r\n").contains("+CIPMUX:0"));
    assert_eq!(
        did(&at, "/v1/serial/emit", "{\"hex\":\"ff0041\"}")["bytes"],
        3
    );
    assert_eq!(host.exactly(3), b"\xff\0A");
    for wrong in [
        "{}",
        "{\"text\":\"A\",\"hex\":\"41\"}",
        "[]",
        "{\"text\":1}",
        "{\"txt\":\"A\"}",
        "AT",
    ] {
        let answer = post(&at, "/v1/serial/send", wrong);
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (400, "body"),
            "{wrong}"
        );
    }
    let answer = post(&at, "/v1/serial/emit", "{\"hex\":\"4\"}");
    assert_eq!((answer.status, answer.error().as_str()), (400, "hex"));
    // More than a module takes at a time waits for it.
    let many = "AT\\r\\n".repeat(2000);
    did(&at, "/v1/serial/send", &format!("{{\"text\":\"{many}\"}}"));
    for _ in 0..2000 {
        host.until("OK\r\n");
    }
}

#[test]
fn the_transcript_is_followed_while_it_happens() {
    let scratch = Scratch::new("control-live");
    let (mut espat, link) = Espat::on_pty(&scratch, &["--control", "127.0.0.1:0"]);
    let at = place(&espat);
    let mut live = Live::follow(&at);
    let mut host = Host::open_and_start(&link);
    host.join();
    let text = live.until("WIFI GOT IP");
    assert!(text.contains("-> AT+CWJAP=\"lab\",\"{secret}\""), "{text}");
    assert!(!text.contains("secret1234"), "{text}");
    let mut second = Live::follow(&at);
    host.ok("AT+CIPMUX?");
    for live in [&mut live, &mut second] {
        assert!(live.until("<- OK").contains("<- +CIPMUX:0"));
    }
    espat.signal(rustix::process::Signal::TERM);
    assert_eq!(live.end()["reason"], "stopped");
    assert_eq!(second.end()["reason"], "stopped");
    assert_eq!(espat.exit().code(), Some(0));
}

#[test]
fn what_is_not_there_is_said_and_what_is_is_described() {
    let (_scratch, _espat, at) = start("control-routes", &[]);
    let described = get(&at, "/v1/openapi.json");
    assert_eq!(described.status, 200);
    assert_eq!(described.json(), description());
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/state/",
        "/v2/state",
        "//v1/state",
        "/v1/%73tate",
    ] {
        let answer = get(&at, path);
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (404, "path"),
            "{path}"
        );
        assert_eq!(answer.json()["error"]["value"], path);
    }
    assert_eq!(get(&at, "/v1/state?x=1").status, 200);
    let paths = description()["paths"].as_object().unwrap().clone();
    for (path, methods) in &paths {
        let known: Vec<_> = methods.as_object().unwrap().keys().collect();
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] {
            if known.iter().any(|known| known.eq_ignore_ascii_case(method)) || path.contains('{') {
                continue;
            }
            let head = format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            );
            let answer = client::request(&at, &head, "");
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.head.contains("allow: "), "{}", answer.head);
        }
    }
}

/// The commands of the documentation, as they stand there.
#[test]
fn the_documentation_runs_as_it_stands() {
    let (_scratch, _espat, at) = start("control-docs", &[]);
    let text = include_str!("../../../../../docs/control.md");
    let blocks = text.split("```sh\n").skip(1);
    let commands: Vec<_> = blocks
        .flat_map(|block| block.split("```").next().unwrap().lines())
        .collect();
    assert!(commands.len() >= 10);
    if std::process::Command::new("curl")
        .arg("--version")
        .output()
        .is_err()
    {
        println!("skipped: there is no curl");
        return;
    }
    for command in commands {
        let here = command.replace("127.0.0.1:8090", &at);
        let output = std::process::Command::new("sh")
            .args(["-c", &here])
            .output()
            .unwrap();
        let answer = String::from_utf8(output.stdout).unwrap();
        if command.contains("/v1/live") {
            assert_eq!(output.status.code(), Some(28), "the time is over: {answer}");
            continue;
        }
        assert!(output.status.success(), "{command}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer.get("error"), None, "{command}: {answer}");
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "one session")]
fn faults_are_started_listed_and_stopped() {
    let scratch = Scratch::new("control-faults");
    let (espat, link) = Espat::on_pty(&scratch, &["--control", "127.0.0.1:0"]);
    let at = place(&espat);
    let scenarios = get(&at, "/v1/scenarios").json();
    holds(&scenarios, &schema("Scenarios"));
    let names = scenarios["scenarios"].as_array().unwrap();
    assert!(names.iter().any(|one| one["name"] == "ipd-inside-send"));
    let mut host = Host::open_and_start(&link);
    host.ok("ATE0");
    let faults = || {
        let faults = get(&at, "/v1/faults").json();
        holds(&faults, &schema("Faults"));
        faults["faults"].as_array().unwrap().clone()
    };
    assert_eq!(faults(), Vec::<Value>::new());
    let start = |body: &str| post(&at, "/v1/faults", body);
    // A plan of one's own: the answer to one command is held back for good.
    let plan = "[[fault]]\nname = \"quiet\"\nwhen = { command = \"AT+CIPMUX?\" }\ndo = \"hang\"\n";
    let body = json!({"name": "deaf", "plan": plan, "seed": 7}).to_string();
    let started = start(&body);
    assert_eq!(started.status, 201, "{}", started.body);
    holds(&started.json(), &schema("Started"));
    assert_eq!(started.json(), json!({"id": 0, "name": "deaf", "seed": 7}));
    assert_eq!(state(&at)["module"]["faults"], json!(["deaf"]));
    host.ok("AT");
    host.write("AT+CIPMUX?\r\n");
    wait_for("the fault", || {
        faults()[0]["rules"] == json!([{"name": "quiet", "acted": 1}])
    });
    did(&at, "/v1/reset", "");
    host.until("\r\nready\r\n");
    let stop = |which: &str| {
        let head = format!("DELETE /v1/faults/{which} HTTP/1.1\r\nHost: localhost\r\n");
        client::request(&at, &head, "")
    };
    let stopped = stop("deaf");
    assert_eq!(stopped.status, 200, "{}", stopped.body);
    holds(&stopped.json(), &schema("Stopped"));
    assert_eq!(stopped.json(), json!({"stopped": [0]}));
    assert_eq!(faults(), Vec::<Value>::new());
    host.ok("AT+CIPMUX?");
    for gone in ["deaf", "0", "99", "%00"] {
        let answer = stop(gone);
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (404, "which"),
            "{gone}"
        );
    }
    // A scenario, with its own seed, by its number.
    let started = start("{\"name\":\"ipd-inside-send\"}");
    assert_eq!(started.status, 201, "{}", started.body);
    let id = started.json()["id"].to_string();
    assert_eq!(stop(&id).status, 200);
    for (wrong, name) in [
        ("{}", "body"),
        ("{\"name\":\"no-such\"}", "name"),
        ("{\"name\":\"/etc/passwd\"}", "name"),
        ("{\"name\":\"a b\",\"plan\":\"\"}", "name"),
        ("{\"plan\":\"[[fault]]\\ndo = \\\"hnag\\\"\"}", "plan"),
        ("{\"plan\":\"= =\"}", "plan"),
        ("{\"name\":\"ipd-inside-send\",\"sed\":1}", "body"),
        ("{\"name\":\"ipd-inside-send\",\"seed\":-1}", "body"),
    ] {
        let answer = start(wrong);
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (400, name),
            "{wrong}"
        );
    }
    let wrong = start("{\"plan\":\"[[fault]]\\ndo = \\\"hnag\\\"\"}").json();
    assert!(
        wrong["error"]["message"].as_str().unwrap().contains("hang"),
        "{wrong}"
    );
    for _ in 0..32 {
        assert_eq!(start("{\"name\":\"ipd-inside-send\"}").status, 201);
    }
    assert_eq!(start("{\"name\":\"ipd-inside-send\"}").status, 409);
    let stopped = stop("ipd-inside-send").json();
    assert_eq!(stopped["stopped"].as_array().unwrap().len(), 32);
    host.ok("AT");
}
