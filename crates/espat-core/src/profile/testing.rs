//! Profiles of no real firmware, for tests of what no built profile has. `espat profiles` does not list them; transcripts
//! name them like any other.

use super::esp32::BASE;
use super::{Features, Limits, Profile, Quirks};
use crate::tls::{TlsRules, TlsVersion};

/// TLS 1.3, and certificates whose dates count once the clock has been set.
pub static TLS_1_3: Profile = Profile {
    name: "test-tls-1.3",
    limits: Limits {
        tls: TlsRules {
            version_min: TlsVersion::Tls1_2,
            version_max: TlsVersion::Tls1_3,
            ..BASE.limits.tls
        },
        alpn: 0..=5,
        ..BASE.limits
    },
    quirks: Quirks {
        dates_count_in_1970: false,
        ..BASE.quirks
    },
    ..BASE
};

/// One SSL link and no SSL server, as on ESP8266; quoted values in the queries of the SSL settings.
pub static ONE_SSL_LINK: Profile = Profile {
    name: "test-one-ssl-link",
    limits: Limits {
        ssl_links: 1,
        ..BASE.limits
    },
    features: BASE.features.difference(Features::SSL_SERVER),
    quirks: Quirks {
        ssl_values_quoted: true,
        ..BASE.quirks
    },
    ..BASE
};

/// One SSL link, which may be a client of the SSL server.
pub static ONE_SSL_LINK_SERVER: Profile = Profile {
    name: "test-one-ssl-link-server",
    limits: Limits {
        ssl_links: 1,
        ..BASE.limits
    },
    ..BASE
};

/// No SSL at all.
pub static NO_SSL: Profile = Profile {
    name: "test-no-ssl",
    features: BASE
        .features
        .difference(Features::SSL)
        .difference(Features::SSL_PSK)
        .difference(Features::SSL_SERVER),
    ..BASE
};

/// Time as the lines before and after have it: no zone before the clock is set, as up to 2.1; the zone of `AT+CIPSNTPCFG=0` left
/// out and shown, as from 3.2 on.
pub static TIME: Profile = Profile {
    name: "test-time",
    quirks: Quirks {
        zone_before_sync: false,
        sntp_off_needs_zone: false,
        sntp_off_shows_zone: true,
        ..BASE.quirks
    },
    ..BASE
};

/// Name servers that a join at boot does not bring.
pub static OWN_NAME_SERVER: Profile = Profile {
    name: "test-own-name-server",
    quirks: Quirks {
        own_join_ignores_leased_servers: true,
        ..BASE.quirks
    },
    ..BASE
};

/// The profile of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Profile> {
    [
        &TLS_1_3,
        &ONE_SSL_LINK,
        &ONE_SSL_LINK_SERVER,
        &NO_SSL,
        &TIME,
        &OWN_NAME_SERVER,
    ]
    .into_iter()
    .find(|p| p.name == name)
}
