//! The server of an upgrade, and connections to it.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::exec::cx::Cx;
use crate::net::host::Host;
use crate::output::{Connect, SocketId, SocketOptions, Transport};
use crate::tls::TlsClient;

/// The server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) https: bool,
    /// Known once it was looked up.
    pub(super) ip: IpAddr,
}

/// A connection to the server.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) socket: SocketId,
    pub(super) request: Vec<u8>,
}

impl Server {
    /// The server, and whether it is to be HTTPS.
    pub(super) fn of(cx: &Cx<'_>, https: bool) -> Self {
        let vendor = &cx.env.profile().upgrade;
        let (host, port, https) = match &cx.env.config.upgrade.server {
            Some(server) => (server.host.as_str(), server.port, server.https),
            None if https => (vendor.host, vendor.https_port, true),
            None => (vendor.host, vendor.port, false),
        };
        Self {
            // A name that is none finds nobody.
            host: Host::parse(host.as_bytes()).unwrap_or_else(|| Host::Name(host.into())),
            port,
            https,
            ip: IpAddr::from([0, 0, 0, 0]),
        }
    }

    /// What stands behind `Host:`.
    pub(super) fn shown(&self, cx: &Cx<'_>) -> String {
        let is_named = cx.env.profile().quirks.upgrade_names_host;
        let name = self.host.name().filter(|_| is_named);
        name.cloned().unwrap_or_else(|| format!("{}", self.ip))
    }

    /// Opens a connection that starts with `request`.
    pub(super) fn talk(&self, cx: &mut Cx<'_>, request: Vec<u8>) -> Talk {
        let name = self.host.name().cloned();
        let tls = self.https.then(|| {
            // No certificate, and none wanted: what the firmware hands to esp_tls is empty.
            Box::new(TlsClient {
                rules: cx.env.profile().limits.tls,
                server_name: name.clone().map(String::into_bytes),
                alpn: Vec::new(),
                ciphers: Vec::new(),
                certificate: None,
                verify: None,
                psk: None,
            })
        });
        let to = Connect {
            transport: if self.https {
                Transport::Tls
            } else {
                Transport::Tcp
            },
            remote: SocketAddr::new(self.ip, self.port),
            name,
            local_ip: None,
            local_port: 0,
            options: SocketOptions::default(),
            deadline: cx.env.now + cx.env.profile().limits.connect_timeout,
            tls,
        };
        let socket = cx.net.open_apart(&mut cx.env, to);
        Talk { socket, request }
    }
}

pub(super) fn token<'a>(cx: &Cx<'a>) -> &'a str {
    let own = &cx.env.config.upgrade.token;
    own.as_deref()
        .unwrap_or_else(|| cx.env.profile().upgrade.token)
}
