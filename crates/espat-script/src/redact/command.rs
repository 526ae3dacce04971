//! Which part of a line is secret: passwords and keys in commands, in their echoes and in answers.
//!
//! A line that is just as the manual has it keeps all but the secret. Any other line that has to do with such a command, however
//! broken, keeps nothing after the command's name.

use std::ops::Range;

use self::Kind::{Mac, Number, Secret, Text};

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Secret,
    Mac,
    Number,
}

/// A command with a secret among its parameters.
struct Secretive {
    name: &'static [u8],
    /// Its parameters as the manual has them, from the first on.
    shapes: &'static [&'static [Kind]],
    /// How many there are at least.
    least: usize,
    /// The same of the line that answers its query.
    answers: &'static [&'static [Kind]],
}

const PSK: &[&[Kind]] = &[&[Number, Secret, Text], &[Secret, Text]];
const EAP: &[&[Kind]] = &[&[
    Text, Number, Text, Text, Secret, Number, Number, Number, Number,
]];
const MQTT: &[&[Kind]] = &[&[Number, Number, Text, Text, Secret, Number, Number, Text]];
/// Nothing of these is shown.
const ALL: &[&[Kind]] = &[];

/// A name stands before the one that it begins with.
const COMMANDS: &[Secretive] = &[
    Secretive {
        name: b"CWJAP",
        shapes: &[&[
            Text, Secret, Mac, Number, Number, Number, Number, Number, Number,
        ]],
        // An open access point has no password.
        least: 1,
        // The joined access point, and why none was joined.
        answers: &[
            &[
                Text, Mac, Number, Number, Number, Number, Number, Number, Number, Number,
            ],
            &[Number],
        ],
    },
    Secretive {
        name: b"CWSAP",
        shapes: &[&[Text, Secret, Number, Number, Number, Number]],
        least: 4,
        answers: &[&[Text, Secret, Number, Number, Number, Number]],
    },
    Secretive {
        name: b"CIPSSLCPSKHEX",
        shapes: PSK,
        least: 2,
        answers: PSK,
    },
    Secretive {
        name: b"CIPSSLCPSK",
        shapes: PSK,
        least: 2,
        answers: PSK,
    },
    // Of real modules, whose lines are recorded too.
    Secretive {
        name: b"CWJEAP",
        shapes: EAP,
        least: 5,
        answers: EAP,
    },
    Secretive {
        name: b"MQTTUSERCFG",
        shapes: MQTT,
        least: 5,
        answers: MQTT,
    },
    Secretive {
        name: b"BLESETKEY",
        shapes: ALL,
        least: 0,
        answers: ALL,
    },
    Secretive {
        name: b"BLEKEYREPLY",
        shapes: ALL,
        least: 0,
        answers: ALL,
    },
    Secretive {
        name: b"BTSECPARAM",
        shapes: ALL,
        least: 0,
        answers: ALL,
    },
];

/// What none of the names is without: where it stands, a line may have to do with one, whatever is before it.
const MENTIONS: &[&[u8]] = &[
    b"CWJAP",
    b"CWSAP",
    b"CPSK",
    b"CWJEAP",
    b"USERCFG",
    b"BLESETKEY",
    b"BLEKEYREPLY",
    b"BTSECPARAM",
];

/// Commands that are a letter away from one with a secret, and have none.
const NEIGHBOURS: &[&[u8]] = &[b"CWLAP", b"CWQAP"];

/// What module's lines begin with that tell a password by themselves: `AT+CWSTARTSMART` does.
const TOLD: &[u8] = b"password:";

/// HTTP requests, whose headers are parameters.
const HTTP: &[u8] = b"HTTPC";
/// What headers with secrets are called.
const CREDENTIALS: &[&[u8]] = &[
    b"authorization",
    b"cookie",
    b"token",
    b"api-key",
    b"apikey",
    b"password",
    b"secret",
];

/// The secret part of a whole line.
pub(super) fn secret(line: &[u8]) -> Option<Range<usize>> {
    exact(line).map_or_else(|| doubtful(line), |range| range.filter(|r| !r.is_empty()))
}

/// What may be secret of a line that is broken, or not all there yet: all after the name of such a command.
pub(super) fn doubtful(line: &[u8]) -> Option<Range<usize>> {
    if starts_with(line, TOLD) {
        return Some(TOLD.len()..line.len());
    }
    let header = headers(line);
    let name_ends = match header {
        Some(start) => return Some(start..line.len()),
        None => mention(line).or_else(|| misspelt(line))?,
    };
    let rest = &line[name_ends..];
    let is_question = matches!(rest.trim_ascii(), b"" | b"?" | b"=" | b"=?" | b":");
    let start = name_ends + usize::from(rest.first().is_some_and(|b| b"=:".contains(b)));
    (!is_question).then_some(start..line.len())
}

/// Whether so long bytes have to do with such a command; only whole names are looked for.
pub(super) fn is_mentioned_in(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'+', bytes).any(|at| {
        let here = &bytes[at + 1..bytes.len().min(at + 1 + NAME_MAX)];
        COMMANDS
            .iter()
            .any(|command| starts_with(here, command.name))
            || starts_with(here, HTTP)
    })
}

/// The secrets themselves, in a line that has some.
pub(super) fn values(line: &[u8], secret: &Range<usize>) -> Vec<Vec<u8>> {
    if exact(line).flatten().as_ref() == Some(secret) {
        let raw = &line[secret.clone()];
        return vec![raw.to_vec(), unescaped(raw)];
    }
    let is_apart = |b: &u8| b",\" =:".contains(b);
    let parts = line[secret.clone()].split(is_apart).map(<[u8]>::to_vec);
    let mut parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
    // The access point's name comes first.
    let has_name = [b"CWJAP", b"CWSAP"]
        .iter()
        .any(|name| find(line, *name).is_some());
    if parts.len() > 1 && has_name {
        parts.remove(0);
    }
    parts
}

/// Of a line just as the manual has it, where its secret is, without the quotes; `Some(None)`: it has none.
#[expect(
    clippy::option_option,
    reason = "a line is well-formed or not, and has a secret or not"
)]
fn exact(line: &[u8]) -> Option<Option<Range<usize>>> {
    let is_command = starts_with(line, b"AT+");
    let name_at = if is_command { 3 } else { 1 };
    if !is_command && line.first() != Some(&b'+') {
        return None;
    }
    let (command, name_ends) = named(line, name_at)?;
    let sign = if is_command { b'=' } else { b':' };
    if line.get(name_ends) != Some(&sign) {
        return None;
    }
    let (shapes, least) = if is_command {
        (command.shapes, command.least)
    } else {
        (command.answers, 1)
    };
    let fits = |shape: &&[Kind]| fit(line, name_ends + 1, shape, least, is_command);
    shapes.iter().find_map(fits)
}

/// Reads parameters by their kinds; `None` where they are others.
#[expect(clippy::option_option, reason = "as of `exact`")]
fn fit(
    line: &[u8],
    start: usize,
    shape: &[Kind],
    least: usize,
    is_command: bool,
) -> Option<Option<Range<usize>>> {
    let (mut at, mut secret, mut count) = (start, None, 0);
    for kind in shape {
        let end = end_of_parameter(line, at, is_command)?;
        let parameter = &line[at..end];
        let is_quoted = parameter.len() > 1 && parameter[0] == b'"' && parameter.ends_with(b"\"");
        let is_text = is_quoted || parameter.is_empty() || !is_command;
        let is_kind = match kind {
            Text => is_text,
            Secret => {
                let quote = usize::from(is_quoted);
                let range = at + quote..end - quote;
                // Parameters that are one too few stand in each other's place.
                let is_other = is_mac(&line[range.clone()]);
                secret = Some(range);
                is_text && !is_other
            }
            Mac => parameter.is_empty() || is_quoted && is_mac(&parameter[1..parameter.len() - 1]),
            Number => parameter.iter().all(|b| b.is_ascii_digit() || *b == b'-'),
        };
        if !is_kind {
            return None;
        }
        count += 1;
        at = end + 1;
        if end == line.len() {
            return (count >= least).then_some(secret);
        }
    }
    // More than there are.
    None
}

/// The comma that ends a parameter, or the line's end. In commands a quote closes where it is not escaped, in answers where a comma or
/// the end follows it.
fn end_of_parameter(line: &[u8], start: usize, is_command: bool) -> Option<usize> {
    if line.get(start) != Some(&b'"') {
        let comma = line[start..].iter().position(|&b| b == b',');
        return Some(comma.map_or(line.len(), |at| start + at));
    }
    let mut at = start + 1;
    while at < line.len() {
        let is_end = matches!(line.get(at + 1), None | Some(b','));
        match line[at] {
            b'\\' if is_command => at += 1,
            b'"' if is_end => return Some(at + 1),
            b'"' if is_command => return None,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The command whose name begins there, and where it ends, with what older firmwares add.
fn named(line: &[u8], at: usize) -> Option<(&'static Secretive, usize)> {
    let rest = line.get(at..)?;
    let command = COMMANDS.iter().find(|c| starts_with(rest, c.name))?;
    let end = at + command.name.len();
    Some((command, end + suffix(&line[end..])))
}

fn suffix(rest: &[u8]) -> usize {
    let is_suffix = starts_with(rest, b"_CUR") || starts_with(rest, b"_DEF");
    if is_suffix { 4 } else { 0 }
}

/// Where the first name ends that a line mentions.
fn mention(line: &[u8]) -> Option<usize> {
    line.iter().enumerate().find_map(|(at, first)| {
        // What the words begin with.
        if !matches!(first, b'C' | b'c' | b'U' | b'u' | b'B' | b'b') {
            return None;
        }
        let rest = &line[at..];
        let word = MENTIONS.iter().find(|word| starts_with(rest, word))?;
        let hex = usize::from(starts_with(&rest[word.len()..], b"HEX")) * 3;
        let end = at + word.len() + hex;
        Some(end + suffix(&line[end..]))
    })
}

/// Where a name ends that is one letter off.
fn misspelt(line: &[u8]) -> Option<usize> {
    let sign = line.iter().position(|b| b"=\":,".contains(b))?;
    let head = &line[..sign];
    let is_at = |w: &[u8]| w.eq_ignore_ascii_case(b"AT");
    let after_at = || Some(head.windows(2).rposition(is_at)? + 2);
    let plus = head.iter().rposition(|&b| b == b'+');
    let name = &head[plus.map(|at| at + 1).or_else(after_at)?..];
    let letters = name
        .iter()
        .filter(|b| b.is_ascii_alphanumeric() || **b == b'_');
    let upper: Vec<u8> = letters.map(u8::to_ascii_uppercase).collect();
    let bare = &upper[..upper.len() - suffix_at_end(&upper)];
    let is_near = |c: &Secretive| is_one_off(bare, c.name);
    let is_other = NEIGHBOURS.contains(&bare);
    (!is_other && COMMANDS.iter().any(is_near)).then_some(sign)
}

fn suffix_at_end(name: &[u8]) -> usize {
    let len = name.len().saturating_sub(4);
    suffix(&name[len..])
}

/// Whether a letter was left out, put in, taken for another or changed places with the next one.
fn is_one_off(a: &[u8], b: &[u8]) -> bool {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    let rests = [(1, 0), (0, 1), (1, 1)];
    let is_moved = a.len() >= 2 && b.len() >= 2 && a[0] == b[1] && a[1] == b[0] && a[2..] == b[2..];
    is_moved
        || rests
            .iter()
            .any(|&(of_a, of_b)| a.get(of_a..).is_some_and(|a| Some(a) == b.get(of_b..)))
}

/// Where the headers of an HTTP request begin that have a secret.
fn headers(line: &[u8]) -> Option<usize> {
    find(line, HTTP)?;
    CREDENTIALS.iter().filter_map(|word| find(line, word)).min()
}

fn find(line: &[u8], word: &[u8]) -> Option<usize> {
    let (small, large) = (word[0].to_ascii_lowercase(), word[0].to_ascii_uppercase());
    memchr::memchr2_iter(small, large, line).find(|&at| starts_with(&line[at..], word))
}

fn is_mac(text: &[u8]) -> bool {
    let is_right = |(at, b): (usize, &u8)| match at % 3 {
        2 => *b == b':',
        _ => b.is_ascii_hexdigit(),
    };
    text.len() == 17 && text.iter().enumerate().all(is_right)
}

fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(&byte) = bytes.next() {
        let escaped = (byte == b'\\').then(|| bytes.next()).flatten();
        out.push(escaped.copied().unwrap_or(byte));
    }
    out
}

fn starts_with(line: &[u8], word: &[u8]) -> bool {
    line.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// The longest of the names.
const NAME_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let Some(range) = secret(line.as_bytes()) else {
            return line.to_owned();
        };
        format!("{}{{secret}}{}", &line[..range.start], &line[range.end..])
    }

    #[test]
    fn of_a_line_as_it_should_be_the_secret_alone_is_taken_out() {
        for line in [
            "AT+CWJAP=\"home\",\"<pass,wo\\\"rd>\",,5",
            "at+cwjap_cur=\"ho\\\\,me\",\"<x>\"",
            "AT+CWJAP=\"open\",\"\"",
            "AT+CWJAP=\"open\"",
            "AT+CWJAP=\"home\",\"<pass>\",\"aa:bb:cc:dd:ee:ff\",1",
            "AT+CWJAP?",
            "AT+CWJAP=?",
            "+CWJAP:\"home\",\"aa:bb:cc:00:11:22\",1,-50,0,1,3,0,1",
            "+CWJAP:3",
            "AT+CWSAP=\"me\",\"<12345678>\",5,3",
            "+CWSAP:\"me\",\"<12\"34>\",5,3,4,0",
            "AT+CIPSSLCPSK=0,\"<psk>\",\"hint\"",
            "AT+CIPSSLCPSK=\"<psk>\",\"hint\"",
            "AT+CIPSSLCPSKHEX=0,\"<70736b>\",\"hint\"",
            "+CIPSSLCPSKHEX:0,<70736b>,hint",
            "+CIPSSLCPSK:0,<psk>,hint",
            "AT+CWJEAP=\"ent\",1,\"id\",\"user\",\"<pass>\",3",
            "AT+MQTTUSERCFG=0,1,\"me\",\"user\",\"<pass>\",0,0,\"\"",
            "AT+CIPSTART=\"TCP\",\"h\",80",
            "AT+CWLAP=\"home\"",
            "+CWLAP:(3,\"home\",-50,\"aa:bb:cc:00:11:22\",1)",
            "AT+CWQAP",
            "AT+HTTPCLIENT=2,0,\"http://h/get\",,,1",
        ] {
            let (whole, hidden) = (line.replace(['<', '>'], ""), line.find('<'));
            let wanted = match (hidden, line.find('>')) {
                (Some(start), Some(end)) => {
                    format!("{}{{secret}}{}", &line[..start], &line[end + 1..])
                }
                _ => whole.clone(),
            };
            assert_eq!(shown(&whole), wanted);
        }
    }

    #[test]
    fn of_a_broken_line_nothing_is_left_after_the_name() {
        for (line, expected) in [
            ("AT+CWJAP=\"home\" ,\"pw\"", "AT+CWJAP={secret}"),
            ("AT+CWJAP=\"home\",pass,3", "AT+CWJAP={secret}"),
            ("AT+CWJAP=\"home\",\"unfinished", "AT+CWJAP={secret}"),
            ("AT+CWJAP=\"home\",\"a\",\"b\"", "AT+CWJAP={secret}"),
            ("AT+CWSAP=\"me\",\"12345678\"", "AT+CWSAP={secret}"),
            ("zzAT+CWJAP=\"home\",\"pw\"", "zzAT+CWJAP={secret}"),
            ("CWJAP\"home\",\"pw\"", "CWJAP{secret}"),
            ("AT CWJAP_DEF =\"home\",\"pw\"", "AT CWJAP_DEF{secret}"),
            ("AT+CIPSSLCPSK=\"psk\"", "AT+CIPSSLCPSK={secret}"),
            ("AT+CWJP=\"home\",\"pw\"", "AT+CWJP={secret}"),
            ("AT+CWAJP=\"home\",\"pw\"", "AT+CWAJP={secret}"),
            ("AT+CWJAAP=\"home\",\"pw\"", "AT+CWJAAP={secret}"),
            ("AT+CW JAP=\"home\",\"pw\"", "AT+CW JAP={secret}"),
            ("AT+BTSECPARAM=3,1,\"9527\"", "AT+BTSECPARAM={secret}"),
            ("password:12345678", "password:{secret}"),
            (
                "AT+HTTPCLIENT=2,0,\"http://h\",,,1,\"Authorization: Basic x\"",
                "AT+HTTPCLIENT=2,0,\"http://h\",,,1,\"{secret}",
            ),
        ] {
            assert_eq!(shown(line).replace("=AT", "AT"), expected, "{line}");
        }
    }
}
