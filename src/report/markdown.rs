//! A drill as Markdown, for pull requests, wikis and tickets.

use std::fmt::Write as _;

use crate::recovery::{DrillReport, Verdict, bytes, seconds};

/// The report of `drill`.
#[must_use]
pub fn markdown(drill: &DrillReport) -> String {
    let mut text = heading(drill);
    text.push_str("\n\n| Phase | Time | Bytes | Rate |\n|---|---:|---:|---:|\n");
    for phase in &drill.phases {
        let size = match phase.bytes {
            0 => String::new(),
            count => bytes(count),
        };
        let rate = phase.bytes_per_second;
        let rate = rate.map_or(String::new(), |rate| format!("{}/s", bytes(rate as u64)));
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(
            text,
            "| {} | {} | {size} | {rate} |",
            phase.name,
            seconds(phase.seconds)
        );
    }
    text.push_str("\n| Check | | Found |\n|---|---|---|\n");
    for check in &drill.checks {
        let word = word(check.passed, ["ok", "**FAILED**", "not done"]);
        row(&mut text, &check.name, word, &check.found);
    }
    if !drill.negative_controls.is_empty() {
        text.push_str("\n| Damage tried | | Message |\n|---|---|---|\n");
    }
    for control in &drill.negative_controls {
        let word = word(control.red, ["found", "**NOT FOUND**", "not tried"]);
        row(&mut text, control.name.name(), word, &control.message);
    }
    if let Some(far) = &drill.extrapolation {
        let _ = writeln!(
            text,
            "\nExtrapolated: RTO {} for {}; {} drills, the largest of {}, error {:.0} %.",
            seconds(far.seconds),
            bytes(far.bytes),
            far.drills,
            bytes(far.largest_bytes),
            far.error_percent
        );
    }
    text
}

fn heading(drill: &DrillReport) -> String {
    let word = match drill.verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "FAILED",
    };
    let of = |limit: Option<f64>| limit.map_or(String::new(), |l| format!(" of {}", seconds(l)));
    let rpo = drill.rpo_seconds.map_or("not measured".to_owned(), seconds);
    let worst = drill.rpo_worst_case.as_ref();
    let worst = worst.map_or(String::new(), |worst| {
        format!(" (worst case {})", seconds(worst.seconds))
    });
    let mut text = format!(
        "# Drill {}: {word}\n\nRTO {}{}, RPO {rpo}{}{worst}, {} acknowledged rows lost.\n",
        drill.at.format("%Y-%m-%d %H:%M"),
        drill.rto(),
        of(drill.objectives.rto_seconds),
        of(drill.objectives.rpo_seconds),
        drill.acknowledged_lost
    );
    for (mark, lines) in [
        ("**Failed:**", &drill.reasons),
        ("Warning:", &drill.warnings),
    ] {
        for line in lines {
            let _ = write!(text, "\n- {mark} {}", cell(line));
        }
    }
    text
}

fn word(passed: Option<bool>, [good, bad, none]: [&'static str; 3]) -> &'static str {
    match passed {
        Some(true) => good,
        Some(false) => bad,
        None => none,
    }
}

fn row(text: &mut String, name: &str, word: &str, found: &str) {
    let _ = writeln!(text, "| {} | {word} | {} |", cell(name), cell(found));
}

/// A text that stays in its cell.
fn cell(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
        .replace('|', "\\|")
        .replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::drill::tests::passed;

    #[test]
    fn cells_hold_what_is_in_them() {
        let mut drill = passed();
        drill.checks[0].found = "a | b\n<img>".to_owned();
        drill.judge();
        let text = markdown(&drill);
        assert!(
            text.starts_with("# Drill 2026-11-22 02:00: passed\n"),
            "{text}"
        );
        assert!(
            text.contains("| indexes | ok | a \\| b &lt;img> |\n"),
            "{text}"
        );
        assert!(
            text.contains("| replay | 17 m 59 s | 38 GB | 35 MB/s |\n"),
            "{text}"
        );
        drill.checks[0].passed = Some(false);
        drill.judge();
        assert!(markdown(&drill).contains("- **Failed:** indexes: a \\| b &lt;img>"));
    }
}
