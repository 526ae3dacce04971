//! One attempt at one time server. The packets are `sntpc`'s; the socket, the time-out and who may answer are ours.
//!
//! The firmware waits on when a packet is no answer (another sender, another length, another question), and goes to its next
//! server when the server says no; a server whose own clock is not right says no here too.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use espat_core::{Instant, NetError, QueryId};
use sntpc::{NtpContext, NtpTimestampGenerator, NtpUdpSocket, SendRequestResult};

use super::NetOptions;
use super::exchange::{Exchange, Judge};
use super::udp;

/// A question to a time server.
pub(super) type TimeQuery = Exchange<Question>;

/// Bytes of an NTP packet without extensions; lwIP takes no other.
const LEN: usize = 48;
/// Where an answer repeats the stamp of its question, and where the question has it.
const ORIGINATE: std::ops::Range<usize> = 24..32;
const TRANSMIT: std::ops::Range<usize> = 40..48;

/// What was asked of whom.
pub(super) struct Question {
    server: SocketAddr,
    stamp: [u8; 8],
    request: SendRequestResult,
}

/// Asks a time server.
pub(super) fn start(
    query: QueryId,
    server: SocketAddr,
    deadline: Instant,
    net: &NetOptions,
) -> io::Result<TimeQuery> {
    let socket = udp::socket_towards(server, net)?;
    let question = Datagram::new(server);
    let context = NtpContext::new(Stamp::random());
    let request = at_once(sntpc::sntp_send_request(server, &question, context));
    let packet = question.bytes.get();
    let mut stamp = [0; 8];
    stamp.copy_from_slice(&packet[TRANSMIT]);
    let question = Question {
        server,
        stamp,
        request: request.map_err(|error| io::Error::other(format!("{error:?}")))?,
    };
    let (to, packet) = (server, packet.to_vec());
    Ok(Exchange::new(
        query,
        deadline,
        (socket, to),
        packet,
        question,
    ))
}

impl Judge for Question {
    type Answer = u64;

    /// Microseconds since 1970.
    fn judge(
        &self,
        datagram: &[u8],
        from: SocketAddr,
        took: Duration,
    ) -> Option<Result<u64, NetError>> {
        // Who does not know the stamp has not seen the question.
        let is_answer =
            from == self.server && datagram.len() == LEN && datagram[ORIGINATE] == self.stamp;
        if !is_answer {
            return None;
        }
        let answer = Datagram::new(self.server);
        let mut bytes = [0; LEN];
        bytes.copy_from_slice(datagram);
        answer.bytes.set(bytes);
        let context = NtpContext::new(Stamp::default());
        let judged = sntpc::sntp_process_response(self.server, &answer, context, self.request);
        match at_once(judged) {
            Ok(time) => Some(Ok(unix_us(time.sec(), time.sec_fraction(), took))),
            Err(sntpc::Error::IncorrectMode) => None,
            Err(error) => {
                tracing::warn!("the time server {} gives no time: {error:?}", self.server);
                let is_kiss = matches!(error, sntpc::Error::KissOfDeath(_));
                Some(Err(if is_kiss {
                    NetError::Refused
                } else {
                    NetError::Other
                }))
            }
        }
    }
}

/// What the server meant, now: half of the way is the way back.
fn unix_us(seconds: u64, fraction: u32, took: Duration) -> u64 {
    let back = u64::try_from(took.as_micros() / 2).unwrap_or_default();
    seconds
        .saturating_mul(1_000_000)
        .saturating_add(sntpc::fraction_to_microseconds(fraction).into())
        .saturating_add(back)
}

/// `sntpc` on a socket that is never slow.
fn at_once<T>(answer: impl Future<Output = sntpc::Result<T>>) -> sntpc::Result<T> {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(sntpc::Error::Network),
    }
}

/// The one datagram that `sntpc` sends or receives.
struct Datagram {
    server: SocketAddr,
    bytes: Cell<[u8; LEN]>,
}

impl Datagram {
    fn new(server: SocketAddr) -> Self {
        Self {
            server,
            bytes: Cell::new([0; LEN]),
        }
    }
}

impl NtpUdpSocket for Datagram {
    async fn send_to(&self, bytes: &[u8], _: SocketAddr) -> sntpc::Result<usize> {
        let packet = bytes
            .try_into()
            .map_err(|_| sntpc::Error::IncorrectPayload)?;
        self.bytes.set(packet);
        Ok(bytes.len())
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> sntpc::Result<(usize, SocketAddr)> {
        let packet = self.bytes.get();
        let room = buffer
            .get_mut(..LEN)
            .ok_or(sntpc::Error::IncorrectPayload)?;
        room.copy_from_slice(&packet);
        Ok((LEN, self.server))
    }
}

/// What stands in a packet as the time of its sender.
#[derive(Clone, Copy, Default)]
struct Stamp {
    since_1970: Duration,
    is_random: bool,
}

impl Stamp {
    /// A stamp that nobody can guess: the firmware does not say its time either.
    fn random() -> Self {
        Self {
            is_random: true,
            ..Self::default()
        }
    }
}

impl NtpTimestampGenerator for Stamp {
    fn init(&mut self) {
        self.since_1970 = if self.is_random {
            let random = RandomState::new().build_hasher().finish();
            Duration::from_micros(random >> 12)
        } else {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.unwrap_or_default()
        };
    }

    fn timestamp_sec(&self) -> u64 {
        self.since_1970.as_secs()
    }

    fn timestamp_subsec_micros(&self) -> u32 {
        self.since_1970.subsec_micros()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        let server = SocketAddr::from(([127, 0, 0, 1], 123));
        let packet = Datagram::new(server);
        let context = NtpContext::new(Stamp::random());
        let request = at_once(sntpc::sntp_send_request(server, &packet, context)).unwrap();
        let mut stamp = [0; 8];
        stamp.copy_from_slice(&packet.bytes.get()[TRANSMIT]);
        Question {
            server,
            stamp,
            request,
        }
    }

    #[test]
    fn stamps_are_not_repeated() {
        assert_ne!(question().stamp, question().stamp);
        assert_ne!(question().stamp, [0; 8]);
    }

    #[test]
    fn whatever_comes_is_judged() {
        let question = question();
        let mut random = 1_u64;
        let mut next = || {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            random.to_be_bytes()[0]
        };
        let (mut times, mut refusals, mut ignored) = (0, 0, 0);
        for _ in 0..100_000 {
            let mut packet: Vec<u8> = (0..LEN).map(|_| next()).collect();
            packet[ORIGINATE].copy_from_slice(&question.stamp);
            // Fields that decide alone, so that the others have their turn.
            packet[0] = (packet[0] & 0b11_111_000) | (next() % 2 * 4);
            packet[1] %= 20;
            if next() % 2 == 0 {
                packet[4..12].fill(0);
                packet[16..24].fill(0);
            }
            match question.judge(&packet, question.server, Duration::from_secs(1)) {
                Some(Ok(_)) => times += 1,
                Some(Err(_)) => refusals += 1,
                None => ignored += 1,
            }
        }
        assert!(times > 1000 && refusals > 1000 && ignored > 1000);
    }
}
