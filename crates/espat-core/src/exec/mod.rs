//! From a line to a result: the table of commands, what a handler gets, and commands that finish later.

pub(crate) mod cx;
pub(crate) mod dispatch;
mod index;
pub(crate) mod keep;
pub(crate) mod operation;
pub(crate) mod table;
