//! `AT+CWCOUNTRY`: the channels that may be used (behaviour.md 4.18).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::{Country, Setting};
use crate::profile::Features;
use crate::syntax::args::Args;

const CWCOUNTRY: Command = Command::new("+CWCOUNTRY")
    .needs_wifi()
    .query(query)
    .set(set)
    .needs(Features::RTOS)
    .not_kept()
    .doc(
        "wifi.html#cmd-COUNTRY",
        "Query or set the country and its channels",
    );

pub(super) const COMMANDS: &[Command] = &[
    CWCOUNTRY,
    CWCOUNTRY.current("+CWCOUNTRY_CUR"),
    CWCOUNTRY.default("+CWCOUNTRY_DEF"),
];

fn query(cx: &mut Cx<'_>) -> Handled {
    let country = cx.shown().country.clone();
    cx.answer()
        .int(country.policy)
        .quoted_bytes(&country.code)
        .int(country.first_channel)
        .int(country.channels);
    Ok(Reply::Done)
}

/// Channels past 14 are refused: decided without evidence. `<country_policy>` 0 follows the access point's country; those of the air
/// name none, so that it changes nothing.
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(4..=4)?;
    let policy = args.byte(0..=1)?;
    let code = args.string(Country::CODE_BYTES)?.to_vec();
    let first_channel = args.byte(1..=i32::from(Country::LAST_CHANNEL))?;
    let channels = args.byte(1..=i32::from(Country::LAST_CHANNEL + 1 - first_channel))?;
    cx.keep(vec![Setting::Country(Country {
        policy,
        code,
        first_channel,
        channels,
    })])
}
