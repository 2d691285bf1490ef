//! When a schedule is due: cron patterns in a time zone, as pure computation.
//!
//! Daylight saving follows Vixie cron: a fixed time that the clock jumps over in spring runs at the
//! first moment after the gap, one that comes twice in autumn runs the first time only.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use crate::error::{Error, Kind, Result};

/// Due times counted one by one, at most; more are "at least so many".
const COUNTED: u32 = 10_000;

/// How far back the newest due time is looked for, step by step, in seconds: a pattern that fires
/// each second is found in the first step, one for 29 February in the last.
const LOOK_BACK: [i64; 6] = [
    60,
    3_600,
    86_400,
    32 * 86_400,
    366 * 86_400,
    9 * 366 * 86_400,
];

/// A cron pattern in a time zone.
#[derive(Debug, Clone)]
pub struct Cadence {
    cron: Cron,
    zone: Tz,
}

/// A time that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The newest due time.
    pub at: DateTime<Utc>,
    /// Due times before it that nobody took; at most 10,000 are counted.
    pub passed_over: u32,
    /// Whether it lies further back than the grace allows.
    pub too_late: bool,
}

impl Cadence {
    /// Reads five fields, or six with seconds in front, or a name such as `@daily`; the zone is one
    /// of the IANA database, UTC when none is named.
    ///
    /// # Errors
    /// [`Kind::ConfigValue`] for a pattern or zone that is none, or a pattern that never fires.
    pub fn parse(pattern: &str, zone: Option<&str>) -> Result<Self> {
        let cron = CronParser::builder()
            .seconds(Seconds::Optional)
            .build()
            .parse(pattern)
            .map_err(|error| {
                Error::new(
                    Kind::ConfigValue,
                    format!("\"{pattern}\" is not a cron pattern: {error}"),
                )
                .hint("five fields: minute hour day month weekday, as in \"0 2 * * SUN\"")
            })?;
        let name = zone.unwrap_or("UTC");
        let zone = name.parse().map_err(|_| {
            Error::new(Kind::ConfigValue, format!("\"{name}\" is not a time zone"))
                .hint("use a name of the IANA database, such as \"Europe/Berlin\"")
        })?;
        let cadence = Self { cron, zone };
        if cadence.next_after(DateTime::UNIX_EPOCH).is_none() {
            return Err(Error::new(
                Kind::ConfigValue,
                format!("\"{pattern}\" never fires"),
            ));
        }
        Ok(cadence)
    }

    /// The first due time after `at`; none when the calendar ends before.
    #[must_use]
    pub fn next_after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let from = at.with_timezone(&self.zone);
        let next = self.cron.find_next_occurrence(&from, false).ok()?;
        Some(next.with_timezone(&Utc)).filter(|next| *next > at)
    }

    /// The newest due time after `since` and not after `until`.
    #[must_use]
    pub fn newest(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        for seconds in LOOK_BACK {
            let from = (until - TimeDelta::seconds(seconds)).max(since);
            let newest = self.between(from, until).last();
            if newest.is_some() || from <= since {
                return newest;
            }
        }
        None
    }

    fn between(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> impl Iterator<Item = DateTime<Utc>> {
        std::iter::successors(self.next_after(since), |at| self.next_after(*at))
            .take_while(move |at| *at <= until)
    }

    /// What is due at `now` when everything up to `since` was dealt with.
    #[must_use]
    pub fn due(&self, since: DateTime<Utc>, now: DateTime<Utc>, grace: Duration) -> Option<Due> {
        let at = self.newest(since, now)?;
        let earlier = self.between(since, at).take(COUNTED as usize).count();
        Some(Due {
            at,
            passed_over: u32::try_from(earlier.saturating_sub(1)).unwrap_or(COUNTED),
            too_late: (now - at).to_std().unwrap_or_default() > grace,
        })
    }

    /// The due time that should have succeeded by now and did not: it lies after `succeeded` (the
    /// newest due time that did, or the moment from which the schedule counts) and further back
    /// than `grace`.
    #[must_use]
    pub fn overdue(
        &self,
        succeeded: DateTime<Utc>,
        now: DateTime<Utc>,
        grace: Duration,
    ) -> Option<DateTime<Utc>> {
        let limit = now - TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX);
        self.newest(succeeded, limit)
    }

    /// The pattern in words, with the zone when it is not UTC.
    #[must_use]
    pub fn in_words(&self) -> String {
        let words = self.cron.describe();
        if self.zone == Tz::UTC {
            words
        } else {
            format!("{} ({})", words.trim_end_matches('.'), self.zone.name())
        }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.cron.as_str()
    }

    /// Name of the time zone.
    #[must_use]
    pub fn zone(&self) -> &'static str {
        self.zone.name()
    }
}

impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pattern(), self.zone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn berlin(pattern: &str) -> Cadence {
        Cadence::parse(pattern, Some("Europe/Berlin")).unwrap()
    }

    fn days(cadence: &Cadence, from: &str, count: usize) -> Vec<String> {
        std::iter::successors(cadence.next_after(at(from)), |at| cadence.next_after(*at))
            .take(count)
            .map(|at| at.format("%m-%dT%H:%M").to_string())
            .collect()
    }

    #[test]
    fn a_time_that_spring_leaves_out_runs_once_after_the_gap() {
        // 29 March 2026: 02:00 CET becomes 03:00 CEST, which is 01:00 UTC.
        let runs = days(&berlin("30 2 * * *"), "2026-03-27T12:00:00Z", 4);
        assert_eq!(
            runs,
            ["03-28T01:30", "03-29T01:00", "03-30T00:30", "03-31T00:30"]
        );
    }

    #[test]
    fn a_time_that_autumn_repeats_runs_once() {
        // 25 October 2026: 03:00 CEST becomes 02:00 CET, which is 01:00 UTC.
        let runs = days(&berlin("30 2 * * *"), "2026-10-23T12:00:00Z", 4);
        assert_eq!(
            runs,
            ["10-24T00:30", "10-25T00:30", "10-26T01:30", "10-27T01:30"]
        );
    }

    #[test]
    fn each_hour_is_an_hour_in_spring_and_autumn() {
        for (from, until) in [
            ("2026-03-28T22:00:00Z", "2026-03-29T06:00:00Z"),
            ("2026-10-24T22:00:00Z", "2026-10-25T06:00:00Z"),
        ] {
            let hourly = berlin("0 * * * *");
            let all: Vec<_> = hourly.between(at(from), at(until)).collect();
            assert_eq!(all.len(), 8, "{all:?}");
            assert!(all.windows(2).all(|w| w[1] - w[0] == TimeDelta::hours(1)));
        }
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (pattern, zone) in [
            ("", None),
            ("0 25 * * *", None),
            ("0 2 * *", None),
            ("0 0 30 2 *", None),
            ("0 2 * * *", Some("Europe/Bärlin")),
        ] {
            let error = Cadence::parse(pattern, zone).unwrap_err();
            assert_eq!(error.kind(), Kind::ConfigValue, "{pattern}");
        }
    }

    #[test]
    fn a_daemon_that_slept_runs_once_for_all_it_missed() {
        let cadence = Cadence::parse("*/10 * * * *", None).unwrap();
        let (since, now) = (at("2026-05-01T10:00:00Z"), at("2026-05-01T11:05:00Z"));
        let due = cadence.due(since, now, Duration::from_secs(3600)).unwrap();
        assert_eq!(due.at, at("2026-05-01T11:00:00Z"));
        assert_eq!((due.passed_over, due.too_late), (5, false));
        let due = cadence.due(since, now, Duration::from_secs(60)).unwrap();
        assert!(due.too_late);
        assert_eq!(cadence.due(due.at, now, Duration::ZERO), None);
    }

    #[test]
    fn looking_back_over_years_is_bounded() {
        let each_second = Cadence::parse("* * * * * *", None).unwrap();
        let (since, now) = (at("2020-01-01T00:00:00Z"), at("2026-05-01T00:00:00Z"));
        let due = each_second.due(since, now, Duration::ZERO).unwrap();
        assert_eq!((due.at, due.passed_over), (now, COUNTED - 1));
        let leap = Cadence::parse("0 0 29 2 *", None).unwrap();
        assert_eq!(leap.newest(since, now), Some(at("2024-02-29T00:00:00Z")));
    }

    #[test]
    fn overdue_is_what_did_not_succeed_in_time() {
        let weekly = Cadence::parse("0 2 * * SUN", None).unwrap();
        let hour = Duration::from_secs(3600);
        let (sunday, before) = (at("2026-05-03T02:00:00Z"), at("2026-04-26T02:00:00Z"));
        let overdue = |succeeded, now: &str| weekly.overdue(succeeded, at(now), hour);
        assert_eq!(overdue(before, "2026-05-03T02:59:59Z"), None);
        assert_eq!(overdue(before, "2026-05-03T03:00:00Z"), Some(sunday));
        assert_eq!(overdue(sunday, "2026-05-09T23:00:00Z"), None);
    }

    #[test]
    fn words_name_the_zone() {
        let words = berlin("0 2 * * SUN").in_words();
        assert!(words.contains("Sunday"), "{words}");
        assert!(words.ends_with("(Europe/Berlin)"), "{words}");
    }
}
