//! The head of a record: the directives of its module, without secrets.

use espat_core::{LogPort, ModuleConfig, Reports, StoreValue, Terminator};

use crate::directive::Directive;
use crate::redact::{SECRET, is_secret_key};

/// The directives that make this configuration from the default one.
pub(super) fn directives(config: &ModuleConfig) -> Vec<Directive> {
    let plain = ModuleConfig::new();
    let mut all = vec![
        Directive::Profile(config.profile.name.to_owned()),
        Directive::Timing(config.timing),
    ];
    let optional = [
        (config.seed != plain.seed).then_some(Directive::Seed(config.seed)),
        (config.reports != Reports::Between).then_some(Directive::Reports(config.reports)),
        (config.terminator != Terminator::CrLf).then_some(Directive::Terminator(config.terminator)),
        (config.log_port != LogPort::Off).then_some(Directive::LogPort(config.log_port)),
        config.durable.then_some(Directive::Durable),
        (config.slots != plain.slots).then_some(Directive::Slots(config.slots)),
        config.upgrade.server.clone().map(Directive::OtaServer),
        (config.upgrade.token.as_ref()).map(|_| Directive::OtaToken(SECRET.to_vec())),
        config.upgrade.installed.clone().map(Directive::Installed),
        config.air.is_lost.then_some(Directive::AirLost),
    ];
    all.extend(optional.into_iter().flatten());
    let addresses = &config.addresses;
    if (addresses.station_mac, addresses.softap_mac)
        != (plain.addresses.station_mac, plain.addresses.softap_mac)
    {
        all.push(Directive::Mac(addresses.station_mac, addresses.softap_mac));
    }
    all.push(Directive::Ip(addresses.station_ip));
    all.push(Directive::Ip6(addresses.station_ip6));
    all.extend(config.air.access_points.iter().cloned().map(|mut ap| {
        if !ap.password.is_empty() {
            ap.password = SECRET.to_vec();
        }
        Directive::Ap(ap)
    }));
    all.extend(config.air.stations.iter().copied().map(Directive::Station));
    all.extend(config.nvs.iter().cloned().map(|(key, mut value)| {
        redact_setting(&key, &mut value);
        Directive::Nvs(key, value)
    }));
    all
}

pub(super) fn redact_setting(key: &str, value: &mut StoreValue) {
    if let StoreValue::Text(text) = value
        && is_secret_key(key)
        && !text.is_empty()
    {
        *text = SECRET.to_vec();
    }
}
