//! The addresses of a transcript, as they are here: where its peers were, and where the runner has them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use espat_script::{Piece, SerialLine, Step, Text};

/// Puts real addresses in place of the transcript's in what is sent and what is expected.
pub(super) fn replaced(step: &Step, known: &BTreeMap<SocketAddr, SocketAddr>) -> Step {
    match step {
        Step::Send(line) => Step::Send(in_line(line, known)),
        Step::Expect(line) => Step::Expect(in_line(line, known)),
        Step::Ask(_) | Step::World(_) | Step::Time(_) => step.clone(),
    }
}

fn in_line(line: &SerialLine, known: &BTreeMap<SocketAddr, SocketAddr>) -> SerialLine {
    let mut text = Text::default();
    for piece in &line.text.pieces {
        if let Piece::Bytes(bytes) = piece {
            text.push_bytes(&in_bytes(bytes, known));
        } else {
            text.push(piece.clone());
        }
    }
    SerialLine {
        text,
        crlf: line.crlf,
    }
}

/// `"192.0.2.1",80`, `192.0.2.1,80` and `192.0.2.1:80` become the real address and port. An address without a port may be anybody's.
fn in_bytes(bytes: &[u8], known: &BTreeMap<SocketAddr, SocketAddr>) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let is_start = !out.last().is_some_and(is_of_address);
        match is_start.then(|| at_start(rest, known)).flatten() {
            Some((len, real)) => {
                out.extend(real);
                rest = &rest[len..];
            }
            None => {
                out.push(rest[0]);
                rest = &rest[1..];
            }
        }
    }
    out
}

/// The length of an address at the start, and what stands in its place.
fn at_start(rest: &[u8], known: &BTreeMap<SocketAddr, SocketAddr>) -> Option<(usize, Vec<u8>)> {
    let (ip, len) = known.keys().find_map(|addr| {
        let text = addr.ip().to_string();
        let ends = !rest.get(text.len()).is_some_and(is_of_address);
        (rest.starts_with(text.as_bytes()) && ends).then_some((addr.ip(), text.len()))
    })?;
    let mut sign = len;
    while rest.get(sign).is_some_and(|b| b"\"]".contains(b)) {
        sign += 1;
    }
    let has_sign = rest.get(sign).is_some_and(|b| b",:".contains(b));
    let digits = rest.get(sign + 1..).unwrap_or_default();
    let digits = &digits[..digits.iter().take_while(|b| b.is_ascii_digit()).count()];
    let port = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let real = known.get(&SocketAddr::new(ip, port)).filter(|_| has_sign)?;
    let mut out = real.ip().to_string().into_bytes();
    out.extend_from_slice(&rest[len..=sign]);
    out.extend(real.port().to_string().bytes());
    Some((sign + 1 + digits.len(), out))
}

fn is_of_address(byte: &u8) -> bool {
    byte.is_ascii_digit() || *byte == b'.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_real_and_nothing_else_does() {
        let known = [
            ("192.0.2.1:80", "10.0.0.5:40001"),
            ("192.0.2.1:81", "10.0.0.5:40002"),
            ("[2001:db8::1]:80", "[::1]:40003"),
        ];
        let known = known.map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap()));
        let known = BTreeMap::from(known);
        for (line, expected) in [
            (
                "AT+CIPSTART=\"TCP\",\"192.0.2.1\",80,5",
                "AT+CIPSTART=\"TCP\",\"10.0.0.5\",40001,5",
            ),
            (
                "AT+CIPSTART=\"TCP\",\"192.0.2.1\",81",
                "AT+CIPSTART=\"TCP\",\"10.0.0.5\",40002",
            ),
            ("+IPD,4,192.0.2.1,80:", "+IPD,4,10.0.0.5,40001:"),
            ("+CIFSR:\"192.0.2.1\"", "+CIFSR:\"192.0.2.1\""),
            ("\"192.0.2.1\",8080", "\"192.0.2.1\",8080"),
            ("192.0.2.10 1192.0.2.1", "192.0.2.10 1192.0.2.1"),
            ("\"2001:db8::1\",80", "\"::1\",40003"),
        ] {
            let real = in_bytes(line.as_bytes(), &known);
            assert_eq!(String::from_utf8(real).unwrap(), expected);
        }
    }
}
