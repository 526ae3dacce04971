//! `--state`: settings that survive the process.

use crate::harness::{Espat, Scratch, espat};

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
    std::fs::write(&file, "[uart]\nbaud = fast\n").unwrap();
    let message = refused();
    assert!(message.contains("module.toml:2:8: "), "{message}");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "[uart]\nbaud = fast\n"
    );
}
