//! What the demo found.

use serde::{Deserialize, Serialize};

/// The whole result.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Demo {
    /// Whether every check held.
    pub passed: bool,
    /// The server's version.
    pub server: String,
    /// Transactions that were loaded.
    pub rows: u64,
    /// What the apps did and saw.
    pub traffic: TrafficFigures,
    /// What the backfill cost.
    pub backfill: BackfillFigures,
    /// Locks that Tidegate held.
    pub locks: LockFigures,
    /// The gates of contract, as they stood when it was refused.
    pub gates: Vec<String>,
    /// The masked copy for staging.
    pub copy: CopyFigures,
    /// The made-up rows for dev.
    pub seed: SeedFigures,
    /// The drill.
    pub drill: DrillFigures,
    /// How long each step of the story took.
    pub phases: Vec<PhaseTime>,
    /// What was checked.
    pub checks: Vec<Check>,
    /// How to look at the database afterwards, with `--keep`.
    pub kept: Option<String>,
}

/// What the apps did and saw.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TrafficFigures {
    /// Statements of the old app.
    pub old_statements: u64,
    /// Statements of the new app.
    pub new_statements: u64,
    /// Statements that failed.
    pub errors: u64,
    /// The first few errors.
    pub error_texts: Vec<String>,
    /// Acknowledged writes that the table does not hold at the end.
    pub lost_writes: u64,
    /// Acknowledged writes that were compared.
    pub writes: u64,
    /// Median before, in milliseconds.
    pub p50_before_ms: f64,
    /// Median during the backfill.
    pub p50_during_ms: f64,
    /// 99th percentile before.
    pub p99_before_ms: f64,
    /// 99th percentile during the backfill.
    pub p99_during_ms: f64,
    /// The two put in relation.
    pub p99_ratio: f64,
    /// The longest statement at any time, waits for Tidegate's locks included.
    pub longest_ms: f64,
    /// Writes whose answer was lost; both outcomes are allowed.
    pub lost_answers: u64,
}

/// What the backfill cost.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BackfillFigures {
    /// Rows that it changed.
    pub rows: u64,
    /// Whether it was killed, and the same job went on where it stood.
    pub resumed: bool,
    /// Share of the rows done when it was killed, in percent.
    pub killed_at_percent: f64,
    /// Seconds from its start to its end, the pause between kill and resume included.
    pub seconds: f64,
    /// WAL written from the backfill's start to its end, per row loaded. The apps' own writes are
    /// in it, so it is an upper bound, the looser the fewer rows there are.
    pub wal_bytes_per_row: f64,
    /// Share of HOT updates.
    pub hot_percent: f64,
    /// Growth of the table.
    pub heap_growth_percent: f64,
    /// Growth of the indexes that were there before.
    pub index_growth_percent: f64,
}

/// Locks that Tidegate held.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LockFigures {
    /// The longest hold of ACCESS EXCLUSIVE on a user's table that was seen. Sampled: off by at
    /// most one gap at each end, and a hold within one gap is not seen.
    pub longest_access_exclusive_ms: f64,
    /// Mean time between two samples.
    pub resolution_ms: f64,
    /// The longest time between two samples.
    pub largest_gap_ms: f64,
    /// Holds seen.
    pub holds: u32,
}

/// The masked copy for staging.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CopyFigures {
    /// Rows that it carried.
    pub rows: u64,
    /// Its masked columns.
    pub masked_columns: u64,
    /// Seconds from its start to its promotion.
    pub seconds: f64,
    /// What its gate looked at, and what it found.
    pub gate: Vec<Check>,
    /// E-mail addresses of the source that the demo looked for in the copy.
    pub sought: u64,
    /// Those that it found.
    pub found: u64,
}

/// The made-up rows for dev.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SeedFigures {
    /// Rows of all tables.
    pub rows: u64,
    /// Seconds of the first of two runs.
    pub seconds: f64,
    /// The number that all values came from.
    pub seed: u64,
}

/// The drill.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DrillFigures {
    /// Seconds from the disaster to the first write after it.
    pub rto_seconds: f64,
    /// Seconds of acknowledged work that were lost.
    pub rpo_seconds: f64,
    /// Writes that were acknowledged before the disaster.
    pub acknowledged: u64,
    /// Those of them that were lost.
    pub acknowledged_lost: u64,
    /// Tables that were compared with what they held before the disaster.
    pub tables: u64,
    /// Faults that were planted and found.
    pub controls: Vec<String>,
}

/// One step of the story.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseTime {
    /// What was done.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
}

/// One check.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Check {
    /// What must hold.
    pub name: String,
    /// Whether it does.
    pub passed: bool,
    /// What was found.
    #[serde(alias = "detail")]
    pub found: String,
}

impl Demo {
    /// Notes a check.
    pub fn check(&mut self, name: &str, passed: bool, found: impl Into<String>) {
        self.checks.push(Check {
            name: name.to_owned(),
            passed,
            found: found.into(),
        });
    }
}
