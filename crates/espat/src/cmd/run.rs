//! `espat run`: one module on a serial port, until a signal or the end of its host.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Context;
use espat_core::ModuleConfig;
use espat_host::{
    Driver, DriverError, Handle, Module, Port, PortError, PowerPolicy, PtyPort, Rfc2217Port,
    SerialPort, StdioPort, StrictPort, TcpPort,
};

use super::{runtime, start};
use crate::cli::{PortOptions, RunOptions};
use crate::config::Settings;
use crate::failure::Usage;
use crate::plan;
use crate::record::Recording;
use crate::signals::Signals;
use crate::value::ListenAddr;
use crate::watch::Watched;

/// How long links may take to be closed at the end.
const END: Duration = Duration::from_secs(2);

pub(super) fn run(options: RunOptions) -> anyhow::Result<()> {
    let settings = start(options)?;
    let runtime = runtime()?;
    let done = runtime.block_on(serve(&settings));
    // Not waited for: a look-up of a name may still be running.
    runtime.shutdown_background();
    done
}

async fn serve(settings: &Settings) -> anyhow::Result<()> {
    // Dropped last: the record ends with what the module's end did.
    let recording = plan::recording(&settings.options.module)?;
    let mut signals = Signals::new().context("signals cannot be caught")?;
    let control = super::control(&settings.options.module)?;
    let opened = open(settings, recording.as_ref()).await?;
    // A task of its own: what wakes it does not poll the signals too.
    let mut driver = tokio::spawn(opened.driver);
    announce(&opened.line, settings.options.port.stdio)?;
    let control = match control {
        Some(control) => {
            announce(&control.line(), settings.options.port.stdio)?;
            Some(control.serve(opened.handle.clone(), opened.config))
        }
        None => None,
    };
    let done = tokio::select! {
        done = &mut driver => done?.map_err(lost),
        () = signals.end() => {
            let ended = async { tokio::join!(opened.handle.stop(), driver).1 };
            match tokio::time::timeout(END, ended).await {
                Ok(done) => done?.map_err(lost),
                Err(_) => {
                    tracing::warn!("the module did not end in {END:?}");
                    Ok(())
                }
            }
        }
    };
    if let Some(control) = control {
        control.end().await;
    }
    done
}

/// A module on its port.
struct Opened {
    driver: Driver<Watched>,
    handle: Handle<Watched>,
    config: ModuleConfig,
    /// What standard output says of the port.
    line: String,
}

/// Opens the port that was asked for; everything that goes wrong here was found before anything was started.
async fn open(settings: &Settings, recording: Option<&Recording>) -> anyhow::Result<Opened> {
    let PortOptions {
        pty,
        tcp,
        rfc2217,
        serial,
        stdio,
    } = &settings.options.port;
    let strict_baud = settings.options.module.firmware.strict_baud;
    if strict_baud && (tcp.is_some() || serial.is_some() || *stdio) {
        tracing::warn!("--strict-baud is not used: only a PTY and RFC 2217 tell the host's rate");
    }
    let on_open = || plan::module(settings, PowerPolicy::OnOpen);
    let now = || plan::module(settings, PowerPolicy::Now);
    if let Some(ListenAddr(at)) = tcp {
        let module = on_open()?;
        let port = TcpPort::listen(*at)
            .await
            .map_err(|e| wrong(&format!("--tcp {at}"), e))?;
        let line = format!("tcp {}", port.local_addr().unwrap_or(*at));
        return opened(module, port, line, recording);
    }
    let uart = plan::profile(&settings.options.module).factory.uart;
    if let Some(ListenAddr(at)) = rfc2217 {
        let module = on_open()?;
        let port = Rfc2217Port::listen(*at, uart)
            .await
            .map_err(|e| wrong(&format!("--rfc2217 {at}"), e))?;
        let line = format!("rfc2217 {}", port.local_addr().unwrap_or(*at));
        return if strict_baud {
            opened(module, StrictPort::new(port, uart), line, recording)
        } else {
            opened(module, port, line, recording)
        };
    }
    if let Some(name) = serial {
        let module = now()?;
        let port = SerialPort::open(name, uart)
            .map_err(|e| wrong(&format!("--serial {}", name.device.display()), e))?;
        let line = format!(
            "serial {} {}",
            name.device.display(),
            name.baud.unwrap_or(uart.baud)
        );
        return opened(module, port, line, recording);
    }
    if *stdio {
        let module = now()?;
        let port = StdioPort::open().map_err(|e| wrong("--stdio", e))?;
        return opened(module, port, "stdio".to_owned(), recording);
    }
    let link = pty.as_ref().and_then(Option::as_deref);
    let module = on_open()?;
    let port = PtyPort::open(link).map_err(|e| {
        wrong(
            &link.map_or_else(|| "--pty".to_owned(), |l| format!("--pty {}", l.display())),
            e,
        )
    })?;
    let line = format!(
        "pty {} -> {}",
        port.link().display(),
        port.device().display()
    );
    if strict_baud {
        opened(module, StrictPort::new(port, uart), line, recording)
    } else {
        opened(module, port, line, recording)
    }
}

fn opened(
    module: Module,
    port: impl Port,
    line: String,
    recording: Option<&Recording>,
) -> anyhow::Result<Opened> {
    let config = module.config().clone();
    let watched = |module| Recording::watched(module, &config, recording);
    let (driver, handle) = module
        .layered(port, watched)
        .map_err(|e| Usage::new(e.to_string()))?;
    Ok(Opened {
        driver,
        handle,
        config,
        line,
    })
}

/// The driver's errors say their own sources.
fn lost(error: DriverError) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}

fn wrong(option: &str, error: PortError) -> Usage {
    Usage::new(format!("{option}: {error}"))
}

fn announce(line: &str, to_stderr: bool) -> io::Result<()> {
    if to_stderr {
        writeln!(io::stderr(), "{line}")
    } else {
        writeln!(io::stdout(), "{line}")
    }
}
