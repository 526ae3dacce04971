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
        /// `AT+CIPMODE=1` is also taken in multiple-link mode where at most one link can be: not with several links, with a server that
        /// serves several, or with a server beside a link of one's own.
        pub raw_with_multi: bool,
        /// Passthrough of the saved link begins with a prompt.
        pub saved_link_prompts: bool,
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
        /// The requests of an upgrade name the server behind `Host:`; otherwise its address.
        pub upgrade_names_host: bool,
        /// An upgrade reads the answer about versions on, until a version and a status are there; otherwise one read is all.
        pub upgrade_reads_version_on: bool,
        /// An upgrade looks at the first bytes for every partition, and refuses one that it does not know; otherwise for the firmware's alone.
        pub upgrade_checks_partitions: bool,
        /// `+TIME_UPDATED` says that a time server has set the clock, once after each boot and each `AT+CIPSNTPCFG`.
        pub time_updated: bool,
        /// `AT+CIPRECVLEN?` shows one value in single-link mode; otherwise five in either mode.
        pub receive_lengths_follow_mode: bool,
        /// `+ERRNO` says with `AT+SYSLOG=1` why the network refused a link or the server.
        pub network_errors_numbered: bool,
        /// After a join of its own the module goes on asking the firmware's name server, although the servers are automatic;
        /// after `AT+CWJAP` it asks the network's.
        pub own_join_ignores_leased_servers: bool,
        /// What ROM and boot loader say comes on the AT port at every reset, at their own rate.
        pub rom_is_heard: bool,
        /// Why a command fails or changes nothing is said to the host MCU, before the result; otherwise on the log port.
        pub explains_to_host: bool,
        /// Every LF ends a line, which is refused without a CR before it, and what stands before a line's `AT` is skipped; otherwise
        /// CR LF alone ends one, and it begins with `AT`.
        pub looks_for_at: bool,
        /// `> ` follows OK at once where payload is to come; otherwise, and in passthrough, `>` stands on a line of its own.
        pub prompt_has_space: bool,
        /// The echo of a line ends in CR CR LF.
        pub echo_repeats_cr: bool,
        /// Input while a command runs is answered once a LF, with `busy s...` while a payload is on its way, and `AT+RST` as well;
        /// otherwise once a chunk, and `AT+RST` resets.
        pub busy_a_line: bool,
        /// A lone `+++` instead of payload takes the send back.
        pub pluses_cancel_send: bool,
        /// A join that fails ends with FAIL.
        pub join_fails_with_fail: bool,
        /// `+CIPDOMAIN` and the sender in `+IPD` stand without quotes.
        pub addresses_unquoted: bool,
        /// `+CIPRECVDATA,<n>:` on a line of its own, whatever `AT+CIPDINFO` says; otherwise `+CIPRECVDATA:<n>,`.
        pub read_begins_a_line: bool,
        /// `AT+CIPRECVLEN?` shows 0 for a number without a link; otherwise -1.
        pub no_link_holds_zero: bool,
        /// Only TCP waits for `AT+CIPRECVDATA`; UDP and SSL come as `+IPD` with their data all the same.
        pub only_tcp_is_passive: bool,
        /// `AT+CIPDNS_CUR?` has a line for each server, without quotes and flag.
        pub name_servers_a_line: bool,
        /// `AT+CWDHCP=<mode>,<en>` with 0 softAP, 1 station, 2 both, and bit 0 softAP, bit 1 station in the answer; otherwise
        /// `<en>,<bits>`, bit 0 station.
        pub dhcp_mode_first: bool,
        /// `AT+PING` answers `+<ms>` and `+timeout`.
        pub ping_is_bare: bool,
        /// `+CIPDINFO:TRUE` and an empty line before OK; otherwise `+CIPDINFO:true` without.
        pub info_in_capitals: bool,
        /// `STATUS:5` while the station has no address, whatever links there are.
        pub status_is_the_stations: bool,
        /// `AT+CWLIF` shows `<ip>,<mac>` without a prefix.
        pub stations_are_bare: bool,
        /// `AT+CWQAP` answers OK before `WIFI DISCONNECT`.
        pub leaves_after_ok: bool,
        /// `AT+CIPSNTPTIME?` shows the first second of 1970 until a server has answered.
        pub time_waits_for_sync: bool,
        /// `Thu Jan 01` instead of `Thu Jan  1`.
        pub time_has_day_with_zero: bool,
        /// `AT+CIPMUX` is refused while there are links, also where it changes nothing.
        pub mux_checks_links_first: bool,
        /// `0,CONNECT` for a UDP link, in single-link mode too.
        pub udp_connect_shows_link: bool,
        /// `AT+CIPCLOSE=5` is refused while the server runs.
        pub server_keeps_links: bool,
        /// OK follows the last line of `AT+GMR` without an empty line.
        pub versions_end_without_line: bool,
        /// `_DEF?` of what nobody has kept shows zeros, or ff in a MAC.
        pub suffix_default_is_bare: bool,
        /// `AT+CIPSSLCCONF` is one number for all links.
        pub ssl_conf_is_one: bool,
        /// `+CWJAP:<ssid>,<bssid>,<channel>,<rssi>,<pci_en>`; otherwise nine values.
        pub join_shows_little: bool,
        /// `AT+SLEEP` refuses to sleep while the softAP is on.
        pub sleep_needs_station_alone: bool,
        /// `AT+GSLP=0` sleeps until a reset or the wake-up pin; otherwise it wakes at once.
        pub deep_sleep_of_zero_lasts: bool,
        /// `AT+SYSRAM?` also shows the least there has been.
        pub ram_shows_least: bool,
    }
}
