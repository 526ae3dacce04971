//! A module inside this process: waits for `ready`, sends `AT` and prints what comes back.

use std::error::Error;

use espat_core::{ModuleConfig, Timing};
use espat_host::{Module, SerialStream};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = ModuleConfig {
        timing: Timing::Fast,
        ..ModuleConfig::new()
    };
    let (serial, module) = Module::spawn(config)?;
    let mut serial = BufReader::new(serial);
    read_until(&mut serial, "ready").await?;
    serial.write_all(b"AT\r\n").await?;
    for line in read_until(&mut serial, "OK").await? {
        #[expect(
            clippy::print_stdout,
            reason = "printing the answer is what this example is for"
        )]
        {
            println!("{line}");
        }
    }
    module.stop().await;
    Ok(())
}

/// The lines up to `last`.
async fn read_until(
    serial: &mut BufReader<SerialStream>,
    last: &str,
) -> Result<Vec<String>, Box<dyn Error>> {
    let mut lines = serial.lines();
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line().await? {
        let is_last = line == last;
        seen.push(line);
        if is_last {
            return Ok(seen);
        }
    }
    Err(format!("the module stopped before it said `{last}`").into())
}
