//! What multicast DNS says of one service (RFC 6762, RFC 6763): announcements, and answers to what anybody may ask.

use std::net::{Ipv4Addr, Ipv6Addr};

use domain::base::iana::{Class, Opcode};
use domain::base::message_builder::{AnswerBuilder, PushError, RecordSectionBuilder};
use domain::base::name::NameBuilder;
use domain::base::{Message, MessageBuilder, Name, Record, Rtype, Ttl};
use domain::rdata::rfc1035::TxtBuilder;
use domain::rdata::{A, Aaaa, Ptr, Srv, Txt};
use espat_core::Service;

/// Class bits: "answer me alone" in a question, "forget what you knew" in an answer.
const TOP_BIT: u16 = 0x8000;
/// What ESP-IDF says of how long its records hold, in seconds: those with the host's name, and the others.
const HOST_TTL: u32 = 120;
const OTHER_TTL: u32 = 4500;
/// RFC 6762, 6.7: whoever does not speak multicast DNS is not to keep an answer for long.
const LEGACY_TTL: u32 = 10;
/// Questions and known answers of one message that are looked at.
const ENTRIES_MAX: usize = 64;

type Owned = Name<Vec<u8>>;

/// The records of a service.
pub(super) struct Records {
    host: Owned,
    kind: Owned,
    instance: Owned,
    /// The name under which all types of services are asked for.
    types: Owned,
    txt: Txt<Vec<u8>>,
}

/// Where the service is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) ip: Ipv4Addr,
    pub(super) ip6: Option<Ipv6Addr>,
    pub(super) port: u16,
}

/// An answer to a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    /// It goes to the one who asked, and not to all.
    pub(super) is_for_one: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Types,
    Instance,
    Server,
    Text,
    Address,
    Address6,
}

use Kind::{Address, Address6, Instance, Server, Text, Types};

/// How records are written.
#[derive(Clone, Copy)]
struct Style {
    ttl_max: u32,
    /// Records that only this module has replace what others remember.
    replaces: bool,
}

const USUAL: Style = Style {
    ttl_max: u32::MAX,
    replaces: true,
};

impl Records {
    /// `None`: the names are too long to be names.
    pub(super) fn new(service: &Service) -> Option<Self> {
        let kind = [service.kind.as_str(), &service.protocol, "local"];
        let mut instance = vec![service.instance.as_str()];
        instance.extend(kind);
        Some(Self {
            host: name(&[&service.host, "local"])?,
            kind: name(&kind)?,
            instance: name(&instance)?,
            types: name(&["_services", "_dns-sd", "_udp", "local"])?,
            txt: text(&service.txt)?,
        })
    }

    /// Tells everybody.
    pub(super) fn announcement(&self, place: Place) -> Option<Vec<u8>> {
        self.unasked(place, USUAL)
    }

    /// Tells everybody that it is over.
    pub(super) fn goodbye(&self, place: Place) -> Option<Vec<u8>> {
        let ttl_max = 0;
        self.unasked(place, Style { ttl_max, ..USUAL })
    }

    fn unasked(&self, place: Place, style: Style) -> Option<Vec<u8>> {
        let mut answers = response(0)?.answer();
        for kind in [Instance, Server, Text, Address, Address6] {
            self.push(&mut answers, kind, place, style).ok()?;
        }
        Some(answers.finish())
    }

    /// What is said to a message from anybody. `None`: nothing.
    pub(super) fn answer(&self, message: &[u8], is_legacy: bool, place: Place) -> Option<Answer> {
        let message = Message::from_octets(message).ok()?;
        let header = message.header();
        if header.qr() || header.opcode() != Opcode::QUERY {
            return None;
        }
        let mut wanted = Vec::new();
        let (mut is_for_one, mut asked) = (true, Vec::new());
        for question in message.question().take(ENTRIES_MAX) {
            let question = question.ok()?;
            let class = question.qclass().to_int();
            if !matches!(class & !TOP_BIT, 1 | 255) {
                continue;
            }
            let found = self.matching(question.qname(), question.qtype());
            if found.is_empty() {
                continue;
            }
            wanted.extend(found);
            is_for_one &= class & TOP_BIT != 0;
            asked.push(question);
        }
        if self.is_known(message) {
            wanted.retain(|kind| *kind != Instance);
        }
        if place.ip6.is_none() {
            wanted.retain(|kind| *kind != Address6);
        }
        wanted.sort_by_key(|kind| *kind as u8);
        wanted.dedup();
        if wanted.is_empty() {
            return None;
        }
        let style = if is_legacy {
            Style {
                ttl_max: LEGACY_TTL,
                replaces: false,
            }
        } else {
            USUAL
        };
        let mut questions = response(if is_legacy { header.id() } else { 0 })?.question();
        if is_legacy {
            for question in asked {
                questions.push(question).ok()?;
            }
        }
        let bytes = self.write(questions.answer(), &wanted, place, style).ok()?;
        Some(Answer {
            bytes,
            is_for_one: is_for_one || is_legacy,
        })
    }

    fn matching(&self, name: impl domain::base::ToName, kind: Rtype) -> Vec<Kind> {
        let all = [
            (Types, &self.types, Rtype::PTR),
            (Instance, &self.kind, Rtype::PTR),
            (Server, &self.instance, Rtype::SRV),
            (Text, &self.instance, Rtype::TXT),
            (Address, &self.host, Rtype::A),
            (Address6, &self.host, Rtype::AAAA),
        ];
        all.into_iter()
            .filter(|(_, owner, rtype)| {
                (kind == *rtype || kind == Rtype::ANY) && name.name_eq(*owner)
            })
            .map(|(kind, ..)| kind)
            .collect()
    }

    /// Whether who asks knows the instance, and will for a while.
    fn is_known(&self, message: Message<&[u8]>) -> bool {
        let Ok(answers) = message.answer() else {
            return false;
        };
        let known = answers.limit_to::<Ptr<_>>().take(ENTRIES_MAX);
        known.filter_map(Result::ok).any(|record| {
            record.owner() == &self.kind
                && record.data().ptrdname() == &self.instance
                && record.ttl().as_secs() >= OTHER_TTL / 2
        })
    }

    /// The answers, and beside them what will be asked next.
    fn write(
        &self,
        mut answers: AnswerBuilder<Vec<u8>>,
        wanted: &[Kind],
        place: Place,
        style: Style,
    ) -> Result<Vec<u8>, PushError> {
        for &kind in wanted {
            self.push(&mut answers, kind, place, style)?;
        }
        let mut more = answers.additional();
        let next: &[Kind] = if wanted.contains(&Instance) {
            &[Server, Text, Address, Address6]
        } else if wanted.contains(&Server) {
            &[Address, Address6]
        } else {
            &[]
        };
        for &kind in next.iter().filter(|kind| !wanted.contains(kind)) {
            self.push(&mut more, kind, place, style)?;
        }
        Ok(more.finish())
    }

    fn push(
        &self,
        to: &mut impl RecordSectionBuilder<Vec<u8>>,
        kind: Kind,
        place: Place,
        style: Style,
    ) -> Result<(), PushError> {
        let ttl = match kind {
            Types | Instance | Text => OTHER_TTL,
            Server | Address | Address6 => HOST_TTL,
        };
        let ttl = Ttl::from_secs(ttl.min(style.ttl_max));
        let is_ours_alone = !matches!(kind, Types | Instance);
        let class = if style.replaces && is_ours_alone {
            Class::from_int(TOP_BIT | 1)
        } else {
            Class::IN
        };
        match kind {
            Types => to.push(Record::new(&self.types, class, ttl, Ptr::new(&self.kind))),
            Instance => to.push(Record::new(
                &self.kind,
                class,
                ttl,
                Ptr::new(&self.instance),
            )),
            Server => {
                let server = Srv::new(0, 0, place.port, &self.host);
                to.push(Record::new(&self.instance, class, ttl, server))
            }
            Text => to.push(Record::new(&self.instance, class, ttl, &self.txt)),
            Address => to.push(Record::new(&self.host, class, ttl, A::new(place.ip))),
            Address6 => place.ip6.map_or(Ok(()), |ip| {
                to.push(Record::new(&self.host, class, ttl, Aaaa::new(ip)))
            }),
        }
    }
}

fn response(id: u16) -> Option<MessageBuilder<Vec<u8>>> {
    let mut builder = MessageBuilder::from_target(Vec::new()).ok()?;
    let header = builder.header_mut();
    header.set_id(id);
    header.set_qr(true);
    header.set_aa(true);
    Some(builder)
}

fn name(labels: &[&str]) -> Option<Owned> {
    let mut builder = NameBuilder::new_vec();
    for label in labels {
        builder.append_label(label.as_bytes()).ok()?;
    }
    builder.into_name().ok()
}

fn text(pairs: &[(String, String)]) -> Option<Txt<Vec<u8>>> {
    let mut builder = TxtBuilder::<Vec<u8>>::new();
    for (key, value) in pairs {
        let pair = domain::base::CharStr::from_octets(format!("{key}={value}").into_bytes());
        builder.append_charstr(&pair.ok()?).ok()?;
    }
    // Without any pair it is one empty string (RFC 6763, 6.1).
    builder.finish().ok()
}

#[cfg(test)]
mod tests {
    use domain::base::message_builder::QuestionBuilder;
    use domain::rdata::AllRecordData;

    use super::*;

    const PLACE: Place = Place {
        ip: Ipv4Addr::LOCALHOST,
        ip6: None,
        port: 8080,
    };

    fn records() -> Records {
        Records::new(&Service {
            host: "espat".into(),
            instance: "My pump".into(),
            kind: "_iot".into(),
            protocol: "_tcp".into(),
            port: 80,
            ip6: None,
            txt: vec![("version".into(), "1.0".into())],
        })
        .unwrap()
    }

    fn question(labels: &[&str], kind: Rtype, class: u16) -> QuestionBuilder<Vec<u8>> {
        let mut builder = MessageBuilder::new_vec();
        builder.header_mut().set_id(7);
        let mut questions = builder.question();
        let class = Class::from_int(class);
        questions
            .push((name(labels).unwrap(), kind, class))
            .unwrap();
        questions
    }

    /// The records of a message, `/` before those beside the answer.
    fn said(bytes: &[u8]) -> Vec<String> {
        let message = Message::from_octets(bytes).unwrap();
        assert!(message.header().qr() && message.header().aa());
        let answers = message.answer().unwrap();
        let count = message.header_counts().ancount();
        let more = message.additional().unwrap();
        let all = answers.take(count.into()).chain(more);
        all.enumerate()
            .map(|(at, record)| {
                let record = record.unwrap();
                let data = record.to_record::<AllRecordData<_, _>>().unwrap().unwrap();
                let sign = if at < count.into() { "" } else { "/ " };
                let class = record.class().to_int();
                let (ttl, data) = (record.ttl().as_secs(), data.data());
                format!(
                    "{sign}{} {class:x} {ttl} {} {data}",
                    record.owner(),
                    record.rtype()
                )
            })
            .collect()
    }

    fn answered(message: &[u8], is_legacy: bool) -> (bool, Vec<String>) {
        let answer = records().answer(message, is_legacy, PLACE).unwrap();
        (answer.is_for_one, said(&answer.bytes))
    }

    #[test]
    fn an_ipv6_address_is_told_beside_the_other_one() {
        let place = Place {
            ip6: Some(Ipv6Addr::LOCALHOST),
            ..PLACE
        };
        let ask = |kind, place| {
            let message = question(&["espat", "local"], kind, 1).finish();
            records().answer(&message, false, place)
        };
        let answer = ask(Rtype::AAAA, place).unwrap();
        assert_eq!(said(&answer.bytes), ["espat.local 8001 120 AAAA ::1"]);
        assert_eq!(said(&ask(Rtype::ANY, place).unwrap().bytes).len(), 2);
        assert_eq!(ask(Rtype::AAAA, PLACE), None);
        let announced = said(&records().announcement(place).unwrap());
        assert!(announced.iter().any(|record| record.contains("AAAA ::1")));
    }

    #[test]
    fn a_type_has_an_instance_and_all_that_belongs_to_it() {
        let message = question(&["_IOT", "_tcp", "local"], Rtype::PTR, 1).finish();
        let (is_for_one, said) = answered(&message, false);
        assert!(!is_for_one);
        let expected = [
            "_iot._tcp.local 1 4500 PTR My\\ pump._iot._tcp.local.",
            "/ My\\ pump._iot._tcp.local 8001 120 SRV 0 0 8080 espat.local",
            "/ My\\ pump._iot._tcp.local 8001 4500 TXT \"version=1.0\"",
            "/ espat.local 8001 120 A 127.0.0.1",
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn who_does_not_speak_it_is_answered_alone() {
        let message = question(&["espat", "local"], Rtype::A, 1).finish();
        let (is_for_one, said) = answered(&message, true);
        assert!(is_for_one);
        assert_eq!(said, ["espat.local 1 10 A 127.0.0.1"]);
        let answer = records().answer(&message, true, PLACE).unwrap();
        assert_eq!(
            Message::from_octets(&answer.bytes[..])
                .unwrap()
                .header()
                .id(),
            7
        );
        let alone = question(&["espat", "local"], Rtype::ANY, 0x8001).finish();
        assert!(answered(&alone, false).0);
    }

    #[test]
    fn what_is_known_or_another_ones_is_not_answered() {
        let records = records();
        let ask = |message: &[u8]| records.answer(message, false, PLACE);
        let kind = name(&["_iot", "_tcp", "local"]).unwrap();
        let known = |ttl| {
            let message = question(&["_iot", "_tcp", "local"], Rtype::PTR, 1);
            let mut answers = message.answer();
            let instance = Ptr::new(records.instance.clone());
            let ttl = Ttl::from_secs(ttl);
            answers
                .push(Record::new(&kind, Class::IN, ttl, instance))
                .unwrap();
            answers.finish()
        };
        assert_eq!(ask(&known(4500)), None);
        assert!(ask(&known(100)).is_some());
        assert_eq!(
            ask(&question(&["other", "local"], Rtype::A, 1).finish()),
            None
        );
        assert_eq!(
            ask(&question(&["espat", "local"], Rtype::AAAA, 1).finish()),
            None
        );
        assert_eq!(
            ask(&question(&["espat", "local"], Rtype::A, 3).finish()),
            None
        );
        // An answer is no question.
        assert_eq!(ask(&records.announcement(PLACE).unwrap()), None);
        for len in 0..40 {
            let whole = question(&["espat", "local"], Rtype::A, 1).finish();
            let _ = ask(&whole[..len.min(whole.len())]);
        }
    }

    #[test]
    fn a_goodbye_holds_for_no_time() {
        let goodbye = said(&records().goodbye(PLACE).unwrap());
        assert!(goodbye.iter().all(|record| record.contains(" 0 ")));
        assert_eq!(goodbye.len(), 4);
    }

    #[test]
    fn names_have_an_end() {
        let long = "x".repeat(64);
        assert!(name(&[&long, "local"]).is_none());
        assert!(text(&[]).is_some());
    }
}
