//! Parameters: integers, strings with escapes, omitted ones. The only place that decodes parameter text.
//!
//! The firmware splits at commas before it looks at quotes, so a comma in a string must be escaped (manual, "AT Messages").

use core::net::{IpAddr, Ipv4Addr};
use core::ops::RangeInclusive;

use crate::config::Mac;
use crate::reply::error::AtError;

/// A cursor over the parameters of a set command.
#[derive(Debug)]
pub(crate) struct Args<'a> {
    rest: Option<&'a mut [u8]>,
    count: u8,
    next: u8,
}

impl<'a> Args<'a> {
    pub(crate) fn new(text: &'a mut [u8]) -> Self {
        if text.is_empty() {
            return Self {
                rest: None,
                count: 0,
                next: 0,
            };
        }
        let mut commas = 0_u8;
        let mut at = 0;
        while let Some(comma) = find_comma(&text[at..]) {
            commas = commas.saturating_add(1);
            at += comma + 1;
        }
        Self {
            rest: Some(text),
            count: commas.saturating_add(1),
            next: 0,
        }
    }

    /// How many parameters were given, omitted ones included.
    pub(crate) fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// Refuses another number of parameters than `allowed`.
    pub(crate) fn arity(&self, allowed: RangeInclusive<u8>) -> Result<(), AtError> {
        if allowed.contains(&self.count) {
            return Ok(());
        }
        let need = if self.count < *allowed.start() {
            *allowed.start()
        } else {
            *allowed.end()
        };
        Err(AtError::Count {
            need,
            given: self.count,
        })
    }

    /// An integer in `range`.
    pub(crate) fn int(&mut self, range: RangeInclusive<i32>) -> Result<i32, AtError> {
        let index = self.next;
        self.opt_int(range)?.ok_or(AtError::Parse(index))
    }

    /// An integer in `range`, or nothing between the commas or after the last one.
    pub(crate) fn opt_int(&mut self, range: RangeInclusive<i32>) -> Result<Option<i32>, AtError> {
        let index = self.next;
        let Some(field) = self.field() else {
            return Ok(None);
        };
        if field.first() == Some(&b'"') {
            return Err(AtError::Type(index));
        }
        let value = parse_int(field).ok_or(AtError::Parse(index))?;
        let value = i32::try_from(value)
            .ok()
            .filter(|v| range.contains(v))
            .ok_or(AtError::Invalid(index))?;
        Ok(Some(value))
    }

    /// An integer in `range`, which may have more than 32 bits.
    pub(crate) fn long(&mut self, range: RangeInclusive<i64>) -> Result<i64, AtError> {
        let index = self.next;
        let field = self.field().ok_or(AtError::Parse(index))?;
        if field.first() == Some(&b'"') {
            return Err(AtError::Type(index));
        }
        let value = parse_int(field).ok_or(AtError::Parse(index))?;
        if !range.contains(&value) {
            return Err(AtError::Invalid(index));
        }
        Ok(value)
    }

    /// An integer in `range`, which lies within 0 to 255.
    pub(crate) fn byte(&mut self, range: RangeInclusive<i32>) -> Result<u8, AtError> {
        let value = self.int(range)?;
        u8::try_from(value).map_err(|_| self.invalid())
    }

    /// An integer in `range`, which lies within 0 to 255, or nothing.
    pub(crate) fn opt_byte(&mut self, range: RangeInclusive<i32>) -> Result<Option<u8>, AtError> {
        let value = self.opt_int(range)?;
        value
            .map(|v| u8::try_from(v).map_err(|_| self.invalid()))
            .transpose()
    }

    /// An integer in `range`, which lies within 0 to 65535.
    pub(crate) fn word(&mut self, range: RangeInclusive<i32>) -> Result<u16, AtError> {
        let value = self.int(range)?;
        u16::try_from(value).map_err(|_| self.invalid())
    }

    /// An integer in `range`, which lies within 0 to 65535, or nothing.
    pub(crate) fn opt_word(&mut self, range: RangeInclusive<i32>) -> Result<Option<u16>, AtError> {
        let value = self.opt_int(range)?;
        value
            .map(|v| u16::try_from(v).map_err(|_| self.invalid()))
            .transpose()
    }

    /// 0 or 1.
    pub(crate) fn flag(&mut self) -> Result<bool, AtError> {
        Ok(self.int(0..=1)? == 1)
    }

    /// 0 or 1, or omitted.
    pub(crate) fn opt_flag(&mut self) -> Result<Option<bool>, AtError> {
        Ok(self.opt_int(0..=1)?.map(|v| v == 1))
    }

    /// A string of at most `bytes_max` bytes.
    pub(crate) fn string(&mut self, bytes_max: usize) -> Result<&'a [u8], AtError> {
        let index = self.next;
        self.opt_string(bytes_max)?.ok_or(AtError::Parse(index))
    }

    /// A string of at most `bytes_max` bytes, or nothing.
    pub(crate) fn opt_string(&mut self, bytes_max: usize) -> Result<Option<&'a [u8]>, AtError> {
        let index = self.next;
        let Some(field) = self.field() else {
            return Ok(None);
        };
        if field.first() != Some(&b'"') {
            return Err(AtError::Type(index));
        }
        let text = unquote(field).ok_or(AtError::Parse(index))?;
        if text.len() > bytes_max {
            return Err(AtError::Length(index));
        }
        Ok(Some(text))
    }

    /// A string that holds an IPv4 address.
    pub(crate) fn ipv4(&mut self) -> Result<Ipv4Addr, AtError> {
        let index = self.next;
        self.opt_ipv4()?.ok_or(AtError::Parse(index))
    }

    /// A string that holds an IPv4 address, or nothing.
    pub(crate) fn opt_ipv4(&mut self) -> Result<Option<Ipv4Addr>, AtError> {
        self.parsed(parse_ascii)
    }

    /// A string that holds an address, or nothing.
    pub(crate) fn opt_ip(&mut self) -> Result<Option<IpAddr>, AtError> {
        self.parsed(parse_ascii)
    }

    /// A string that holds a MAC address.
    pub(crate) fn mac(&mut self) -> Result<Mac, AtError> {
        let index = self.next;
        self.opt_mac()?.ok_or(AtError::Parse(index))
    }

    /// A string that holds a MAC address, or nothing.
    pub(crate) fn opt_mac(&mut self) -> Result<Option<Mac>, AtError> {
        self.parsed(Mac::parse)
    }

    /// The error for the parameter that was read last, where its value makes no sense here.
    pub(crate) fn invalid(&self) -> AtError {
        AtError::Invalid(self.next.saturating_sub(1))
    }

    /// Refuses parameters that nobody read.
    pub(crate) fn finish(&self) -> Result<(), AtError> {
        if self.next < self.count {
            return Err(AtError::Count {
                need: self.next,
                given: self.count,
            });
        }
        Ok(())
    }

    fn parsed<T>(&mut self, parse: impl Fn(&[u8]) -> Option<T>) -> Result<Option<T>, AtError> {
        let index = self.next;
        match self.opt_string(usize::MAX)? {
            None => Ok(None),
            Some(text) => parse(text).map(Some).ok_or(AtError::Invalid(index)),
        }
    }

    /// The next field as written; `None` where it is omitted or there is none.
    fn field(&mut self) -> Option<&'a mut [u8]> {
        let text = self.rest.take()?;
        self.next = self.next.saturating_add(1);
        let field = match find_comma(text) {
            Some(comma) => {
                let (field, rest) = text.split_at_mut(comma);
                self.rest = Some(&mut rest[1..]);
                field
            }
            None => text,
        };
        (!field.is_empty()).then_some(field)
    }
}

/// The first comma that no backslash escapes.
fn find_comma(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|&byte| {
        let comma = byte == b',' && !escaped;
        escaped = byte == b'\\' && !escaped;
        comma
    })
}

/// Decimal, or hexadecimal with `0x`; a sign; leading zeros do not matter.
fn parse_int(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        digits => (10, digits),
    };
    if digits.is_empty() || !digits.iter().all(|&b| char::from(b).is_digit(radix)) {
        return None;
    }
    let number = i64::from_str_radix(core::str::from_utf8(digits).ok()?, radix).ok()?;
    Some(sign * number)
}

/// Takes the quotes and the escaping backslashes off, in place.
fn unquote(field: &mut [u8]) -> Option<&[u8]> {
    let inner = field.get_mut(1..)?;
    let mut read = 0;
    let mut write = 0;
    loop {
        match *inner.get(read)? {
            b'"' => break,
            b'\\' => read += 1,
            _ => {}
        }
        inner[write] = *inner.get(read)?;
        read += 1;
        write += 1;
    }
    (read + 1 == inner.len()).then_some(&inner[..write])
}

/// Reads text that only ASCII can be.
pub(crate) fn parse_ascii<T: core::str::FromStr>(text: &[u8]) -> Option<T> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn strings_lose_quotes_and_escapes() {
        let mut text = br#""a\,b","c\"d\\","",x"y""#.to_vec();
        let mut args = Args::new(&mut text);
        assert_eq!(args.count(), 4);
        assert_eq!(args.string(9), Ok(b"a,b".as_slice()));
        assert_eq!(args.string(9), Ok(br#"c"d\"#.as_slice()));
        assert_eq!(args.string(9), Ok(b"".as_slice()));
        assert_eq!(args.string(9), Err(AtError::Type(3)));
    }

    #[test]
    fn an_unescaped_comma_splits_a_string() {
        let mut text = br#""a,b""#.to_vec();
        let mut args = Args::new(&mut text);
        assert_eq!(args.count(), 2);
        assert_eq!(args.string(9), Err(AtError::Parse(0)));
    }

    #[test]
    fn integers_have_ranges_and_kinds() {
        let mut text = b"015,0x7FF,-1,+2,,12a,\"1\",99999999999".to_vec();
        let mut args = Args::new(&mut text);
        let mut next = || args.opt_int(-1..=2047);
        let found: Vec<_> = (0..9).map(|_| next()).collect();
        let expected = [
            Ok(Some(15)),
            Ok(Some(2047)),
            Ok(Some(-1)),
            Ok(Some(2)),
            Ok(None),
            Err(AtError::Parse(5)),
            Err(AtError::Type(6)),
            Err(AtError::Invalid(7)),
            Ok(None),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn arity_says_what_was_needed() {
        let mut text = b"1,2,3".to_vec();
        let args = Args::new(&mut text);
        assert_eq!(args.arity(1..=2), Err(AtError::Count { need: 2, given: 3 }));
        assert_eq!(args.arity(4..=9), Err(AtError::Count { need: 4, given: 3 }));
        assert_eq!(args.arity(1..=3), Ok(()));
        assert_eq!(
            Args::new(&mut []).arity(1..=1),
            Err(AtError::Count { need: 1, given: 0 })
        );
    }
}
