//! A module behind a serial port, made ready for each transcript, and the transcript for it.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;

use espat_host::SerialName;
use espat_script::{Event, Plan, Request, Step, run_on};

use super::fit::{self, Module};
use super::line::Line;
use super::on_port::OnPort;
use super::peers::{Place, World};
use super::{Verdict, addresses, before};
use crate::cli::{OnPortOptions, Prepare};
use crate::failure::Usage;

/// How long an answer may take where nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// A module on the desk, and the sockets around it.
pub(super) struct Bench {
    line: Line,
    place: Place,
    prepare: Prepare,
    module: Module,
}

impl Bench {
    /// Opens the port.
    ///
    /// # Errors
    /// The option that cannot be followed.
    pub(super) fn open(port: &SerialName, options: &OnPortOptions) -> Result<Self, Usage> {
        let ip = options.ip.unwrap_or_else(reached_ip);
        let module_ip = options.module_ip.map(IpAddr::from);
        let place = Place {
            ip,
            ip6: options.ip6,
            // On loopback there is nobody else.
            module_ip: module_ip.or_else(|| ip.is_loopback().then_some(ip.into())),
            reach: options.reach.clone(),
            patience: options.patience.unwrap_or(PATIENCE),
        };
        Ok(Self {
            line: Line::open(port)?,
            place,
            prepare: options.prepare.unwrap_or_default(),
            module: Module {
                is_arranged: options.arranged,
                time_max: options.time_max,
            },
        })
    }

    /// Runs a transcript, where that can be done.
    pub(super) fn play(&mut self, plan: &mut Plan) -> Verdict {
        let needs = match fit::needs(plan, self.module) {
            Ok(needs) => needs,
            Err(why) => return Verdict::Skipped(why.to_owned()),
        };
        if needs
            .servers
            .iter()
            .any(|port| !self.place.knows_server(*port))
        {
            let why = "its clients need to know where the module is: --module-ip, or --reach";
            return Verdict::Skipped(why.to_owned());
        }
        let world = match World::open(&needs, plan, &self.place) {
            Ok(world) => world,
            Err(why) => return Verdict::Failed(why),
        };
        plan.rewrite(|step| shown(step).then(|| addresses::replaced(step, &world.addresses)));
        if let Err(why) = self.prepare() {
            return Verdict::Failed(why);
        }
        if self.prepare != Prepare::None {
            plan.leave_boot_out();
        }
        let names = world.names.clone();
        let patience = self.place.patience;
        let mut target = OnPort::new(&mut self.line, world, patience, names);
        match run_on(plan, &mut target) {
            Ok(_) => Verdict::Held,
            Err(error) => Verdict::Failed(format!("{}{error}", before(&error))),
        }
    }

    /// Brings the module to where a transcript begins: it was reset and says `ready` next.
    fn prepare(&mut self) -> Result<(), String> {
        let command = match self.prepare {
            Prepare::None => return Ok(()),
            Prepare::Reset => "AT+RST",
            Prepare::Restore => "AT+RESTORE",
        };
        self.wake()?;
        let patience = self.place.patience;
        self.line
            .write(format!("{command}\r\n").as_bytes(), patience)?;
        match self.line.until(b"OK\r\n", patience)? {
            Some(_) => Ok(()),
            None => Err(format!(
                "the module does not answer {command} in {patience:?}"
            )),
        }
    }

    /// Finds the module at rest, whatever it was doing.
    fn wake(&mut self) -> Result<(), String> {
        const TRIES: usize = 4;
        /// Around `+++`, which ends passthrough.
        const GUARD: Duration = Duration::from_millis(1200);
        for _ in 0..TRIES {
            // What the port's opening, or the last transcript, still brings.
            self.line.settle(QUIET, self.place.patience)?;
            self.line.write(b"AT\r\n", self.place.patience)?;
            if self.line.until(b"OK\r\n", ANSWER)?.is_some() {
                self.line.settle(QUIET, self.place.patience)?;
                return Ok(());
            }
            self.line.write(b"+++", self.place.patience)?;
            std::thread::sleep(GUARD);
        }
        Err(
            "the module does not answer AT: is it powered, is the rate right (--port DEVICE@BAUD), are RX and TX crossed?"
                .to_owned(),
        )
    }
}

/// How long a module that is at rest says nothing.
const QUIET: Duration = Duration::from_millis(100);
/// How long a plain AT may take.
const ANSWER: Duration = Duration::from_secs(1);

/// Whether a step can be seen from outside: what the flash is asked and answers cannot.
fn shown(step: &Step) -> bool {
    !matches!(
        step,
        Step::Ask(Request::Store(_)) | Step::World(Event::Stored(_))
    )
}

/// This computer's address on the way to others: nothing is sent to find it.
fn reached_ip() -> Ipv4Addr {
    let found = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        // An address of a documentation network: the route to it is the one to everywhere.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    match found.map(|addr| addr.ip()) {
        Ok(IpAddr::V4(ip)) if !ip.is_unspecified() => ip,
        Ok(_) | Err(_) => Ipv4Addr::LOCALHOST,
    }
}
