//! `AT+CIUPDATE` of the binary against `espat ota-server`: both sides of an upgrade, and of a broken one.

use rustix::process::Signal;

use crate::harness::{Espat, Host, Scratch};
use crate::ota_server::{Server, start};

const STEPS: &str = "+CIPUPDATE:1\r\n+CIPUPDATE:2\r\n+CIPUPDATE:3\r\n";

/// A module that has joined an access point and looks for upgrades at `server`.
fn module(server: &Server, more: &[&str]) -> (Espat, Host) {
    let url = format!("http://{}", server.at);
    let mut arguments = vec!["--ota-server", &url];
    arguments.extend_from_slice(more);
    let (espat, mut host) = Espat::on_stdio(&arguments);
    host.until("\r\nready\r\n");
    host.join();
    (espat, host)
}

fn version(host: &mut Host) -> String {
    let said = host.ok("AT+GMR");
    let line = said.lines().find_map(|l| l.strip_prefix("AT version:"));
    let version = line.and_then(|line| line.split('(').next());
    version.unwrap_or_else(|| panic!("{said:?}")).to_owned()
}

#[test]
fn a_module_restarts_into_the_newest_version_and_keeps_it() {
    let server = start("upgrade", &[]);
    let scratch = Scratch::new("upgrade-state");
    let state = scratch.path("state");
    let state = ["--state", state.to_str().unwrap()];
    let (mut espat, mut host) = module(&server, &state);
    assert_eq!(version(&mut host), "2.2.0.0");
    host.write("AT+CIUPDATE\r\n");
    assert_eq!(
        host.until("\r\nready\r\n"),
        format!("{STEPS}+CIPUPDATE:4\r\n\r\nOK\r\n\r\nready\r\n")
    );
    server.espat.log_line("is told of v2.10.0.0");
    server
        .espat
        .log_line(" v2.10.0.0 ota.bin 300000/300000 bytes, ");
    host.ok("ATE0");
    assert_eq!(version(&mut host), "2.10.0.0");
    host.close_input();
    assert!(espat.exit().success());
    let (_espat, mut host) = module(&server, &state);
    assert_eq!(version(&mut host), "2.10.0.0");
    // Down again, by name: two steps are not there.
    host.write("AT+CIUPDATE=0,\"v2.9.0.0\"\r\n");
    let said = host.until("\r\nready\r\n");
    assert!(
        said.starts_with("+CIPUPDATE:1\r\n+CIPUPDATE:4\r\n\r\nOK\r\n"),
        "{said:?}"
    );
    host.ok("ATE0");
    assert_eq!(version(&mut host), "2.9.0.0");
}

#[test]
fn a_newer_firmware_line_lists_the_versions_and_upgrades_to_one() {
    let server = start("upgrade-newer", &[]);
    let (_espat, mut host) = module(&server, &["--profile", "esp32-4.1"]);
    let said = host.ok("AT+CIPFWVER?");
    let versions: Vec<_> = said.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        versions[..2],
        ["+CIPFWVER:\"v2.10.0.0\"", "+CIPFWVER:\"v2.9.0.0\""],
        "{said:?}"
    );
    host.write("AT+CIUPDATE\r\n");
    let said = host.until("\r\nready\r\n");
    assert_eq!(
        said,
        format!("{STEPS}+CIPUPDATE:4\r\n\r\nOK\r\n\r\nready\r\n")
    );
    host.ok("ATE0");
    assert_eq!(version(&mut host), "2.10.0.0");
}

#[test]
fn a_module_upgrades_over_https() {
    let server = start("upgrade-tls", &["--tls"]);
    let (_espat, mut host) =
        Espat::on_stdio(&["--map", &format!("iot.espressif.cn:443={}", server.at)]);
    host.until("\r\nready\r\n");
    host.join();
    host.write("AT+CIUPDATE=1\r\n");
    let said = host.until("\r\nready\r\n");
    assert_eq!(
        said,
        format!("{STEPS}+CIPUPDATE:4\r\n\r\nOK\r\n\r\nready\r\n")
    );
    host.ok("ATE0");
    assert_eq!(version(&mut host), "2.10.0.0");
}

#[test]
fn a_broken_download_changes_nothing() {
    for (name, options, end) in [
        (
            "upgrade-cut",
            &["--cut-at", "100000"][..],
            "100000/300000 bytes, ",
        ),
        (
            "upgrade-length",
            &["--wrong-length"],
            "300000/300000 bytes, ",
        ),
        ("upgrade-head", &["--cut-at", "0"], "0/300000 bytes, "),
        // The first byte is not there when it is looked at, so nothing is waited for.
        ("upgrade-first", &["--stall-at", "0"], "0/300000 bytes, "),
    ] {
        let server = start(name, options);
        let (_espat, mut host) = module(&server, &[]);
        host.write("AT+CIUPDATE\r\n");
        let said = host.until("\r\nERROR\r\n");
        assert_eq!(said, format!("{STEPS}\r\nERROR\r\n"), "{name}");
        server.espat.log_line(end);
        server.espat.log_line(", as asked");
        assert_eq!(host.ok("AT+CIUPDATE?"), "+CIUPDATE:-1\r\n\r\nOK\r\n");
        assert_eq!(version(&mut host), "2.2.0.0", "{name}");
    }
}

#[test]
fn a_stall_holds_the_module_up_until_its_server_ends() {
    let mut server = start("upgrade-stall", &["--stall-at", "100000"]);
    let (_espat, mut host) = module(&server, &[]);
    host.write("AT+CIUPDATE\r\n");
    host.until(STEPS);
    server.espat.log_line("stalls, as asked");
    host.write("AT\r\n");
    host.until("busy p...\r\n");
    server.espat.signal(Signal::TERM);
    assert!(server.espat.exit().success());
    host.until("\r\nERROR\r\n");
    assert_eq!(version(&mut host), "2.2.0.0");
}

#[test]
fn a_module_that_ends_in_the_middle_leaves_nothing_behind() {
    let server = start("upgrade-end", &["--stall-at", "100000"]);
    let scratch = Scratch::new("upgrade-end-state");
    let state = scratch.path("state");
    let (mut espat, mut host) = module(&server, &["--state", state.to_str().unwrap()]);
    host.write("AT+CIUPDATE\r\n");
    host.until(STEPS);
    server.espat.log_line("stalls, as asked");
    espat.signal(Signal::TERM);
    assert!(espat.exit().success());
    assert_eq!(
        std::fs::read_dir(state.join("partitions")).unwrap().count(),
        0
    );
}

#[test]
fn the_empty_version_of_the_form_beside_commands_is_the_newest() {
    let server = start("upgrade-beside", &[]);
    let (_espat, mut host) = module(&server, &[]);
    host.ok("AT+CIUPDATE=0,\"\",\"ota\",1");
    host.until("+CIPUPDATE:4\r\n");
    server
        .espat
        .log_line(" v2.10.0.0 ota.bin 300000/300000 bytes, ");
    // The module asked for no version, so it does not know which it runs now.
    host.ok("AT+RST");
    host.until("\r\nready\r\n");
    host.ok("ATE0");
    assert_eq!(version(&mut host), "2.2.0.0");
}

#[test]
fn a_partition_is_fetched_and_kept() {
    let server = start("upgrade-partition", &[]);
    let scratch = Scratch::new("upgrade-partition-state");
    let state = scratch.path("state");
    let (_espat, mut host) = module(&server, &["--state", state.to_str().unwrap()]);
    let said = host.ok("AT+CIUPDATE=0,\"v2.9.0.0\",\"client_ca\"");
    assert_eq!(said, "+CIPUPDATE:1\r\n+CIPUPDATE:4\r\n\r\nOK\r\n");
    server.espat.log_line(" v2.9.0.0 client_ca.bin 4/4 bytes, ");
    let kept = std::fs::read(state.join("partitions/client_ca.bin")).unwrap();
    assert_eq!(kept, b"\xf1\xf1ca");
}

#[test]
fn a_file_over_the_limit_of_the_process_is_a_full_disk() {
    let server = start("upgrade-limit", &[]);
    let scratch = Scratch::new("upgrade-limit-state");
    let state = scratch.path("state");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "ulimit -f 16; exec \"$0\" \"$@\""]);
    shell.arg(env!("CARGO_BIN_EXE_espat"));
    let url = format!("http://{}", server.at);
    let more = ["--ota-server", &url, "--state", state.to_str().unwrap()];
    let (espat, mut host) = Espat::on_stdio_of(shell, &more);
    host.until("\r\nready\r\n");
    host.join();
    host.write("AT+CIUPDATE\r\n");
    assert_eq!(host.until("ERROR\r\n"), format!("{STEPS}\r\nERROR\r\n"));
    espat.log_line("ota.bin: cannot write the temporary file");
    assert_eq!(version(&mut host), "2.2.0.0");
}

#[test]
fn what_the_server_does_not_have_or_give_is_an_error() {
    let server = start("upgrade-token", &["--token", "0123456789"]);
    let logged = ["--ota-token", "0123456789", "--log", "trace"];
    let (espat, mut host) = module(&server, &logged);
    host.write("AT+CIUPDATE=0,\"v9\"\r\n");
    assert_eq!(host.until("ERROR\r\n"), "+CIPUPDATE:1\r\n\r\nERROR\r\n");
    server
        .espat
        .log_line("404: version \"v9\", file \"ota.bin\"");
    assert!(!espat.log().contains("0123456789"), "{}", espat.log());
    let (_espat, mut host) = module(&server, &["--ota-token", "wrong"]);
    host.write("AT+CIUPDATE\r\n");
    let said = host.until("ERROR\r\n");
    assert_eq!(said, "+CIPUPDATE:1\r\n+CIPUPDATE:2\r\n\r\nERROR\r\n");
    server.espat.log_line("401: ");
}
