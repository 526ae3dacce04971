//! docs/profiles.md: the firmware lines, their values and what these rest on.

use std::fmt::Write;

use espat_core::Profile;
use espat_core::profile::{Mark, PROFILES};

const MARKS: &[(Mark, &str)] = &[
    (Mark::Documented, "the vendor's documents say so"),
    (Mark::Source, "open sources say so"),
    (
        Mark::Transcript,
        "a module printed it, and somebody published that",
    ),
    (
        Mark::Strings,
        "it follows from a text in a released firmware library",
    ),
    (Mark::Driver, "a host driver that is in use depends on it"),
    (Mark::Inferred, "it follows from other evidence"),
    (
        Mark::Extrapolated,
        "nothing was found for this line: it is that of the nearest one",
    ),
    (Mark::Decided, "nothing was found at all"),
];

pub(super) fn text() -> String {
    let mut text = String::from(
        "# Profiles\n\n\
         Made by `cargo xtask docs` from the profiles that the module itself works with. `espat profiles` prints the same,\n\
         `espat profiles A B` two of them side by side. `--profile` takes a name of this page, or a chip's (`esp32`) for its newest line.\n\
         What all lines do beyond the manual, and how that is known, is in [behaviour.md](behaviour.md).\n\n\
         | profile | chip | firmware | nearest line | read for it |\n|---|---|---|---|---|\n",
    );
    for p in PROFILES {
        let nearest = p.nearest.map_or("", |p| p.name);
        // Writing to a String never fails.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {nearest} | {} |",
            p.name, p.chip, p.version, p.source
        );
    }
    text.push_str(
        "\nA value is known in one of these ways, the surest first:\n\n| known by | meaning |\n|---|---|\n",
    );
    for (mark, meaning) in MARKS {
        let _ = writeln!(text, "| {mark} | {meaning} |");
    }
    for profile in PROFILES {
        write_profile(&mut text, profile);
    }
    text
}

fn write_profile(text: &mut String, profile: &Profile) {
    let default = PROFILES[0];
    let is_default = profile.name == default.name;
    let heading = if is_default {
        "The default. Every value.\n\n| value | what it is | here | known by | source |\n|---|---|---|---|---|"
    } else {
        "What differs from the default.\n\n| value | here | default | known by | source |\n|---|---|---|---|---|"
    };
    let _ = writeln!(text, "\n## {}\n\n{heading}", profile.name);
    for (here, there) in profile.values().into_iter().zip(default.values()) {
        if !is_default && here.text == there.text {
            continue;
        }
        let (Some(mark), Some(basis)) = (profile.mark(&here.name), profile.basis(&here.name))
        else {
            continue;
        };
        let source = if basis.of == profile.name {
            basis.evidence.source.to_owned()
        } else {
            let evidence = basis.evidence;
            format!("{}, {}: {}", basis.of, evidence.mark, evidence.source)
        };
        let [first, second] = if is_default {
            [here.about.replace('|', "\\|"), cell(&here.text)]
        } else {
            [cell(&here.text), cell(&there.text)]
        };
        let _ = writeln!(
            text,
            "| `{}` | {first} | {second} | {mark} | {} |",
            here.name,
            cell(&source)
        );
    }
}

/// Text that means itself in a table.
fn cell(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace('<', "\\<")
}
