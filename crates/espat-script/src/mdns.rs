//! `=> mdns`: what the core announces.

use espat_core::Service;

use crate::error::At;
use crate::words::{Words, bare_or_quoted, quoted};

/// What stands after `mdns`: `off`, or `espat "my pump" _iot._tcp 8080 ip6=::1 "version=1.0"`.
pub(crate) fn parse(words: &mut Words<'_>) -> Result<Option<Service>, At> {
    let host = words.need("the host's name or `off`")?;
    if host.text == "off" {
        return Ok(None);
    }
    let instance = words.need("the name of the service")?.name()?;
    let kind = words.need("the service, such as _http._tcp")?;
    let (service, protocol) = kind
        .name()?
        .split_once('.')
        .map(|(service, protocol)| (service.to_owned(), protocol.to_owned()))
        .ok_or_else(|| kind.unknown("a service and its protocol, such as _http._tcp"))?;
    let mut parsed = Service {
        host: host.name()?,
        instance,
        kind: service,
        protocol,
        port: words.need("the port")?.number("a port")?,
        ip6: None,
        txt: Vec::new(),
    };
    while let Some(word) = words.next()? {
        if let Some(ip6) = word.text.strip_prefix("ip6=") {
            let ip6 = ip6.parse();
            parsed.ip6 = Some(ip6.map_err(|_| word.unknown("an IPv6 address is expected"))?);
            continue;
        }
        let pair = word.name()?;
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| word.unknown("\"KEY=VALUE\" is expected"))?;
        parsed.txt.push((key.to_owned(), value.to_owned()));
    }
    Ok(Some(parsed))
}

pub(crate) fn print(service: Option<&Service>) -> String {
    let Some(service) = service else {
        return "mdns off".into();
    };
    let host = match service.host.as_str() {
        // A name, not the word.
        "off" => quoted(b"off"),
        host => bare_or_quoted(host.as_bytes()),
    };
    let kind = format!("{}.{}", service.kind, service.protocol);
    let mut line = format!(
        "mdns {host} {} {} {}",
        bare_or_quoted(service.instance.as_bytes()),
        bare_or_quoted(kind.as_bytes()),
        service.port
    );
    if let Some(ip6) = service.ip6 {
        line.push_str(&format!(" ip6={ip6}"));
    }
    for (key, value) in &service.txt {
        line.push(' ');
        line.push_str(&quoted(format!("{key}={value}").as_bytes()));
    }
    line
}
