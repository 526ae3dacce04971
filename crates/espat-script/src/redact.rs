//! Takes passwords and keys out of what is recorded.

use crate::text::{DEFAULT_SECRET, Piece, Text};

/// What a redacted setting is written as.
pub(crate) const SECRET: &[u8] = b"{secret}";

/// Commands with a secret, and which of their parameters it is. A link number may stand before a PSK.
const COMMANDS: &[(&[u8], usize)] = &[
    (b"+CWJAP", 1),
    (b"+CWSAP", 1),
    // Before the name that it begins with.
    (b"+CIPSSLCPSKHEX", 0),
    (b"+CIPSSLCPSK", 0),
    // Of real modules, whose lines are recorded too.
    (b"+CWJEAP", 4),
    (b"+MQTTUSERCFG", 4),
];

/// The longest line of a module, about.
const LINE_MAX: usize = 256;

/// Where a secret is in a line.
#[derive(Clone, Copy)]
struct Place {
    /// Where the parameters begin.
    parameters: usize,
    /// Which of them is secret.
    index: usize,
    /// Commands escape by backslashes; answers do not.
    is_command: bool,
}

/// Bytes with keys that a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyBytes {
    /// So many of them follow the command.
    Typed(usize),
    /// The answer shows them.
    Shown,
}

/// What bytes with keys `AT+SYSFLASH` or `AT+SYSMFG` asks for or shows.
pub(crate) fn key_bytes(line: &[u8]) -> Option<KeyBytes> {
    let (name, parameters) = line.split_at(line.iter().position(|&b| b == b'=')?);
    let is_flash = name.eq_ignore_ascii_case(b"AT+SYSFLASH");
    if !is_flash && !name.eq_ignore_ascii_case(b"AT+SYSMFG") {
        return None;
    }
    let mut parameters = parameters[1..].split(|&b| b == b',');
    let operation = parameters.next()?;
    let holder = parameters.next()?.strip_prefix(b"\"")?;
    let holder = core::str::from_utf8(holder.strip_suffix(b"\"")?).ok()?;
    if !holds_keys(holder) {
        return None;
    }
    match operation {
        b"1" if is_flash => {}
        b"2" if !is_flash => {
            let kind = parameters.nth(1)?;
            if !matches!(kind, b"7" | b"8") {
                return None;
            }
        }
        b"1" | b"2" => return Some(KeyBytes::Shown),
        _ => return None,
    }
    let len = core::str::from_utf8(parameters.next_back()?).ok()?;
    let len = match len.strip_prefix("0x") {
        Some(hex) => usize::from_str_radix(hex, 16).ok()?,
        None => len.parse().ok()?,
    };
    Some(KeyBytes::Typed(len))
}

/// Whether private keys are in a partition or a namespace of that name.
pub(crate) fn holds_keys(name: &str) -> bool {
    name.ends_with("_key") || name == "mfg_nvs"
}

/// Whether lines may hold a secret: a command, its echo, or the answer to its query, complete or not.
pub(crate) fn may_be_secret(line: &[u8]) -> bool {
    command(line).is_some()
}

/// The line as a text, its secret redacted.
pub(crate) fn redacted(line: &[u8]) -> Text {
    let secret = command(line).and_then(|place| {
        let mut starts = parameter_starts(line, place);
        let first = starts.next()?;
        let after_link = place.index == 0 && line.get(first).is_some_and(u8::is_ascii_digit);
        let start = match if after_link { 1 } else { place.index } {
            0 => first,
            index => starts.nth(index - 1)?,
        };
        Some((start, end_of_parameter(line, start, place.is_command)))
    });
    let Some((start, end)) = secret.filter(|(start, end)| start < end) else {
        return Text::compressed(line);
    };
    // Quotes stay, so that the line still reads as a command.
    let opens = usize::from(line[start] == b'"');
    let closes = usize::from(opens == 1 && end > start + 1 && line[end - 1] == b'"');
    let mut text = Text::bytes(&line[..start + opens]);
    if start + opens < end - closes {
        text.push(Piece::Secret(DEFAULT_SECRET.into()));
    }
    text.push_bytes(&line[end - closes..]);
    text
}

fn command(line: &[u8]) -> Option<Place> {
    memchr::memchr_iter(b'+', line).find_map(|at| command_at(line, at))
}

/// The command whose name begins here.
fn command_at(line: &[u8], at: usize) -> Option<Place> {
    let (name, index) = COMMANDS.iter().find(|(name, _)| {
        let here = line.get(at..at + name.len());
        here.is_some_and(|here| here.eq_ignore_ascii_case(name))
    })?;
    let rest = &line[at + name.len()..];
    // Older firmwares' names of the same commands.
    let has_suffix = rest
        .get(..4)
        .is_some_and(|s| s.eq_ignore_ascii_case(b"_CUR") || s.eq_ignore_ascii_case(b"_DEF"));
    let sign = at + name.len() + if has_suffix { 4 } else { 0 };
    let is_command = line.get(sign) == Some(&b'=');
    // The answer about the joined access point has no password.
    let is_answer = line.get(sign) == Some(&b':') && *name != b"+CWJAP";
    (is_command || is_answer).then_some(Place {
        parameters: sign + 1,
        index: *index,
        is_command,
    })
}

fn parameter_starts(line: &[u8], place: Place) -> impl Iterator<Item = usize> {
    let mut next = Some(place.parameters);
    std::iter::from_fn(move || {
        let start = next?;
        let end = end_of_parameter(line, start, place.is_command);
        next = (line.get(end) == Some(&b',')).then_some(end + 1);
        Some(start)
    })
}

/// The comma that ends a parameter, or the line's end; a quote closes where a comma or the end follows it.
fn end_of_parameter(line: &[u8], start: usize, is_command: bool) -> usize {
    let is_quoted = line.get(start) == Some(&b'"');
    let mut i = start + usize::from(is_quoted);
    while i < line.len() {
        match line[i] {
            b'\\' if is_command => i += 1,
            b'"' if is_quoted && matches!(line.get(i + 1), None | Some(b',')) => return i + 1,
            b',' if !is_quoted => return i,
            _ => {}
        }
        i += 1;
    }
    line.len()
}

/// What stands after the last line end.
fn last_line(bytes: &[u8]) -> &[u8] {
    let end = memchr::memrchr2(b'\n', b'\r', bytes);
    &bytes[end.map_or(0, |end| end + 1)..]
}

/// Each line redacted, the line ends between them kept.
pub(crate) fn redacted_lines(bytes: &[u8]) -> Text {
    let mut text = Text::default();
    for part in bytes.split_inclusive(|&b| b == b'\n' || b == b'\r') {
        let end = part.len() - usize::from(part.ends_with(b"\n") || part.ends_with(b"\r"));
        redacted(&part[..end])
            .pieces
            .into_iter()
            .for_each(|piece| text.push(piece));
        text.push_bytes(&part[end..]);
    }
    text
}

/// Whether the last line is an unfinished command.
pub(crate) fn is_open_command(bytes: &[u8]) -> bool {
    let last = last_line(bytes);
    last.len() <= LINE_MAX
        && (last.eq_ignore_ascii_case(b"a")
            || last.windows(2).any(|w| w.eq_ignore_ascii_case(b"at")))
}

/// Whether an unfinished line at the end may hold a secret.
pub(crate) fn ends_in_secret(bytes: &[u8]) -> bool {
    may_be_secret(last_line(bytes))
}

/// Whether a setting's value is secret.
pub(crate) fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "pwd", "psk", "passphrase", "secret"]
        .iter()
        .any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_with_keys_are_known_by_their_commands() {
        for (line, expected) in [
            (
                "AT+SYSFLASH=1,\"client_key\",0,1744",
                Some(KeyBytes::Typed(1744)),
            ),
            (
                "at+sysflash=1,\"mfg_nvs\",0,0x1c000",
                Some(KeyBytes::Typed(0x1_c000)),
            ),
            ("AT+SYSFLASH=2,\"server_key\",0,8", Some(KeyBytes::Shown)),
            ("AT+SYSFLASH=0,\"server_key\"", None),
            ("AT+SYSFLASH=1,\"client_ca\",0,8", None),
            (
                "AT+SYSMFG=2,\"client_key\",\"client_key.0\",8,9",
                Some(KeyBytes::Typed(9)),
            ),
            ("AT+SYSMFG=2,\"client_key\",\"x\",1,9", None),
            (
                "AT+SYSMFG=1,\"client_key\",\"client_key.0\"",
                Some(KeyBytes::Shown),
            ),
            ("AT+SYSMFG=2,\"client_ca\",\"client_ca.0\",8,9", None),
            ("AT+SYSMFG?", None),
        ] {
            assert_eq!(key_bytes(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn passwords_are_taken_out_and_nothing_else() {
        for (line, expected) in [
            (
                "AT+CWJAP=\"home\",\"pass,wo\\\"rd\",,5",
                "AT+CWJAP=\"home\",\"{secret}\",,5",
            ),
            (
                "at+cwjap_cur=\"ho\\\\,me\",\"x\"",
                "at+cwjap_cur=\"ho\\\\\\\\,me\",\"{secret}\"",
            ),
            (
                "AT+CWJAP=\"home\",\"unfinished",
                "AT+CWJAP=\"home\",\"{secret}",
            ),
            ("AT+CWJAP=\"home\",pass,3", "AT+CWJAP=\"home\",{secret},3"),
            ("AT+CWJAP=\"open\",\"\"", "AT+CWJAP=\"open\",\"\""),
            ("AT+CWJAP=\"open\"", "AT+CWJAP=\"open\""),
            ("AT+CWJAP?", "AT+CWJAP?"),
            ("+CWJAP:\"home\",\"aa:bb\",1", "+CWJAP:\"home\",\"aa:bb\",1"),
            (
                "AT+CWSAP=\"me\",\"12345678\",5,3",
                "AT+CWSAP=\"me\",\"{secret}\",5,3",
            ),
            (
                "+CWSAP:\"me\",\"12\"34\",5,3,4,0",
                "+CWSAP:\"me\",\"{secret}\",5,3,4,0",
            ),
            (
                "AT+CIPSSLCPSK=0,\"psk\",\"hint\"",
                "AT+CIPSSLCPSK=0,\"{secret}\",\"hint\"",
            ),
            (
                "AT+CIPSSLCPSK=\"psk\",\"hint\"",
                "AT+CIPSSLCPSK=\"{secret}\",\"hint\"",
            ),
            (
                "AT+CIPSSLCPSKHEX=0,\"70736b\",\"hint\"",
                "AT+CIPSSLCPSKHEX=0,\"{secret}\",\"hint\"",
            ),
            (
                "+CIPSSLCPSKHEX:0,70736b,hint",
                "+CIPSSLCPSKHEX:0,{secret},hint",
            ),
            ("+CIPSSLCPSK:0,psk,hint", "+CIPSSLCPSK:0,{secret},hint"),
            (
                "AT+CWJEAP=\"ent\",1,\"id\",\"user\",\"pass\",3",
                "AT+CWJEAP=\"ent\",1,\"id\",\"user\",\"{secret}\",3",
            ),
            (
                "AT+MQTTUSERCFG=0,1,\"me\",\"user\",\"pass\",0,0,\"\"",
                "AT+MQTTUSERCFG=0,1,\"me\",\"user\",\"{secret}\",0,0,\"\"",
            ),
            (
                "AT+CIPSTART=\"TCP\",\"h\",80",
                "AT+CIPSTART=\"TCP\",\"h\",80",
            ),
        ] {
            assert_eq!(redacted(line.as_bytes()).to_string(), expected);
        }
    }
}
