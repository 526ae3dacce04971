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
    /// `AT+CIPSTATUS` says this, whatever is so; from 2 to 4 the other queries speak of the last access point as if it were there.
    pub status: Option<u8>,
    /// The heap is used up: what needs memory of its own fails.
    pub out_of_memory: bool,
    /// The next boot shows the texts of ROM and boot loader on the AT port, as bytes of another baud rate where they are.
    pub boot_noise: bool,
    /// The next boot finds that the kept settings are lost: the first values are valid.
    pub lost_settings: bool,
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
