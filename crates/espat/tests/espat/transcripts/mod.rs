//! The transcripts of `tests/at` on the real thing: the binary on a PTY, with the peers of its links on real sockets.
//!
//! A transcript runs here where its world can be played on loopback in less than three seconds; the others say why not. The
//! clock is the machine's, and so one that does not hold is given two more tries, and named.
//!
//! `AT=cipsend cargo test -p espat --test espat transcripts -- --nocapture` runs those whose path has that in it, and says of
//! each that does not run why.

mod fit;
mod target;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use espat_script::{Givens, Plan, Script, run_on};

use self::target::OnPty;
use self::world::World;

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
        } else if path.extension().is_some_and(|e| e == "at") {
            files.push(path);
        }
    }
}

fn parse(path: &Path) -> Script {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.replace(SIMULATED_IP, "127.0.0.1");
    let root = root();
    let name = path.strip_prefix(&root).unwrap().display().to_string();
    Script::parse(&text, &name).unwrap_or_else(|e| panic!("{e}"))
}

fn givens(files: &[PathBuf]) -> Givens {
    let mut givens = Givens::default();
    for path in files.iter().filter(|path| is_given(path)) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        givens.insert(name, parse(path));
    }
    givens
}

fn is_given(path: &Path) -> bool {
    path.parent().is_some_and(|p| p.ends_with("_given"))
}

/// How a transcript went.
enum Outcome {
    Held,
    /// Not at first.
    HeldAgain(String),
    Failed(String),
    DoesNotFit(&'static str),
}

fn play(plan: &Plan) -> Outcome {
    let world = match fit::world(plan) {
        Ok(world) => world,
        Err(why) => return Outcome::DoesNotFit(why),
    };
    let mut first = None;
    for _ in 0..TRIES {
        let mut target = OnPty::start(plan, World::open(&world));
        match run_on(plan, &mut target) {
            Ok(_) => return first.map_or(Outcome::Held, Outcome::HeldAgain),
            Err(error) => {
                let failure = format!("{error}\nlog:\n{}", target.log());
                first.get_or_insert(failure);
            }
        }
    }
    Outcome::Failed(first.unwrap_or_default())
}

#[test]
fn transcripts_hold_on_a_pty_with_real_peers() {
    let filter = std::env::var("AT").unwrap_or_default();
    let mut files = Vec::new();
    collect(&root(), &mut files);
    files.sort();
    let givens = givens(&files);
    let root = root();
    files.retain(|path| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy();
        !is_given(path) && name.contains(&filter)
    });
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let plan = Plan::new(&parse(path), &givens).unwrap_or_else(|e| panic!("{e}"));
                    outcomes.lock().unwrap().push((path, play(&plan)));
                }
            });
        }
    });
    report(&root, outcomes.into_inner().unwrap(), &filter);
}

fn report(root: &Path, outcomes: Vec<(&PathBuf, Outcome)>, filter: &str) {
    let (mut held, mut failures) = (0, Vec::new());
    let mut unfit: BTreeMap<&str, Vec<String>> = BTreeMap::new();
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
