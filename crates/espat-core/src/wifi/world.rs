//! The air around the station: which access points it hears, and how they answer a join.

use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;

use crate::config::{AccessPoint, Air, Answers};
use crate::nvs::{Country, Credentials};

/// How the air answers a join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepts(AccessPoint),
    WrongPassword,
    NotFound,
    Silence,
}

/// `AT+CWSTAPROTO`'s and `AT+CWAPPROTO`'s bit for the vendor's long range.
const LONG_RANGE: u8 = 1 << 3;

/// Whether a station or softAP with these protocols and what is in the air hear each other (ESP-IDF, Wi-Fi guide: LR alone only
/// among its own kind).
pub(super) fn understands(protocols: u8) -> bool {
    protocols & !LONG_RANGE != 0
}

/// The access points that a scan finds, the strongest first.
///
/// ESP-IDF hands scan records out in that order, so `AT+CWLAPOPT`'s first parameter changes nothing: an ESP32's list was
/// sorted without it (RAK2305 guide, ESP32 AT), and later manuals call it reserved.
pub(crate) fn heard<'a>(
    air: &'a Air,
    country: &Country,
    protocols: u8,
) -> Vec<Cow<'a, AccessPoint>> {
    if air.is_lost || !understands(protocols) {
        return vec![];
    }
    if air.access_points.is_empty() {
        return vec![Cow::Owned(AccessPoint::new(b"espat", b""))];
    }
    let mut heard: Vec<_> = air
        .access_points
        .iter()
        .filter(|ap| country.has(ap.channel))
        .map(Cow::Borrowed)
        .collect();
    heard.sort_by_key(|ap| -i16::from(ap.rssi));
    heard
}

/// How the air answers a station that joins with these credentials.
pub(super) fn answer(air: &Air, country: &Country, protocols: u8, with: &Credentials) -> Answer {
    if air.is_lost || !understands(protocols) {
        return Answer::NotFound;
    }
    if air.access_points.is_empty() {
        let mut ap = AccessPoint::new(&with.ssid, &with.password);
        ap.bssid = with.bssid.unwrap_or(ap.bssid);
        return Answer::Accepts(ap);
    }
    let heard = heard(air, country, protocols);
    let fits = |ap: &&Cow<'_, AccessPoint>| {
        ap.ssid == with.ssid && with.bssid.is_none_or(|bssid| bssid == ap.bssid) && suits(ap, with)
    };
    let candidates = heard.iter().filter(fits);
    // A fast scan stops at the first channel that has one; a full scan takes the strongest (manual, `AT+CWJAP`).
    let found = if with.scan_mode == 0 {
        candidates.min_by_key(|ap| ap.channel)
    } else {
        candidates.max_by_key(|ap| ap.rssi)
    };
    match found {
        None => Answer::NotFound,
        Some(ap) if ap.answers == Answers::Never => Answer::Silence,
        Some(ap) if !ap.password.is_empty() && ap.password != with.password => {
            Answer::WrongPassword
        }
        Some(ap) => Answer::Accepts(ap.clone().into_owned()),
    }
}

/// Whether the station would have an access point at all: a station without password passes by those that want one,
/// as ESP-IDF does; with `<pci_en>` it passes by open ones (manual, `AT+CWJAP`).
fn suits(ap: &AccessPoint, with: &Credentials) -> bool {
    if ap.password.is_empty() {
        with.pci == 0
    } else {
        !with.password.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mac;

    fn with(ssid: &[u8], password: &[u8]) -> Credentials {
        Credentials {
            ssid: ssid.to_vec(),
            password: password.to_vec(),
            ..Credentials::default()
        }
    }

    fn two_of_a_name() -> Air {
        let mut near = AccessPoint::new(b"home", b"12345678");
        near.channel = 6;
        near.rssi = -40;
        near.bssid = Mac([2, 0, 0, 0, 0, 6]);
        let mut far = near.clone();
        far.channel = 1;
        far.rssi = -80;
        far.bssid = Mac([2, 0, 0, 0, 0, 1]);
        Air {
            access_points: vec![near, far],
            ..Air::default()
        }
    }

    fn channel(air: &Air, with: &Credentials) -> Option<u8> {
        match answer(air, &Country::default(), 7, with) {
            Answer::Accepts(ap) => Some(ap.channel),
            Answer::WrongPassword | Answer::NotFound | Answer::Silence => None,
        }
    }

    #[test]
    fn the_scan_mode_chooses_among_access_points_of_a_name() {
        let air = two_of_a_name();
        let mut wish = with(b"home", b"12345678");
        assert_eq!(channel(&air, &wish), Some(1));
        wish.scan_mode = 1;
        assert_eq!(channel(&air, &wish), Some(6));
        wish.bssid = Some(Mac([2, 0, 0, 0, 0, 1]));
        assert_eq!(channel(&air, &wish), Some(1));
    }

    #[test]
    fn the_country_decides_what_is_heard() {
        let air = two_of_a_name();
        let country = Country {
            first_channel: 5,
            channels: 4,
            ..Country::default()
        };
        let found: Vec<_> = heard(&air, &country, 7)
            .iter()
            .map(|ap| ap.channel)
            .collect();
        assert_eq!(found, [6]);
    }

    #[test]
    fn passwords_and_threshold() {
        let mut air = two_of_a_name();
        air.access_points.push(AccessPoint::new(b"open", b""));
        let country = Country::default();
        let mut open = with(b"open", b"");
        assert!(matches!(
            answer(&air, &country, 7, &open),
            Answer::Accepts(_)
        ));
        open.password = b"unneeded".to_vec();
        assert!(matches!(
            answer(&air, &country, 7, &open),
            Answer::Accepts(_)
        ));
        open.pci = 1;
        assert_eq!(answer(&air, &country, 7, &open), Answer::NotFound);
        let wrong = with(b"home", b"87654321");
        assert_eq!(answer(&air, &country, 7, &wrong), Answer::WrongPassword);
        assert_eq!(
            answer(&air, &country, 7, &with(b"home", b"")),
            Answer::NotFound
        );
    }
}
