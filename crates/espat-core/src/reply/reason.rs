//! Why a command fails or changes nothing, in the firmware's words. RTOS lines say them on the log port only; NonOS says them to
//! the host MCU, before the result (behaviour.md 0.2 and 3.3; instruction set of NonOS, ESP_ATMod).

/// A reason that the firmware has words for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The link's number is taken.
    AlreadyConnected,
    /// There is no open link of that number.
    NoLink,
    /// There is no link of that number that could be read.
    NoLinkToRead,
    /// There is no link of that number that could be closed.
    NothingToClose,
    /// The form is that of the single-link mode.
    MultipleLinks,
    /// The form is that of the multiple-links mode.
    SingleLink,
    /// No interface has an address.
    NoAddress,
    /// Host or port cannot be.
    BadRemote,
    /// The kind of link cannot be.
    BadKind,
    /// The link's number cannot be.
    BadLink,
    /// There are links.
    LinksOpen,
    /// Passthrough is armed, and must not be.
    PassthroughArmed,
    /// Passthrough is armed, and takes no lengths.
    PassthroughSends,
    /// The server runs, and must not.
    ServerRuns,
    /// The server runs, and its limit stays.
    ServerStarted,
    /// The multiple-links mode is on, and must not be.
    MultipleLinksOn,
    /// The server is what it was to become.
    NoChange,
    /// The value is what it was to become.
    SameValue,
    /// More payload than fits.
    TooLong,
    /// The station has no access point.
    NoAccessPoint,
    /// DHCP cannot go while there is no address by hand.
    NoStaticAddress,
    /// A CA is missing.
    NoCa,
}

impl Reason {
    /// What RTOS lines say on the log port (behaviour.md 0.2).
    pub(crate) const fn logged(self) -> Option<&'static str> {
        Some(match self {
            Self::AlreadyConnected => "ALREADY CONNECTED",
            Self::NoLink | Self::NothingToClose => "link is not valid",
            Self::MultipleLinks => "MUX=1",
            Self::SingleLink => "MUX=0",
            Self::NoAddress => "no ip",
            Self::BadRemote => "IP ERROR",
            Self::NoLinkToRead | Self::BadKind | Self::BadLink | Self::TooLong => return None,
            Self::LinksOpen => "link is builded",
            Self::PassthroughArmed => "IPMODE must be 0",
            Self::PassthroughSends => "IPMODE=1",
            Self::ServerRuns => "CIPSERVER must be 0",
            Self::ServerStarted => "Server has started",
            Self::MultipleLinksOn => "CIPMUX must be 0",
            Self::NoChange => "no change",
            Self::SameValue => "not change",
            Self::NoAccessPoint => "No AP",
            Self::NoStaticAddress => "dhcp disable and no static ip!",
            Self::NoCa => "NO CA FOUND",
        })
    }

    /// What NonOS says to the host MCU. Where nothing was seen of it, nothing.
    pub(crate) const fn said(self) -> Option<&'static str> {
        Some(match self {
            Self::AlreadyConnected => "ALREADY CONNECTED",
            Self::NoLink | Self::NoLinkToRead => "link is not valid",
            Self::NothingToClose => "UNLINK",
            Self::MultipleLinks => "MUX=1",
            Self::SingleLink => "MUX=0",
            Self::NoAddress => "no ip",
            Self::BadRemote => "IP ERROR",
            Self::BadKind => "Link type ERROR",
            Self::BadLink => "ID ERROR",
            Self::LinksOpen => "link is builded",
            Self::PassthroughArmed => "IPMODE must be 0",
            Self::ServerRuns => "CIPSERVER must be 0",
            Self::MultipleLinksOn => "CIPMUX must be 0",
            Self::NoChange => "no change",
            Self::TooLong => "too long",
            Self::NoAccessPoint => "No AP",
            Self::PassthroughSends
            | Self::ServerStarted
            | Self::SameValue
            | Self::NoStaticAddress
            | Self::NoCa => return None,
        })
    }
}
