//! Numbers by which answers from the world find what they answer. None is used twice.

use core::fmt;

/// Names a socket. Never used twice in a module's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(u32);

impl SocketId {
    const ACCEPTED: u32 = 1 << 31;

    /// The module's `n`-th socket.
    #[must_use]
    pub const fn requested(n: u32) -> Self {
        Self(n & !Self::ACCEPTED)
    }

    /// The host's `n`-th accepted socket.
    #[must_use]
    pub const fn accepted(n: u32) -> Self {
        Self(n | Self::ACCEPTED)
    }

    /// Whether the host numbered it, for an accepted client.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        self.0 & Self::ACCEPTED != 0
    }

    /// Its number among the sockets of its kind.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0 & !Self::ACCEPTED
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_accepted() { 'a' } else { 's' };
        write!(f, "{kind}{}", self.number())
    }
}

/// Names a question to the world (a name, a ping, a time server). Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub(crate) u32);

impl QueryId {
    /// The module's `n`-th question.
    #[must_use]
    pub const fn new(n: u32) -> Self {
        Self(n)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "q{}", self.0)
    }
}

/// Names a store request. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreTag(pub(crate) u32);

impl StoreTag {
    /// The module's `n`-th store request.
    #[must_use]
    pub const fn new(n: u32) -> Self {
        Self(n)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}
