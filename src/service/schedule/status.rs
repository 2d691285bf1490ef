//! Where one schedule stands, for lists and metrics.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::config::Schedule;
use crate::control::schedule::{RunRecord, Standing};

/// Where one schedule stands.
#[derive(Debug, Clone, Serialize)]
pub struct ScheduleStatus {
    /// Its name.
    pub name: String,
    /// The pattern as it was written.
    pub cron: String,
    /// Its time zone.
    pub timezone: String,
    /// The pattern in words.
    pub when: String,
    /// The command line.
    pub command: Vec<String>,
    /// When it is due next.
    pub next_due: Option<DateTime<Utc>>,
    /// The newest run.
    pub last: Option<RunRecord>,
    /// When the last success ended.
    pub last_success: Option<DateTime<Utc>>,
    /// Whether a due time should have succeeded by now and did not.
    pub late: bool,
    /// That due time.
    pub late_since: Option<DateTime<Utc>>,
    /// Whether any daemon has ever watched it; before that nothing can be late.
    pub watched: bool,
}

impl ScheduleStatus {
    /// The status at `now` by what the ledger knows.
    #[must_use]
    pub fn new(schedule: &Schedule, standing: &Standing, now: DateTime<Utc>) -> Self {
        let late_since = standing.watched_from.and_then(|from| {
            let succeeded = standing.succeeded.map_or(from, |at| at.max(from));
            schedule.cadence.overdue(succeeded, now, schedule.grace)
        });
        Self {
            name: schedule.name.clone(),
            cron: schedule.cadence.pattern().to_owned(),
            timezone: schedule.cadence.zone().to_owned(),
            when: schedule.cadence.in_words(),
            command: schedule.words.clone(),
            next_due: schedule.cadence.next_after(now),
            last: standing.last.clone(),
            last_success: standing.success_ended,
            late: late_since.is_some(),
            late_since,
            watched: standing.watched_from.is_some(),
        }
    }
}
