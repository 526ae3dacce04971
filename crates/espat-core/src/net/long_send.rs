//! What `AT+CIPSENDL` and `AT+CIPSENDLCFG` keep.

/// The settings of a long send, and how far one is.
#[derive(Debug)]
pub(crate) struct LongSend {
    /// A report comes each time when so many more bytes have been taken.
    pub(crate) report: u32,
    /// So many bytes make a block.
    pub(crate) block: u16,
    /// While one goes on: bytes that the network stack has not taken.
    pub(crate) held: Option<usize>,
}

impl Default for LongSend {
    fn default() -> Self {
        Self {
            report: 1024,
            block: 2920,
            held: None,
        }
    }
}
