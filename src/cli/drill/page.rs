//! A drill for a person.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::cli::render::{Page, Report, Style};
use crate::error::Kind;
use crate::recovery::{DrillCheck, DrillPhase, DrillReport, Verdict, bytes, seconds};

/// `drill run` and `drill report`.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    /// Whether it was run now, or looked up.
    #[serde(skip)]
    pub(super) now: bool,
    #[serde(flatten)]
    pub(super) drill: DrillReport,
    /// Where it was recorded.
    pub(super) recorded: Option<String>,
    /// Files that were written.
    pub(super) files: Vec<PathBuf>,
}

impl Report for Shown {
    fn kind(&self) -> &'static str {
        if self.now {
            "drill_run"
        } else {
            "drill_report"
        }
    }

    fn exit(&self) -> u8 {
        match self.drill.verdict {
            Verdict::Passed => 0,
            Verdict::Failed => Kind::DrillFailed.policy().exit,
        }
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let drill = &self.drill;
        heading(page, drill)?;
        if let (Some(at), Some(probe)) = (&drill.disaster_at, &drill.probe) {
            let words = format!("last of {} acknowledged rows", grouped(probe.acknowledged));
            line(page, "disaster", &at.format("%H:%M:%S").to_string(), &words)?;
        }
        for phase in &drill.phases {
            let words = match phase.name.as_str() {
                "replay" => format!(
                    "{} of WAL{}, to {}",
                    bytes(phase.bytes),
                    rate(phase),
                    drill.source.reached
                ),
                "checks" => checked(drill),
                _ if phase.bytes > 0 => format!("{}{}", bytes(phase.bytes), rate(phase)),
                _ => String::new(),
            };
            line(page, &phase.name, &seconds(phase.seconds), &words)?;
        }
        if let Some(probe) = &drill.probe {
            let words = format!(
                "{} acknowledged rows; gaps {}",
                grouped(probe.lost),
                probe.gaps
            );
            line(page, "lost", &words, "")?;
        }
        controls(page, drill)?;
        for reason in &drill.reasons {
            page.line(format!("  {}  {reason}", page.styled(Style::Bad, "FAILED")))?;
        }
        for warning in &drill.warnings {
            page.line(format!(
                "{}: {warning}",
                page.styled(Style::Waiting, "warning")
            ))?;
        }
        if let Some(far) = &drill.extrapolation {
            page.line(format!(
                "extrapolated: RTO {} for {} and {} of WAL; {} drills, the largest of {}, error {:.0} %",
                seconds(far.seconds),
                bytes(far.bytes),
                bytes(far.wal_bytes),
                far.drills,
                bytes(far.largest_bytes),
                far.error_percent
            ))?;
        }
        if let Some(place) = &self.recorded {
            page.line(format!("record: {place}"))?;
        }
        for file in &self.files {
            page.line(format!("report: {}", file.display()))?;
        }
        Ok(())
    }
}

fn heading(page: &mut Page, drill: &DrillReport) -> fmt::Result {
    let of = |limit: Option<f64>| limit.map_or(String::new(), |l| format!(" of {}", seconds(l)));
    let word = match drill.verdict {
        Verdict::Passed => page.styled(Style::Good, "PASSED"),
        Verdict::Failed => page.styled(Style::Bad, "FAILED"),
    };
    let rpo = drill.rpo_seconds.map_or("not measured".to_owned(), seconds);
    let worst = drill
        .rpo_worst_case
        .as_ref()
        .map_or(String::new(), |worst| {
            format!(" (worst case of this setup {})", seconds(worst.seconds))
        });
    page.line(format!(
        "Drill {}   {word}   RTO {}{}    RPO {rpo}{}{worst}",
        drill.at.format("%Y-%m-%d %H:%M"),
        drill.rto(),
        of(drill.objectives.rto_seconds),
        of(drill.objectives.rpo_seconds),
    ))
}

fn line(page: &mut Page, name: &str, value: &str, words: &str) -> fmt::Result {
    page.line(format!("  {name:<17} {value:<10} {words}").trim_end())
}

fn rate(phase: &DrillPhase) -> String {
    phase.bytes_per_second.map_or(String::new(), |rate| {
        format!(" at {}/s", bytes(rate as u64))
    })
}

/// All checks in one line.
fn checked(drill: &DrillReport) -> String {
    let oracle = drill.oracle_equal.map(|equal| {
        format!(
            "oracle {} ({} tables, {} rows)",
            if equal { "equal" } else { "DIFFERENT" },
            drill.oracle.tables,
            grouped(drill.oracle.rows)
        )
    });
    let all = drill.checks.iter().map(words);
    oracle.into_iter().chain(all).collect::<Vec<_>>().join(", ")
}

fn words(check: &DrillCheck) -> String {
    match check.passed {
        Some(true) => format!("{}: {}", check.name, check.found),
        Some(false) => format!("{} FAILED", check.name),
        None => format!("{}: not done, {}", check.name, check.found),
    }
}

fn controls(page: &mut Page, drill: &DrillReport) -> fmt::Result {
    let named = |red| {
        let all = drill.negative_controls.iter();
        let names = all.filter(|control| control.red == red);
        names.map(|control| control.name.name()).collect::<Vec<_>>()
    };
    let (found, skipped) = (named(Some(true)), named(None));
    if !found.is_empty() {
        page.line(format!(
            "  this drill can fail: {} tried and found",
            joined(&found)
        ))?;
    }
    if !skipped.is_empty() {
        page.line(format!("  not tried here: {}", skipped.join(", ")))?;
    }
    Ok(())
}

/// `a was`, `a and b were`, `a, b and c were`.
fn joined(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("{one} was"),
        [all @ .., last] => format!("{} and {last} were", all.join(", ")),
    }
}

/// `18,204,511`.
pub(super) fn grouped(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::drill::tests::passed;

    fn text(drill: DrillReport) -> String {
        let shown = Shown {
            now: true,
            drill,
            recorded: Some("drills/x.tg".to_owned()),
            files: vec![PathBuf::from("drills/2026-11-22.html")],
        };
        let mut page = Page::new(false, 100);
        shown.human(&mut page).unwrap();
        page.finish()
    }

    #[test]
    fn a_drill_that_passed() {
        let mut drill = passed();
        drill.warnings = vec![
            "at today's WAL rate a base backup older than 19 h breaks the objective".to_owned(),
        ];
        drill.judge();
        insta::assert_snapshot!(text(drill), @"
        Drill 2026-11-22 02:00   PASSED   RTO 41 m 12 s of 1 h 00 m    RPO 0.4 s of 5 m 00 s (worst case of this setup 1.1 s)
          disaster          02:00:07   last of 18,204,511 acknowledged rows
          drain             2.0 s
          fetch + restore   22 m 40 s  61 GB at 45 MB/s
          replay            17 m 59 s  38 GB of WAL at 35 MB/s, to 0/9F1200A8
          promote, write    31.0 s
          checks            3 m 56 s   oracle equal (214 tables, 90,000,000 rows), indexes: sound, foreign keys: hold, repository unchanged: 4,211 files as before
          lost              12 acknowledged rows; gaps 0
          this drill can fail: missing segment and flipped byte in data were tried and found
        warning: at today's WAL rate a base backup older than 19 h breaks the objective
        record: drills/x.tg
        report: drills/2026-11-22.html
        ");
    }

    #[test]
    fn a_drill_that_failed_says_why() {
        let mut drill = passed();
        drill.oracle_equal = Some(false);
        drill.oracle_differences = vec!["public.t: 3 rows of 4".to_owned()];
        drill.negative_controls[1].red = Some(false);
        drill.checks[1].passed = None;
        drill.judge();
        let text = text(drill);
        for said in [
            "FAILED   RTO",
            "oracle DIFFERENT",
            "FAILED  the restored data is not what the primary held: public.t: 3 rows of 4",
            "FAILED  this drill cannot fail: flipped byte in data",
            "missing segment was tried and found",
            "foreign keys: not done",
        ] {
            assert!(text.contains(said), "{said}\n{text}");
        }
    }
}
