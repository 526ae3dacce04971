//! The serial port over RFC 2217, with pyserial as its host and with a host that knows nothing of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::control::client::{get, place, post};
use crate::harness::{Espat, Host, echo_peer, espat, wait_for};

fn start(more: &[&str]) -> (Espat, String) {
    let mut arguments = vec!["--timing", "fast", "--rfc2217", "127.0.0.1:0"];
    arguments.extend_from_slice(more);
    let espat = Espat::start(&arguments);
    let line = espat.line();
    let at = line
        .strip_prefix("rfc2217 ")
        .unwrap_or_else(|| panic!("the port's line is `{line}`"));
    let at = at.to_owned();
    (espat, at)
}

/// Python with pyserial in an environment of its own; `None`, with a printed reason, where that cannot be had.
fn pyserial(host: &Path) -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pyserial");
    let python = venv.join("bin/python");
    let wanted = host.join("requirements.txt");
    // Written last, so that an environment without it is an unfinished one.
    let installed = venv.join("requirements.txt");
    let is_there =
        std::fs::read(&installed).is_ok_and(|there| there == std::fs::read(&wanted).unwrap());
    if is_there {
        return Some(python);
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&venv);
    let mut install = Command::new(&python);
    install
        .args(["-m", "pip", "install", "--no-input", "--no-deps"])
        .args([
            "--disable-pip-version-check",
            "--retries",
            "2",
            "--requirement",
        ])
        .arg(&wanted);
    for command in [&mut make, &mut install] {
        let reason = match command.output() {
            Ok(output) if output.status.success() => continue,
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        let reason = reason.trim().lines().last().unwrap_or_default().to_owned();
        println!("skipped: pyserial cannot be installed: {reason}");
        return None;
    }
    std::fs::copy(&wanted, &installed).unwrap();
    Some(python)
}

#[test]
fn pyserial_sets_the_line_resets_the_module_and_passes_all_bytes() {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/hosts/pyserial");
    let Some(python) = pyserial(&host) else {
        return;
    };
    let (espat, at) = start(&["--log", "debug"]);
    let output = Command::new(python)
        .arg(host.join("host.py"))
        .arg(format!("rfc2217://{at}"))
        .arg(echo_peer().port().to_string())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let done = String::from_utf8_lossy(&output.stdout);
    assert_eq!(done, "reset\ncommands\nline\nbinary\nclosed\n");
    espat.log_line("baud: 9600, data_bits: 7, stop_bits: 3, parity: 2");
}

#[test]
fn a_host_without_telnet_can_talk_too_and_a_second_one_is_refused() {
    let (espat, at) = start(&[]);
    let at = at.parse().unwrap();
    let mut host = Host::connect(at);
    host.until("\r\nready\r\n");
    assert_eq!(host.ok("AT"), "AT\r\n\r\nOK\r\n");
    let mut second = Host::connect(at);
    assert_eq!(second.rest(), b"");
    espat.log_line("is refused");
    host.ok("ATE0");
    host.hang_up();
    let mut host = Host::connect(at);
    host.write("AT\r\n");
    assert!(
        !host.until("\r\nOK\r\n").contains("AT"),
        "no reset between hosts"
    );
}

#[test]
fn an_address_that_cannot_be_had_is_named() {
    let (_espat, at) = start(&[]);
    let output = espat().args(["--rfc2217", &at]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains("--rfc2217") && message.contains(&at),
        "{message}"
    );
}

#[test]
fn the_hosts_rate_counts_where_that_is_asked() {
    let baud = |baud: u32| {
        let mut sub = vec![255, 250, 44, 1];
        for byte in baud.to_be_bytes() {
            sub.extend(std::iter::repeat_n(byte, 1 + usize::from(byte == 255)));
        }
        sub.extend([255, 240]);
        sub
    };
    let answer = |rate: u32| {
        let mut answer = baud(rate);
        answer[3] = 101;
        answer
    };
    let (_espat, at) = start(&["--strict-baud"]);
    let mut host = Host::connect(at.parse().unwrap());
    host.until("\r\nready\r\n");
    host.ok("ATE0");
    host.write(baud(9600));
    host.until_bytes(&answer(9600));
    host.write("AT\r\n");
    host.write(baud(115_200));
    let heard = host.until_bytes(&answer(115_200));
    assert!(!heard.windows(2).any(|two| two == b"OK"), "{heard:?}");
    host.write("\r\n");
    host.ok("AT+UART_CUR=9600,8,1,0,0");
    host.write(baud(9600));
    host.until_bytes(&answer(9600));
    assert_eq!(host.ok("AT"), "\r\nOK\r\n");
}

#[test]
fn the_pins_reset_a_module_that_hangs() {
    let (espat, at) = start(&["--control", "127.0.0.1:0"]);
    let control = place(&espat);
    let mut host = Host::connect(at.parse().unwrap());
    host.until("\r\nready\r\n");
    let plan = "[[fault]]\nwhen = { command = \"AT+GMR\" }\ndo = \"hang\"\n";
    let body = serde_json::json!({ "plan": plan }).to_string();
    assert_eq!(post(&control, "/v1/faults", &body).status, 201);
    host.write("AT+GMR\r\nAT\r\n");
    wait_for("the fault", || {
        let faults = get(&control, "/v1/faults").json();
        faults["faults"][0]["rules"][0]["acted"] == 1
    });
    host.write([255, 250, 44, 5, 11, 255, 240]);
    host.write([255, 250, 44, 5, 12, 255, 240]);
    let heard = host.until("\r\nready\r\n");
    assert!(!heard.contains("OK"), "{heard:?}");
    host.ok("AT");
}
