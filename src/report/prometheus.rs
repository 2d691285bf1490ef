//! A drill in the text format of Prometheus, for the textfile collector of a node.

use std::fmt::Write as _;

use crate::recovery::{DrillReport, Verdict};

/// The measures of `drill`.
#[must_use]
pub fn prometheus(drill: &DrillReport) -> String {
    let mut text = String::new();
    for (name, help, value) in gauges(drill) {
        // Writing into a String cannot fail, here and below.
        if let Some(value) = value {
            let _ = write!(
                text,
                "# HELP tidegate_drill_{name} {help}\n# TYPE tidegate_drill_{name} gauge\ntidegate_drill_{name} {value}\n"
            );
        }
    }
    text.push_str("# HELP tidegate_drill_phase_seconds Seconds of each phase.\n# TYPE tidegate_drill_phase_seconds gauge\n");
    for phase in &drill.phases {
        let _ = writeln!(
            text,
            "tidegate_drill_phase_seconds{{phase=\"{}\"}} {}",
            phase.name, phase.seconds
        );
    }
    text
}

type Gauge = (&'static str, &'static str, Option<f64>);

#[rustfmt::skip]
fn gauges(drill: &DrillReport) -> [Gauge; 12] {
    let flag = |yes: bool| f64::from(u8::from(yes));
    let count = |wanted: fn(Option<bool>) -> bool| {
        drill.negative_controls.iter().filter(|control| wanted(control.red)).count() as f64
    };
    let worst = drill.rpo_worst_case.as_ref().map(|worst| worst.seconds);
    let objectives = drill.objectives;
    [
        ("passed", "Whether the last drill passed.", Some(flag(drill.verdict == Verdict::Passed))),
        ("timestamp_seconds", "When the last drill began.", Some(drill.at.timestamp() as f64)),
        ("rto_seconds", "Seconds from the disaster to the first write.", drill.rto_seconds),
        ("rto_objective_seconds", "Seconds that it may take.", objectives.rto_seconds),
        ("rpo_seconds", "Seconds of acknowledged work that were lost.", drill.rpo_seconds),
        ("rpo_objective_seconds", "Seconds that may be lost.", objectives.rpo_seconds),
        ("rpo_worst_case_seconds", "Seconds that this setup can lose.", worst),
        ("acknowledged_lost", "Acknowledged rows that were lost.", Some(drill.acknowledged_lost as f64)),
        ("oracle_equal", "Whether the restored data was what the primary held.", drill.oracle_equal.map(flag)),
        ("controls_tried", "Kinds of damage that were tried.", Some(count(|red| red.is_some()))),
        ("controls_green", "Kinds of damage that were not found.", Some(count(|red| red == Some(false)))),
        ("base_bytes", "Bytes of the cluster that was restored.", Some(drill.source.bytes as f64)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::drill::tests::passed;

    #[test]
    fn every_line_is_a_comment_or_a_measure() {
        let mut drill = passed();
        drill.judge();
        let text = prometheus(&drill);
        assert!(
            text.contains("\ntidegate_drill_rto_seconds 2472\n"),
            "{text}"
        );
        assert!(text.contains("tidegate_drill_phase_seconds{phase=\"replay\"} 1079\n"));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let value = line.rsplit(' ').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
        drill.rpo_seconds = None;
        assert!(!prometheus(&drill).contains("tidegate_drill_rpo_seconds "));
    }
}
