//! A command line's grammar: prefix, name, form, parameters. What they mean is the commands'.

pub(crate) mod args;
pub(crate) mod line;
