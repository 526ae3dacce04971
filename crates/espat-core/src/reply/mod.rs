//! What goes to the host MCU: result codes, errors, answers and unsolicited reports, and how they are written.

pub(crate) mod asctime;
pub(crate) mod code;
pub(crate) mod errno;
pub(crate) mod error;
pub(crate) mod reason;
pub(crate) mod render;
pub(crate) mod urc;
