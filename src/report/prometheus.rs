//! A drill in the text format of Prometheus, for the textfile collector of a node.

use std::fmt::Write as _;

use crate::recovery::{DrillReport, Verdict};

/// The measures of `drill`.
#[must_use]
pub fn prometheus(drill: &DrillReport) -> String {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, value: Option<f64>| {
        // Writing into a String cannot fail, here and below.
        if let Some(value) = value {
            let _ = write!(
                text,
                "# HELP tidegate_drill_{name} {help}\n# TYPE tidegate_drill_{name} gauge\ntidegate_drill_{name} {value}\n"
            );
        }
    };
    let flag = |yes: bool| Some(f64::from(u8::from(yes)));
    let all = drill.negative_controls.iter();
    let (tried, green) = (
        all.clone().filter(|control| control.red.is_some()).count(),
        all.filter(|control| control.red == Some(false)).count(),
    );
    gauge(
        "passed",
        "Whether the last drill passed.",
        flag(drill.verdict == Verdict::Passed),
    );
    gauge(
        "timestamp_seconds",
        "When the last drill began.",
        Some(drill.at.timestamp() as f64),
    );
    gauge(
        "rto_seconds",
        "Seconds from the disaster to the first write.",
        Some(drill.rto_seconds),
    );
    gauge(
        "rto_objective_seconds",
        "Seconds that it may take.",
        drill.objectives.rto_seconds,
    );
    gauge(
        "rpo_seconds",
        "Seconds of acknowledged work that were lost.",
        drill.rpo_seconds,
    );
    gauge(
        "rpo_objective_seconds",
        "Seconds that may be lost.",
        drill.objectives.rpo_seconds,
    );
    gauge(
        "rpo_worst_case_seconds",
        "Seconds that this setup can lose.",
        drill.rpo_worst_case.as_ref().map(|worst| worst.seconds),
    );
    gauge(
        "acknowledged_lost",
        "Acknowledged rows that were lost.",
        Some(drill.acknowledged_lost as f64),
    );
    gauge(
        "oracle_equal",
        "Whether the restored data was what the primary held.",
        drill.oracle_equal.and_then(flag),
    );
    gauge(
        "controls_tried",
        "Kinds of damage that were tried.",
        Some(tried as f64),
    );
    gauge(
        "controls_green",
        "Kinds of damage that were not found.",
        Some(green as f64),
    );
    gauge(
        "base_bytes",
        "Bytes of the cluster that was restored.",
        Some(drill.source.bytes as f64),
    );
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
