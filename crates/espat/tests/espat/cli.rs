//! The command line: help, wrong options, exit codes, listings. Nothing here opens a serial port.

use std::process::{Output, Stdio};

use crate::harness::{espat, espat_as_nobody};

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    finished(
        &espat()
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap(),
    )
}

fn finished(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

const OPTIONS: &[&str] = &[
    "--pty",
    "--tcp",
    "--rfc2217",
    "--strict-baud",
    "--control",
    "--control-token",
    "--serial",
    "--stdio",
    "--profile",
    "--power",
    "--timing",
    "--reports",
    "--terminator",
    "--log-port",
    "--seed",
    "--state",
    "--certs",
    "--ap",
    "--station",
    "--ip",
    "--ip6",
    "--map",
    "--publish",
    "--offline",
    "--allow",
    "--deny",
    "--ota-server",
    "--ota-token",
    "--tls-keylog",
    "--fault",
    "--record",
    "--record-payload",
    "--pcap",
    "--config",
    "--log",
];

#[test]
fn help_explains_every_option_with_an_example() {
    for arguments in [&["--help"][..], &["run", "--help"]] {
        let (code, help, _) = run(arguments);
        assert_eq!(code, Some(0));
        let entry = |line: &str| line.starts_with("      --");
        let lines: Vec<_> = help.lines().collect();
        let entries: Vec<_> = (0..lines.len()).filter(|&i| entry(lines[i])).collect();
        let mut names = vec![];
        for &start in &entries {
            names.push(lines[start].split_whitespace().next().unwrap());
            let text = lines[start + 1..]
                .iter()
                .take_while(|l| !entry(l))
                .copied()
                .collect::<Vec<_>>()
                .join("\n");
            assert!(
                text.contains("Example: "),
                "{}: no example in\n{text}",
                lines[start]
            );
        }
        names.sort_unstable();
        let mut expected = OPTIONS.to_vec();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let (code, help, errors) = run(&["-h"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(help.contains("espat --help"));
    let (code, version, _) = run(&["--version"]);
    let expected = format!("espat {} (OpenSSL 3.", env!("CARGO_PKG_VERSION"));
    assert_eq!(code, Some(0));
    assert!(version.starts_with(&expected), "{version}");
}

/// Arguments, and what is said of them: the option, the value and the way out.
const WRONG: &[(&[&str], &str, &str, &str)] = &[
    (
        &["--timing", "warp"],
        "--timing",
        "'warp'",
        "realistic, fast",
    ),
    (
        &["--profile", "esp99"],
        "--profile",
        "'esp99'",
        "espat profiles",
    ),
    (&["--tcp", "5000"], "--tcp", "'5000'", "127.0.0.1:5000"),
    (
        &["--serial", "/dev/ttyS0@quick"],
        "--serial",
        "@quick",
        "115200",
    ),
    (&["--pty", "--stdio"], "--pty", "--stdio", "--help"),
    (
        &["--offline", "--allow", "10.0.0.0/8"],
        "--offline",
        "--allow",
        "--help",
    ),
    (
        &["--allow", "10.0.0.0/40"],
        "--allow",
        "10.0.0.0/40",
        "ADDR/BITS",
    ),
    (
        &["--map", "a.example"],
        "--map",
        "a.example",
        "HOST[:PORT]=ADDR[:PORT]",
    ),
    (
        &["--publish", "http=127.0.0.1:80"],
        "--publish",
        "http=",
        "1 to 65535",
    ),
    (
        &["--station", "me"],
        "--station",
        "'me'",
        "02:00:00:00:00:05",
    ),
    (&["--seed", "-1"], "--seed", "'-1'", "from 0 to"),
    (&["--ip", "::1"], "--ip", "'::1'", "192.168.1.20"),
    (&["--ip6", "127.0.0.1"], "--ip6", "'127.0.0.1'", "fd00::20"),
    (&["--timming", "fast"], "--timming", "--timing", "--help"),
    (
        &["--config", "/nonexistent/espat.toml"],
        "--config",
        "/nonexistent/espat.toml",
        "No such file",
    ),
    (
        &["--log-port", "/nonexistent/log", "--stdio"],
        "--log-port",
        "/nonexistent/log",
        "No such file",
    ),
    (
        &["--state", "/dev/null/state", "--stdio"],
        "--state",
        "/dev/null/state",
        "Not a directory",
    ),
    (&["--ap", ""], "--ap", "``", "1 to 32"),
    (
        &["--pty", "/nonexistent/port"],
        "--pty",
        "/nonexistent/port",
        "make the folder `/nonexistent` first",
    ),
    (
        &["--pty", "/dev/null/port"],
        "--pty",
        "/dev/null/port",
        "`/dev/null` is no folder",
    ),
    (
        &["--serial", "/dev/nonexistent"],
        "--serial",
        "/dev/nonexistent",
        "is it plugged in?",
    ),
    (
        &["--serial", "/dev/null@9600"],
        "--serial",
        "/dev/null",
        "name the device of a UART",
    ),
    (
        &["--serial", "/"],
        "--serial",
        "`/`",
        "name the device of a UART",
    ),
    (
        &["--publish", "80=192.0.2.1:8080", "--stdio"],
        "--publish 80=192.0.2.1:8080",
        "192.0.2.1 is no address of this computer",
        "127.0.0.1",
    ),
    (
        &["--publish", "80=[2001:db8::1]:8080", "--stdio"],
        "--publish 80=[2001:db8::1]:8080",
        "2001:db8::1 is no address of this computer",
        "127.0.0.1",
    ),
    (
        &["--ota-server", "ftp://a.example"],
        "--ota-server",
        "'ftp://a.example'",
        "http://HOST[:PORT]",
    ),
    (
        &["--ota-server", "http://a.example/rom"],
        "--ota-server",
        "'http://a.example/rom'",
        "without a path",
    ),
    (
        &["--ota-token", "", "--stdio"],
        "--ota-token",
        "0 bytes",
        "1 to 256",
    ),
    (&["console"], "console", "standard input", "--stdio"),
    (&["frobnicate"], "frobnicate", "", "--help"),
    (&["man", "frobnicate"], "man", "frobnicate", "run"),
];

#[test]
fn wrong_usage_names_the_option_the_value_and_the_way_out() {
    for (arguments, option, value, way_out) in WRONG {
        let (code, out, message) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {message}");
        assert_eq!(out, "", "{arguments:?}");
        for part in [option, value, way_out] {
            assert!(
                message.contains(part),
                "{arguments:?}: no `{part}` in {message}"
            );
        }
    }
}

#[test]
fn what_this_user_may_not_use_is_named_with_the_way_out() {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("espat-locked-{}", std::process::id()));
    let device = folder.join("device");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(&device, "").unwrap();
    std::fs::set_permissions(&device, PermissionsExt::from_mode(0o000)).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o555)).unwrap();
    let link = folder.join("link");
    for (option, value, way_out) in [
        ("--serial", &device, "often dialout"),
        ("--pty", &link, "name a place elsewhere"),
    ] {
        let Some(mut espat) = espat_as_nobody() else {
            break;
        };
        let output = espat.arg(option).arg(value).stdin(Stdio::null()).output();
        let (code, out, message) = finished(&output.unwrap());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{message}");
        let start = format!("error: {option} {}: ", value.display());
        assert!(message.starts_with(&start), "{message}");
        assert!(message.contains(way_out), "{message}");
    }
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_address_that_is_not_this_computers_is_warned_of_at_start() {
    let (code, _, log) = run(&["--stdio", "--ip", "192.0.2.1", "--ip6", "2001:db8::1"]);
    assert_eq!(code, Some(0), "{log}");
    for said in ["--ip 192.0.2.1: ", "--ip6 2001:db8::1: "] {
        let line = log.lines().find(|line| line.contains(said));
        let line = line.unwrap_or_else(|| panic!("no `{said}` in {log}"));
        assert!(
            line.contains("WARN") && line.contains("--publish"),
            "{line}"
        );
    }
    let ours = ["--stdio", "--ip", "127.0.0.2", "--publish", "80=0.0.0.0:0"];
    let (code, _, log) = run(&ours);
    assert_eq!((code, log.contains("WARN")), (Some(0), false), "{log}");
}

#[test]
fn the_environment_and_the_file_are_read_and_named_in_messages() {
    let (code, _, message) = finished(
        &espat()
            .stdin(Stdio::null())
            .env("ESPAT_TIMING", "warp")
            .output()
            .unwrap(),
    );
    assert_eq!(code, Some(2));
    assert!(
        message.contains("ESPAT_TIMING") && message.contains("'warp'"),
        "{message}"
    );

    let path = std::env::temp_dir().join(format!("espat-cli-{}.toml", std::process::id()));
    std::fs::write(&path, "seed = 1\ntiming = \"warp\"\n").unwrap();
    let (code, _, message) = finished(
        &espat()
            .stdin(Stdio::null())
            .args(["--stdio"])
            .env("ESPAT_CONFIG", &path)
            .output()
            .unwrap(),
    );
    assert_eq!(code, Some(2));
    assert!(
        message.contains(".toml:2:1: ") && message.contains("'warp'"),
        "{message}"
    );
    // The command line's value counts, so the file's is not even looked at for its meaning.
    let (code, _, _) = finished(
        &espat()
            .stdin(Stdio::null())
            .args(["--stdio", "--config"])
            .arg(&path)
            .args(["--timing", "fast"])
            .output()
            .unwrap(),
    );
    assert_eq!(
        code,
        Some(2),
        "a wrong value in the file is wrong even where it is not used"
    );
    std::fs::write(&path, "seed = 1\n").unwrap();
    let (code, _, _) = finished(
        &espat()
            .stdin(Stdio::null())
            .args(["--stdio", "--config"])
            .arg(&path)
            .args(["--timing", "fast"])
            .output()
            .unwrap(),
    );
    assert_eq!(code, Some(0), "the end of standard input is the end");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_password_is_never_printed() {
    let long = "hush".repeat(20);
    let ap = format!("home={long}");
    let token = "hush".repeat(65);
    for arguments in [
        &["--ap", &ap, "--stdio"][..],
        &["--ap", &ap, "--timing", "warp"],
        &["--ap", &ap, "--bogus"],
        &["--ota-token", &token, "--stdio"],
        &["--ota-token", "hush\t", "--stdio"],
    ] {
        let (code, out, message) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(
            !out.contains("hush") && !message.contains("hush"),
            "{message}"
        );
    }
    let (code, out, log) = run(&[
        "--ap",
        "home=hushhush",
        "--stdio",
        "--log",
        "trace",
        "--timing",
        "fast",
    ]);
    assert_eq!(code, Some(0));
    assert!(!out.contains("hush") && !log.contains("hush"), "{log}");
}

#[test]
fn listings_are_tables_for_people_and_json_for_programs() {
    let (code, table, _) = run(&["commands"]);
    assert_eq!(code, Some(0));
    assert!(table.starts_with("COMMAND"), "{table}");
    let rows = json(&["commands", "--json"]);
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len() + 1, table.lines().count());
    assert!(rows.iter().all(|r| r["name"].is_string()));
}

fn json(arguments: &[&str]) -> serde_json::Value {
    let (code, json, _) = run(arguments);
    assert_eq!(code, Some(0));
    serde_json::from_str(&json).unwrap()
}

#[test]
fn profiles_say_what_differs_and_what_that_rests_on() {
    let (code, text, _) = run(&["profiles"]);
    assert_eq!(code, Some(0));
    let first = "esp32-2.2          ESP32     2.2.0.0  (the default)\n";
    assert!(text.starts_with(first), "{text}");
    assert!(text.contains("  4.1.1.0  (also esp32)\n"), "{text}");
    let whole = "\nesp32-2.2 (the default): ESP32, firmware 2.2.0.0\n";
    assert!(text.contains(whole), "{text}");
    assert!(
        text.contains("\n      Payload bytes of one `AT+CIPSEND`.\n"),
        "{text}"
    );
    assert!(text.contains("8192  (default: 2048)"), "{text}");
    assert!(text.contains("      inferred: "), "{text}");
    assert!(
        text.contains("      extrapolated from esp32-2.4, there documented: "),
        "{text}"
    );
    let lines = json(&["profiles", "--json"]);
    let lines = lines.as_array().unwrap();
    assert!(lines.len() >= 7 && lines[0]["default"] == true);
    for line in &lines[1..] {
        let values = line["values"].as_array().unwrap();
        let is_whole = |v: &serde_json::Value| {
            v["default"].is_string() && !v["mark"].as_str().unwrap().is_empty()
        };
        assert!(!values.is_empty() && values.iter().all(is_whole), "{line}");
    }

    let whole = json(&["profiles", "esp32-2.2", "--json"]);
    assert!(whole["values"].as_array().unwrap().len() > 80, "{whole}");

    let (code, text, _) = run(&["profiles", "esp32-2.2", "esp8266-nonos-1.7"]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains("\nAT+CWSTATE\n") && text.contains("no such command"),
        "{text}"
    );
    let both = json(&["profiles", "esp32", "esp32-2.4", "--json"]);
    assert_eq!(both["profiles"][0], "esp32-4.1");
    assert!(!both["values"].as_array().unwrap().is_empty());

    let (code, _, errors) = run(&["profiles", "esp32-24"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("is esp32-2.4 meant?"), "{errors}");
}

#[test]
fn completions_and_manual_pages_are_made_for_packagers() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, script, _) = run(&["completions", shell]);
        assert_eq!(code, Some(0));
        assert!(script.contains("log-port"), "{shell}");
    }
    for arguments in [&["man"][..], &["man", "run"], &["man", "console"]] {
        let (code, page, _) = run(arguments);
        assert_eq!(code, Some(0));
        assert!(page.contains(".TH espat"), "{page}");
        assert!(page.contains("log\\-port"), "{arguments:?}");
    }
}

#[test]
fn replay_says_which_transcript_does_not_hold() {
    let folder = std::env::temp_dir().join(format!("espat-replay-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("sub/_given")).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join("sub").join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    file("_given/quiet.at", "-> ATE0\n<- ATE0\n<-\n<- OK\n");
    let good = file("good.at", "@given quiet\n-> AT\n<-\n<- OK\n");
    let (code, out, _) = run(&["replay", folder.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.ends_with("2 transcripts, 0 failed\n"), "{out}");

    let bad = file("bad.at", "@given quiet\n-> AT\n<-\n<- KO\n");
    let report = folder.join("report.xml");
    let (code, out, message) = run(&["replay", &good, &bad, "--junit", report.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{message}");
    assert!(out.contains("FAIL") && out.contains("bad.at:4:"), "{out}");
    assert!(
        std::fs::read_to_string(&report)
            .unwrap()
            .contains("failures=\"1\"")
    );

    let unreadable = file("broken.at", "-> AT\n?? what\n");
    let (code, out, message) = run(&["replay", &good, &unreadable]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "nothing is run");
    assert!(message.contains("broken.at:2:"), "{message}");
    let (code, _, message) = run(&["replay", "/nonexistent.at"]);
    assert_eq!(code, Some(2));
    assert!(message.contains("/nonexistent.at"), "{message}");
    std::fs::remove_dir_all(&folder).unwrap();
}
