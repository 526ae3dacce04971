//! Takes passwords and keys out of what is recorded.

mod command;
mod keys;
mod line;

pub(crate) use self::keys::{KeyBytes, holds_keys, key_bytes};
pub(crate) use self::line::{Known, Redactor};
use crate::text::Text;

/// What a redacted setting is written as.
pub(crate) const SECRET: &[u8] = b"{secret}";

/// The longest line of a module, about.
const LINE_MAX: usize = 256;
/// More than is shown at the beginning of what is left out.
const SHOWN: usize = 32;
/// Whose parts are looked at closely. What is longer is payload, in which only whole names are looked for.
const CLOSELY: usize = 1024;

/// Whether bytes may hold a secret: a command, its echo, or the answer to its query, complete or not.
pub(crate) fn may_be_secret(bytes: &[u8]) -> bool {
    if bytes.len() > CLOSELY {
        // Of which only the ends are shown: a name that stands there, and what follows a name.
        let ends = [&bytes[..SHOWN], &bytes[bytes.len() - LINE_MAX..]];
        let is_command = |end: &&[u8]| memchr::memchr3(b'=', b'"', b':', end).is_some();
        let mut ends = ends.iter().filter(|end| is_command(end));
        return command::is_mentioned_in(bytes) || ends.any(|end| command::doubtful(end).is_some());
    }
    bytes
        .split(|b| *b == b'\n')
        .any(|line| command::doubtful(line).is_some())
}

/// Payload with such a line in it, without its secret.
pub(crate) fn redacted_payload(bytes: &[u8]) -> Option<Text> {
    let is_one = bytes.len() <= CLOSELY && may_be_secret(bytes);
    is_one.then(|| Redactor::default().redact(bytes, true, &mut Known::default()))
}

/// Whether the last line is an unfinished command.
pub(crate) fn is_open_command(bytes: &[u8]) -> bool {
    let last = last_line(bytes);
    last.len() <= LINE_MAX
        && (last.eq_ignore_ascii_case(b"a")
            || last.windows(2).any(|w| w.eq_ignore_ascii_case(b"at"))
            || command::doubtful(last).is_some())
}

/// Where the unfinished line begins.
pub(crate) fn open_line(bytes: &[u8]) -> usize {
    bytes.len() - last_line(bytes).len()
}

/// Whether an unfinished line at the end may hold a secret.
pub(crate) fn ends_in_secret(bytes: &[u8]) -> bool {
    command::doubtful(last_line(bytes)).is_some()
}

/// What stands after the last line end.
fn last_line(bytes: &[u8]) -> &[u8] {
    let end = memchr::memrchr2(b'\n', b'\r', bytes);
    &bytes[end.map_or(0, |end| end + 1)..]
}

/// Whether a setting's value is secret.
pub(crate) fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "pwd", "psk", "passphrase", "secret"]
        .iter()
        .any(|word| key.contains(word))
}
