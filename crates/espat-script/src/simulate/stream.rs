//! Payload both ways: nothing may be lost, doubled or come in another order.

use std::collections::VecDeque;

use espat_core::{LinkView, SocketId};

/// Links have numbers below this.
const LINKS: usize = 5;

/// Payload under way.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// The link that the host MCU reads with `AT+CIPRECVDATA`.
    pub(super) reading: u8,
    /// A send over UDP: the stack may take a datagram that goes nowhere.
    pub(super) is_datagram: bool,
    /// A line of the host MCU has no result yet.
    pub(super) has_line: bool,
    /// Passthrough bytes that were dropped with notice.
    pub(super) raw_lost: usize,
    /// Reports were dropped with notice: data may stand in the module until the next one.
    pub(super) reports_lost: bool,
    /// Payload bytes of both directions that arrived.
    pub(super) total: usize,
    incoming: [VecDeque<Incoming>; LINKS],
    /// Sockets that went away while they held data, and how much.
    gone: VecDeque<(SocketId, usize)>,
    /// The supply was cut since data last came: what is dropped was forgotten here before.
    is_cut: bool,
    typed: Vec<u8>,
    /// A payload that is complete and was not sent.
    pending: Option<Vec<u8>>,
    raw: VecDeque<u8>,
    /// What the host MCU meant as a line may have gone over the link.
    raw_unknown: bool,
}

/// What the network gave for one socket and the host MCU has not got.
#[derive(Debug)]
struct Incoming {
    socket: SocketId,
    /// What is left of each datagram; empty for a byte stream.
    datagrams: VecDeque<usize>,
    /// The first datagram was given in part.
    is_inside: bool,
    bytes: VecDeque<u8>,
}

impl Incoming {
    fn take_from_datagrams(&mut self, n: usize) {
        if let Some(first) = self.datagrams.front_mut() {
            *first = first.saturating_sub(n);
            self.is_inside = *first > 0;
            if *first == 0 {
                self.datagrams.pop_front();
            }
        }
    }
}

impl Streams {
    /// The supply is gone, and with it everything that was under way.
    pub(super) fn clear(&mut self) {
        *self = Self {
            total: self.total,
            is_cut: true,
            pending: self.pending.take(),
            raw_lost: self.raw_lost + self.raw.len(),
            raw: std::mem::take(&mut self.raw),
            raw_unknown: self.raw_unknown,
            ..Self::default()
        };
    }

    pub(super) fn received(&mut self, link: u8, socket: SocketId, udp: bool, bytes: &[u8]) {
        self.is_cut = false;
        let queue = &mut self.incoming[usize::from(link)];
        if queue.back().is_none_or(|last| last.socket != socket) {
            queue.push_back(Incoming {
                socket,
                datagrams: VecDeque::new(),
                is_inside: false,
                bytes: VecDeque::new(),
            });
        }
        if let Some(last) = queue.back_mut() {
            last.bytes.extend(bytes);
            last.datagrams.extend(udp.then_some(bytes.len()));
        }
    }

    /// Data of a link went to the host MCU.
    pub(super) fn printed(&mut self, link: u8, bytes: &[u8]) -> Result<(), String> {
        let queue = self
            .incoming
            .get_mut(usize::from(link))
            .ok_or_else(|| format!("there is no link {link}"))?;
        self.total += bytes.len();
        for &byte in bytes {
            while queue
                .front()
                .is_some_and(|first| first.bytes.is_empty() && queue.len() > 1)
            {
                queue.pop_front();
            }
            let Some(first) = queue.front_mut() else {
                return Err(format!("link {link} had no data, yet some was printed"));
            };
            first.take_from_datagrams(1);
            if first.bytes.pop_front() != Some(byte) {
                return Err(format!(
                    "link {link}: what was printed is not what the peer sent: {}",
                    bytes.escape_ascii()
                ));
            }
        }
        Ok(())
    }

    /// Data without a header, of whatever link it is: the one that has the most of it.
    pub(super) fn printed_raw(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            let fits = |queue: &VecDeque<Incoming>| {
                let waiting = queue.iter().flat_map(|first| &first.bytes);
                waiting.zip(bytes).take_while(|(a, b)| a == b).count()
            };
            let links = (0_u8..).zip(&self.incoming);
            let best = links.map(|(link, queue)| (fits(queue), link));
            let (n, link) = best.max_by_key(|(n, _)| *n).unwrap_or_default();
            if n == 0 {
                return Err(format!(
                    "no link had this, yet it was printed: {}",
                    bytes.escape_ascii()
                ));
            }
            self.printed(link, &bytes[..n])?;
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// A read of the host MCU is over: what it left of a datagram is lost (behaviour.md 3.22).
    pub(super) fn read_ends(&mut self, link: u8) {
        let queue = self.incoming.get_mut(usize::from(link));
        if let Some(first) = queue.and_then(|queue| queue.front_mut())
            && first.is_inside
        {
            let rest = first.datagrams.pop_front().unwrap_or_default();
            first.bytes.drain(..rest);
            first.is_inside = false;
        }
    }

    /// A link went away that held data.
    pub(super) fn gone(&mut self, socket: SocketId, unread: usize) {
        self.gone.push_back((socket, unread));
    }

    /// The module says that it dropped the last data of a link that the host MCU closed.
    pub(super) fn dropped_unread(&mut self, n: usize) -> Result<(), String> {
        // Several may have gone at once, in any order.
        if let Some(held) = self.gone.iter().position(|&(_, unread)| unread == n) {
            self.gone.swap(0, held);
        }
        while let Some((socket, _)) = self.gone.pop_front() {
            let of_socket = |i: &&mut Incoming| i.socket == socket && i.bytes.len() >= n;
            let incoming = self.incoming.iter_mut().flatten().find(of_socket);
            if let Some(incoming) = incoming {
                incoming.bytes.truncate(incoming.bytes.len() - n);
                incoming.datagrams.clear();
                return Ok(());
            }
        }
        if self.is_cut {
            return Ok(());
        }
        Err(format!("{n} bytes were dropped that no closed link held"))
    }

    /// The host MCU sends bytes while the module waits for `missing` bytes of payload, or in passthrough.
    pub(super) fn typed(&mut self, bytes: &[u8], missing: Option<usize>, raw: bool) {
        if raw {
            self.raw.extend(bytes.iter().filter(|&&b| b != b'+'));
        } else if let Some(missing) = missing {
            // What is left over is a line: `+++`, where it counts as data.
            self.typed.extend(&bytes[..bytes.len().min(missing)]);
        } else {
            self.typed.clear();
        }
    }

    /// A payload is complete or was given up, by the host MCU or with a reset.
    pub(super) fn payload_ends(&mut self, is_lost: bool) {
        let typed = std::mem::take(&mut self.typed);
        self.pending = Some(typed).filter(|typed| !is_lost && typed != b"\\0");
    }

    pub(super) fn passthrough_begins(&mut self) {
        self.raw_unknown |= self.has_line;
    }

    /// A reset or the supply ended passthrough: what waited to become a packet is lost.
    pub(super) fn cut_off(&mut self) {
        self.raw_lost += self.raw.len();
    }

    /// The module gives the network payload.
    pub(super) fn sent(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.total += bytes.len();
        let is_pending = self.pending.as_ref().is_some_and(|typed| {
            typed == bytes || typed.strip_suffix(b"\\0").is_some_and(|t| t == bytes)
        });
        if is_pending {
            self.pending = None;
            return Ok(());
        }
        if self.raw_unknown {
            return Ok(());
        }
        for byte in bytes.iter().filter(|&&b| b != b'+') {
            loop {
                match self.raw.pop_front() {
                    Some(first) if first == *byte => break,
                    Some(_) if self.raw_lost > 0 => self.raw_lost -= 1,
                    _ => {
                        return Err(format!(
                            "the host MCU did not give this to send: {}",
                            bytes.escape_ascii()
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// `SEND OK` is said of bytes that went out.
    pub(super) fn send_ok(&mut self) -> Result<(), String> {
        match self.pending.take() {
            Some(typed) if !self.is_datagram && !typed.is_empty() => Err(format!(
                "SEND OK, and {} bytes of payload were not sent",
                typed.len()
            )),
            _ => Ok(()),
        }
    }

    /// Everything has come to rest: data that was neither printed nor dropped is held.
    pub(super) fn check(&self, links: &[LinkView]) -> Result<(), String> {
        if self.reports_lost {
            return Ok(());
        }
        for incoming in self.incoming.iter().flatten() {
            let holder = links.iter().find(|link| link.socket == incoming.socket);
            let held = holder.map_or(0, |link| link.unread);
            if incoming.bytes.len() != held {
                return Err(format!(
                    "{} bytes that the peer of {} sent were not printed, {held} are held",
                    incoming.bytes.len(),
                    incoming.socket
                ));
            }
        }
        if !self.raw_unknown && self.raw.len() > self.raw_lost {
            return Err(format!(
                "{} bytes of passthrough are neither sent nor dropped with notice",
                self.raw.len() - self.raw_lost
            ));
        }
        Ok(())
    }
}
