//! Options that say what is in the module's air.

use clap::Args;

use super::longer;
use crate::value::{AccessPointOption, StationOption};

/// Who is in the module's air.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AirOptions {
    /// An access point in the module's air, repeatable
    ///
    /// Without any, every SSID can be joined with any password, and a scan finds one named `espat`. Without a password the
    /// access point is open. Other users can read a command line: put real passwords into a file, see --config.
    ///
    /// Example: --ap home=secret1234 --ap cafe
    #[arg(
        long,
        value_name = "SSID[=PASSWORD]",
        help_heading = "Air",
        allow_hyphen_values = true
    )]
    pub(crate) ap: Vec<AccessPointOption>,

    /// A station that joins the module's softAP while it is on, repeatable
    ///
    /// Without IP it takes an address from the softAP's DHCP range.
    ///
    /// Example: --station 02:00:00:00:00:05=192.168.4.9
    #[arg(long, value_name = "MAC[=IP]", help_heading = "Air")]
    pub(crate) station: Vec<StationOption>,
}

impl AirOptions {
    /// Puts these over `lower`.
    pub(crate) fn over(self, lower: Self) -> Self {
        Self {
            ap: longer(self.ap, lower.ap),
            station: longer(self.station, lower.station),
        }
    }
}
