//! One client: its requests and the answers, broken where that was asked for.
//!
//! The module searches the answer's head for `Content-Length: ` in this very spelling, and the head's read for the first byte of the
//! file: it must find both (a head that came alone is what a real module saw in esp-at#103). So head and first bytes are written at once.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::progress::{Progress, Transfer};
use super::request::{HEAD_TIME, Heads, Missing, Request, Wants};
use super::roms::{Rom, Roms};

/// What is read of a file and written at once; the most that a client costs in memory.
const PIECE: u64 = 16 * 1024;
/// How long a client may take nothing.
pub(super) const TAKE_TIME: Duration = Duration::from_secs(60);
/// How long a stall is kept up; a module gives up after 3 minutes.
pub(super) const STALL_TIME: Duration = Duration::from_secs(600);
/// What was written before a reset is given so long to arrive.
const CUT_TIME: Duration = Duration::from_millis(200);
/// How long a client may take to close after it was answered for the last time.
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// A module takes one read of 1024 bytes for head and versions.
const NEWEST_MAX: usize = 800;
/// `AT+CIPFWVER?` has a buffer of 8192 bytes.
const VERSIONS_MAX: usize = 8000;

/// What is served, to whom, and how it is broken.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) roms: Roms,
    pub(super) token: Option<String>,
    pub(super) fault: Option<Fault>,
    pub(super) progress: Progress,
}

/// How downloads are broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing follows so many bytes.
    StallAt(u64),
    /// The connection is reset after so many bytes.
    CutAt(u64),
    /// One byte more is promised than sent.
    WrongLength,
}

/// How a client is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Close,
    Reset,
}

/// Whether a client may ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Request,
    End(End),
}

/// Answers a client until it has nothing more to ask.
pub(super) async fn serve<S>(rules: &Rules, peer: SocketAddr, stream: &mut S) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut heads = Heads::default();
    let mut is_first = true;
    loop {
        let done = match heads.next(stream).await {
            Ok(request) => answer(rules, peer, stream, &request).await,
            Err(missing) => refuse(rules, peer, stream, &missing, is_first).await,
        };
        is_first = false;
        match done {
            Ok(Next::Request) => {}
            Ok(Next::End(End::Reset)) => return End::Reset,
            Ok(Next::End(End::Close)) => break,
            Err(_) => return End::Close,
        }
    }
    // Closing over bytes that were not read would reset the connection, and take the answer with it.
    let closing = async {
        if stream.shutdown().await.is_ok() {
            gone(stream).await;
        }
    };
    let _ = timeout(CLOSE_TIME, closing).await;
    End::Close
}

async fn answer<S>(
    rules: &Rules,
    peer: SocketAddr,
    stream: &mut S,
    request: &Request,
) -> io::Result<Next>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let say = |what: &str| rules.progress.say(&format!("{peer} {what}"));
    let next = if request.keeps_alive {
        Next::Request
    } else {
        Next::End(End::Close)
    };
    let (status, body) = if rules.token.is_some() && request.token != rules.token {
        say("401: no token, or a wrong one");
        failure(401, "wrong token")
    } else {
        match &request.wants {
            Wants::Newest => versions(rules, NEWEST_MAX, say),
            Wants::Versions => versions(rules, VERSIONS_MAX, say),
            Wants::Rom { version, file } => match rules.roms.rom(version, file) {
                Ok(rom) => return send(rules, peer, stream, rom, file, next).await,
                Err(missing) => {
                    let shown = |text: &str| -> String {
                        text.chars().take(80).flat_map(char::escape_debug).collect()
                    };
                    say(&format!(
                        "404: version {:?}, file {:?}: {}",
                        shown(version),
                        shown(file),
                        missing.why()
                    ));
                    failure(404, missing.why())
                }
            },
            Wants::Other => {
                say("404: it asked for another path");
                failure(404, "no such path")
            }
            Wants::OtherMethod => {
                say("405: it did not ask with GET");
                failure(405, "GET alone is served")
            }
        }
    };
    say_text(stream, status, &body, next == Next::Request).await?;
    Ok(next)
}

/// Says what is wrong with a request that could not be understood, where that makes sense.
async fn refuse<S>(
    rules: &Rules,
    peer: SocketAddr,
    stream: &mut S,
    missing: &Missing,
    is_first: bool,
) -> io::Result<Next>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let say = |what: &str| rules.progress.say(&format!("{peer} {what}"));
    let (status, why) = match missing {
        Missing::Late { begun } => {
            if *begun || is_first {
                say(&format!("asks for nothing in {HEAD_TIME:?}"));
            }
            return Ok(Next::End(End::Close));
        }
        Missing::End => return Ok(Next::End(End::Close)),
        Missing::TooLong => (431, "the head is too long"),
        Missing::NoHttp => (400, "this is not HTTP"),
    };
    say(&format!("{status}: {why}"));
    say_text(stream, status, &failure(status, why).1, false).await?;
    Ok(Next::End(End::Close))
}

/// The newest version first, where a module's scan finds it, and as many others as fit.
fn versions(rules: &Rules, max: usize, say: impl Fn(&str)) -> (u16, String) {
    let Some(newest) = rules.roms.newest() else {
        say("404: there is no version");
        return failure(404, "there is no version");
    };
    say(&format!("is told of {newest}"));
    // The vendor's server has these fields, as clients of it show; the space after a colon is what the module looks for.
    let mut json =
        format!("{{\"recommended_rom_version\": \"{newest}\", \"status\": 200, \"productRoms\": [");
    let others = rules.roms.versions().into_iter().filter(|v| *v != newest);
    for (n, version) in std::iter::once(newest.clone()).chain(others).enumerate() {
        let (comma, recommended) = if n == 0 { ("", 1) } else { (", ", 0) };
        let rom = format!(
            "{comma}{{\"recommended\": {recommended}, \"version\": \"{version}\", \"life_cycle\": \"release\"}}"
        );
        if json.len() + rom.len() > max {
            break;
        }
        json += &rom;
    }
    json += "]}";
    (200, json)
}

/// A module does not look at the status: it takes what follows for the file.
fn failure(status: u16, message: &str) -> (u16, String) {
    let json = format!("{{\"status\": {status}, \"message\": \"{message}\"}}");
    (status, json)
}

fn head(status: u16, kind: &str, len: u64, keeps_alive: bool) -> String {
    let connection = if keeps_alive { "keep-alive" } else { "close" };
    let reason = match status {
        200 => "OK",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        _ => "Bad Request",
    };
    format!(
        "HTTP/1.1 {status} {reason}\r\nServer: espat\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\nConnection: {connection}\r\n\r\n"
    )
}

async fn say_text<S>(stream: &mut S, status: u16, body: &str, keeps_alive: bool) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let len = body.len() as u64;
    let answer = head(status, "application/json", len, keeps_alive) + body;
    write(stream, answer.as_bytes(), |_| {}).await
}

/// Sends a file, or what is to be sent of it.
async fn send<S>(
    rules: &Rules,
    peer: SocketAddr,
    stream: &mut S,
    rom: Rom,
    name: &str,
    next: Next,
) -> io::Result<Next>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let len = rom.len;
    let mut transfer = rules
        .progress
        .begin(format!("{peer} {} {name}", rom.version), len);
    // A fault that lies behind the file's end never comes.
    let fault = rules.fault.filter(|fault| match fault {
        Fault::StallAt(at) | Fault::CutAt(at) => *at < len,
        Fault::WrongLength => true,
    });
    let (sent, promised, next) = match fault {
        None => (len, len, next),
        Some(Fault::StallAt(at)) => (at, len, Next::End(End::Close)),
        Some(Fault::CutAt(at)) => (at, len, Next::End(End::Reset)),
        Some(Fault::WrongLength) => (len, len + 1, Next::End(End::Close)),
    };
    let keeps_alive = next == Next::Request;
    let head = head(200, "application/octet-stream", promised, keeps_alive);
    let file = File::from_std(rom.file).take(sent);
    match copy(stream, head.into_bytes(), file, &mut transfer).await {
        Ok(true) => {}
        Ok(false) => {
            transfer.end("the file has become shorter");
            return Ok(Next::End(End::Close));
        }
        Err(error) => {
            let is_late = error.kind() == io::ErrorKind::TimedOut;
            transfer.end(if is_late {
                "the client takes nothing"
            } else {
                "the client has gone"
            });
            return Err(error);
        }
    }
    match fault {
        None => transfer.end(""),
        Some(Fault::WrongLength) => transfer.end("one byte more was promised, as asked"),
        Some(Fault::StallAt(_)) => {
            rules.progress.say(&format!("{peer} stalls, as asked"));
            let _ = timeout(STALL_TIME, gone(stream)).await;
            transfer.end("stalled, as asked");
        }
        Some(Fault::CutAt(_)) => {
            tokio::time::sleep(CUT_TIME).await;
            transfer.end("cut, as asked");
        }
    }
    Ok(next)
}

/// Writes the head and the file; whether the file was as long as it should be.
async fn copy<S>(
    stream: &mut S,
    head: Vec<u8>,
    mut file: tokio::io::Take<File>,
    transfer: &mut Transfer,
) -> io::Result<bool>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut piece = head;
    let mut head = piece.len();
    loop {
        // The whole piece, so that the head never goes out alone while the file has bytes.
        let room = PIECE.min(file.limit());
        let read = (&mut file).take(room).read_to_end(&mut piece).await?;
        write(stream, &piece, |n| {
            let of_head = n.min(head);
            head -= of_head;
            transfer.add((n - of_head) as u64);
        })
        .await?;
        piece.clear();
        if file.limit() == 0 {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
    }
}

/// Writes everything, as long as the client goes on taking.
async fn write<S>(stream: &mut S, mut bytes: &[u8], mut wrote: impl FnMut(usize)) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while !bytes.is_empty() {
        let n = timeout(TAKE_TIME, stream.write(bytes)).await??;
        if n == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        wrote(n);
        bytes = &bytes[n..];
    }
    timeout(TAKE_TIME, stream.flush()).await?
}

/// Waits until the client closes; what it still says is not heard.
async fn gone(stream: &mut (impl AsyncRead + Unpin)) {
    let mut heard = [0; 1024];
    while let Ok(1..) = stream.read(&mut heard).await {}
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
