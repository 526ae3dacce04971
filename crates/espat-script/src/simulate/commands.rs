//! What a host MCU says: plausible lines, settings, and lines that make no sense.

use super::dice::Dice;

/// A command with what the host MCU knows about it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) text: String,
    /// The link that it is about.
    pub(super) link: u8,
    pub(super) is_datagram: bool,
}

const JOINS: &[&str] = &[
    "AT+CWMODE=1",
    "AT+CWMODE=3",
    "AT+CWJAP=\"espat\",\"password\"",
    "AT+CWJAP=\"espat\",\"password\"",
    "AT+CWJAP=\"espat\",\"password\"",
    "AT+CWJAP=\"espat\",\"wrong\"",
    "AT+CWJAP=\"mute\",\"password\"",
    "AT+CWJAP=\"poor\",\"password\"",
    "AT+CWJAP=\"nobody\",\"password\"",
    "AT+CWJAP",
    "AT+CWQAP",
    "AT+CWLAP",
];

const SETTINGS: &[&str] = &[
    "AT+CWMODE=0",
    "AT+CWMODE=1",
    "AT+CWMODE=2",
    "AT+CWMODE=3",
    "AT+SYSMSG=0",
    "AT+SYSMSG=1",
    "AT+SYSMSG=4",
    "AT+SYSMSG=7",
    "AT+SYSSTORE=0",
    "AT+SYSSTORE=1",
    "AT+SYSSTORE=1",
    "AT+UART_DEF=9600,8,1,0,0",
    "AT+UART_DEF=115200,8,1,0,0",
    "AT+UART_CUR=57600,8,1,0,0",
    "AT+CWAUTOCONN=0",
    "AT+CWAUTOCONN=1",
    "AT+CWDHCP=0,1",
    "AT+CWDHCP=1,3",
    "AT+CWDHCPS=1,10,\"192.168.4.10\",\"192.168.4.20\"",
    "AT+CWDHCPS=0",
    "AT+CWSAP=\"softap\",\"password\",5,3",
    "AT+CWSAP=\"other\",\"\",1,0",
    "AT+CWRECONNCFG=1,10",
    "AT+CWRECONNCFG=0,0",
    "AT+CIPRECONNINTV=1",
    "AT+CIPRECONNINTV=50",
    "AT+CIPTCPOPT=0,1,1,1000",
    "AT+CIPTCPOPT=3,-1,0,0",
    "AT+CIPSTAMAC=\"1a:fe:35:98:d3:7b\"",
    "AT+CIPAP=\"192.168.5.1\",\"192.168.5.1\",\"255.255.255.0\"",
    "AT+CIPSTA=\"192.168.6.100\",\"192.168.6.1\",\"255.255.255.0\"",
    "AT+CWSTAPROTO=7",
    "AT+CIPDNS=0",
    "AT+CIPDNS=1",
    "AT+CIPDNS=1,\"192.0.2.53\",\"192.0.2.54\"",
    "AT+CIPV6=0",
    "AT+CIPV6=1",
    "AT+SAVETRANSLINK=1,\"192.0.2.1\",1002,\"TCP\"",
    "AT+SAVETRANSLINK=1,\"192.0.2.1\",1002,\"UDP\",1005",
    "AT+SAVETRANSLINK=1,\"example.com\",80",
    "AT+SAVETRANSLINK=0",
    "AT+SAVETRANSLINK=0",
];

const LINKS: &[&str] = &[
    "AT+CIPMUX=1",
    "AT+CIPMUX=0",
    "AT+CIPMODE=1",
    "AT+CIPMODE=0",
    "AT+CIPMODE=0",
    "AT+CIPSEND",
    "AT+CIPSEND",
    "AT+CIPSERVER=1,80",
    "AT+CIPSERVER=1,80",
    "AT+CIPSERVER=0",
    "AT+CIPSERVER=0,1",
    "AT+CIPSERVERMAXCONN=2",
    "AT+CIPSTO=1",
    "AT+CIPSTO=100",
    "AT+CIPDINFO=1",
    "AT+CIPDINFO=0",
    "AT+CIPSTATUS",
    "AT+CIFSR",
    "AT+CIPRECVLEN?",
    "AT+CIPDOMAIN=\"example.com\"",
    "AT+CIPSSLCCONF=0,0",
    "AT+PING=\"192.0.2.1\"",
    "AT+PING=\"example.com\"",
    "AT+CIPSNTPCFG=1,8,\"192.0.2.1\",\"example.com\"",
    "AT+CIPSNTPCFG=1,0",
    "AT+CIPSNTPCFG=0,0",
    "AT+CIPSNTPTIME?",
    "AT+CIPSNTPINTV=15",
    "AT+CIPSTATE?",
    "AT+CIPRECVTYPE=5,0",
    "AT+CIPRECVTYPE=0,1",
    "AT+CIPRECVTYPE=1",
    "AT+CIPCONNPERSIST=1",
    "AT+CIPCONNPERSIST=0",
    "AT+CIPTCPOPT=0,1,0,500,60",
];

const UPGRADES: &[&str] = &[
    "AT+CIUPDATE",
    "AT+CIUPDATE=1,\"v1.0\",\"ota\"",
    "AT+CIUPDATE=0,\"v1.0\",\"client_ca\"",
    "AT+CIUPDATE=0,\"v1.0\",\"ota\",1",
    "AT+CIUPDATE=0,\"v1.0\",\"mqtt_key\",1",
    "AT+CIUPDATE=0,\"v1.0\",\"nothing\",1",
    "AT+CIUPDATE?",
];

const STARTS: &[(&str, bool)] = &[
    ("\"TCP\",\"192.0.2.1\",80", false),
    ("\"TCP\",\"192.0.2.1\",80", false),
    ("\"TCP\",\"192.0.2.1\",80,60", false),
    ("\"TCP\",\"example.com\",80", false),
    ("\"TCP\",\"192.0.2.1\",80,,,500", false),
    ("\"UDP\",\"192.0.2.1\",1000", true),
    ("\"UDP\",\"192.0.2.1\",1000,2000,2", true),
    ("\"UDP\",\"example.com\",1000,2000,0", true),
];

const ENDS: &[&str] = &["AT+RST", "AT+RST", "AT+RESTORE", "AT+GSLP=500"];

const MISTAKES: &[&str] = &[
    "AT+NOSUCH",
    "AT+CIPSTART=\"TCP\"",
    "AT+CIPMUX=9",
    "AT+CIPSEND=99999",
    "AT+CIPCLOSE=9",
    "AT+CWMODE=\"x\"",
    "at",
    "hello",
    "AT+CIPRECVDATA=0",
];

const PLAIN: &[&str] = &[
    "AT",
    "AT",
    "ATE0",
    "ATE1",
    "AT+GMR",
    "AT+SYSRAM?",
    "AT+CMD?",
];

impl Line {
    /// A line that a host MCU might send now. `links`: the numbers of the links that there are.
    pub(super) fn any(dice: &mut Dice, links: &[u8], multi: bool) -> Self {
        let link = if multi { dice.below(5) } else { 0 };
        let mut link = u8::try_from(link).unwrap_or_default();
        if let Some(&used) = dice.pick(links)
            && multi
            && dice.percent(80)
        {
            link = used;
        }
        let of_link = |name: &str, rest: &str| {
            if multi {
                format!("AT+{name}={link},{rest}")
            } else {
                format!("AT+{name}={rest}")
            }
        };
        let mut is_datagram = false;
        let len = 1 + if dice.percent(85) {
            dice.below(64)
        } else {
            dice.below(8192)
        };
        let text = match dice.below(100) {
            0..12 => one(dice, JOINS),
            12..27 => one(dice, SETTINGS),
            27..42 => one(dice, LINKS),
            42..60 => {
                let (rest, udp) = *dice.pick(STARTS).unwrap_or(&STARTS[0]);
                is_datagram = udp;
                of_link("CIPSTART", rest)
            }
            60..76 => of_link("CIPSEND", &len.to_string()),
            76..79 => of_link("CIPSENDEX", &len.to_string()),
            79..86 => of_link("CIPRECVDATA", &len.to_string()),
            86..89 if multi => format!("AT+CIPCLOSE={link}"),
            86..89 => "AT+CIPCLOSE".into(),
            89..91 => format!("AT+CIPRECVMODE={}", dice.below(2)),
            91 => one(dice, ENDS),
            92..95 => one(dice, MISTAKES),
            95..97 => one(dice, UPGRADES),
            _ => one(dice, PLAIN),
        };
        Self {
            text,
            link,
            is_datagram,
        }
    }
}

fn one(dice: &mut Dice, from: &[&str]) -> String {
    dice.pick(from).copied().unwrap_or("AT").to_owned()
}
