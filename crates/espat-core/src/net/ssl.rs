//! What a link says and wants in a TLS handshake, beside `AT+CIPSSLCCONF`. Nothing of it is kept (behaviour.md 4.20).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::exec::cx::Cx;
use crate::net::dial::Target;
use crate::net::link::LinkId;
use crate::output::Transport;
use crate::tls::{Psk, TlsClient, VerifyServer};

/// `AT+CIPSSLCCN`, `AT+CIPSSLCSNI`, `AT+CIPSSLCALPN` and `AT+CIPSSLCPSK` of one link; empty where unset.
#[derive(Clone, Debug, Default)]
pub(crate) struct SslNames {
    /// What the subject of the server's certificate has to be called.
    pub(crate) common_name: Vec<u8>,
    pub(crate) server_name: Vec<u8>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) psk: Option<Psk>,
    /// `AT+CIPSSLCCIPHER`, in the order of preference; empty: the library's own.
    pub(crate) ciphers: Vec<u16>,
}

/// `AT+CIPSSLCCONF`, bit 0 of the mode: the module shows a certificate.
pub(crate) const AUTH_CERTIFICATE: u8 = 1;
/// `AT+CIPSSLCCONF`, bit 1 of the mode: the module checks the server.
pub(crate) const AUTH_VERIFY: u8 = 1 << 1;

/// The time at which certificates have to be valid, in seconds since 1970; `None`: dates do not count.
pub(crate) fn certificate_time(cx: &Cx<'_>) -> Option<i64> {
    let clock = &cx.sys.clock;
    (clock.is_set() || cx.env.profile().quirks.dates_count_in_1970)
        .then(|| clock.unix_s(cx.env.now))
}

/// How an SSL link shakes hands; `None` for other links.
pub(crate) fn client(cx: &Cx<'_>, id: LinkId, target: &Target) -> Option<Box<TlsClient>> {
    if target.kind.transport != Transport::Tls {
        return None;
    }
    let profile = cx.env.profile();
    let conf = &cx.nvs.live.ssl[id.index()];
    let names = &cx.net.ssl[id.index()];
    let verify = (conf.auth_mode & AUTH_VERIFY != 0).then(|| VerifyServer {
        ca: conf.ca,
        common_name: (!names.common_name.is_empty()).then(|| names.common_name.clone()),
        unix_s: certificate_time(cx),
    });
    // Without AT+CIPSSLCSNI the host's name is sent, as esp_tls does; a literal is no name (decided without a transcript).
    let server_name = if names.server_name.is_empty() {
        target.host.name().map(|name| name.clone().into_bytes())
    } else {
        Some(names.server_name.clone())
    };
    Some(Box::new(TlsClient {
        rules: profile.limits.tls,
        server_name,
        alpn: names.alpn.clone(),
        ciphers: names.ciphers.clone(),
        certificate: (conf.auth_mode & AUTH_CERTIFICATE != 0).then_some(conf.pki),
        // esp_tls takes a key only where there is no CA to check the server by.
        psk: names.psk.clone().filter(|_| verify.is_none()),
        verify,
    }))
}
