//! Every named deviation in behaviour: what differs. On which firmware, and where it was seen, the profiles say.

values! {
    /// Deviations in behaviour of a firmware line.
    pub struct Quirks {
        /// A second `AT+CIPSERVER=1` answers OK and changes nothing; otherwise ERROR.
        pub server_again_ok: bool,
        /// `AT+CIPSTO` is refused without a running server.
        pub server_timeout_needs_server: bool,
        /// Sent data restarts the server's idle timer.
        pub send_restarts_server_timeout: bool,
        /// `AT+CIPSSLCCN?`, `-SNI?`, `-ALPN?` and `-PSK?` show their values in quotes.
        pub ssl_values_quoted: bool,
        /// The dates of certificates count while the clock has not been set and shows 1970, so that hardly any is valid yet.
        /// Otherwise they count once it has been set.
        pub dates_count_in_1970: bool,
        /// `AT+CIPSNTPTIME?` applies the time zone before the clock has been set.
        pub zone_before_sync: bool,
        /// `AT+CIPSNTPCFG=0` needs its `<timezone>`.
        pub sntp_off_needs_zone: bool,
        /// `AT+CIPSNTPCFG?` shows the time zone while no server is asked.
        pub sntp_off_shows_zone: bool,
        /// `AT+CIUPDATE` that does not block and names no version does not ask for the newest one: it fetches the version with
        /// the empty name.
        pub background_upgrade_asks_nothing: bool,
        /// `+TIME_UPDATED` says that a time server has set the clock, once after each boot and each `AT+CIPSNTPCFG`.
        pub time_updated: bool,
        /// `AT+CIPRECVLEN?` shows one value in single-link mode; otherwise five in either mode.
        pub receive_lengths_follow_mode: bool,
        /// After a join of its own the module goes on asking the firmware's name server, although the servers are automatic;
        /// after `AT+CWJAP` it asks the network's.
        pub own_join_ignores_leased_servers: bool,
    }
}
