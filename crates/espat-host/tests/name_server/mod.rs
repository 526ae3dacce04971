//! A name server of the tests: it answers over UDP and TCP whatever a test makes up, byte by byte.
#![allow(dead_code, reason = "every test file uses another part of it")]

pub(crate) mod daemon;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(crate) const A: u16 = 1;
pub(crate) const CNAME: u16 = 5;
pub(crate) const AAAA: u16 = 28;

/// A question that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) kind: u16,
    pub(crate) over_tcp: bool,
    message: Vec<u8>,
}

/// What the server does about a question.
pub(crate) enum Act {
    Say(Vec<u8>),
    /// The same from another port.
    SayFromElsewhere(Vec<u8>),
}

/// One record: owner, type, data.
pub(crate) type Record = (&'static str, u16, Vec<u8>);

/// A server on a free port of its own, gone when it is dropped.
pub(crate) struct NameServer {
    pub(crate) at: SocketAddr,
    asked: mpsc::UnboundedReceiver<Asked>,
    _tasks: JoinSet<()>,
}

type Answers = Arc<dyn Fn(&Asked) -> Vec<Act> + Send + Sync>;

impl NameServer {
    pub(crate) async fn start(
        answers: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let at = udp.local_addr().unwrap();
        let (tell, asked) = mpsc::unbounded_channel();
        let answers: Answers = Arc::new(answers);
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, answers.clone(), tell.clone()));
        tasks.spawn(async move {
            while let Ok((stream, _)) = tcp.accept().await {
                let _ = serve_tcp(stream, &answers, &tell).await;
            }
        });
        Self {
            at,
            asked,
            _tasks: tasks,
        }
    }

    /// Answers every question with these records.
    pub(crate) async fn saying(records: Vec<Record>) -> Self {
        Self::start(move |asked| vec![Act::Say(asked.reply(&records))]).await
    }

    /// Says nothing.
    pub(crate) async fn silent() -> Self {
        Self::start(|_| Vec::new()).await
    }

    /// The questions so far, as `name`, or `name over TCP`.
    pub(crate) fn questions(&mut self) -> Vec<String> {
        let asked = std::iter::from_fn(|| self.asked.try_recv().ok());
        let show = |asked: Asked| match asked.over_tcp {
            true => format!("{} over TCP", asked.name),
            false => asked.name,
        };
        asked.map(show).collect()
    }

    pub(crate) async fn question(&mut self) -> Asked {
        let asked = tokio::time::timeout(crate::stand_in::DEADLINE, self.asked.recv()).await;
        asked.unwrap().unwrap()
    }
}

async fn serve_udp(socket: UdpSocket, answers: Answers, tell: mpsc::UnboundedSender<Asked>) {
    let mut buffer = [0; 2048];
    while let Ok((n, from)) = socket.recv_from(&mut buffer).await {
        let Some(asked) = Asked::parse(&buffer[..n], false) else {
            continue;
        };
        let acts = answers(&asked);
        let _ = tell.send(asked);
        for act in acts {
            let _ = match act {
                Act::Say(bytes) => socket.send_to(&bytes, from).await,
                Act::SayFromElsewhere(bytes) => {
                    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                    other.send_to(&bytes, from).await
                }
            };
        }
    }
}

async fn serve_tcp(
    mut stream: TcpStream,
    answers: &Answers,
    tell: &mpsc::UnboundedSender<Asked>,
) -> io::Result<()> {
    let len = stream.read_u16().await?;
    let mut message = vec![0; usize::from(len)];
    stream.read_exact(&mut message).await?;
    let Some(asked) = Asked::parse(&message, true) else {
        return Ok(());
    };
    let acts = answers(&asked);
    let _ = tell.send(asked);
    for act in acts {
        let Act::Say(bytes) = act else { continue };
        stream
            .write_u16(u16::try_from(bytes.len()).unwrap())
            .await?;
        stream.write_all(&bytes).await?;
    }
    // The other side closes first.
    let _ = stream.read_u8().await;
    Ok(())
}

impl Asked {
    fn parse(message: &[u8], over_tcp: bool) -> Option<Self> {
        let mut at = 12;
        let mut labels = Vec::new();
        while *message.get(at)? > 0 {
            let end = at + 1 + usize::from(message[at]);
            labels.push(String::from_utf8_lossy(message.get(at + 1..end)?).into_owned());
            at = end;
        }
        let kind = u16::from_be_bytes([*message.get(at + 1)?, *message.get(at + 2)?]);
        Some(Self {
            name: labels.join("."),
            kind,
            over_tcp,
            message: message.to_vec(),
        })
    }

    /// An answer with those records that the question is for, and aliases.
    pub(crate) fn reply(&self, records: &[Record]) -> Vec<u8> {
        let counts = |kind| kind == self.kind || kind == CNAME;
        let records: Vec<&Record> = records
            .iter()
            .filter(|(_, kind, _)| counts(*kind))
            .collect();
        let mut reply = self.head(0, records.len());
        for (owner, kind, data) in records {
            reply.extend(name(owner));
            reply.extend(rest(*kind, data));
        }
        reply
    }

    /// An answer without records, with a response code.
    pub(crate) fn refuse(&self, code: u8) -> Vec<u8> {
        self.head(code, 0)
    }

    /// An answer that says it was cut.
    pub(crate) fn truncated(&self) -> Vec<u8> {
        let mut reply = self.head(0, 0);
        reply[2] |= 2;
        reply
    }

    /// The beginning of an answer, up to the first record.
    pub(crate) fn head(&self, code: u8, records: usize) -> Vec<u8> {
        let mut reply = self.message.clone();
        reply[2] = 0x81;
        reply[3] = 0x80 | code;
        reply[6..8].copy_from_slice(&u16::try_from(records).unwrap().to_be_bytes());
        reply
    }
}

/// A record after its owner.
pub(crate) fn rest(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut rest = [kind.to_be_bytes(), 1_u16.to_be_bytes()].concat();
    rest.extend(60_u32.to_be_bytes());
    rest.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    rest.extend(data);
    rest
}

/// A name as it stands in messages.
pub(crate) fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// An address record.
pub(crate) fn address(owner: &'static str, ip: &str) -> Record {
    match ip.parse().unwrap() {
        IpAddr::V4(ip) => (owner, A, ip.octets().to_vec()),
        IpAddr::V6(ip) => (owner, AAAA, ip.octets().to_vec()),
    }
}

/// An alias record.
pub(crate) fn alias(owner: &'static str, of: &str) -> Record {
    (owner, CNAME, name(of))
}
