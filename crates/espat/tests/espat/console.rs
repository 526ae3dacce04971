//! `espat console` in a terminal.

use std::fs::OpenOptions;
use std::os::fd::OwnedFd;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;

use crate::harness::{Host, espat, wait_for};

/// A terminal: the end of whoever looks at it, and the end of the program.
pub(crate) fn terminal() -> (OwnedFd, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, vec![]).unwrap().into_string().unwrap();
    let slave = OpenOptions::new().read(true).write(true).open(name);
    (master, slave.unwrap().into())
}

#[test]
fn keys_become_lines_and_ctrl_bracket_leaves_the_terminal_as_it_was() {
    let (master, slave) = terminal();
    let before = tcgetattr(&slave).unwrap();
    let mut console = espat()
        .args(["console", "--timing", "fast"])
        .stdin(slave.try_clone().unwrap())
        .stdout(slave.try_clone().unwrap())
        .stderr(slave.try_clone().unwrap())
        .spawn()
        .unwrap();
    let mut user = Host::new(master.try_clone().unwrap(), Some(master));
    let start = user.until("ready\r\r\n");
    let log = start.split('\n').filter(|line| line.contains("INFO"));
    assert!(
        log.clone().count() > 0 && log.clone().all(|line| line.ends_with('\r')),
        "{start:?}"
    );
    user.write("AT\r");
    let shown = user.until("OK\r\r\n");
    assert_eq!(shown.matches("AT").count(), 1, "{shown:?}");
    user.write("AT+CIPMUX?\r");
    user.until("+CIPMUX:0\r\r\n");
    user.write("\x1d");
    wait_for("the console's end", || {
        console.try_wait().unwrap().is_some()
    });
    assert!(console.wait().unwrap().success());
    let after = tcgetattr(&slave).unwrap();
    assert_eq!(after.local_modes, before.local_modes);
    assert_eq!(after.input_modes, before.input_modes);
}
