//! DNS messages: a question, and what its answer says. Whatever a name server sends is judged here, and nowhere else.

use std::net::IpAddr;

use domain::base::iana::{Class, Rcode};
use domain::base::name::ParsedName;
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::{A, Aaaa, Cname};

/// Aliases that one answer may chain. Servers chain about as many themselves.
const ALIASES_MAX: usize = 10;
/// Records of an answer that are looked at.
const RECORDS_MAX: usize = 256;

/// A question for the addresses of a name.
pub(super) struct Question {
    message: Message<Vec<u8>>,
    is_v6: bool,
}

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The name's addresses, in the server's order.
    Addresses(Vec<IpAddr>),
    /// The name stands for another one, whose addresses the server does not tell.
    Alias(String),
    /// There is no such address.
    Nothing,
    /// The answer has no room in a datagram.
    Truncated,
    /// The server has no answer: the name does not exist, or it failed, or it does not want to.
    Refused,
}

impl Question {
    /// `None`: the text cannot be a name.
    pub(super) fn new(name: &str, is_v6: bool, id: u16) -> Option<Self> {
        let name = Name::<Vec<u8>>::from_chars(name.chars()).ok()?;
        let kind = if is_v6 { Rtype::AAAA } else { Rtype::A };
        let mut builder = MessageBuilder::from_target(Vec::new()).ok()?;
        builder.header_mut().set_id(id);
        builder.header_mut().set_rd(true);
        let mut builder = builder.question();
        builder.push((name, kind)).ok()?;
        Some(Self {
            message: builder.into_message(),
            is_v6,
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.message.as_slice()
    }

    /// What these bytes answer. `None`: they are no answer to this question, or cannot be read.
    pub(super) fn answer(&self, bytes: &[u8]) -> Option<Answer> {
        let message = Message::from_octets(bytes).ok()?;
        let header = message.header();
        let is_query = header.opcode() == self.message.header().opcode();
        if !message.is_answer(&self.message) || !is_query {
            return None;
        }
        if header.tc() {
            return Some(Answer::Truncated);
        }
        if header.rcode() != Rcode::NOERROR {
            return Some(Answer::Refused);
        }
        self.read(message)
    }

    fn read(&self, message: Message<&[u8]>) -> Option<Answer> {
        let mut addresses = Vec::new();
        let mut aliases = Vec::new();
        for record in message.answer().ok()?.take(RECORDS_MAX) {
            let record = record.ok()?;
            if record.class() != Class::IN {
                continue;
            }
            let owner = record.owner();
            match record.rtype() {
                Rtype::A if !self.is_v6 => {
                    let a = record.to_record::<A>().ok()??;
                    addresses.push((owner, IpAddr::V4(a.data().addr())));
                }
                Rtype::AAAA if self.is_v6 => {
                    let a = record.to_record::<Aaaa>().ok()??;
                    addresses.push((owner, IpAddr::V6(a.data().addr())));
                }
                Rtype::CNAME => {
                    let alias = record.to_record::<Cname<ParsedName<&[u8]>>>().ok()??;
                    aliases.push((owner, alias.into_data().into_cname()));
                }
                _ => {}
            }
        }
        let asked = message.sole_question().ok()?.into_qname();
        let mut name = asked;
        for _ in 0..ALIASES_MAX {
            let of_name = addresses.iter().filter(|(owner, _)| *owner == name);
            let found: Vec<IpAddr> = of_name.map(|&(_, ip)| ip).collect();
            if !found.is_empty() {
                return Some(Answer::Addresses(found));
            }
            match aliases.iter().find(|(owner, _)| *owner == name) {
                Some(&(_, alias)) => name = alias,
                None if name == asked => return Some(Answer::Nothing),
                None => return Some(Answer::Alias(name.to_string())),
            }
        }
        Some(Answer::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer to `question` with an alias and an address, the names compressed.
    fn answer(question: &Question) -> Vec<u8> {
        let mut answer = question.bytes().to_vec();
        answer[2..4].copy_from_slice(&[0x81, 0x80]);
        answer[7] = 2;
        let alias_at = u8::try_from(answer.len() + 12).unwrap();
        answer.extend(b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01b\xc0\x0e");
        answer.extend([0xc0, alias_at]);
        answer.extend(b"\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07");
        answer
    }

    #[test]
    fn a_compressed_answer_is_read() {
        let question = Question::new("a.test", false, 7).unwrap();
        let found = Some(Answer::Addresses(vec![[192, 0, 2, 7].into()]));
        assert_eq!(question.answer(&answer(&question)), found);
        let other = Question::new("a.test", false, 8).unwrap();
        assert_eq!(other.answer(&answer(&question)), None);
    }

    #[test]
    fn whatever_comes_is_judged_without_a_panic() {
        let question = Question::new("a.test", false, 7).unwrap();
        let good = answer(&question);
        let mut random = 1_u64;
        let mut below = |n: usize| {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            usize::try_from(random >> 33).unwrap() % n
        };
        for _ in 0..100_000 {
            let mut bad = good.clone();
            for _ in 0..=below(4) {
                bad[below(good.len())] = u8::try_from(below(256)).unwrap();
            }
            bad.truncate(good.len() - below(2) * below(good.len()));
            let _ = question.answer(&bad);
        }
    }

    #[test]
    fn the_longest_answer_of_pointers_is_judged_soon() {
        let question = Question::new("a.test", false, 7).unwrap();
        let mut bad = question.bytes().to_vec();
        bad[2..4].copy_from_slice(&[0x81, 0x80]);
        bad[6..8].copy_from_slice(&[0xff, 0xff]);
        // Each owner points to the one before, each is an alias of itself.
        while bad.len() < 0x3fe0 {
            let before = u16::try_from(bad.len().saturating_sub(14).max(12)).unwrap();
            bad.extend((before | 0xc000).to_be_bytes());
            bad.extend(b"\0\x05\0\x01\0\0\0\x3c\0\x02");
            bad.extend((before | 0xc000).to_be_bytes());
        }
        bad.resize(65_535, 0);
        // The time that this thread computes for: what others do on this computer does not count.
        let time = || {
            let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            std::time::Duration::try_from(time).unwrap()
        };
        let begin = time();
        let _ = question.answer(&bad);
        assert!(time() - begin < std::time::Duration::from_secs(1));
    }
}
