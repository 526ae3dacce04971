//! docs/scenarios.md: the failures that drivers meet in the field, and how each is had.

use std::fmt::Write;

use espat_script::scenarios;

/// A kind of failure, in the order of the list: what drivers meet, and what of it needs no scenario.
struct Failure {
    name: &'static str,
    besides: &'static str,
}

pub(super) fn text() -> String {
    let mut text = String::from(
        "# Failures and scenarios\n\n\
         Made by `cargo xtask docs` from the plans in `crates/espat-script/scenarios`. These are the nineteen kinds of failure that drivers\n\
         of ESP-AT modules meet in the field, as public threads report them, the costliest first, and the scenarios that bring each\n\
         about: `espat --fault NAME`, with `--seed N` for another turn of what is left to chance. `espat scenarios NAME` shows one whole: what\n\
         it does, who reported it, what a good driver does, and its plan, which may be the beginning of your own ([faults.md](faults.md)).\n\
         `tests/at/faults/scenarios/NAME.at` shows its bytes.\n",
    );
    let plans: Vec<_> = scenarios().iter().map(|s| s.plan()).collect();
    for (row, failure) in (1_u8..).zip(&FAILURES) {
        // Writing to a String never fails.
        let _ = write!(text, "\n## {row}. {}\n\n", failure.name);
        for plan in plans.iter().filter(|plan| plan.row == Some(row)) {
            let _ = writeln!(text, "- `{}`: {}", plan.plan.name, plan.summary);
        }
        if !failure.besides.is_empty() {
            let _ = writeln!(text, "\n{}", failure.besides);
        }
    }
    text
}

const FAILURES: [Failure; 19] = [
    Failure {
        name: "The module is busy, and deaf",
        besides: "Without a fault too: whatever comes while a command runs is answered `busy p...`, and after \
                  `AT+CIPDNS=1` a name server that never answers (`--map 208.67.222.222:53=127.0.0.1:9`) keeps `AT+CIPSTART` running for 7 s.",
    },
    Failure {
        name: "A report inside a send",
        besides: "`--reports anywhere --seed N` lets the seed choose the place of every report, sends or not.",
    },
    Failure {
        name: "Bytes are lost, and nobody says so",
        besides: "",
    },
    Failure {
        name: "A link closes at the wrong moment",
        besides: "`ERROR` of an `AT+CIPCLOSE` that comes too late needs no fault; `UNLINK` before it is NonOS's: `--profile esp8266-nonos-1.7`, with \
                  `AT+CIPMUX=1`.",
    },
    Failure {
        name: "The result of a send is wrong, late, double or missing",
        besides: "",
    },
    Failure {
        name: "Another firmware, another dialect",
        besides: "A whole dialect is a profile: `--profile esp8266-nonos-1.7` has `_CUR` and `_DEF`, `> `, `FAIL`, `+24` and `+CIPRECVDATA,n:`, and lacks \
                  commands that others have. `espat profiles A B` shows what differs. `AT+CIPDINFO=1` puts the remote address into `+CIPRECVDATA`.",
    },
    Failure {
        name: "A reset without notice",
        besides: "While the module runs: `espat ctl reset`, `espat ctl power brown-out` (control.md). `crash-in-handshake` is one by the watchdog.",
    },
    Failure {
        name: "The Wi-Fi goes, comes back, or brings another address",
        besides: "`--reports anywhere --seed N` beside `wifi-drop` puts `WIFI DISCONNECT` into the middle of commands. While the module runs: `espat ctl wifi down`.",
    },
    Failure {
        name: "Passive receiving is not as expected",
        besides: "Without a fault, as the firmware does it: datagrams that nobody has read yet are glued and announced by their sum, the rest of one that \
                  was read in part is lost, `AT+CIPRECVLEN?` says -1 for a link that is not there (0 on `--profile esp8266-nonos-1.7`), and with \
                  `AT+CIPDINFO=1` the address stands before the data of `+CIPRECVDATA`.",
    },
    Failure {
        name: "Names are not found",
        besides: "",
    },
    Failure {
        name: "Links collide, or run out",
        besides: "All five numbers are taken once five clients have reached the module's server; the next `AT+CIPSTART` answers ERROR.",
    },
    Failure {
        name: "Framing at its edges",
        besides: "The CR LF before each `+IPD` and the echo are the firmware's own.",
    },
    Failure {
        name: "SSL does not come about",
        besides: "Certificates that do not fit, are expired or missing: `--certs`, and a server of your own (ssl.md).",
    },
    Failure {
        name: "The baud rate does not fit",
        besides: "`--strict-baud` holds the host's rate against the module's all the time: `AT+UART_DEF=9600,8,1,0,0` with `--state`, for a rate that \
                  somebody left there. An ESP8266's ROM speaks at 74880 baud: `--profile esp8266-2.2 --fault boot-noise`.",
    },
    Failure {
        name: "The module hangs",
        besides: "The pin that helps is RTS over `--rfc2217`, `espat ctl reset`, or opening the port again with `--power each-open`.",
    },
    Failure {
        name: "Passthrough loses bytes or does not end",
        besides: "Without a fault: a `+++` with less than 20 ms of silence around it is data, as on the chip.",
    },
    Failure {
        name: "The time is 1970",
        besides: "",
    },
    Failure {
        name: "UDP: another remote, or no link",
        besides: "",
    },
    Failure {
        name: "Only timing shows it",
        besides: "Another `--seed` is another timing; the one that shows the deadlock shows it again.",
    },
];
