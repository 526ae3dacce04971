//! `cargo xtask run`: a module on a PTY, and what to type next.

use std::path::Path;
use std::process::Command;

use crate::process::{Done, build_release, say};
use crate::tools::need_c_compiler;

/// Builds the release binary and becomes it, so that Ctrl-C reaches it and nothing else.
pub(crate) fn run(arguments: &[String]) -> Done {
    need_c_compiler()?;
    let binary = build_release("espat")?;
    let options = arguments
        .strip_prefix(&["--".to_owned()])
        .unwrap_or(arguments);
    let mut command = Command::new(&binary);
    command.arg("run").args(options);
    let chooses_port = ["--pty", "--tcp", "--rfc2217", "--serial", "--stdio"];
    if !options
        .iter()
        .any(|o| chooses_port.contains(&o.split('=').next().unwrap_or_default()))
    {
        let link = binary.with_file_name("espat-module");
        command.arg("--pty").arg(&link);
        say(&what_to_type(&link));
    }
    become_it(command)
}

fn what_to_type(link: &Path) -> String {
    let link = link.display();
    format!(
        "\
A module starts on {link} and runs until Ctrl-C. In another terminal, one of:

  picocom --omap crcrlf {link}        then type AT and press Enter: OK comes back
                                      (Ctrl-A Ctrl-X leaves; `ready` comes when the port is first opened)
  tio --map OCRNL,ONLCRNL {link}
  socat -,icanon=0,echo=0 {link},raw,echo=0,crnl

  python3 -c 'import serial; s = serial.Serial(\"{link}\", 115200, timeout=1); print(s.read(200)); s.write(b\"AT\\r\\n\"); print(s.read(200))'
                                      (pip install pyserial)

Then: AT+CWJAP=\"home\",\"secret1234\" joins, AT+CIPSTART=\"TCP\",\"example.com\",80 opens a real link.
"
    )
}

#[cfg(unix)]
fn become_it(mut command: Command) -> Done {
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    Err(format!(
        "{} cannot be started: {error}",
        command.get_program().to_string_lossy()
    ))
}
