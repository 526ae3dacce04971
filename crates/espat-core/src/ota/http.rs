//! The firmware's HTTP: the text of its requests and what it looks for in the answers. It is no HTTP client, and must not
//! become one: status, names in other case and everything else that it does not look at does not count (behaviour.md 3.18).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Display;

/// What follows `Host:`. The length of a request with these lines and a token of 40 digits is the one that a module logged
/// (esp-at#103).
macro_rules! headers {
    () => {
        "Connection: keep-alive\r\n\
         Cache-Control: no-cache\r\n\
         User-Agent: Mozilla/5.0 (Windows NT 5.1) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/30.0.1599.101 Safari/537.36 \r\n\
         Accept: */*\r\n\
         Authorization: token {}\r\n\
         Accept-Encoding: gzip,deflate,sdch\r\n\
         Accept-Language: zh-CN,zh;q=0.8\r\n\
         \r\n"
    };
}

/// How much of a read stands before the next one, where an answer is read on.
const KEPT: usize = 64;
const STATUS: &[u8] = b"status";
const VERSION: &[u8] = b"rom_version\": ";
const VERSION_END: &[u8] = b"\",";
const LENGTH: &[u8] = b"Content-Length: ";
const HEAD_END: &[u8] = b"\r\n\r\n";
/// The firmware's room for the body of a list of versions. It writes beyond it; here a longer body is a failure.
const BODY_MAX: usize = 8192;
/// What of such an answer's head is looked at; ESP-IDF's client gives up somewhere too.
const HEAD_MAX: usize = 4096;

/// The request for the newest version.
pub(super) fn version_request(host: impl Display, port: u16, token: &str) -> Vec<u8> {
    let line = "GET /v1/device/rom/?is_format_simple=true HTTP/1.0\r\n";
    let text = format!(
        concat!("{}Host: {}:{}\r\n", headers!()),
        line, host, port, token
    );
    text.into_bytes()
}

/// The request for a file, cut where the firmware's buffer ends.
pub(super) fn file_request(
    version: &[u8],
    file: &[u8],
    host: impl Display,
    port: u16,
    token: &str,
    bytes_max: usize,
) -> Vec<u8> {
    let mut text = b"GET /v1/device/rom/?action=download_rom&version=".to_vec();
    text.extend_from_slice(version);
    text.extend_from_slice(b"&filename=");
    text.extend_from_slice(file);
    let rest = format!(
        concat!(".bin HTTP/1.1\r\nHost: {}:{}\r\n", headers!()),
        host, port, token
    );
    text.extend_from_slice(rest.as_bytes());
    text.truncate(bytes_max);
    text
}

/// The version in an answer. The character before it, a quote, is not looked at.
pub(super) fn find_version(answer: &[u8]) -> Option<&[u8]> {
    let answer = text_of(answer);
    let from = find(answer, VERSION)? + VERSION.len() + 1;
    let version = answer.get(from..)?;
    version.get(..find(version, VERSION_END)?)
}

/// The answer to the question for a version in a buffer that is read into again and again, as later firmware does it: what was there before
/// stays behind a short read, and of each read but the first the last bytes are not kept.
#[derive(Debug)]
pub(super) struct Answer {
    buffer: Vec<u8>,
    offset: usize,
}

impl Answer {
    pub(super) fn new(bytes_max: usize) -> Self {
        let buffer = alloc::vec![0; bytes_max + 1];
        Self { buffer, offset: 0 }
    }

    /// How much the next read may bring.
    pub(super) fn room(&self) -> usize {
        self.buffer.len() - 1 - self.offset
    }

    /// Takes one read; whether the answer has what is looked for.
    pub(super) fn take(&mut self, read: &[u8]) -> bool {
        let len = read.len().min(self.room());
        let end = self.offset + len;
        self.buffer[self.offset..end].copy_from_slice(&read[..len]);
        self.buffer[end] = 0;
        let text = text_of(&self.buffer);
        if find(text, VERSION).is_some() && find(text, STATUS).is_some() {
            return true;
        }
        self.offset = if len > KEPT { KEPT } else { 0 };
        self.buffer.copy_within(len - self.offset..len, 0);
        false
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.buffer
    }
}

/// What one read shows of an answer's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// `Content-Length`, as C's `atoi` reads it.
    pub(super) length: i32,
    /// Where the body begins; `None` where this read does not show it.
    pub(super) body: Option<usize>,
}

/// The length and the start of the body; `None` without a length.
pub(super) fn find_head(read: &[u8]) -> Option<Head> {
    let text = text_of(read);
    let at = find(text, LENGTH)? + LENGTH.len();
    Some(Head {
        length: atoi(&text[at..]),
        body: find(text, HEAD_END).map(|at| at + HEAD_END.len()),
    })
}

/// A version as text for people: what cannot stand in a line of `AT+GMR` ends it.
pub(super) fn plain_version(version: &[u8], bytes_max: usize) -> String {
    let is_plain = |b: &&u8| b.is_ascii_graphic() && **b != b'(';
    let plain = version.iter().take_while(is_plain).take(bytes_max);
    plain.map(|&b| char::from(b)).collect()
}

/// C's strings end at the first NUL.
fn text_of(read: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, read).unwrap_or(read.len());
    &read[..end]
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, what)
}

/// Spaces, a sign, digits; 0 where there are none, and the ends of its range where there are too many.
fn atoi(text: &[u8]) -> i32 {
    let is_space = |b: &u8| b.is_ascii_whitespace() || *b == 0x0b;
    let start = text.iter().position(|b| !is_space(b)).unwrap_or(text.len());
    let (sign, digits) = match &text[start..] {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] | digits => (1, digits),
    };
    let digits = digits.iter().take_while(|b| b.is_ascii_digit());
    digits.fold(0_i32, |number, digit| {
        let digit = i32::from(digit - b'0') * sign;
        number.saturating_mul(10).saturating_add(digit)
    })
}

/// What ESP-IDF's HTTP client sends for the list of versions, in its order.
pub(super) fn versions_request(host: &str, token: &str) -> Vec<u8> {
    let text = format!(
        "GET /v1/device/rom HTTP/1.1\r\n\
         User-Agent: ESP32 HTTP Client/1.0\r\n\
         Host: {host}\r\n\
         Authorization: token {token}\r\n\
         Content-Length: 0\r\n\
         \r\n"
    );
    text.into_bytes()
}

/// What there is of the body of an answer to ESP-IDF's HTTP client, which is one: what it looks at counts, and no more than that.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    More,
    Whole(Vec<u8>),
    /// No HTTP, a status that means failure, or too much.
    Bad,
}

pub(super) fn body(answer: &[u8], has_ended: bool) -> Body {
    let Some(head_len) = memchr::memmem::find(answer, b"\r\n\r\n") else {
        return if answer.len() > HEAD_MAX {
            Body::Bad
        } else {
            Body::More
        };
    };
    let (head, body) = (&answer[..head_len], &answer[head_len + 4..]);
    let mut lines = head.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    let status = lines.next().and_then(status);
    if status.is_none_or(|status| status >= 400) {
        return Body::Bad;
    }
    let mut length = None;
    let mut is_chunked = false;
    for line in lines {
        let Some(colon) = memchr::memchr(b':', line) else {
            continue;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            length = number(value, 10);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            is_chunked = value.eq_ignore_ascii_case(b"chunked");
        }
    }
    let whole = if is_chunked {
        unchunked(body)
    } else if let Some(length) = length {
        body.get(..length).map(<[u8]>::to_vec)
    } else {
        has_ended.then(|| body.to_vec())
    };
    match whole {
        Some(whole) if whole.len() <= BODY_MAX => Body::Whole(whole),
        None if body.len() <= 2 * BODY_MAX => Body::More,
        Some(_) | None => Body::Bad,
    }
}

fn status(line: &[u8]) -> Option<usize> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    number(rest.get(2..5)?, 10)
}

fn number(text: &[u8], radix: u32) -> Option<usize> {
    let text = core::str::from_utf8(text).ok()?;
    usize::from_str_radix(text, radix).ok()
}

/// The bytes of all chunks; `None` where the last one has not come.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = memchr::memmem::find(rest, b"\r\n")?;
        let digits = rest[..line].split(|&b| b == b';').next()?;
        let len = number(digits.trim_ascii(), 16)?;
        rest = &rest[line + 2..];
        if len == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(rest.get(..len)?);
        rest = rest.get(len + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_as_long_as_the_one_in_the_field() {
        let token = "0".repeat(40);
        let request = version_request("115.29.202.58", 80, &token);
        assert_eq!(request.len(), 389);
        assert!(request.ends_with(b"zh-CN,zh;q=0.8\r\n\r\n"));
        let file = file_request(b"v1", b"ota", "192.0.2.7", 80, &token, 1023);
        let line =
            b"GET /v1/device/rom/?action=download_rom&version=v1&filename=ota.bin HTTP/1.1\r\n";
        assert!(file.starts_with(line));
        let long = file_request(&[b'1'; 2000], b"ota", "192.0.2.7", 80, &token, 1023);
        assert_eq!(long.len(), 1023);
    }

    #[test]
    fn a_version_is_what_stands_between() {
        let found = |text: &str| find_version(text.as_bytes()).map(<[u8]>::to_vec);
        assert_eq!(
            found("{\"rom_version\": \"v2.3.0.0\", \"x\": 1}"),
            Some(b"v2.3.0.0".to_vec())
        );
        assert_eq!(found("rom_version\": 'v2\","), Some(b"v2".to_vec()));
        assert_eq!(found("rom_version\": \"\","), Some(Vec::new()));
        for wrong in [
            "",
            "{\"rom_version\":\"v2\",}",
            "{\"rom_version\": \"v2\"}",
            "rom_version\": ",
            "rom_version\": \"",
            "\0rom_version\": \"v2\",",
            "rom_version\": \"v\x002\",",
        ] {
            assert_eq!(found(wrong), None, "{wrong:?}");
        }
        assert_eq!(plain_version(b"v2.3 x", 64), "v2.3");
        assert_eq!(plain_version(b"\x1b[2J", 64), "");
        assert_eq!(plain_version(b"v2(x)", 64), "v2");
        assert_eq!(plain_version(&[b'1'; 99], 64).len(), 64);
    }

    #[test]
    fn an_answer_is_read_on_until_version_and_status_are_there() {
        let mut answer = Answer::new(1024);
        assert!(!answer.take(b"HTTP/1.1 200 OK\r\n\r\n"));
        assert!(answer.take(b"{\"rom_version\": \"v2\", \"status\": 200}"));
        assert_eq!(find_version(answer.text()), Some(b"v2".as_slice()));
        // A version alone is found when nothing more comes.
        let mut answer = Answer::new(1024);
        assert!(!answer.take(b"{\"rom_version\": \"v2\", \"x\": 1}"));
        assert_eq!(find_version(answer.text()), Some(b"v2".as_slice()));
        // What lies over two reads is found in the bytes that are kept.
        let mut answer = Answer::new(1024);
        let mut first = alloc::vec![b' '; 100];
        first.extend(b"status rom_ver");
        assert!(!answer.take(&first));
        assert_eq!(answer.room(), 1024 - 64);
        assert!(answer.take(b"sion\": \"v2\", "));
        assert_eq!(find_version(answer.text()), Some(b"v2".as_slice()));
    }

    #[test]
    fn a_length_is_what_atoi_makes_of_it() {
        let length = |text: &str| {
            find_head(format!("HTTP/1.1 404 No\r\n{text}\r\n\r\n").as_bytes()).map(|h| h.length)
        };
        assert_eq!(length("Content-Length: 17"), Some(17));
        assert_eq!(length("Content-Length:  +17;x"), Some(17));
        assert_eq!(length("Content-Length: -3"), Some(-3));
        assert_eq!(length("Content-Length: many"), Some(0));
        assert_eq!(length("Content-Length: 10737418240"), Some(i32::MAX));
        assert_eq!(length("Content-Length: -10737418240"), Some(i32::MIN));
        assert_eq!(length("content-length: 17"), None);
        assert_eq!(length("Content-Length:17"), None);
        let cut = find_head(b"Content-Length: 1\r\n\r").unwrap();
        assert_eq!(cut.body, None);
        let whole = find_head(b"Content-Length: 1\r\n\r\n\xe9").unwrap();
        assert_eq!(whole.body, Some(21));
    }

    #[test]
    fn a_body_ends_by_its_length_its_last_chunk_or_the_link() {
        let whole = |text: &[u8]| Body::Whole(text.to_vec());
        let say =
            |head: &str, rest: &str| format!("HTTP/1.1 200 OK\r\n{head}\r\n{rest}").into_bytes();
        assert_eq!(
            body(&say("content-length: 3\r\n", "abcd"), false),
            whole(b"abc")
        );
        assert_eq!(
            body(&say("Content-Length: 5\r\n", "abcd"), false),
            Body::More
        );
        let chunks = "3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        let chunked = "Transfer-Encoding: chunked\r\n";
        assert_eq!(body(&say(chunked, chunks), false), whole(b"abcde"));
        assert_eq!(body(&say(chunked, &chunks[..9]), false), Body::More);
        assert_eq!(body(&say("", "abc"), false), Body::More);
        assert_eq!(body(&say("", "abc"), true), whole(b"abc"));
        assert_eq!(body(b"HTTP/1.1 404 No\r\n\r\n", true), Body::Bad);
        assert_eq!(body(b"hello\r\n\r\n", true), Body::Bad);
        assert_eq!(body(&alloc::vec![b'x'; 5000], false), Body::Bad);
        let long = String::from_utf8(alloc::vec![b'x'; 9000]).unwrap();
        assert_eq!(
            body(&say("Content-Length: 9000\r\n", &long), false),
            Body::Bad
        );
    }
}
