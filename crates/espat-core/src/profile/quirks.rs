//! Every named deviation in behaviour: what differs, on which firmware, where it was seen.

/// Deviations in behaviour of a firmware line.
#[derive(Debug)]
pub struct Quirks {
    /// A second `AT+CIPSERVER=1` answers OK and changes nothing; otherwise ERROR. Up to 3.0 (decisions.md (d)).
    pub server_again_ok: bool,
    /// `AT+CIPSTO` is refused without a running server (decisions.md U4; seen on AT 0.51, by lineage on RTOS).
    pub server_timeout_needs_server: bool,
    /// Sent data restarts the server's idle timer, as from 2.4 on (decisions.md U4).
    pub send_restarts_server_timeout: bool,
    /// `AT+CIPSSLCCN?`, `-SNI?`, `-ALPN?` and `-PSK?` show their values in quotes, as the manual does; the core library's
    /// formats have none (decisions.md U2).
    pub ssl_values_quoted: bool,
    /// The dates of certificates count while the clock has not been set and shows 1970, so that hardly any is valid yet
    /// (esp-at#432). Otherwise they count once it has been set.
    pub dates_count_in_1970: bool,
    /// `AT+CIPSNTPTIME?` applies the time zone before the clock has been set. From 2.2 on; up to 2.1 it does not (decisions.md U14;
    /// the border is inferred).
    pub zone_before_sync: bool,
    /// `AT+CIPSNTPCFG=0` needs its `<timezone>`. Manuals up to 2.2; optional in later ones (behaviour.md 3.16).
    pub sntp_off_needs_zone: bool,
    /// `AT+CIPSNTPCFG?` shows the time zone while no server is asked. From 3.2 on (strings: decisions.md U14).
    pub sntp_off_shows_zone: bool,
    /// `AT+CIUPDATE` that does not block and names no version does not ask for the newest one: it fetches the version with
    /// the empty name (behaviour.md 3.18, the reference's source; repaired in later ones, where 2.2.0.0 stands is not known).
    pub background_upgrade_asks_nothing: bool,
    /// After a join of its own the module goes on asking the firmware's name server, although the servers are automatic; after
    /// `AT+CWJAP` it asks the network's (esp-at#574: a log of v2.2.0.0 for ESP32).
    pub own_join_ignores_leased_servers: bool,
}
