//! Observed bytes and requests as the lines of a transcript.

use crate::script::{SerialLine, Step};
use crate::target::Observed;
use crate::text::{Piece, Text};

impl Text {
    /// These bytes, long regular runs written as repeats.
    #[must_use]
    pub fn compressed(bytes: &[u8]) -> Self {
        let mut text = Self::default();
        let mut plain = 0;
        let mut i = 0;
        while i < bytes.len() {
            let Some((period, count)) = regular_run(&bytes[i..]) else {
                i += 1;
                continue;
            };
            text.push_bytes(&bytes[plain..i]);
            text.push(Piece::Repeat {
                bytes: bytes[i..i + period].to_vec(),
                count,
            });
            i += period * count;
            plain = i;
        }
        text.push_bytes(&bytes[plain..]);
        text
    }
}

/// The period and the rounds of a run at the start that is worth a repeat.
fn regular_run(bytes: &[u8]) -> Option<(usize, usize)> {
    const LEN_MIN: usize = 48;
    const PERIOD_MAX: usize = 16;
    if bytes.len() < LEN_MIN {
        return None;
    }
    (1..=PERIOD_MAX).find_map(|period| {
        let run = period
            + bytes
                .iter()
                .zip(&bytes[period..])
                .take_while(|(a, b)| a == b)
                .count();
        (run >= LEN_MIN && run >= 3 * period).then_some((period, run / period))
    })
}

/// The lines that say what was observed.
pub(crate) fn lines(observed: &Observed) -> Vec<Step> {
    match observed {
        Observed::Serial(bytes) => serial_lines(bytes).into_iter().map(Step::Expect).collect(),
        Observed::Stream(..) | Observed::Ask(_) => {
            observed.as_request().into_iter().map(Step::Ask).collect()
        }
    }
}

/// Bytes split after each CR LF.
pub(crate) fn serial_lines(bytes: &[u8]) -> Vec<SerialLine> {
    let mut lines = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|w| w == b"\r\n");
        lines.push(SerialLine {
            text: Text::compressed(&rest[..end.unwrap_or(rest.len())]),
            crlf: end.is_some(),
        });
        rest = end.map_or(&[], |end| &rest[end + 2..]);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_bytes_become_lines_and_an_open_end() {
        let lines = serial_lines(b"\r\nOK\r\n\r\n>");
        let shown: Vec<String> = lines.iter().map(|line| format!("<-{line}")).collect();
        assert_eq!(shown, ["<-", "<- OK", "<-", "<- >\\"]);
    }

    #[test]
    fn long_regular_runs_become_repeats() {
        let bytes = [b"+IPD,200:".as_slice(), &b"ab".repeat(100), b"tail"].concat();
        assert_eq!(
            Text::compressed(&bytes).to_string(),
            "+IPD,200:\"ab\"*100tail"
        );
        assert_eq!(Text::compressed(b"aaaa").to_string(), "aaaa");
    }
}
