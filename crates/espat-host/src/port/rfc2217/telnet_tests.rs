//! Telnet of all kinds, in all pieces.

use super::*;

const LINE: UartConfig = UartConfig {
    baud: 115_200,
    data_bits: 8,
    stop_bits: 1,
    parity: 0,
    flow: 0,
};

/// A host whose first offers were answered.
fn telnet() -> Telnet {
    let mut telnet = Telnet::new(LINE);
    telnet.replies().clear();
    telnet
}

/// What `bytes` mean: data, wishes and replies.
fn hear(telnet: &mut Telnet, bytes: &[u8]) -> (Vec<u8>, Vec<Wish>, Vec<u8>) {
    let mut wishes = vec![];
    let mut bytes = bytes.to_vec();
    let n = telnet.receive(&mut bytes, &mut wishes);
    bytes.truncate(n);
    (bytes, wishes, std::mem::take(telnet.replies()))
}

fn sub(command: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![IAC, SB, COM_PORT, command];
    for &byte in value {
        bytes.extend(std::iter::repeat_n(byte, 1 + usize::from(byte == IAC)));
    }
    bytes.extend([IAC, SE]);
    bytes
}

#[test]
fn data_goes_through_whole_and_ff_is_doubled() {
    let all: Vec<u8> = (0..=255).collect();
    let mut telnet = telnet();
    telnet.send(&all);
    let wire = std::mem::take(telnet.replies());
    assert_eq!(wire.len(), 257);
    assert_eq!(hear(&mut telnet, &wire), (all, vec![], vec![]));
}

#[test]
fn how_bytes_are_cut_never_matters() {
    let mut bytes = b"AT\r\xff\xff".to_vec();
    bytes.extend([IAC, WILL, COM_PORT, IAC, WILL, 99]);
    bytes.extend(sub(1, &9600_u32.to_be_bytes()));
    bytes.extend(sub(5, &[11]));
    bytes.extend(b"+GMR\r\n");
    let whole = hear(&mut telnet(), &bytes);
    assert_eq!(whole.0, b"AT\r\xff+GMR\r\n");
    let mut telnet = telnet();
    let mut parts = (vec![], vec![], vec![]);
    for byte in bytes {
        let part = hear(&mut telnet, &[byte]);
        let before = parts.0.len();
        parts.0.extend(part.0);
        parts.1.extend(part.1.into_iter().map(|wish| match wish {
            Wish::Line(line, after) => Wish::Line(line, before + after),
            Wish::Pins(_) | Wish::Hold(_) => wish,
        }));
        parts.2.extend(part.2);
    }
    assert_eq!(parts, whole);
}

#[test]
fn offers_are_answered_once() {
    let mut telnet = telnet();
    // pyserial's first words.
    let first = [
        IAC,
        DO,
        ECHO,
        IAC,
        WILL,
        SUPPRESS_GO_AHEAD,
        IAC,
        DO,
        SUPPRESS_GO_AHEAD,
        IAC,
        DO,
        COM_PORT,
        IAC,
        WILL,
        COM_PORT,
    ];
    let mut answer = vec![IAC, WILL, COM_PORT];
    answer.extend(sub(7 + FROM_SERVER, &[MODEM_STATE]));
    assert_eq!(hear(&mut telnet, &first).2, answer);
    assert_eq!(hear(&mut telnet, &first).2, []);
    assert_eq!(hear(&mut telnet, &[IAC, WILL, 99]).2, [IAC, DONT, 99]);
    assert_eq!(hear(&mut telnet, &[IAC, DO, 99]).2, [IAC, WONT, 99]);
    assert_eq!(hear(&mut telnet, &[IAC, DONT, 99, IAC, WONT, 99]).2, []);
}

#[test]
fn a_host_without_binary_pads_its_cr_and_gets_them_padded() {
    let mut telnet = telnet();
    let (data, _, replies) = hear(&mut telnet, &[IAC, WONT, BINARY, IAC, DONT, BINARY]);
    assert_eq!(
        (data, replies),
        (vec![], vec![IAC, DONT, BINARY, IAC, WONT, BINARY])
    );
    assert_eq!(hear(&mut telnet, b"AT\r\0AT\r\nA\0").0, b"AT\rAT\r\nA\0");
    assert!(!telnet.sends_plain(b"x"));
    telnet.send(b"a\r\nb\rc\r");
    telnet.send(b"\n\r");
    telnet.send(b"d");
    assert_eq!(*telnet.replies(), b"a\r\nb\r\0c\r\n\r\0d");
}

#[test]
fn the_line_is_set_asked_and_answered() {
    let mut telnet = telnet();
    let reply = |command: u8, value: &[u8]| sub(command + FROM_SERVER, value);
    let line = |line: UartConfig| vec![Wish::Line(line, 0)];
    let baud = 74_880_u32.to_be_bytes();
    let (_, wishes, replies) = hear(&mut telnet, &sub(1, &baud));
    let set = UartConfig {
        baud: 74_880,
        ..LINE
    };
    assert_eq!((wishes, replies), (line(set), reply(1, &baud)));
    assert_eq!(hear(&mut telnet, &sub(1, &[0; 4])).2, reply(1, &baud));
    // A rate with an FF in it.
    let odd = 0xff_u32.to_be_bytes();
    assert_eq!(hear(&mut telnet, &sub(1, &odd)).2, reply(1, &odd));
    assert_eq!(hear(&mut telnet, &sub(2, &[7])).2, reply(2, &[7]));
    assert_eq!(hear(&mut telnet, &sub(2, &[9])).2, reply(2, &[7]));
    assert_eq!(hear(&mut telnet, &sub(3, &[3])).2, reply(3, &[3]));
    assert_eq!(hear(&mut telnet, &sub(3, &[5])).2, reply(3, &[3]), "space");
    assert_eq!(hear(&mut telnet, &sub(4, &[3])).2, reply(4, &[3]));
    assert_eq!(hear(&mut telnet, &sub(4, &[0])).2, reply(4, &[3]));
    assert_eq!(hear(&mut telnet, &sub(5, &[3])).2, reply(5, &[3]));
    let (_, wishes, replies) = hear(&mut telnet, &sub(5, &[2]));
    assert_eq!((wishes, replies), (vec![], reply(5, &[3])), "no XON");
    let now = UartConfig {
        baud: 255,
        data_bits: 7,
        stop_bits: 2,
        parity: 2,
        flow: 3,
    };
    assert_eq!(
        hear(&mut telnet, &sub(4, &[1])).1,
        line(UartConfig {
            stop_bits: 1,
            ..now
        })
    );
}

#[test]
fn pins_breaks_masks_and_holds() {
    let mut telnet = telnet();
    let reply = |command: u8, value: &[u8]| sub(command + FROM_SERVER, value);
    let pins = |dtr, rts| vec![Wish::Pins(Pins { dtr, rts })];
    let control = |telnet: &mut Telnet, n: u8| {
        let (_, wishes, replies) = hear(telnet, &sub(5, &[n]));
        let end = replies.len() - 2;
        assert_eq!(replies, reply(5, &replies[4..end]));
        (wishes, replies[4])
    };
    assert_eq!(control(&mut telnet, 8), (pins(true, false), 8));
    assert_eq!(control(&mut telnet, 7), (vec![], 8));
    assert_eq!(control(&mut telnet, 11), (pins(true, true), 11));
    assert_eq!(control(&mut telnet, 9), (pins(false, true), 9));
    assert_eq!(control(&mut telnet, 10), (vec![], 11));
    assert_eq!(control(&mut telnet, 12), (pins(false, false), 12));
    assert_eq!(control(&mut telnet, 4), (vec![], 6));
    assert_eq!(control(&mut telnet, 5), (vec![], 5));
    assert_eq!(control(&mut telnet, 4), (vec![], 5));
    assert_eq!(control(&mut telnet, 13), (vec![], 14));
    assert_eq!(hear(&mut telnet, &sub(5, &[99])).2, []);
    let mut both = reply(11, &[255]);
    both.extend(reply(7, &[MODEM_STATE]));
    assert_eq!(hear(&mut telnet, &sub(11, &[255])).2, both);
    assert_eq!(hear(&mut telnet, &sub(10, &[0])).2, reply(10, &[0]));
    assert_eq!(hear(&mut telnet, &sub(12, &[3])).2, reply(12, &[3]));
    assert_eq!(hear(&mut telnet, &sub(8, &[])).1, [Wish::Hold(true)]);
    assert_eq!(hear(&mut telnet, &sub(9, &[])).1, [Wish::Hold(false)]);
    let signature = hear(&mut telnet, &sub(0, &[])).2;
    assert!(
        signature.starts_with(&[IAC, SB, COM_PORT, 100]) && signature[4..].starts_with(b"espat ")
    );
    assert_eq!(hear(&mut telnet, &sub(0, b"somebody")).2, []);
}

#[test]
fn garbage_costs_neither_memory_nor_what_follows() {
    let mut telnet = telnet();
    let mut endless = vec![IAC, SB, COM_PORT];
    endless.extend([7; 100_000]);
    let (data, wishes, replies) = hear(&mut telnet, &endless);
    assert_eq!((wishes, replies), (vec![], vec![]));
    assert_eq!(data.len(), 100_001 - SUB_BYTES - 1);
    assert!(telnet.sub.capacity() <= 2 * SUB_BYTES);
    assert_eq!(hear(&mut telnet, b"AT\r\n").0, b"AT\r\n");
    // The end of a subnegotiation was lost: the next command counts.
    assert_eq!(
        hear(&mut telnet, &[IAC, SB, COM_PORT, 5, IAC, WILL, 99, b'A']).0,
        b"A"
    );
    for wrong in [
        &sub(1, &[1]),
        &sub(2, &[]),
        &sub(12, &[9]),
        &[IAC, SB, IAC, SE][..],
        &[IAC, SB, 7, IAC, SE],
    ] {
        assert_eq!(
            hear(&mut telnet, wrong),
            (vec![], vec![], vec![]),
            "{wrong:?}"
        );
    }
    // Commands of Telnet without a meaning here.
    assert_eq!(
        hear(&mut telnet, &[IAC, 241, IAC, 246, b'A', IAC, SE, b'T']).0,
        b"AT"
    );
}

#[test]
fn noise_is_read_the_same_however_it_is_cut() {
    let mut state = 7_u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    // Bytes that mean something come often.
    let known = [
        IAC, SB, SE, WILL, DO, WONT, DONT, COM_PORT, BINARY, 5, 11, b'\r', 0,
    ];
    let mut noise = vec![];
    for _ in 0..200_000 {
        let [byte, ..] = random().to_le_bytes();
        let is_known = random() % 2 == 0;
        noise.push(if is_known {
            known[usize::from(byte) % known.len()]
        } else {
            byte
        });
    }
    let whole = hear(&mut telnet(), &noise);
    let mut telnet = telnet();
    let (mut data, mut replies, mut rest) = (vec![], vec![], &noise[..]);
    while !rest.is_empty() {
        let n = (random() as usize % 100).min(rest.len());
        let part = hear(&mut telnet, &rest[..n]);
        data.extend(part.0);
        replies.extend(part.2);
        rest = &rest[n..];
    }
    assert!(data == whole.0 && replies == whole.2);
    assert!(telnet.sub.capacity() <= 2 * SUB_BYTES);
}
