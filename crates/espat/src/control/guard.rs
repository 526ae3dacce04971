//! Who may ask: nobody else's page in a browser, nobody by a name that was led to this computer, nobody without the token.

use std::net::IpAddr;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, ORIGIN};
use hyper::{Method, StatusCode};

use super::refusal::Refusal;
use super::token::ControlToken;

/// What every request is held against.
#[derive(Debug)]
pub(super) struct Guard {
    /// The interface is on loopback or a socket: the name that it is called by has to be this computer's own.
    pub(super) is_local: bool,
    pub(super) token: Option<ControlToken>,
}

impl Guard {
    /// # Errors
    /// The header that is wrong.
    pub(super) fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = text(headers, HOST.as_str(), "Host")?;
        if self.is_local && !host.is_some_and(is_this_computer) {
            let refusal = Refusal::new(
                StatusCode::FORBIDDEN,
                "Host",
                "the request is for another name than this computer's own",
                "ask 127.0.0.1, [::1] or localhost",
            );
            return Err(refusal.value(host.unwrap_or_default()));
        }
        if let Some(origin) = text(headers, ORIGIN.as_str(), "Origin")? {
            let is_ours = host.is_some_and(|host| origin.strip_prefix("http://") == Some(host));
            if !is_ours {
                let refusal = Refusal::new(
                    StatusCode::FORBIDDEN,
                    "Origin",
                    "a page from elsewhere asks",
                    "ask from a program; a browser's page cannot",
                );
                return Err(refusal.value(origin));
            }
        }
        check_fetch_site(headers)?;
        self.check_token(headers)?;
        if method == Method::POST {
            check_content_type(headers)?;
        }
        Ok(())
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let shown = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let bearer = shown.and_then(|shown| {
            let (scheme, token) = shown.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
        });
        if bearer.is_some_and(|shown| token.is(shown)) {
            return Ok(());
        }
        let message = if shown.is_some() {
            "it is not `Bearer` and this module's control token"
        } else {
            "this module's control interface wants its token"
        };
        Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "Authorization",
            message,
            "send `Authorization: Bearer TOKEN`, TOKEN as in --control-token",
        ))
    }
}

/// A page that cannot read the answer names no origin; a browser says all the same whose page it is.
fn check_fetch_site(headers: &HeaderMap) -> Result<(), Refusal> {
    match text(headers, "sec-fetch-site", "Sec-Fetch-Site")? {
        None | Some("same-origin" | "none") => Ok(()),
        Some(site) => {
            let refusal = Refusal::new(
                StatusCode::FORBIDDEN,
                "Sec-Fetch-Site",
                "a page from elsewhere asks",
                "ask from a program; a browser's page cannot",
            );
            Err(refusal.value(site))
        }
    }
}

/// A form of a page can be sent to anybody, but not as JSON.
fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let sent = text(headers, CONTENT_TYPE.as_str(), "Content-Type")?;
    let kind = sent.map(|sent| sent.split(';').next().unwrap_or_default().trim());
    if kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    let refusal = Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Content-Type",
        "only JSON is taken",
        "send `Content-Type: application/json`",
    );
    Err(match sent {
        Some(sent) => refusal.value(sent),
        None => refusal,
    })
}

/// The one value of a header.
fn text<'a>(
    headers: &'a HeaderMap,
    header: &str,
    name: &'static str,
) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(header).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(text) if values.next().is_none() => Ok(Some(text)),
        _ => Err(Refusal::bad(
            name,
            "the header comes twice, or holds what no header holds",
            "send it once, in ASCII",
        )),
    }
}

/// `localhost`, 127.x.y.z or `[::1]`, with or without a port. Whatever the port: it may have been led here from another one.
fn is_this_computer(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_loopback = |ip: IpAddr| ip.to_canonical().is_loopback();
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_computer() {
        for own in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1",
            "127.9.9.9:80",
            "[::1]:8",
            "[::1]",
        ] {
            assert!(is_this_computer(own), "{own}");
        }
        for other in [
            "",
            ":80",
            "example.com",
            "localhost.example.com:80",
            "192.168.1.2:80",
            "[fd00::1]",
            "127.0.0.1.example.com",
        ] {
            assert!(!is_this_computer(other), "{other}");
        }
    }
}
