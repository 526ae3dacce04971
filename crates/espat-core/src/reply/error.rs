//! Why a command failed, and the number that `ERR CODE` shows for it with `AT+SYSLOG=1` (the firmware's `esp_at_core.h`).

/// Why a command failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtError {
    /// The line does not begin with `AT`.
    NoPrefix,
    /// The parameter with this index, from 0, is too long.
    Length(u8),
    /// The parameter with this index is of the wrong kind.
    Type(u8),
    /// The number of parameters is wrong.
    Count { need: u8, given: u8 },
    /// The parameter with this index is out of range.
    Invalid(u8),
    /// The parameter with this index cannot be read.
    Parse(u8),
    /// There is no such command.
    Unsupported,
    /// The command was understood and failed.
    Failed,
    /// Another command is running.
    Busy,
    /// The command lacks this form.
    WrongForm,
}

impl AtError {
    pub(crate) fn number(self) -> u32 {
        let (sub, extension) = match self {
            Self::NoPrefix => (0x03, 0),
            Self::Length(index) => (0x04, u16::from(index)),
            Self::Type(index) => (0x05, u16::from(index)),
            Self::Count { need, given } => (0x06, u16::from_be_bytes([need, given])),
            Self::Invalid(index) => (0x07, u16::from(index)),
            Self::Parse(index) => (0x08, u16::from(index)),
            Self::Unsupported => (0x09, 0),
            Self::Failed => (0x0a, 0),
            Self::Busy => (0x0b, 0),
            Self::WrongForm => (0x0c, 0),
        };
        0x0100_0000 | (sub << 16) | u32::from(extension)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_seen_in_the_field() {
        assert_eq!(AtError::Unsupported.number(), 0x0109_0000);
        assert_eq!(AtError::Busy.number(), 0x010b_0000);
        assert_eq!(AtError::Count { need: 2, given: 3 }.number(), 0x0106_0203);
        assert_eq!(AtError::Failed.number(), 0x010a_0000);
    }
}
