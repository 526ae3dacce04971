//! `espat ctl`: speaks to a running module's control interface.

mod client;
mod shown;

use std::io::{self, Write};
use std::path::Path;

use anyhow::anyhow;
use serde_json::{Value, json};

use crate::cli::{CtlCommand, CtlOptions, FaultCommand, SupplyValue, WifiCommand};
use crate::failure::Usage;
use client::Client;

pub(super) fn run(options: &CtlOptions) -> anyhow::Result<()> {
    let at = options.control.as_ref().ok_or_else(|| {
        Usage::new(
            "ctl: say where the module is: --control ADDR:PORT|SOCKET as its own option says, or ESPAT_CONTROL in the environment",
        )
    })?;
    let client = Client::new(at, options.control_token.as_ref())?;
    if matches!(options.command, CtlCommand::Tail) {
        return tail(&client, options.json);
    }
    let (text, show) = ask(&client, &options.command)?;
    if options.json {
        return print(&format!("{text}\n"));
    }
    let answer: Value = serde_json::from_str(&text).map_err(|e| {
        anyhow!("the module's answer cannot be read: {e}; --json prints it as it is")
    })?;
    print(&show(&answer))
}

/// How an answer is shown.
type Show = fn(&Value) -> String;

fn ask(client: &Client<'_>, command: &CtlCommand) -> anyhow::Result<(String, Show)> {
    let get = |path: &str, show: Show| Ok((client.ask("GET", path, None)?, show));
    let post =
        |path: &str, body: Value, show: Show| Ok((client.ask("POST", path, Some(&body))?, show));
    match command {
        CtlCommand::State => get("/v1/state", shown::state),
        CtlCommand::Links => get("/v1/links", shown::links),
        CtlCommand::Reset => post("/v1/reset", json!({}), phase),
        CtlCommand::Power { supply } => {
            let supply = match supply {
                SupplyValue::On => "on",
                SupplyValue::Off => "off",
                SupplyValue::BrownOut => "brown-out",
            };
            post("/v1/power", json!({ "supply": supply }), phase)
        }
        CtlCommand::Wifi(what) => {
            let body = match what {
                WifiCommand::Down => json!({"air": "down"}),
                WifiCommand::Up => json!({"air": "up"}),
                WifiCommand::Address { ip } => json!({"address": ip.to_string()}),
            };
            post("/v1/wifi", body, phase)
        }
        CtlCommand::Scenarios => get("/v1/scenarios", shown::scenarios),
        CtlCommand::Fault(FaultCommand::List) => get("/v1/faults", shown::faults),
        CtlCommand::Fault(FaultCommand::Start { plan, seed }) => {
            let mut body = named(plan)?;
            if let Some(seed) = seed {
                body["seed"] = json!(seed);
            }
            post("/v1/faults", body, shown::started)
        }
        CtlCommand::Fault(FaultCommand::Stop { which }) => {
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            if which.is_empty() || !which.bytes().all(is_plain) {
                let message =
                    format!("fault stop {which}: this is neither an id nor a plan's name");
                return Err(Usage::new(message).into());
            }
            let path = format!("/v1/faults/{which}");
            Ok((client.ask("DELETE", &path, None)?, shown::stopped))
        }
        CtlCommand::Send { text } => {
            let hex = hex(&bytes(text)?);
            post("/v1/serial/send", json!({ "hex": hex }), taken)
        }
        CtlCommand::Emit { text } => {
            let hex = hex(&bytes(text)?);
            post("/v1/serial/emit", json!({ "hex": hex }), taken)
        }
        CtlCommand::Tail => Err(anyhow!("a transcript is followed, not asked for")),
    }
}

/// What starts a plan: its name, or where that is a file's, its text.
fn named(plan: &str) -> Result<Value, Usage> {
    let path = Path::new(plan);
    if !plan.contains(['/', '.']) && !path.is_file() {
        return Ok(json!({ "name": plan }));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|e| Usage::new(format!("fault start {plan}: cannot read the plan: {e}")))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(json!({ "name": stem, "plan": text }))
}

fn tail(client: &Client<'_>, as_json: bool) -> anyhow::Result<()> {
    let mut live = client.follow("/v1/live")?;
    while let Some((name, data)) = live.event()? {
        if as_json {
            print(&format!("{}\n", json!({"event": name, "data": data})))?;
        } else if name == "transcript" {
            print(&format!("{data}\n"))?;
        }
        if name == "end" {
            let end: Value = serde_json::from_str(&data).unwrap_or_default();
            return if end["reason"] == "stopped" {
                Ok(())
            } else {
                let message = end["message"]
                    .as_str()
                    .unwrap_or("the module gives no reason");
                Err(anyhow!("the transcript ends here: {message}"))
            };
        }
    }
    Err(anyhow!(
        "the transcript broke off: the module was killed, or the connection lost"
    ))
}

fn phase(answer: &Value) -> String {
    format!("{}\n", answer["phase"].as_str().unwrap_or("done"))
}

fn taken(answer: &Value) -> String {
    format!("{} bytes\n", answer["bytes"])
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// The bytes of a line of a transcript.
fn bytes(text: &str) -> Result<Vec<u8>, Usage> {
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    loop {
        match rest {
            [] => {
                bytes.extend(b"\r\n");
                return Ok(bytes);
            }
            [b'\\'] => return Ok(bytes),
            [b'\\', b'\\', more @ ..] => {
                bytes.push(b'\\');
                rest = more;
            }
            [b'\\', b'x', high, low, more @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |c: u8| char::from(c).to_digit(16).unwrap_or_default();
                let byte = digit(*high) << 4 | digit(*low);
                bytes.push(u8::try_from(byte).expect("two hexadecimal digits are a byte"));
                rest = more;
            }
            [b'\\', ..] => {
                return Err(Usage::new(format!(
                    "`{text}`: a \\ is followed by xNN or \\, or ends the text without CR LF; write \\\\ for one"
                )));
            }
            [byte, more @ ..] => {
                bytes.push(*byte);
                rest = more;
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_written_as_in_transcripts() {
        assert_eq!(bytes("AT").unwrap(), b"AT\r\n");
        assert_eq!(bytes("").unwrap(), b"\r\n");
        assert_eq!(bytes("+++\\").unwrap(), b"+++");
        assert_eq!(bytes("a\\\\b\\xfF\\x00\\").unwrap(), b"a\\b\xff\0");
        assert_eq!(bytes("é\\").unwrap(), "é".as_bytes());
        for wrong in ["\\n", "\\x4", "\\xgg", "a\\ b"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(hex(b"A\xff\0"), "41ff00");
    }
}
