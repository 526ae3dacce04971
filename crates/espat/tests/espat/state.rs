//! `--state`: settings that survive the process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::control::client::request_socket;
use crate::harness::{DEADLINE, Espat, Scratch, espat, espat_as_nobody, wait_for};

#[test]
fn settings_survive_the_process_and_a_kill() {
    let scratch = Scratch::new("state");
    let folder = scratch.path("state");
    let state = ["--state", folder.to_str().unwrap()];
    let (espat, mut host) = Espat::on_stdio(&state);
    host.until("\r\nready\r\n");
    host.ok("AT+SYSMSG=3");
    // Dropped: killed without a word.
    drop(espat);
    let (_espat, mut host) = Espat::on_stdio(&state);
    host.until("\r\nready\r\n");
    assert_eq!(host.ok("AT+SYSMSG?"), "AT+SYSMSG?\r\n+SYSMSG:3\r\nOK\r\n");
    let file = std::fs::read_to_string(folder.join("module.toml")).unwrap();
    assert!(
        file.starts_with("# ") && file.ends_with("\nsysmsg = 3\n"),
        "{file}"
    );
}

#[test]
fn a_folder_in_use_and_a_broken_file_are_refused() {
    let scratch = Scratch::new("state-refused");
    let folder = scratch.path("state");
    let refused = || {
        let mut command = espat();
        let output = command.args(["--stdio", "--state"]).arg(&folder);
        let output = output.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let (running, mut host) = Espat::on_stdio(&["--state", folder.to_str().unwrap()]);
    host.until("\r\nready\r\n");
    let message = refused();
    assert!(
        message.contains("another module uses this folder"),
        "{message}"
    );
    drop(running);
    let file = folder.join("module.toml");
    for (text, place) in [
        ("[uart]\nbaud = fast\n", "module.toml:2:8: "),
        (
            "[softap]\nencryption = 3\n",
            "module.toml:2:14: `softap.encryption` is not enough",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let message = refused();
        assert!(message.contains(place), "{message}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn a_key_that_no_setting_has_is_named_and_left_alone() {
    let scratch = Scratch::new("state-unknown");
    let folder = scratch.path("state");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("module.toml");
    let text = "coffee = 3\n[statoin]\nssid = \"home\"\n";
    std::fs::write(&file, text).unwrap();
    let mut command = espat();
    let child = command.args(["--stdio", "--state"]).arg(&folder);
    let output = child.stdin(std::process::Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("no setting is called coffee, statoin.ssid"),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_read_only_folder_starts_and_loses_the_new_setting_only() {
    let scratch = Scratch::new("state-read-only");
    let folder = scratch.path("state");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("module.toml");
    std::fs::write(&file, "sysmsg = 1\n").unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o555)).unwrap();
    let Some(command) = espat_as_nobody() else {
        return;
    };
    let state = ["--state", folder.to_str().unwrap()];
    let (espat, mut host) = Espat::on_stdio_of(command, &state);
    host.until("\r\nready\r\n");
    host.ok("ATE0");
    for line in ["AT+SYSMSG=5", "AT+SAVETRANSLINK=0", "AT+RESTORE"] {
        assert_eq!(host.command(line, "ERROR"), "\r\nERROR\r\n");
    }
    assert_eq!(host.ok("AT+SYSMSG?"), "+SYSMSG:1\r\nOK\r\n");
    host.ok("AT+SYSSTORE=0");
    host.ok("AT+SYSMSG=5");
    drop(espat);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "sysmsg = 1\n");
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn a_saved_link_is_opened_after_every_start_until_it_is_removed() {
    let scratch = Scratch::new("saved-link");
    let folder = scratch.path("state");
    let state = ["--state", folder.to_str().unwrap()];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (espat, mut host) = Espat::on_stdio(&state);
    host.until("\r\nready\r\n");
    host.join();
    host.ok(&format!(
        "AT+SAVETRANSLINK=1,\"127.0.0.1\",{port},\"TCP\",30"
    ));
    drop(espat);
    let control = scratch.path("control");
    let options = [&state[..], &["--control", control.to_str().unwrap()]].concat();
    let in_passthrough = || {
        let head = "GET /v1/state HTTP/1.1\r\nHost: localhost\r\n";
        request_socket(&control, head).json()["module"]["passthrough"] == true
    };
    for is_last in [false, true] {
        let (espat, mut host) = Espat::on_stdio(&options);
        host.until("\r\nready\r\nWIFI CONNECTED\r\nWIFI GOT IP\r\n");
        let (mut peer, _) = listener.accept().unwrap();
        peer.set_read_timeout(Some(DEADLINE)).unwrap();
        // The first bytes show that the module has taken the link for passthrough.
        peer.write_all(b"down").unwrap();
        host.until("down");
        host.write("AT\r\n");
        assert_eq!(read(&mut peer, 4), b"AT\r\n");
        if is_last {
            // Silence around +++: what a UART has instead of packets.
            std::thread::sleep(Duration::from_millis(40));
            host.write("+++");
            wait_for("the end of passthrough", || !in_passthrough());
            host.ok("AT+SAVETRANSLINK=0");
        }
        drop(espat);
    }
    let (_espat, mut host) = Espat::on_stdio(&state);
    host.until("WIFI GOT IP\r\n");
    host.ok("ATE0");
    assert!(host.ok("AT+CIPSTATUS").contains("STATUS:2"));
}

fn read(peer: &mut TcpStream, n: usize) -> Vec<u8> {
    let mut bytes = vec![0; n];
    peer.read_exact(&mut bytes).unwrap();
    bytes
}
