//! The transcripts of `tests/at` on the real thing: `espat replay --port` against `espat run` on a PTY, with the peers of its links on
//! real sockets.
//!
//! A transcript runs here where its world can be played on loopback in less than three seconds; the others say why not. The
//! clock is the machine's, and so one that does not hold is given two more tries, and named.
//!
//! `AT=cipsend cargo test -p espat --test espat transcripts -- --nocapture` runs those whose path has that in it, and says of
//! each that does not run why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use espat_core::{LogPort, ModuleConfig, Profile, Reports, Terminator, Timing};
use espat_script::{Event, Givens, NetAsk, NetHappening, Plan, Request, Script, Step};

use crate::harness::{self, Espat, Scratch};

const TRIES: usize = 3;
/// More than there are cores: most of the time they wait.
const AT_ONCE: usize = 6;
/// The station's address in the transcripts; here sockets are bound to it.
const SIMULATED_IP: &str = "192.0.2.50";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/at")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn is_transcript(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "at")
}

fn is_given(path: &Path) -> bool {
    path.parent().is_some_and(|p| p.ends_with("_given"))
}

/// Copies the transcripts and what they name to where the station's address is that of this computer.
fn localised(files: &[PathBuf], to: &Path) -> Vec<PathBuf> {
    let root = root();
    let copy = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let copy = to.join(path.strip_prefix(&root).unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::write(&copy, text.replace(SIMULATED_IP, "127.0.0.1")).unwrap();
        copy
    };
    files.iter().map(copy).collect()
}

/// How a transcript went.
enum Outcome {
    Held,
    /// Not at first.
    HeldAgain(String),
    Failed(String),
    DoesNotFit(String),
}

fn play(path: &Path, givens: &Givens, given: &Path) -> Outcome {
    let text = std::fs::read_to_string(path).unwrap();
    let script = Script::parse(&text, &path.display().to_string()).unwrap();
    let plan = Plan::new(&script, givens).unwrap_or_else(|e| panic!("{e}"));
    if Profile::find(plan.config.profile.name).is_none() {
        return Outcome::DoesNotFit("its profile is for tests only".to_owned());
    }
    let mut first = None;
    for _ in 0..TRIES {
        let (code, said, log) = replay(path, given, &plan);
        let skip = said.lines().find_map(|line| line.strip_prefix("skip  "));
        match (code, skip) {
            (Some(0), None) => return first.map_or(Outcome::Held, Outcome::HeldAgain),
            (Some(0), Some(skip)) => {
                let why = skip.rsplit_once(": ").unwrap().1;
                return Outcome::DoesNotFit(why.to_owned());
            }
            _ => {
                first.get_or_insert_with(|| format!("{said}\nlog:\n{log}"));
            }
        }
    }
    Outcome::Failed(first.unwrap_or_default())
}

/// Starts the module that a transcript wants, and runs it there: exit code, what `replay` says, and the module's log.
fn replay(path: &Path, given: &Path, plan: &Plan) -> (Option<i32>, String, String) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let scratch = Scratch::new(&format!("at-{count}"));
    let link = scratch.path("port");
    let (module, reach) = options_of(plan);
    let module: Vec<&str> = module.iter().map(String::as_str).collect();
    let mut options = vec!["--pty", link.to_str().unwrap()];
    options.extend(module);
    let espat = Espat::start(&options);
    espat.line();
    let output = harness::espat()
        .args(["replay", "--prepare", "none", "--arranged"])
        .args(["--ip", "127.0.0.1", "--ip6", "::1", "--time-max", "3"])
        .args(["--patience", "8", "--port"])
        .arg(&link)
        .arg("--given")
        .arg(given)
        .args(reach)
        .arg(path)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.code(), said, espat.log())
}

/// The options that make the module of a transcript, and those that say where its servers are.
fn options_of(plan: &Plan) -> (Vec<String>, Vec<String>) {
    let (mut module, mut reach) = (of_config(&plan.config), Vec::new());
    let mut names = BTreeMap::new();
    for step in plan.steps() {
        match step {
            Step::Ask(Request::Net(_, NetAsk::Listen { port, .. })) => {
                let at = format!("{port}={}", harness::free_place());
                module.extend(["--publish".to_owned(), at.clone()]);
                reach.extend(["--reach".to_owned(), at]);
            }
            Step::Ask(Request::Net(query, NetAsk::Resolve { name, .. })) => {
                names.insert(*query, name.clone());
            }
            Step::World(Event::Net(query, NetHappening::Resolved(ips))) => {
                if let (Some(name), Some(ip)) = (names.get(query), ips.first()) {
                    module.extend(["--map".to_owned(), format!("{name}={ip}")]);
                }
            }
            Step::Send(_) | Step::Expect(_) | Step::Ask(_) | Step::World(_) | Step::Time(_) => {}
        }
    }
    (module, reach)
}

fn of_config(config: &ModuleConfig) -> Vec<String> {
    let mut options: Vec<_> = ["--offline", "--log", "warn"].map(str::to_owned).into();
    let mut option = |name: &str, value: String| options.extend([name.to_owned(), value]);
    let timing = match config.timing {
        Timing::Realistic => "realistic",
        Timing::Fast => "fast",
    };
    option("--timing", timing.to_owned());
    option("--profile", config.profile.name.to_owned());
    option("--seed", config.seed.to_string());
    if config.reports == Reports::Anywhere {
        option("--reports", "anywhere".to_owned());
    }
    if config.terminator == Terminator::Lenient {
        option("--terminator", "lenient".to_owned());
    }
    if config.log_port == LogPort::Shared {
        option("--log-port", "shared".to_owned());
    }
    for ap in &config.air.access_points {
        let (ssid, password) = (
            String::from_utf8_lossy(&ap.ssid),
            String::from_utf8_lossy(&ap.password),
        );
        option("--ap", format!("{ssid}={password}"));
    }
    for station in &config.air.stations {
        let ip = station.ip.map(|ip| format!("={ip}")).unwrap_or_default();
        option("--station", format!("{}{ip}", station.mac));
    }
    options
}

#[test]
fn transcripts_hold_on_a_pty_with_real_peers() {
    let filter = std::env::var("AT").unwrap_or_default();
    let mut files = Vec::new();
    collect(&root(), &mut files);
    files.sort();
    let root = root();
    files.retain(|path| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy();
        is_given(path) || !is_transcript(path) || name.contains(&filter)
    });
    let scratch = Scratch::new("transcripts");
    let copies = scratch.path("at");
    let mut files = localised(&files, &copies);
    let given = copies.join("_given");
    let givens = Givens::read(&given).unwrap_or_else(|e| panic!("{e}"));
    files.retain(|path| is_transcript(path) && !is_given(path));
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = play(path, &givens, &given);
                    outcomes.lock().unwrap().push((path, outcome));
                }
            });
        }
    });
    report(&copies, outcomes.into_inner().unwrap(), &filter);
}

fn report(root: &Path, outcomes: Vec<(&PathBuf, Outcome)>, filter: &str) {
    let (mut held, mut failures) = (0, Vec::new());
    let mut unfit: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, outcome) in outcomes {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        match outcome {
            Outcome::Held => held += 1,
            Outcome::HeldAgain(first) => {
                held += 1;
                println!("{name} did not hold at once:\n{first}");
            }
            Outcome::Failed(failure) => failures.push(failure),
            Outcome::DoesNotFit(why) => unfit.entry(why).or_default().push(name),
        }
    }
    println!(
        "{held} transcripts held on a PTY, {} failed",
        failures.len()
    );
    for (why, names) in unfit {
        println!("{} not run: {why}", names.len());
        if !filter.is_empty() {
            println!("    {}", names.join("\n    "));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(!filter.is_empty() || held > 200, "only {held} were run");
}
