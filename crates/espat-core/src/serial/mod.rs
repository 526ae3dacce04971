//! What comes over the serial line, before it has a meaning: lines, payload, chunks and the lone `+++`.

pub(crate) mod chunk;
pub(crate) mod escape;
pub(crate) mod framer;
pub(crate) mod payload;
pub(crate) mod rate;
