//! Serial ports: what opens, what it says, how it ends.

use rustix::process::Signal;

use crate::control::client::{get, place};
use crate::harness::{Espat, Host, Scratch, espat, wait_for};

#[test]
fn the_first_host_on_a_pty_sees_ready_and_the_next_finds_the_module_running() {
    let scratch = Scratch::new("first-host");
    let (_espat, link) = Espat::on_pty(&scratch, &[]);
    let mut host = Host::open(&link);
    host.until("\r\nready\r\n");
    assert_eq!(host.ok("AT"), "AT\r\n\r\nOK\r\n");
    assert_eq!(host.ok("ATE0"), "ATE0\r\n\r\nOK\r\n");
    drop(host);
    let mut host = Host::open(&link);
    assert_eq!(
        host.ok("AT"),
        "\r\nOK\r\n",
        "the echo stays off: no reset between hosts"
    );
}

#[test]
fn each_open_is_a_power_cycle_where_that_is_asked() {
    let scratch = Scratch::new("each-open");
    let (espat, link) = Espat::on_pty(&scratch, &["--power", "each-open", "--log", "debug"]);
    for closed in 1..=3 {
        let mut host = Host::open(&link);
        host.until("\r\nready\r\n");
        assert_eq!(host.ok("ATE0"), "ATE0\r\n\r\nOK\r\n");
        drop(host);
        wait_for("the close in the log", || {
            espat.log().matches("closed the port").count() == closed
        });
    }
}

#[test]
fn sigterm_and_sigint_end_with_exit_code_0_and_remove_the_link() {
    for (name, signal) in [("term", Signal::TERM), ("int", Signal::INT)] {
        let scratch = Scratch::new(name);
        let (mut espat, link) = Espat::on_pty(&scratch, &[]);
        let mut host = Host::open_and_start(&link);
        host.ok("AT");
        espat.signal(signal);
        assert_eq!(espat.exit().code(), Some(0));
        let log = espat.log();
        assert!(!log.contains("did not end"), "{log}");
        assert!(link.symlink_metadata().is_err(), "the link is still there");
    }
}

#[test]
fn the_hosts_rate_counts_on_a_pty_where_that_is_asked() {
    let scratch = Scratch::new("strict");
    let (espat, link) = Espat::on_pty(&scratch, &["--strict-baud", "--control", "127.0.0.1:0"]);
    let at = place(&espat);
    let taken = || get(&at, "/v1/state").json()["counters"]["serial_in"].as_u64();
    let mut host = Host::open_and_start(&link);
    assert_eq!(host.ok("AT"), "AT\r\n\r\nOK\r\n");
    host.set_rate(9600);
    let before = taken();
    host.write("AT\r\n");
    wait_for("bytes at the wrong rate", || taken() > before);
    host.set_rate(115_200);
    // What the module took for a line's beginning ends with it.
    host.write("\r\n");
    let said = host.ok("ATE0");
    assert!(
        said.contains("ATE0"),
        "the command at the wrong rate was answered: {said:?}"
    );
    host.ok("AT+UART_CUR=9600,8,1,0,0");
    host.set_rate(9600);
    assert_eq!(host.ok("AT"), "\r\nOK\r\n");
    let scratch = Scratch::new("lax");
    let (_espat, link) = Espat::on_pty(&scratch, &[]);
    let mut host = Host::open_and_start(&link);
    host.set_rate(9600);
    host.ok("AT");
}

#[test]
fn a_host_that_tries_the_rates_finds_that_of_a_fault() {
    let ways: [&[&str]; 2] = [
        &["--fault", "wrong-baud"],
        &["--fault", "wrong-baud", "--strict-baud"],
    ];
    for options in ways {
        let scratch = Scratch::new("hunt");
        let (_espat, link) = Espat::on_pty(&scratch, options);
        let mut host = Host::open_and_start(&link);
        host.set_rate(9600);
        assert_eq!(host.ok("AT"), "AT\r\n\r\nOK\r\n", "{options:?}");
    }
}

#[test]
fn a_link_that_belongs_to_a_running_espat_is_refused() {
    let scratch = Scratch::new("taken");
    let (_espat, link) = Espat::on_pty(&scratch, &[]);
    let second = espat().arg("--pty").arg(&link).output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    let message = String::from_utf8_lossy(&second.stderr);
    assert!(
        message.contains("--pty") && message.contains(link.to_str().unwrap()),
        "{message}"
    );
    assert!(
        link.symlink_metadata().is_ok(),
        "the first one's link was removed"
    );
}

#[test]
fn a_file_where_the_link_should_be_is_left_alone() {
    let scratch = Scratch::new("file");
    let path = scratch.path("port");
    std::fs::write(&path, "mine").unwrap();
    let output = espat().arg("--pty").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn standard_input_and_output_carry_serial_bytes_only_and_their_end_is_the_end() {
    let (mut espat, mut host) = Espat::on_stdio(&["--log", "debug"]);
    host.until("\r\nready\r\n");
    host.write("AT\r\nATE0\r\n");
    assert_eq!(
        host.until("ATE0\r\n\r\nOK\r\n"),
        "AT\r\n\r\nOK\r\nATE0\r\n\r\nOK\r\n"
    );
    host.write("AT\r\n");
    host.close_input();
    assert_eq!(String::from_utf8_lossy(&host.rest()), "\r\nOK\r\n");
    assert_eq!(espat.exit().code(), Some(0));
    assert!(!espat.log().is_empty(), "the log goes to standard error");
}

#[test]
fn a_second_host_on_tcp_is_refused_and_the_first_goes_on() {
    let espat = Espat::start(&["--timing", "fast", "--tcp", "127.0.0.1:0"]);
    let line = espat.line();
    let addr = line
        .strip_prefix("tcp ")
        .unwrap_or_else(|| panic!("{line}"))
        .parse()
        .unwrap();
    let mut first = Host::connect(addr);
    first.until("\r\nready\r\n");
    let mut second = Host::connect(addr);
    assert_eq!(second.rest(), b"");
    espat.log_line("refused");
    first.ok("AT");
    drop(first);
    // The end of the first reaches espat before or after the next host does; refused hosts may come again.
    let mut third = loop {
        let mut host = Host::connect(addr);
        host.write("ATE0\r\n");
        if host.answers() {
            break host;
        }
    };
    third.until("\r\nOK\r\n");
    third.ok("AT");
}

#[test]
fn a_tcp_address_in_use_is_wrong_usage() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let output = espat().args(["--tcp", &addr]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains("--tcp") && message.contains(&addr),
        "{message}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn the_module_is_on_before_any_host_where_that_is_asked() {
    let scratch = Scratch::new("now");
    let (espat, link) = Espat::on_pty(&scratch, &["--power", "now"]);
    espat.log_line("ready");
    let mut host = Host::open(&link);
    assert_eq!(
        host.ok("AT"),
        "AT\r\n\r\nOK\r\n",
        "what was said before the first host vanished"
    );
}
#[test]
fn the_log_uart_goes_where_it_is_asked_to_go() {
    const TEXT: &str = "link is not valid";
    let scratch = Scratch::new("log-port");
    let file = scratch.path("log");
    for (target, in_stream) in [
        (file.to_str().unwrap(), false),
        ("stderr", false),
        ("shared", true),
    ] {
        let (espat, mut host) = Espat::on_stdio(&["--log-port", target]);
        host.until("\r\nready\r\n");
        let answer = host.command("AT+CIPSEND=4", "ERROR");
        assert_eq!(answer.contains(TEXT), in_stream, "{target}: {answer:?}");
        if target == "stderr" {
            espat.log_line(TEXT);
        }
    }
    assert!(std::fs::read_to_string(&file).unwrap().contains(TEXT));
}

#[test]
fn a_host_that_the_system_cannot_accept_is_told_of_once_and_accepted_later() {
    let espat = Espat::start(&["--tcp", "127.0.0.1:0", "--timing", "fast"]);
    let line = espat.line();
    let at = line.strip_prefix("tcp ").unwrap().parse().unwrap();
    let mut first = Host::connect(at);
    first.until("\r\nready\r\n");
    let warnings = |espat: &Espat| espat.log().matches("cannot be accepted").count();
    for streak in 1..=2 {
        espat.may_open_more(false);
        let mut second = Host::connect(at);
        wait_for("the warning", || warnings(&espat) == streak);
        // Every command is a step of the driver, or several.
        for _ in 0..100 {
            first.ok("AT");
        }
        assert_eq!(warnings(&espat), streak, "{}", espat.log());
        espat.may_open_more(true);
        assert!(!second.answers(), "it is accepted, and refused");
        wait_for("the refusal", || {
            espat.log().matches(" is refused: ").count() == streak
        });
    }
}
