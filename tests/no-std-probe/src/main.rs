//! Proves that the core needs no `std`: this program has its own start, allocator and panic handler, and links no C library.
//!
//! As soon as `espat-core` or anything under it uses `std`, its panic handler comes in a second time and this does not build.
//! Run, it powers a module on, sends `AT` and leaves with status 0 if the module answered `OK`.
#![no_std]
#![no_main]

mod memory;
mod start;

use espat_core::{Input, Instant, Module, ModuleConfig, Output, Timing};

/// Whether a module comes up and answers `AT`.
fn module_answers() -> bool {
    let mut config = ModuleConfig::new();
    config.timing = Timing::Fast;
    let Ok(mut module) = Module::power_on(config, Instant::ZERO) else {
        return false;
    };
    let came_up = said(&mut module, b"\r\nready\r\n");
    module.handle_input(Instant::ZERO, Input::Serial(b"AT\r\n"));
    came_up && said(&mut module, b"AT\r\n\r\nOK\r\n")
}

/// Whether the module sends exactly these bytes now.
fn said(module: &mut Module, expected: &[u8]) -> bool {
    let mut left = expected;
    loop {
        match module.poll_output() {
            Output::Serial { bytes, .. } => match left.strip_prefix(bytes) {
                Some(rest) => left = rest,
                None => return false,
            },
            Output::Idle { .. } => return left.is_empty(),
            Output::Net(_) | Output::Uart(_) | Output::Store { .. } | Output::Event(_) => {}
        }
    }
}
