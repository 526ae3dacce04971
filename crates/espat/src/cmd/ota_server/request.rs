//! What a client asks: the heads of its requests, one after the other.

use std::time::Duration;

use httparse::{EMPTY_HEADER, Error, Status};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

/// The longest head; a module's has less than 1024 bytes.
const HEAD_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 64;
/// How long a client may take to send a head, from its connection or its last answer on.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(10);
const PATH: &str = "/v1/device/rom";

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) wants: Wants,
    pub(super) token: Option<String>,
    pub(super) keeps_alive: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// Which version is the newest; the answer fits into the one read of `AT+CIUPDATE`.
    Newest,
    /// Every version, for `AT+CIPFWVER?`.
    Versions,
    Rom {
        version: String,
        file: String,
    },
    /// A place that is not served.
    Other,
    /// Not with GET.
    OtherMethod,
}

/// Why there is no request.
#[derive(Debug)]
pub(super) enum Missing {
    /// The client has nothing more to ask, or is gone.
    End,
    /// It did not ask in time; `begun`: but had begun to.
    Late {
        begun: bool,
    },
    TooLong,
    NoHttp,
}

/// What has come and is not yet understood.
#[derive(Debug, Default)]
pub(super) struct Heads {
    bytes: Vec<u8>,
}

impl Heads {
    /// Reads the next request.
    pub(super) async fn next(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<Request, Missing> {
        let deadline = Instant::now() + HEAD_TIME;
        loop {
            if let Some(request) = self.parse()? {
                return Ok(request);
            }
            let mut piece = [0; 1024];
            let begun = !self.bytes.is_empty();
            match timeout_at(deadline, stream.read(&mut piece)).await {
                Err(_) => return Err(Missing::Late { begun }),
                Ok(Ok(0) | Err(_)) => return Err(Missing::End),
                Ok(Ok(n)) => self.bytes.extend_from_slice(&piece[..n]),
            }
        }
    }

    fn parse(&mut self) -> Result<Option<Request>, Missing> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Request::new(&mut headers);
        match head.parse(&self.bytes) {
            Ok(Status::Complete(len)) => {
                let request = Request::of(&head);
                self.bytes.drain(..len);
                Ok(Some(request))
            }
            Ok(Status::Partial) if self.bytes.len() < HEAD_MAX => Ok(None),
            Ok(Status::Partial) | Err(Error::TooManyHeaders) => Err(Missing::TooLong),
            Err(_) => Err(Missing::NoHttp),
        }
    }
}

impl Request {
    fn of(head: &httparse::Request<'_, '_>) -> Self {
        let header = |name: &str| {
            let mut headers = head.headers.iter();
            let found = headers.find(|h| h.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(found.value).ok().map(str::trim)
        };
        let connection = header("connection").unwrap_or_default();
        Self {
            wants: match head.method {
                Some("GET") => Wants::of(head.path.unwrap_or_default()),
                Some(_) | None => Wants::OtherMethod,
            },
            token: header("authorization")
                .and_then(|value| value.strip_prefix("token "))
                .map(str::to_owned),
            keeps_alive: match head.version {
                Some(1) => !connection.eq_ignore_ascii_case("close"),
                Some(_) | None => connection.eq_ignore_ascii_case("keep-alive"),
            },
        }
    }
}

impl Wants {
    fn of(target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path.strip_suffix('/').unwrap_or(path) != PATH {
            return Self::Other;
        }
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        match value("action") {
            Some("download_rom") => Self::Rom {
                version: value("version").unwrap_or_default().to_owned(),
                file: value("filename").unwrap_or_default().to_owned(),
            },
            Some(_) => Self::Other,
            None if value("is_format_simple") == Some("true") => Self::Newest,
            None => Self::Versions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(target: &str) -> Wants {
        Wants::of(target)
    }

    #[test]
    fn targets_are_told_apart() {
        let rom = |version: &str, file: &str| Wants::Rom {
            version: version.to_owned(),
            file: file.to_owned(),
        };
        assert_eq!(
            wants("/v1/device/rom/?is_format_simple=true"),
            Wants::Newest
        );
        assert_eq!(wants("/v1/device/rom"), Wants::Versions);
        assert_eq!(
            wants("/v1/device/rom/?action=download_rom&version=v2.4.0.0&filename=ota.bin"),
            rom("v2.4.0.0", "ota.bin")
        );
        assert_eq!(
            wants("/v1/device/rom/?action=download_rom&version=&filename=ota.bin"),
            rom("", "ota.bin")
        );
        for other in [
            "/",
            "",
            "*",
            "/v1/device/rom/ota.bin",
            "/v1/device/rom/?action=delete",
        ] {
            assert_eq!(wants(other), Wants::Other, "{other}");
        }
    }

    fn parsed(bytes: &[u8]) -> (Result<Option<Request>, Missing>, usize) {
        let mut heads = Heads {
            bytes: bytes.into(),
        };
        let parsed = heads.parse();
        (parsed, heads.bytes.len())
    }

    #[test]
    fn heads_are_taken_one_by_one() {
        let one = b"GET /v1/device/rom HTTP/1.0\r\nAUTHORIZATION: token abc \r\nConnection: keep-alive\r\n\r\n";
        let (request, left) = parsed(&[&one[..], b"GET"].concat());
        let expected = Request {
            wants: Wants::Versions,
            token: Some("abc".to_owned()),
            keeps_alive: true,
        };
        assert_eq!((request.unwrap(), left), (Some(expected), 3));
        for end in 0..one.len() {
            assert!(parsed(&one[..end]).0.unwrap().is_none(), "{end} bytes");
        }
    }

    #[test]
    fn what_is_no_head_is_refused() {
        assert!(matches!(
            parsed(b"\x16\x03\x01\x02\x00\x01").0,
            Err(Missing::NoHttp)
        ));
        let long = [&b"GET /"[..], &vec![b'a'; HEAD_MAX]].concat();
        assert!(matches!(parsed(&long).0, Err(Missing::TooLong)));
        let many = [
            &b"GET / HTTP/1.1\r\n"[..],
            &b"a: b\r\n".repeat(HEADERS_MAX + 1),
        ]
        .concat();
        assert!(matches!(parsed(&many).0, Err(Missing::TooLong)));
    }
}
