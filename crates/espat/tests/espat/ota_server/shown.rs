//! What its user sees: bars, and what is wrong with the arguments.

use super::*;

#[test]
fn a_terminal_shows_bars() {
    let scratch = Scratch::new("ota-bars");
    let roms = folder(&scratch);
    let (master, slave) = terminal();
    let size = termios::Winsize {
        ws_row: 24,
        ws_col: 120,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    termios::tcsetwinsize(&slave, size).unwrap();
    let mut espat = espat();
    espat
        .args(["ota-server", roms.to_str().unwrap()])
        .args(["--listen", "127.0.0.1:0", "--stall-at", "30000"])
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(slave);
    let mut child = espat.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let at = line.trim().rsplit("//").next().unwrap().parse().unwrap();
    let mut user = Host::new(master.try_clone().unwrap(), Some(master));
    let stream = asked(at, &rom("v2.9.0.0", "ota.bin"), "1.1");
    let shown = user.until("] 30000/50000 bytes, ");
    assert!(shown.contains(" v2.9.0.0 ota.bin ["), "{shown:?}");
    drop(stream);
    user.until(" v2.9.0.0 ota.bin 30000/50000 bytes, ");
    user.until("s, stalled, as asked");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn wrong_usage_names_the_option_the_value_and_the_way_out() {
    let scratch = Scratch::new("ota-usage");
    let roms = folder(&scratch);
    let roms = roms.to_str().unwrap();
    let empty = scratch.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let file = scratch.path("file.pem");
    std::fs::write(&file, "no PEM").unwrap();
    let file = file.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, parts) in [
        (
            &["/nonexistent"][..],
            ["ota-server", "/nonexistent", "DIR/v2.4.0.0/ota.bin"],
        ),
        (&[file], ["ota-server", file, "Not a directory"]),
        (
            &[empty.to_str().unwrap()],
            ["ota-server", "no version", "DIR/v2.4.0.0/ota.bin"],
        ),
        (
            &[roms, "--latest", "v9"],
            ["--latest", "v9", "v2.10.0.0, v2.9.0.0"],
        ),
        (&[roms, "--listen", &taken], ["--listen", &taken, "port 0"]),
        (
            &[roms, "--listen", "192.0.2.1:0"],
            ["--listen", "192.0.2.1:0", "another address"],
        ),
        (
            &[roms, "--listen", "80"],
            ["--listen", "'80'", "127.0.0.1:5000"],
        ),
        (
            &[roms, "--stall-at", "1", "--cut-at", "2"],
            ["--stall-at", "--cut-at", "--help"],
        ),
        (&[roms, "--token", ""], ["--token", "0 bytes", "1 to 256"]),
        (
            &[roms, "--stall-at", "much"],
            ["--stall-at", "'much'", "--help"],
        ),
        (&[roms, "--cert", file], ["--cert", "--key", "--tls"]),
        (
            &[roms, "--tls", "--cert", file, "--key", file],
            ["--cert", file, "BEGIN CERTIFICATE"],
        ),
        (
            &[roms, "--tls", "--cert", "/nonexistent", "--key", file],
            ["--cert", "/nonexistent", "PEM"],
        ),
        (&[], ["<DIR>", "", "--help"]),
    ] {
        let output = espat()
            .arg("ota-server")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        for part in parts {
            assert!(
                message.contains(part),
                "{arguments:?}: no `{part}` in {message}"
            );
        }
    }
}
