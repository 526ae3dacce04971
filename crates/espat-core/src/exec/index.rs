//! Names of commands to rows of the table, made by the compiler. Every line asks here, and the rows lie far apart: a walk
//! over them all costs more than the rest of a short command.

use super::table::Command;
use crate::commands::FAMILIES;

/// The hash of each name and its row, in the order of the hashes.
static INDEX: [(u32, &Command); COUNT] = index();

const COUNT: usize = count();

/// Finds a row by its name in upper case.
pub(super) fn find(name: &[u8]) -> Option<&'static Command> {
    let place = INDEX.binary_search_by_key(&hash(name), |(hash, _)| *hash);
    let (_, command) = INDEX[place.ok()?];
    (command.name.as_bytes() == name).then_some(command)
}

/// FNV-1a.
const fn hash(name: &[u8]) -> u32 {
    let mut hash = 0x811c_9dc5;
    let mut i = 0;
    while i < name.len() {
        hash = (hash ^ name[i] as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    hash
}

const fn count() -> usize {
    let (mut rows, mut family) = (0, 0);
    while family < FAMILIES.len() {
        let files = FAMILIES[family].1;
        let mut file = 0;
        while file < files.len() {
            rows += files[file].len();
            file += 1;
        }
        family += 1;
    }
    rows
}

const fn index() -> [(u32, &'static Command); COUNT] {
    let mut index = [(0, &FAMILIES[0].1[0][0]); COUNT];
    let (mut rows, mut family) = (0, 0);
    while family < FAMILIES.len() {
        let files = FAMILIES[family].1;
        let mut file = 0;
        while file < files.len() {
            let mut row = 0;
            while row < files[file].len() {
                insert(&mut index, rows, &files[file][row]);
                rows += 1;
                row += 1;
            }
            file += 1;
        }
        family += 1;
    }
    index
}

/// Puts a row at its place among the first `rows`.
const fn insert(
    index: &mut [(u32, &'static Command); COUNT],
    rows: usize,
    command: &'static Command,
) {
    let hash = hash(command.name.as_bytes());
    let mut place = rows;
    while place > 0 && index[place - 1].0 >= hash {
        assert!(index[place - 1].0 != hash, "two names have one hash");
        index[place] = index[place - 1];
        place -= 1;
    }
    index[place] = (hash, command);
}
