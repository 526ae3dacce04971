//! The module's first words, byte for byte.
#![allow(
    clippy::tests_outside_test_module,
    reason = "an integration test is a test module"
)]

use espat_core::{Input, Instant, Module, ModuleConfig, Output, Timing};

fn drain(module: &mut Module) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut sent = 0;
    loop {
        match module.poll_output() {
            Output::Serial { bytes: run, .. } => {
                bytes.extend_from_slice(run);
                sent += run.len();
            }
            Output::Idle { .. } if sent > 0 => {
                module.handle_input(Instant::ZERO, Input::SerialSent(core::mem::take(&mut sent)));
            }
            Output::Idle { .. } => return bytes,
            Output::Net(_) | Output::Uart(_) | Output::Store { .. } | Output::Event(_) => {}
        }
    }
}

fn answer(module: &mut Module, line: &[u8]) -> String {
    module.handle_input(Instant::ZERO, Input::Serial(line));
    String::from_utf8_lossy(&drain(module)).into_owned()
}

#[test]
fn power_on_and_first_commands() {
    let config = ModuleConfig {
        timing: Timing::Fast,
        ..ModuleConfig::new()
    };
    let mut module = Module::power_on(config, Instant::ZERO).unwrap();
    assert_eq!(
        String::from_utf8(drain(&mut module)).unwrap(),
        "\r\nready\r\n"
    );
    assert_eq!(answer(&mut module, b"AT\r\n"), "AT\r\n\r\nOK\r\n");
    assert_eq!(answer(&mut module, b"ATE0\r\n"), "ATE0\r\n\r\nOK\r\n");
    assert_eq!(answer(&mut module, b"AT+FOO\r\n"), "\r\nERROR\r\n");
    assert_eq!(answer(&mut module, b"AT+SYSLOG=1\r\n"), "\r\nOK\r\n");
    assert_eq!(
        answer(&mut module, b"AT+FOO\r\n"),
        "ERR CODE:0x01090000\r\n\r\nERROR\r\n"
    );
    assert_eq!(
        answer(&mut module, b"AT+SYSMSG?\r\n"),
        "+SYSMSG:0\r\nOK\r\n"
    );
    assert_eq!(
        answer(&mut module, b"AT+RST\r\n"),
        "\r\nOK\r\n\r\nready\r\n"
    );
    assert_eq!(answer(&mut module, b"AT\r\n"), "AT\r\n\r\nOK\r\n");
}
