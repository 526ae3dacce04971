//! What is wrong with the module itself, as plain data that the engine reads at named places. Inert by default.
//!
//! A fault layer sets it through [`Module::faults_mut`](crate::Module::faults_mut) between two inputs. Nothing in here prints: what
//! comes out is the engine's own.

use crate::time::Instant;

/// What is wrong with the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultState {
    /// Reports wait for this moment, come there as far as they are there, and the fault is over.
    pub reports: Option<ReportPlace>,
    /// Whatever comes before that is answered `busy p...`, unless it is payload; no command starts.
    pub busy_until: Option<Instant>,
    /// The firmware does nothing any more. Its network stack still acknowledges, up to the credit that was given; the UART
    /// takes what comes. Until a reset from outside.
    pub hang: bool,
    /// Only so many links get a socket, whatever their numbers.
    pub links_max: Option<u8>,
    /// What queries say, whatever is so.
    pub lie: Lie,
    /// The heap is used up: what needs memory of its own fails.
    pub out_of_memory: bool,
    /// The next boot shows the texts of ROM and boot loader on the AT port, as bytes of another baud rate where they are.
    pub boot_noise: bool,
    /// The next boot finds that the kept settings are lost: the first values are valid.
    pub lost_settings: bool,
}

/// What queries say that is not so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lie {
    /// The status of `AT+CIPSTATUS`.
    pub status: Option<u8>,
    /// The links that `AT+CIPSTATUS` and `AT+CIPSTATE?` list.
    pub links: Option<ListedLinks>,
    /// Whether `AT+CWJAP?` and `AT+CWSTATE?` speak of an access point: of the last one as if it were there, or of none.
    pub joined: Option<bool>,
}

/// Links that are listed, whatever is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedLinks {
    /// With those that are there the last one of each number, since the firmware started, that is gone.
    Kept,
    /// None.
    Hidden,
}

/// A moment of a command at which reports come although nothing should come between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportPlace {
    /// Inside the echo of a line.
    InsideEcho,
    /// Between the `OK` of a send and its `>`.
    BeforePrompt,
    /// After the `>`.
    AfterPrompt,
    /// Between the last byte of a payload and `Recv n bytes`.
    BeforeRecv,
    /// Between `Recv n bytes` and `SEND OK`.
    BeforeSendOk,
}

impl FaultState {
    /// The firmware starts anew: what it had in its memory is over. The rest lies outside of it, or is of the boot itself.
    pub(crate) fn on_reset(&mut self) {
        *self = Self {
            links_max: self.links_max,
            boot_noise: self.boot_noise,
            lost_settings: self.lost_settings,
            ..Self::default()
        };
    }
}
