//! Times as `asctime` writes them: the day padded with a space, or with a zero in the alternate form (behaviour.md U14).

use core::fmt::{self, Write as _};

/// Seconds since 1970, in the zone that they are to be shown in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asctime(pub(crate) i64);

const SECONDS_A_DAY: i64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl fmt::Display for Asctime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(SECONDS_A_DAY);
        let second = self.0.rem_euclid(SECONDS_A_DAY);
        let (year, month, day) = date(days);
        let pad = if f.alternate() { '0' } else { ' ' };
        write!(
            f,
            "{} {} ",
            name(&WEEKDAYS, (days + 4).rem_euclid(7)),
            name(&MONTHS, month)
        )?;
        if day < 10 {
            f.write_char(pad)?;
        }
        write!(
            f,
            "{day} {:02}:{:02}:{:02} {year}",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

fn name(names: &[&'static str], at: i64) -> &'static str {
    usize::try_from(at)
        .ok()
        .and_then(|at| names.get(at))
        .copied()
        .unwrap_or("???")
}

/// Year, month from 0 and day from 1 of the day that is so many days after 1970-01-01.
///
/// Years are counted from March, so that the leap day is the last of its year, in eras of 400 years.
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_AN_ERA: i64 = 146_097;
    let since_0000_03_01 = days + 719_468;
    let era = since_0000_03_01.div_euclid(DAYS_AN_ERA);
    let day_of_era = since_0000_03_01.rem_euclid(DAYS_AN_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + i64::from(month < 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn known_times() {
        let known = [
            (0, "Thu Jan  1 00:00:00 1970"),
            (-1, "Wed Dec 31 23:59:59 1969"),
            (128, "Thu Jan  1 00:02:08 1970"),
            (951_782_400, "Tue Feb 29 00:00:00 2000"),
            (1_574_714_359, "Mon Nov 25 20:39:19 2019"),
            (1_709_251_199, "Thu Feb 29 23:59:59 2024"),
            (2_147_483_647, "Tue Jan 19 03:14:07 2038"),
            (4_107_542_400, "Mon Mar  1 00:00:00 2100"),
        ];
        for (seconds, shown) in known {
            assert_eq!(Asctime(seconds).to_string(), shown);
        }
    }

    #[test]
    fn days_follow_each_other() {
        let mut before = date(-800_000);
        for days in -799_999..800_000 {
            let today = date(days);
            let (year, month, day) = before;
            let next_day = today == (year, month, day + 1);
            let next_month = today == (year, month + 1, 1) || today == (year + 1, 0, 1);
            assert!(next_day || next_month, "{before:?} and then {today:?}");
            before = today;
        }
    }
}
