//! Result codes: how a command ends.

/// How a command ends on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResultCode {
    Ok,
    SendOk,
    SendFail,
    /// A join failed, on NonOS.
    Fail,
}

impl ResultCode {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::SendOk => "SEND OK",
            Self::SendFail => "SEND FAIL",
            Self::Fail => "FAIL",
        }
    }
}
