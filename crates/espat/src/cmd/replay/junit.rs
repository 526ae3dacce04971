//! The report of `--junit`.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Outcome, Verdict};

/// A suite with a case a transcript.
pub(super) fn junit(outcomes: &[Outcome]) -> String {
    let count = |is: fn(&Verdict) -> bool| outcomes.iter().filter(|o| is(&o.verdict)).count();
    let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
    let skipped = count(|verdict| matches!(verdict, Verdict::Skipped(_)));
    let took: Duration = outcomes.iter().map(|o| o.took).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String never fails.
    let _ = writeln!(
        xml,
        "<testsuite name=\"espat replay\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\" time=\"{:.3}\">",
        outcomes.len(),
        took.as_secs_f64()
    );
    for outcome in outcomes {
        let name = escaped(&outcome.name);
        let took = outcome.took.as_secs_f64();
        let _ = write!(
            xml,
            "  <testcase classname=\"transcript\" name=\"{name}\" time=\"{took:.3}\""
        );
        let _ = match &outcome.verdict {
            Verdict::Held => writeln!(xml, "/>"),
            Verdict::Skipped(why) => {
                let why = escaped(why);
                writeln!(xml, ">\n    <skipped message=\"{why}\"/>\n  </testcase>")
            }
            Verdict::Failed(failure) => {
                let first = escaped(failure.lines().next().unwrap_or_default());
                let all = escaped(failure);
                writeln!(
                    xml,
                    ">\n    <failure message=\"{first}\">{all}</failure>\n  </testcase>"
                )
            }
        };
    }
    xml.push_str("</testsuite>\n");
    xml
}

/// Text for XML; characters that XML cannot hold become `?`.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' | '\t' => xml.push(c),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => xml.push('?'),
            _ => xml.push(c),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_well_formed_whatever_the_bytes() {
        let outcome = |verdict| Outcome {
            name: "a<b>.at".to_owned(),
            took: Duration::from_millis(1500),
            verdict,
        };
        let xml = junit(&[
            outcome(Verdict::Held),
            outcome(Verdict::Failed("\"x\" & \x1b[0m\nmore".to_owned())),
            outcome(Verdict::Skipped("<no>".to_owned())),
        ]);
        assert!(
            xml.contains("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"4.500\""),
            "{xml}"
        );
        assert!(
            xml.contains("name=\"a&lt;b&gt;.at\" time=\"1.500\"/>"),
            "{xml}"
        );
        assert!(
            xml.contains("message=\"&quot;x&quot; &amp; ?[0m\">"),
            "{xml}"
        );
    }
}
