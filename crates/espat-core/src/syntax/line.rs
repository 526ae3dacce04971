//! One line: `AT`, a name, and one of four forms.

use crate::reply::error::AtError;

/// The forms a command may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// `AT+X=?`
    Test,
    /// `AT+X?`
    Query,
    /// `AT+X=...`
    Set,
    /// `AT+X`
    Execute,
}

/// A line taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandLine<'a> {
    /// What follows `AT`, in upper case.
    pub(crate) name: &'a [u8],
    pub(crate) form: Form,
    /// The text after `=` of a set form.
    pub(crate) args: &'a mut [u8],
}

impl<'a> CommandLine<'a> {
    /// As [`parse`](Self::parse), whatever stands before the first `AT`.
    pub(crate) fn find(line: &'a mut [u8]) -> Result<Self, AtError> {
        let start = line
            .windows(2)
            .position(|at| at.eq_ignore_ascii_case(b"AT"));
        Self::parse(&mut line[start.ok_or(AtError::NoPrefix)?..])
    }

    /// Takes a line apart that has no terminator any more.
    pub(crate) fn parse(line: &'a mut [u8]) -> Result<Self, AtError> {
        let (prefix, rest) = line.split_at_mut_checked(2).ok_or(AtError::NoPrefix)?;
        if !prefix.eq_ignore_ascii_case(b"AT") {
            return Err(AtError::NoPrefix);
        }
        let name_len = rest
            .iter()
            .position(|&b| b == b'=' || b == b'?')
            .unwrap_or(rest.len());
        let (name, tail) = rest.split_at_mut(name_len);
        name.make_ascii_uppercase();
        let (form, args): (Form, &mut [u8]) = match tail {
            [] => (Form::Execute, &mut []),
            [b'?'] => (Form::Query, &mut []),
            [b'=', b'?'] => (Form::Test, &mut []),
            [b'=', args @ ..] => (Form::Set, args),
            _ => return Err(AtError::Unsupported),
        };
        Ok(Self { name, form, args })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<(&str, Form, &str), AtError>) {
        let mut bytes = line.as_bytes().to_vec();
        let parsed = CommandLine::parse(&mut bytes);
        let parsed = parsed
            .as_ref()
            .map(|l| (l.name, l.form, &*l.args))
            .map_err(|&e| e);
        assert_eq!(
            parsed,
            expected.map(|(n, f, a)| (n.as_bytes(), f, a.as_bytes())),
            "{line}"
        );
    }

    #[test]
    fn lines_come_apart() {
        check("AT", Ok(("", Form::Execute, "")));
        check("aTe0", Ok(("E0", Form::Execute, "")));
        check("AT+CWMODE?", Ok(("+CWMODE", Form::Query, "")));
        check("AT+CWMODE=?", Ok(("+CWMODE", Form::Test, "")));
        check(
            "AT+CWJAP=\"a?\",\"b=\"",
            Ok(("+CWJAP", Form::Set, "\"a?\",\"b=\"")),
        );
        check("AT+CWMODE=", Ok(("+CWMODE", Form::Set, "")));
        check("", Err(AtError::NoPrefix));
        check("A", Err(AtError::NoPrefix));
        check("\0AT", Err(AtError::NoPrefix));
        check("AT+CWMODE?1", Err(AtError::Unsupported));
    }
}
