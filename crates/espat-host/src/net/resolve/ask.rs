//! Asking name servers: over UDP as often and as long as lwIP does, over TCP where an answer has no room in a datagram.
//!
//! A server that cannot be reached is like one that does not answer: lwIP hears neither of port-unreachable messages nor of
//! missing routes. Nothing is remembered, so nothing outlives its time and nothing grows.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use espat_core::{Family, NetError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::message::{Answer, Question};
use crate::net::capture::{Capture, DatagramTap, Tap, Way};

/// How long each of the questions to a server waits for its answer. lwIP's `dns.c`: four questions (`DNS_MAX_RETRIES`) at ticks of
/// 1 s (`DNS_TMR_INTERVAL`), the wait growing with their number.
const PATIENCE: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(3),
];
/// How long one server is asked in all, over UDP and TCP.
const SERVER_PATIENCE: Duration = Duration::from_secs(7);
/// The longest datagram that is read: one packet, as the module's stack does not reassemble.
const DATAGRAM_MAX: usize = 1472;
/// Questions for one name, as each answer names another.
const ALIASES_MAX: usize = 8;

/// Who is asked, and where a capture hears of it.
pub(super) struct Servers {
    pub(super) servers: Vec<SocketAddr>,
    pub(super) capture: Option<Capture>,
}

/// The addresses of a name, from the first of `servers` that has an answer.
pub(super) async fn addresses(
    name: String,
    family: Family,
    servers: Servers,
) -> Result<Vec<IpAddr>, NetError> {
    match family {
        Family::V4 => of_family(&name, false, &servers).await,
        Family::V6 => of_family(&name, true, &servers).await,
        Family::PreferV4 => match of_family(&name, false, &servers).await? {
            found if found.is_empty() => of_family(&name, true, &servers).await,
            found => Ok(found),
        },
    }
}

/// No addresses: the name exists without one of this family.
async fn of_family(name: &str, is_v6: bool, servers: &Servers) -> Result<Vec<IpAddr>, NetError> {
    let mut name = name.to_owned();
    for _ in 0..ALIASES_MAX {
        match from_any(&name, is_v6, servers).await? {
            Answer::Addresses(found) => return Ok(found),
            Answer::Alias(other) => name = other,
            Answer::Nothing => return Ok(Vec::new()),
            Answer::Truncated | Answer::Refused => break,
        }
    }
    Err(NetError::NotFound)
}

async fn from_any(name: &str, is_v6: bool, asked: &Servers) -> Result<Answer, NetError> {
    let mut failure = NetError::TimedOut;
    for &server in &asked.servers {
        let mut id = [0; 2];
        openssl::rand::rand_bytes(&mut id).map_err(|_| NetError::Other)?;
        let id = u16::from_ne_bytes(id);
        let question = Question::new(name, is_v6, id).ok_or(NetError::NotFound)?;
        match from(server, &question, asked.capture.as_ref()).await {
            Ok(Some(Answer::Refused)) => {
                tracing::debug!("name server {server} has no answer for {name}");
                failure = NetError::NotFound;
            }
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => tracing::debug!("name server {server} does not answer for {name}"),
            Err(error) => {
                tracing::warn!("name server {server} cannot be asked: {error}");
            }
        }
    }
    Err(failure)
}

/// What a server answers; `None`: nothing that counts.
async fn from(
    server: SocketAddr,
    question: &Question,
    capture: Option<&Capture>,
) -> io::Result<Option<Answer>> {
    let end = Instant::now() + SERVER_PATIENCE;
    match over_udp(server, question, capture).await? {
        Some(Answer::Truncated) => {}
        answer => return Ok(answer),
    }
    let answer = timeout_at(end, over_tcp(server, question, capture)).await;
    let Ok(answer) = answer else {
        return Ok(None);
    };
    Ok(answer?.filter(|answer| *answer != Answer::Truncated))
}

async fn over_udp(
    server: SocketAddr,
    question: &Question,
    capture: Option<&Capture>,
) -> io::Result<Option<Answer>> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // A connected socket hears nobody but the server.
    let socket = UdpSocket::bind((any, 0)).await?;
    if let Err(error) = socket.connect(server).await {
        tracing::debug!("no way to name server {server}: {error}");
        sleep(SERVER_PATIENCE).await;
        return Ok(None);
    }
    // One byte more than is taken, so that what was cut shows.
    let mut buffer = [0; DATAGRAM_MAX + 1];
    let tap = DatagramTap::new(capture, socket.local_addr(), any);
    for patience in PATIENCE {
        let exchange = exchange(&socket, question, &mut buffer, (&tap, server));
        if let Ok(answer) = timeout(patience, exchange).await {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

/// Asks once, and waits for the answer for good.
async fn exchange(
    socket: &UdpSocket,
    question: &Question,
    buffer: &mut [u8],
    (tap, server): (&DatagramTap, SocketAddr),
) -> Answer {
    if let Err(error) = socket.send(question.bytes()).await {
        tracing::debug!("a question is lost: {error}");
    }
    tap.udp(Way::Out, server, question.bytes());
    loop {
        match socket.recv(buffer).await {
            Ok(n) if n <= DATAGRAM_MAX => {
                tap.udp(Way::In, server, &buffer[..n]);
                if let Some(answer) = question.answer(&buffer[..n]) {
                    return answer;
                }
                tracing::debug!("{n} bytes that do not answer the question");
            }
            Ok(_) => tracing::debug!("a datagram that is too long for an answer"),
            Err(error) => {
                tracing::debug!("no answer can be received: {error}");
                return std::future::pending().await;
            }
        }
    }
}

async fn over_tcp(
    server: SocketAddr,
    question: &Question,
    capture: Option<&Capture>,
) -> io::Result<Option<Answer>> {
    let mut stream = TcpStream::connect(server).await?;
    let mut tap = Tap::new(capture);
    if let Ok(ours) = stream.local_addr() {
        tap.opened(Way::Out, ours, server);
    }
    let bytes = question.bytes();
    let len = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    let framed = [&len.to_be_bytes(), bytes].concat();
    stream.write_all(&framed).await?;
    tap.payload(Way::Out, &framed);
    let len = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(len)];
    stream.read_exact(&mut answer).await?;
    tap.payload(Way::In, &[&len.to_be_bytes(), &answer[..]].concat());
    tap.ended(Way::Out);
    Ok(question.answer(&answer))
}
