//! The program's own log: to standard error, never to standard output.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::time::uptime;

/// How much the program says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// Nothing.
    Off,
    /// What ends the program.
    Error,
    /// What is probably not as you wish.
    Warn,
    /// Hosts, links, ports and thrown-away bytes.
    #[default]
    Info,
    /// Every command and network event, without passwords and keys.
    Debug,
    /// Everything.
    Trace,
}

/// Starts the log. Later calls change nothing.
pub(crate) fn start(level: LogLevel) {
    let filter = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let colours = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_timer(uptime())
        .with_target(false)
        .with_ansi(colours)
        .with_writer(std::io::stderr)
        .finish();
    // It fails only where a log was started before.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
