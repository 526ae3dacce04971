//! `AT+UART_CUR`, `AT+UART_DEF` and the undocumented `AT+UART`: the UART's line settings (behaviour.md 4.6).
//!
//! OK goes out at the old rate; the UART changes after it.

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::output::UartConfig;
use crate::reply::error::AtError;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+UART").query(query).set(set_default).doc(
        "behaviour.md 4.6",
        "Query the line settings, or set and keep them",
    ),
    Command::new("+UART_CUR")
        .query(query_current)
        .set(set_current)
        .doc("basic.html#cmd-UARTC", "Query or set the line settings"),
    Command::new("+UART_DEF")
        .query(query_default)
        .set(set_default)
        .doc(
            "basic.html#cmd-UARTD",
            "Query or set the line settings, and keep them",
        ),
];

fn query(cx: &mut Cx<'_>) -> Handled {
    show(cx, "+UART", cx.sys.uart)
}

fn query_current(cx: &mut Cx<'_>) -> Handled {
    show(cx, "+UART_CUR", cx.sys.uart)
}

fn query_default(cx: &mut Cx<'_>) -> Handled {
    show(cx, "+UART_DEF", cx.nvs.live.uart)
}

fn show(cx: &mut Cx<'_>, name: &'static str, uart: UartConfig) -> Handled {
    cx.env
        .out
        .line(name)
        .int(uart.baud)
        .int(uart.data_bits)
        .int(uart.stop_bits)
        .int(uart.parity)
        .int(uart.flow);
    Ok(Reply::Done)
}

fn set_current(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    cx.sys.uart = line_settings(cx, args)?;
    Ok(Reply::Done)
}

fn set_default(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let uart = line_settings(cx, args)?;
    cx.keep_then(vec![Setting::Uart(uart)], |cx| {
        cx.sys.uart = cx.nvs.live.uart;
    })
}

fn line_settings(cx: &Cx<'_>, args: &mut Args<'_>) -> Result<UartConfig, AtError> {
    args.arity(5..=5)?;
    let (baud_min, baud_max) = cx.env.profile().limits.baud;
    let baud = args.int(0..=i32::MAX)?.unsigned_abs();
    if !(baud_min..=baud_max).contains(&baud) {
        return Err(args.invalid());
    }
    Ok(UartConfig {
        baud,
        data_bits: args.byte(5..=8)?,
        stop_bits: args.byte(1..=3)?,
        parity: args.byte(0..=2)?,
        flow: args.byte(0..=3)?,
    })
}
