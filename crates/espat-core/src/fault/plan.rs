//! Fault plans: what goes wrong, and when. Plain data; docs/faults.md describes what each value means.

use alloc::string::String;
use alloc::vec::Vec;

use super::action::Action;
use super::pattern::Pattern;
use super::state::ReportPlace;
use crate::output::Mark;
use crate::time::Duration;

/// A plan: rules, and the seed of everything in it that is left to chance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// What it is called.
    pub name: String,
    /// Where its chance comes from, apart from the module's.
    pub seed: u64,
    /// What happens when.
    pub rules: Vec<Rule>,
}

/// When, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, by which other rules of the plan wait for it.
    pub name: Option<String>,
    /// When.
    pub trigger: Trigger,
    /// What, in this order.
    pub actions: Vec<Action>,
    /// How often at most; `None`: as often as its moment comes.
    pub times: Option<u32>,
}

/// When a rule acts: at its moment, where everything else that is asked for holds too.
///
/// The moment is, of these, the first that is given: a run of serial bytes or a request of the module, where the action works on
/// one; the event; the command; the bytes moved; the time since power-on; the state; and where nothing is given the plan's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trigger {
    /// The command line, as it was accepted: at that moment, or the last one.
    pub command: Option<Pattern>,
    /// Which of the moments; counted from 1, where everything but chance holds.
    pub occurrence: Occurrence,
    /// The link: the one that the moment is about, or one that is open.
    pub link: Option<u8>,
    /// So many bytes have moved.
    pub moved: Option<Moved>,
    /// So long after power-on.
    pub uptime: Option<Duration>,
    /// Something happens.
    pub event: Option<EventKind>,
    /// So long after its moment the rule acts.
    pub after: Duration,
    /// The module is in this state.
    pub state: Option<StateKind>,
    /// How likely it is.
    pub probability: Probability,
    /// What the serial bytes are.
    pub mark: Option<RunMark>,
    /// What the serial bytes say.
    pub text: Option<Pattern>,
}

/// Which of its moments a rule acts at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Occurrence {
    /// At each.
    #[default]
    Each,
    /// At these; counted from 1.
    These(Vec<u32>),
    /// At every n-th.
    Every(u32),
    /// At the n-th and all after it.
    From(u32),
}

impl Occurrence {
    /// Whether the `n`-th moment is one; counted from 1.
    #[must_use]
    pub fn has(&self, n: u32) -> bool {
        match self {
            Self::Each => true,
            Self::These(these) => these.contains(&n),
            Self::Every(every) => *every > 0 && n.is_multiple_of(*every),
            Self::From(from) => n >= *from,
        }
    }
}

/// A number of bytes, and which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which bytes.
    pub what: Counter,
    /// How many, since the plan was started.
    pub bytes: u64,
}

/// Bytes that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// From the host MCU.
    SerialIn,
    /// To the host MCU, as the module made them.
    SerialOut,
    /// Payload that the module gave to a link.
    LinkSent,
    /// Payload that a link gave to the module.
    LinkReceived,
    /// Bytes of an upgrade that the module wrote into its flash. Actions on links then work on the link to the upgrade's server.
    Upgraded,
}

/// How likely something is, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probability(pub u32);

impl Probability {
    /// It always happens.
    pub const CERTAIN: Self = Self(1_000_000);
}

impl Default for Probability {
    fn default() -> Self {
        Self::CERTAIN
    }
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The module starts, or starts again.
    Reset,
    /// It says `ready`.
    Ready,
    /// The station has joined its access point.
    WifiConnected,
    /// The station has its address.
    GotIp,
    /// The station lost or left its access point.
    WifiLost,
    /// The module asks for a name's addresses.
    Resolve,
    /// The module opens a link.
    Dial,
    /// A link is open.
    Connect,
    /// A link gave payload.
    Data,
    /// The module gives a link payload to send.
    Send,
    /// The network took payload.
    Sent,
    /// A link has ended.
    Closed,
    /// A command has had its result.
    Result,
    /// The `>` came out.
    Prompt,
    /// Another rule of the plan acted.
    Rule(String),
}

/// What the module is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKind {
    /// It takes a command.
    Idle,
    /// A command is running.
    Busy,
    /// A command waits for payload.
    Payload,
    /// Raw bytes pass between the serial port and a link.
    Passthrough,
    /// It takes nothing: it boots, sleeps or is off.
    Down,
    /// The station has its address.
    Joined,
    /// The station has none.
    Unjoined,
    /// A link is open.
    LinkOpen,
    /// No link is open.
    NoLink,
    /// `AT+CIPDNS` has set no name servers: those of the network count.
    DnsUnset,
}

/// What a run of serial bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunMark {
    /// Output of this mark.
    Out(Mark),
    /// Input that is part of a command line.
    Line,
    /// Input that a command or a link takes as it is.
    Data,
}

impl Rule {
    /// Where it puts reports, and how long they wait for it.
    pub(super) fn puts_report(&self) -> Option<(ReportPlace, Duration)> {
        self.actions.iter().find_map(|action| {
            if let Action::PutReport { place, hold } = action {
                Some((*place, *hold))
            } else {
                None
            }
        })
    }

    /// The rule's moment.
    #[must_use]
    pub fn moment(&self) -> MomentKind {
        let trigger = &self.trigger;
        let of_action = self.actions.iter().find_map(Action::moment);
        if let Some(moment) = of_action {
            moment
        } else if let Some(mark) = trigger.mark {
            let is_out = matches!(mark, RunMark::Out(_));
            MomentKind::Run(if is_out { Way::Out } else { Way::In })
        } else if trigger.text.is_some() {
            MomentKind::Run(Way::Out)
        } else if trigger.event.is_some() {
            MomentKind::Event
        } else if trigger.command.is_some() {
            MomentKind::Command
        } else if trigger.moved.is_some() {
            MomentKind::Moved
        } else if trigger.uptime.is_some() {
            MomentKind::Uptime
        } else if trigger.state.is_some() {
            MomentKind::State
        } else {
            MomentKind::Start
        }
    }
}

/// A direction on the serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the module to the host MCU.
    Out,
    /// From the host MCU to the module.
    In,
}

/// What kind of moment a rule acts at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentKind {
    /// The plan's start.
    Start,
    /// A command line, before the module gets its end.
    Command,
    /// A run of serial bytes.
    Run(Way),
    /// An event.
    Event,
    /// A request of the module or the network's answer to it.
    Request(RequestKind),
    /// A number of bytes.
    Moved,
    /// A time since power-on.
    Uptime,
    /// The beginning of a state.
    State,
}

/// What the module asks of the network, where an action works on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A name's addresses.
    Resolve,
    /// Opening a link over TCP or UDP.
    Connect,
    /// Opening a link over TLS.
    Handshake,
    /// The time.
    TimeSync,
    /// Opening a socket of an upgrade.
    Upgrade,
    /// Payload to send.
    Send,
    /// Payload that arrives.
    Data,
}
