//! The simulated serial line: how bytes are cut, and what credit the module has.

use std::collections::{BTreeMap, VecDeque};

use espat_core::{LogPort, Mark, ModuleConfig};

use crate::request::Request;
use crate::target::Observed;
use crate::text::Text;

/// How bytes reach the module and leave it. All of it happens at one virtual instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Each `->` line whole.
    Lines,
    /// One byte at a time.
    Bytes,
    /// In random pieces that this seed chooses.
    Random(u64),
    /// Each `->` line whole, with transmit credit of one byte.
    Credit,
}

impl Way {
    /// The four ways in which every transcript runs.
    pub const ALL: [Self; 4] = [Self::Lines, Self::Bytes, Self::Random(0x5eed), Self::Credit];

    /// What messages call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lines => "whole lines",
            Self::Bytes => "one byte at a time",
            Self::Random(_) => "random pieces",
            Self::Credit => "transmit credit of one byte",
        }
    }
}

/// The host MCU's end of the serial line.
#[derive(Debug)]
pub(super) struct SerialSide {
    pub(super) way: Way,
    random: u64,
    /// Bytes that the module had no room for yet.
    pub(super) unsent: VecDeque<u8>,
    /// Bytes that may still come out.
    pub(super) credit: usize,
    /// Bytes that came out and whose credit was not given back yet.
    pub(super) unpaid: usize,
    /// The host MCU does not read: credit does not come back.
    pub(super) is_stalled: bool,
    /// The supply is cut: nothing may come out.
    pub(super) is_off: bool,
    marks: BTreeMap<Mark, usize>,
    log_has_own_port: bool,
}

impl SerialSide {
    pub(super) fn new(config: &ModuleConfig, way: Way) -> Self {
        Self {
            way,
            random: if let Way::Random(seed) = way {
                seed ^ config.seed
            } else {
                0
            },
            unsent: VecDeque::new(),
            credit: config.serial_credit,
            unpaid: 0,
            is_stalled: false,
            is_off: false,
            marks: BTreeMap::new(),
            log_has_own_port: config.log_port != LogPort::Shared,
        }
    }

    /// Takes what came out of the module, on the credit that there is.
    pub(super) fn take(&mut self, mark: Mark, bytes: &[u8]) -> Result<Observed, String> {
        *self.marks.entry(mark).or_default() += 1;
        if self.is_off {
            return Err(format!(
                "the module sent {} bytes without a supply",
                bytes.len()
            ));
        }
        if mark == Mark::Log && self.log_has_own_port {
            return Ok(Observed::Ask(Request::Log(Text::bytes(bytes))));
        }
        let left = self.credit.checked_sub(bytes.len());
        self.credit = left.ok_or_else(|| {
            format!(
                "the module sent {} bytes on a credit of {}",
                bytes.len(),
                self.credit
            )
        })?;
        self.unpaid += bytes.len();
        Ok(Observed::Serial(bytes.to_vec()))
    }

    /// The next piece of what waits, where the module has room for so many bytes; none where there is nothing or no room.
    pub(super) fn next_piece(&mut self, room: usize) -> Option<Vec<u8>> {
        let room = room.min(self.unsent.len());
        if room == 0 {
            return None;
        }
        let len = match self.way {
            Way::Lines | Way::Credit => room,
            Way::Bytes => 1,
            Way::Random(_) => 1 + self.next_random() % room.min(40),
        };
        Some(self.unsent.drain(..len).collect())
    }

    /// How many runs of bytes had this mark.
    pub(super) fn runs(&self, mark: Mark) -> usize {
        self.marks.get(&mark).copied().unwrap_or_default()
    }

    fn next_random(&mut self) -> usize {
        self.random = self
            .random
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(self.random >> 40).unwrap_or_default()
    }
}
