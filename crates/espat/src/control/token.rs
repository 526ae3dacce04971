//! The token that a client of the control interface shows.

use std::fmt;
use std::str::FromStr;

/// `--control-token TOKEN`. Reading it never fails, so that no message of the argument parser can show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ControlToken(String);

/// The longest token.
const TOKEN_BYTES: usize = 256;

impl ControlToken {
    /// # Errors
    /// What is wrong, without the token.
    pub(crate) fn checked(&self) -> Result<&str, String> {
        let len = self.0.len();
        if !(1..=TOKEN_BYTES).contains(&len) {
            return Err(format!(
                "the token has {len} bytes; a token has 1 to {TOKEN_BYTES}"
            ));
        }
        if !self.0.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("a token has letters, digits and signs, no spaces".to_owned());
        }
        Ok(&self.0)
    }

    /// Whether `shown` is this token; how long that takes says nothing of it.
    pub(super) fn is(&self, shown: &[u8]) -> bool {
        let (own, shown) = (
            openssl::sha::sha256(self.0.as_bytes()),
            openssl::sha::sha256(shown),
        );
        openssl::memcmp::eq(&own, &shown)
    }
}

impl FromStr for ControlToken {
    type Err = std::convert::Infallible;

    fn from_str(token: &str) -> Result<Self, Self::Err> {
        Ok(Self(token.to_owned()))
    }
}

impl fmt::Debug for ControlToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ControlToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_compared_whole_and_never_shown() {
        let token: ControlToken = "hush".parse().unwrap();
        assert!(token.is(b"hush"));
        for other in [&b"hus"[..], b"hushh", b"", b"HUSH"] {
            assert!(!token.is(other));
        }
        assert!(!format!("{token:?}").contains("hush"));
        for wrong in ["".to_owned(), "hush".repeat(65), "hush hush".to_owned()] {
            let token: ControlToken = wrong.parse().unwrap();
            assert!(!token.checked().unwrap_err().contains("hush"));
        }
    }
}
