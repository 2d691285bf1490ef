//! What a drill measured, and the verdict on it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Damage, Extrapolation, Loss, Objectives, Sample, WalMode, WorstCase, oldest_base};

/// The phases that end with the first write of the application; their sum is the RTO.
pub const RECOVERY_PHASES: [&str; 4] = ["drain", "fetch + restore", "replay", "promote, write"];

/// One phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillPhase {
    /// Its name; those of the recovery are [`RECOVERY_PHASES`].
    pub name: String,
    /// Seconds.
    pub seconds: f64,
    /// Bytes that it went through; 0 where they say nothing.
    pub bytes: u64,
    /// Bytes a second, where they say something.
    pub bytes_per_second: Option<f64>,
}

impl DrillPhase {
    /// A phase with its rate.
    #[must_use]
    pub fn new(name: &str, seconds: f64, bytes: u64) -> Self {
        Self {
            name: name.to_owned(),
            seconds,
            bytes,
            bytes_per_second: (bytes > 0 && seconds > 0.0).then(|| bytes as f64 / seconds),
        }
    }
}

/// One check of the restored cluster, or of what the drill left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillCheck {
    /// What was looked at.
    pub name: String,
    /// Whether it holds; none when it could not be looked at, which `found` then says.
    pub passed: Option<bool>,
    /// What was found.
    pub found: String,
}

/// One negative control that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlResult {
    /// The damage.
    pub name: Damage,
    /// Whether it was found, by the message that belongs to it; none when this machine gave no
    /// way to try it.
    pub red: Option<bool>,
    /// The message, or why it was not tried.
    pub message: String,
}

/// Whether the drill may be believed in, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything that was measured is as it must be.
    Passed,
    /// Something is not.
    Failed,
}

/// Bytes of WAL of an idle server: a segment that is handed over before it is full counts as a whole.
const LITTLE: u64 = 64 << 20;

/// What the drill restored from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillSource {
    /// The base backup.
    pub backup: String,
    /// When it was begun.
    pub backup_at: DateTime<Utc>,
    /// `server_version_num` of its server.
    pub postgres: u32,
    /// Bytes of the cluster.
    pub bytes: u64,
    /// Bytes of it in the repository.
    pub sealed_bytes: u64,
    /// The newest place in WAL that the repository held when a passive drill began, which the recovery
    /// ends with; empty in a sandbox and in records of earlier versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub newest: String,
    /// The place in WAL that the recovery reached; empty when it did not come to an end.
    pub reached: String,
    /// Bytes of WAL that were replayed.
    pub wal_bytes: u64,
    /// Bytes of WAL that the primary wrote in a second, since the base backup.
    pub wal_rate: f64,
}

/// A drill: what happened, what was measured, what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillReport {
    /// Its name: the time it began, and a random end.
    pub id: String,
    /// When it began.
    pub at: DateTime<Utc>,
    /// Version of Tidegate.
    pub version: String,
    /// Whether it had a primary of its own and a real disaster.
    pub sandbox: bool,
    /// How WAL was kept; none for a passive drill, which cannot know.
    pub wal_mode: Option<WalMode>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is not passed.
    pub reasons: Vec<String>,
    /// What must be achieved.
    pub objectives: Objectives,
    /// Seconds from the disaster to the first write; none when it never came.
    pub rto_seconds: Option<f64>,
    /// Seconds of acknowledged work that are gone; in a passive drill the age of the newest
    /// commit of the repository when the drill began.
    pub rpo_seconds: Option<f64>,
    /// The worst case of this way of keeping WAL.
    pub rpo_worst_case: Option<WorstCase>,
    /// Acknowledged rows that are gone.
    pub acknowledged_lost: u64,
    /// The probe's accounts.
    pub probe: Option<Loss>,
    /// When the disaster struck.
    pub disaster_at: Option<DateTime<Utc>>,
    /// What was restored from.
    pub source: DrillSource,
    /// Whether the cluster at the named restore point is row by row what the primary held; none
    /// for a passive drill.
    pub oracle_equal: Option<bool>,
    /// Tables and rows that were compared.
    pub oracle: OracleCount,
    /// What differs, a few of them.
    pub oracle_differences: Vec<String>,
    /// The phases, in their order.
    pub phases: Vec<DrillPhase>,
    /// The checks.
    pub checks: Vec<DrillCheck>,
    /// The negative controls.
    pub negative_controls: Vec<ControlResult>,
    /// Advice that does not decide the verdict.
    pub warnings: Vec<String>,
    /// The RTO at another size, when the history is long enough to say something.
    pub extrapolation: Option<Extrapolation>,
}

/// How much the oracle compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OracleCount {
    /// Tables, that of the large objects among them.
    pub tables: u64,
    /// Rows.
    pub rows: u64,
    /// Pages of large objects, which are rows, too.
    #[serde(default)]
    pub large_object_pages: u64,
    /// Sequences.
    #[serde(default)]
    pub sequences: u64,
    /// Prepared transactions.
    #[serde(default)]
    pub prepared: u64,
    /// Tablespaces that hold a table or an index.
    #[serde(default)]
    pub tablespaces: u64,
    /// Unlogged tables, of which only the definition comes back.
    #[serde(default)]
    pub unlogged: u64,
}

impl DrillReport {
    /// A drill of which nothing is known yet but when it began and what it restores from; `sandbox`
    /// when it has a primary of its own. Its verdict is a failure until it was judged.
    #[must_use]
    pub fn begun(id: String, at: DateTime<Utc>, sandbox: bool, source: DrillSource) -> Self {
        Self {
            id,
            at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sandbox,
            wal_mode: None,
            verdict: Verdict::Failed,
            reasons: Vec::new(),
            objectives: Objectives::default(),
            rto_seconds: None,
            rpo_seconds: None,
            rpo_worst_case: None,
            acknowledged_lost: 0,
            probe: None,
            disaster_at: None,
            source,
            oracle_equal: None,
            oracle: OracleCount::default(),
            oracle_differences: Vec::new(),
            phases: Vec::new(),
            checks: Vec::new(),
            negative_controls: Vec::new(),
            warnings: Vec::new(),
            extrapolation: None,
        }
    }

    /// The RTO in words.
    #[must_use]
    pub fn rto(&self) -> String {
        self.rto_seconds.map_or("none".to_owned(), seconds)
    }

    /// Seconds of the phases of this name.
    #[must_use]
    pub fn seconds_of(&self, name: &str) -> f64 {
        let named = self.phases.iter().filter(|phase| phase.name == name);
        named.map(|phase| phase.seconds).sum()
    }

    /// Compares everything with what it must be, and writes verdict and reasons.
    pub fn judge(&mut self) {
        self.reasons = [
            self.failed_checks(),
            self.missed(),
            self.wrong_rows(),
            self.green_controls(),
        ]
        .concat();
        self.verdict = if self.reasons.is_empty() {
            Verdict::Passed
        } else {
            Verdict::Failed
        };
    }

    fn missed(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let (Some(limit), Some(rto)) = (self.objectives.rto_seconds, self.rto_seconds)
            && rto > limit
        {
            let words = (seconds(rto), seconds(limit));
            found.push(format!("RTO {} of {}", words.0, words.1));
        }
        if self.rto_seconds.is_none() {
            found.push("nothing came back that takes writes".to_owned());
        }
        match (self.objectives.rpo_seconds, self.rpo_seconds) {
            (Some(limit), Some(rpo)) if rpo > limit => {
                found.push(format!("RPO {} of {}", seconds(rpo), seconds(limit)));
            }
            (Some(_), None) => found.push("the RPO could not be measured".to_owned()),
            _ => {}
        }
        if let (true, Some(rpo), Some(worst)) =
            (self.sandbox, self.rpo_seconds, &self.rpo_worst_case)
            && rpo > worst.seconds
        {
            found.push(format!(
                "the loss of {} is above the worst case of {}: the model is wrong, or the setup is not what it says",
                seconds(rpo),
                seconds(worst.seconds)
            ));
        }
        found
    }

    fn wrong_rows(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(probe) = &self.probe {
            if probe.gaps > 0 {
                found.push(format!(
                    "{} acknowledged rows are gone although later ones are there",
                    probe.gaps
                ));
            }
            if probe.wrong > 0 {
                found.push(format!(
                    "{} rows of the probe hold what nobody wrote",
                    probe.wrong
                ));
            }
            if probe.acknowledged == 0 {
                found.push("the probe has no acknowledged row: nothing was measured".to_owned());
            }
        }
        if self.oracle_equal == Some(false) {
            found.push(format!(
                "the restored data is not what the primary held: {}",
                self.oracle_differences.join("; ")
            ));
        }
        if self.sandbox && (self.oracle_equal.is_none() || self.probe.is_none()) {
            found.push("the restored data was not compared".to_owned());
        }
        found
    }

    fn failed_checks(&self) -> Vec<String> {
        let failed = self.checks.iter().filter(|c| c.passed == Some(false));
        failed.map(|c| format!("{}: {}", c.name, c.found)).collect()
    }

    fn green_controls(&self) -> Vec<String> {
        let green = self
            .negative_controls
            .iter()
            .filter(|control| control.red == Some(false));
        green
            .map(|control| {
                format!(
                    "this drill cannot fail: {} was tried and not found: {}",
                    control.name.name(),
                    control.message
                )
            })
            .collect()
    }

    /// What was not looked at, as advice: a drill that passed has not shown it. `asked` are the kinds
    /// of damage that were to be tried.
    #[must_use]
    pub fn doubts(&self, asked: usize) -> Vec<String> {
        let mut doubts = Vec::new();
        let undone = self.checks.iter().filter(|check| check.passed.is_none());
        let undone: Vec<String> = undone.map(|c| format!("{}: {}", c.name, c.found)).collect();
        if !undone.is_empty() {
            doubts.push(format!("checks that were not done: {}", undone.join("; ")));
        }
        let skipped = self.negative_controls.iter().filter(|c| c.red.is_none());
        let skipped: Vec<String> = skipped
            .map(|c| format!("{}: {}", c.name.name(), c.message))
            .collect();
        let tried = self.negative_controls.len() - skipped.len();
        if asked > 0 && tried == 0 {
            doubts.push(
                "no negative control was tried: nothing shows that this drill can fail".to_owned(),
            );
        }
        if !skipped.is_empty() {
            doubts.push(format!(
                "controls that were not tried: {}",
                skipped.join("; ")
            ));
        }
        doubts
    }

    /// The age in seconds above which a base backup breaks the RTO, at the WAL rate of this drill; none
    /// when a source wrote so little that most of its segments may be padding.
    #[must_use]
    pub fn oldest_base(&self) -> Option<f64> {
        let objective = self.objectives.rto_seconds?;
        if !self.sandbox && self.source.wal_bytes < LITTLE {
            return None;
        }
        let replay = self.seconds_of("replay");
        let rate = self.source.wal_bytes as f64 / replay.max(1e-3);
        oldest_base(
            objective,
            self.rto_seconds? - replay,
            rate,
            self.source.wal_rate,
        )
    }

    /// What an extrapolation takes from this drill; none when nothing came back.
    #[must_use]
    pub fn sample(&self) -> Option<Sample> {
        let rto = self.rto_seconds?;
        let (restore_seconds, replay_seconds) = (
            self.seconds_of("fetch + restore"),
            self.seconds_of("replay"),
        );
        Some(Sample {
            bytes: self.source.bytes,
            wal_bytes: self.source.wal_bytes,
            restore_seconds,
            replay_seconds,
            other_seconds: (rto - restore_seconds - replay_seconds).max(0.0),
        })
    }
}

/// A time in words: `0.4 s`, `14 m 05 s`, `2 h 03 m`.
#[must_use]
pub fn seconds(time: f64) -> String {
    let whole = time.round() as u64;
    match whole {
        0 if time > 0.0 && time < 0.05 => format!("{:.0} ms", time * 1000.0),
        0..60 => format!("{time:.1} s"),
        60..3600 => format!("{} m {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} m", whole / 3600, whole % 3600 / 60),
    }
}

/// Bytes in words: `61 GB`, `4.2 MB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            let digits = usize::from(unit != "B" && value < 10.0);
            return format!("{value:.digits$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A drill that passed.
    #[expect(clippy::too_many_lines, reason = "a report has that many fields")]
    pub(crate) fn passed() -> DrillReport {
        let check = |name: &str, found: &str| DrillCheck {
            name: name.to_owned(),
            passed: Some(true),
            found: found.to_owned(),
        };
        let control = |name, message: &str| ControlResult {
            name,
            red: Some(true),
            message: message.to_owned(),
        };
        DrillReport {
            id: "20261122T020000Z-3fa9c1".to_owned(),
            at: "2026-11-22T02:00:00Z".parse().unwrap(),
            version: "0.1.0".to_owned(),
            sandbox: true,
            wal_mode: Some(WalMode::Stream),
            verdict: Verdict::Failed,
            reasons: Vec::new(),
            objectives: Objectives {
                rto_seconds: Some(3600.0),
                rpo_seconds: Some(300.0),
            },
            rto_seconds: Some(2472.0),
            rpo_seconds: Some(0.4),
            rpo_worst_case: Some(WorstCase {
                seconds: 1.1,
                because: "an upload each 1.0 s, which takes 0.1 s".to_owned(),
            }),
            acknowledged_lost: 12,
            probe: Some(Loss {
                acknowledged: 18_204_511,
                lost: 12,
                gaps: 0,
                wrong: 0,
                seconds: 0.4,
            }),
            disaster_at: Some("2026-11-22T02:00:07Z".parse().unwrap()),
            source: DrillSource {
                backup: "20261121T020000Z-aa00bb".to_owned(),
                backup_at: "2026-11-21T02:00:00Z".parse().unwrap(),
                postgres: 170_002,
                bytes: 61_000_000_000,
                sealed_bytes: 21_000_000_000,
                newest: String::new(),
                reached: "0/9F1200A8".to_owned(),
                wal_bytes: 38_000_000_000,
                wal_rate: 440_000.0,
            },
            oracle_equal: Some(true),
            oracle: OracleCount {
                tables: 214,
                rows: 90_000_000,
                ..OracleCount::default()
            },
            oracle_differences: Vec::new(),
            phases: vec![
                DrillPhase::new("drain", 2.0, 0),
                DrillPhase::new("fetch + restore", 1360.0, 61_000_000_000),
                DrillPhase::new("replay", 1079.0, 38_000_000_000),
                DrillPhase::new("promote, write", 31.0, 0),
                DrillPhase::new("checks", 236.0, 0),
            ],
            checks: vec![
                check("indexes", "sound"),
                check("foreign keys", "hold"),
                check("repository unchanged", "4,211 files as before"),
            ],
            negative_controls: vec![
                control(
                    Damage::MissingSegment,
                    "the segment 000000010000000000000007 is missing",
                ),
                control(
                    Damage::FlippedByteInData,
                    "frame 3 of a sealed file does not open",
                ),
            ],
            warnings: Vec::new(),
            extrapolation: None,
        }
    }

    #[test]
    fn a_drill_that_is_as_it_must_be_passes() {
        let mut drill = passed();
        drill.judge();
        assert_eq!((drill.verdict, drill.reasons.len()), (Verdict::Passed, 0));
    }

    #[test]
    fn whatever_is_not_as_it_must_be_fails_it_with_a_reason_of_its_own() {
        type Break = fn(&mut DrillReport);
        let cases: [(Break, &str); 14] = [
            (|d| d.rto_seconds = Some(3601.0), "RTO 1 h 00 m of 1 h 00 m"),
            (
                |d| {
                    d.rpo_seconds = Some(301.0);
                    d.rpo_worst_case = None;
                },
                "RPO 5 m 01 s of 5 m 00 s",
            ),
            (|d| d.rpo_seconds = None, "could not be measured"),
            (|d| d.rpo_seconds = Some(1.2), "above the worst case"),
            (
                |d| d.probe.as_mut().unwrap().gaps = 1,
                "later ones are there",
            ),
            (|d| d.probe.as_mut().unwrap().wrong = 1, "nobody wrote"),
            (
                |d| d.probe.as_mut().unwrap().acknowledged = 0,
                "nothing was measured",
            ),
            (|d| d.probe = None, "was not compared"),
            (|d| d.oracle_equal = None, "was not compared"),
            (
                |d| {
                    d.oracle_equal = Some(false);
                    d.oracle_differences = vec!["public.t".to_owned()];
                },
                "not what the primary held: public.t",
            ),
            (|d| d.checks[0].passed = Some(false), "indexes: sound"),
            (
                |d| d.negative_controls[1].red = Some(false),
                "this drill cannot fail: flipped byte in data",
            ),
            (|d| d.checks[2].passed = Some(false), "repository unchanged"),
            (|d| d.rto_seconds = None, "nothing came back"),
        ];
        for (change, reason) in cases {
            let mut drill = passed();
            change(&mut drill);
            drill.judge();
            assert_eq!(drill.verdict, Verdict::Failed, "{reason}");
            assert_eq!(drill.reasons.len(), 1, "{:?}", drill.reasons);
            assert!(drill.reasons[0].contains(reason), "{:?}", drill.reasons);
        }
    }

    #[test]
    fn what_could_not_be_tried_fails_nothing() {
        let mut drill = passed();
        drill.checks[0].passed = None;
        drill.negative_controls[0].red = None;
        drill.objectives = Objectives::default();
        drill.judge();
        assert_eq!(drill.verdict, Verdict::Passed);
    }

    #[test]
    fn what_was_not_done_is_said() {
        let mut drill = passed();
        assert_eq!(drill.doubts(2), [""; 0]);
        drill.checks[0].passed = None;
        drill.negative_controls[0].red = None;
        let doubts = drill.doubts(2);
        assert!(doubts[0].contains("not done: indexes: sound"), "{doubts:?}");
        assert!(
            doubts[1].contains("not tried: missing segment"),
            "{doubts:?}"
        );
        drill.negative_controls.clear();
        assert_eq!(drill.doubts(0).len(), 1, "nobody asked for controls");
        assert!(drill.doubts(2)[1].contains("can fail"));
    }

    #[test]
    fn a_record_of_an_earlier_version_is_read() {
        let text = serde_json::to_string(&passed()).unwrap();
        assert!(text.contains("\"rto_seconds\":2472.0"), "{text}");
        assert_eq!(
            serde_json::from_str::<DrillReport>(&text).unwrap(),
            passed()
        );
        let mut lost = passed();
        lost.rto_seconds = None;
        assert_eq!((lost.sample(), lost.oldest_base()), (None, None));
        let text = serde_json::to_string(&lost).unwrap();
        assert_eq!(serde_json::from_str::<DrillReport>(&text).unwrap(), lost);
    }

    #[test]
    fn the_oldest_base_follows_from_the_rates() {
        let drill = passed();
        let age = drill.oldest_base().unwrap();
        let rate = 38e9 / 1079.0;
        assert!((age - (3600.0 - (2472.0 - 1079.0)) * rate / 440_000.0).abs() < 1.0);
        let sample = drill.sample().unwrap();
        assert!((sample.other_seconds - 33.0).abs() < 1e-6);
    }

    #[test]
    fn times_and_sizes_in_words() {
        assert_eq!(seconds(0.02), "20 ms");
        assert_eq!(seconds(0.0), "0.0 s");
        assert_eq!(seconds(31.04), "31.0 s");
        assert_eq!(seconds(845.0), "14 m 05 s");
        assert_eq!(seconds(7384.0), "2 h 03 m");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(4_200_000), "4.2 MB");
        assert_eq!(bytes(61_000_000_000), "61 GB");
        assert_eq!(bytes(2_500_000_000_000), "2.5 TB");
    }
}
