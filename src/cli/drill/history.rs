//! `tidegate drill history`.

use std::fmt;

use serde::Serialize;

use crate::cli::render::{Page, Report, Style};
use crate::recovery::{DrillReport, Extrapolation, Verdict, bytes, seconds};

/// All drills and what they say together.
#[derive(Debug, Serialize)]
pub(super) struct History {
    /// Each drill, oldest first.
    drills: Vec<Line>,
    /// Seconds since the last drill that passed.
    proof_age_seconds: Option<f64>,
    /// RTO of the last drill, in per cent of the median of those before.
    rto_trend_percent: Option<f64>,
    /// RTO at another size.
    extrapolation: Option<Extrapolation>,
}

#[derive(Debug, Serialize)]
struct Line {
    id: String,
    at: chrono::DateTime<chrono::Utc>,
    sandbox: bool,
    verdict: Verdict,
    rto_seconds: Option<f64>,
    rpo_seconds: Option<f64>,
    acknowledged_lost: u64,
    base_bytes: u64,
    /// Negative controls that were tried.
    controls: usize,
}

impl History {
    pub(super) fn new(
        drills: &[DrillReport],
        now: chrono::DateTime<chrono::Utc>,
        extrapolation: Option<Extrapolation>,
    ) -> Self {
        // A long drill is recorded after a short one that began later.
        let proofs = drills.iter().filter(|d| d.verdict == Verdict::Passed);
        let proof = proofs.max_by_key(|d| d.at);
        Self {
            proof_age_seconds: proof.map(|d| (now - d.at).as_seconds_f64()),
            rto_trend_percent: trend(drills),
            extrapolation,
            drills: drills
                .iter()
                .map(|drill| Line {
                    id: drill.id.clone(),
                    at: drill.at,
                    sandbox: drill.sandbox,
                    verdict: drill.verdict,
                    rto_seconds: drill.rto_seconds,
                    rpo_seconds: drill.rpo_seconds,
                    acknowledged_lost: drill.acknowledged_lost,
                    base_bytes: drill.source.bytes,
                    controls: (drill.negative_controls.iter())
                        .filter(|control| control.red.is_some())
                        .count(),
                })
                .collect(),
        }
    }
}

fn trend(drills: &[DrillReport]) -> Option<f64> {
    let (last, before) = drills.split_last()?;
    let mut all: Vec<f64> = before.iter().filter_map(|d| d.rto_seconds).collect();
    all.sort_by(f64::total_cmp);
    let median = all.get(all.len() / 2)?;
    let last = last.rto_seconds?;
    (*median > 0.0).then(|| 100.0 * last / median)
}

impl Report for History {
    fn kind(&self) -> &'static str {
        "drill_history"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        if self.drills.is_empty() {
            return page.line("No drill is recorded here: tidegate drill run");
        }
        let rows = self.drills.iter().map(|line| row(page, line)).collect();
        page.table(
            &["Drill", "", "RTO", "RPO", "Lost", "Base", "Controls"],
            rows,
        )?;
        match self.proof_age_seconds {
            Some(age) => page.line(format!("last proof: {} ago", seconds(age)))?,
            None => page.line("last proof: none, no drill has passed")?,
        }
        if let Some(trend) = self.rto_trend_percent {
            page.line(format!(
                "RTO: {trend:.0} % of the median of the drills before"
            ))?;
        }
        if let Some(far) = &self.extrapolation {
            page.line(format!(
                "extrapolated: RTO {} for {}; {} drills, the largest of {}, error {:.0} %",
                seconds(far.seconds),
                bytes(far.bytes),
                far.drills,
                bytes(far.largest_bytes),
                far.error_percent
            ))?;
        }
        Ok(())
    }
}

fn row(page: &Page, line: &Line) -> Vec<String> {
    let verdict = match line.verdict {
        Verdict::Passed => page.styled(Style::Good, "passed"),
        Verdict::Failed => page.styled(Style::Bad, "failed"),
    };
    vec![
        line.id.clone(),
        verdict,
        line.rto_seconds.map_or("-".to_owned(), seconds),
        line.rpo_seconds.map_or("-".to_owned(), seconds),
        line.acknowledged_lost.to_string(),
        bytes(line.base_bytes),
        line.controls.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::drill::tests::passed;

    #[test]
    fn age_of_the_proof_and_trend() {
        let mut drills = vec![passed(), passed(), passed()];
        for (day, drill) in drills.iter_mut().enumerate() {
            drill.judge();
            drill.at += chrono::Duration::days(day as i64);
        }
        drills[2].rto_seconds = drills[2].rto_seconds.map(|rto| rto * 2.0);
        drills[2].verdict = Verdict::Failed;
        let now = drills[2].at;
        let history = History::new(&drills, now, None);
        assert_eq!(history.proof_age_seconds, Some(86_400.0));
        assert_eq!(history.rto_trend_percent, Some(200.0));
        assert_eq!(History::new(&[], now, None).rto_trend_percent, None);
        assert_eq!(
            History::new(&drills[..1], now, None).rto_trend_percent,
            None
        );
    }
}
