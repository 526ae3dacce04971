//! `espat console`: a module in this terminal.

use std::io::{self, IsTerminal, Read, Write};

use anyhow::Context;
use espat_host::PowerPolicy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::{runtime, start};
use crate::cli::{ModuleOptions, RunOptions};
use crate::failure::Usage;
use crate::plan;
use crate::record::Recording;
use crate::signals::Signals;
use crate::terminal::{RawTerminal, Screen};

/// Keys that may wait for the module, in reads of the terminal.
const KEYS_WAITING: usize = 64;

const NO_TERMINAL: &str = "console: standard input is no terminal; a program takes `espat --stdio`";

pub(super) fn run(options: ModuleOptions) -> anyhow::Result<()> {
    let settings = start(RunOptions {
        module: options,
        ..RunOptions::default()
    })?;
    if !io::stdin().is_terminal() {
        return Err(Usage::new(NO_TERMINAL).into());
    }
    let module = plan::module(&settings, PowerPolicy::Now)?;
    // Dropped when the module has ended.
    let recording = plan::recording(&settings.options.module)?;
    let runtime = runtime()?;
    let control = {
        let _runtime = runtime.enter();
        super::control(&settings.options.module)?
    };
    if let Some(control) = &control {
        show(format!("{}\n", control.line()).as_bytes())?;
    }
    show(b"A module is in this terminal; Ctrl-] leaves.\n")?;
    let terminal = RawTerminal::enter().context("console: the terminal cannot be made raw")?;
    let done = runtime.block_on(async {
        let config = module.config().clone();
        let watched = |module| Recording::watched(module, &config, recording.as_ref());
        let (serial, handle) = module
            .layered_in_process(watched)
            .map_err(|e| Usage::new(e.to_string()))?;
        let control = control.map(|control| control.serve(handle.clone(), config.clone()));
        let (mut from_module, mut to_module) = tokio::io::split(serial);
        let mut signals = Signals::new()?;
        let mut keys = read_keys();
        let mut screen = Screen::default();
        let mut buffer = [0; 4096];
        let mut outgoing = vec![];
        loop {
            tokio::select! {
                typed = keys.recv(), if outgoing.is_empty() => {
                    let Some(typed) = typed else { break };
                    let typed = screen.on_keys(&typed);
                    show(&typed.shown)?;
                    outgoing = typed.bytes;
                    if typed.leave {
                        break;
                    }
                }
                written = to_module.write(&outgoing), if !outgoing.is_empty() => {
                    outgoing.drain(..written?);
                }
                read = from_module.read(&mut buffer) => {
                    let n = read?;
                    if n == 0 {
                        break;
                    }
                    show(&screen.on_output(&buffer[..n]))?;
                }
                () = signals.end() => break,
            }
        }
        handle.stop().await;
        if let Some(control) = control {
            control.end().await;
        }
        anyhow::Ok(())
    });
    // Not waited for: a look-up of a name may still be running.
    runtime.shutdown_background();
    drop(terminal);
    show(b"\n")?;
    done
}

/// What is typed. A thread of its own reads it, because a terminal is shared and must not be made non-blocking.
fn read_keys() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(KEYS_WAITING);
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(n @ 1..) = io::stdin().read(&mut buffer) {
            if sender.blocking_send(buffer[..n].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

fn show(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(bytes)?;
    out.flush()
}
