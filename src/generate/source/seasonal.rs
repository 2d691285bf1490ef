//! Dates and times that come more often at some hours, on some weekdays and in some months, and more
//! often as time goes on.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::temporal::Form;
use super::{Make, RowView};
use crate::generate::pg_type::PgType;
use crate::generate::stream::Stream;
use crate::generate::value::Value;

/// Microseconds of a day, and of an hour.
const DAY: i64 = 86_400_000_000;
const HOUR: i64 = DAY / 24;
/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i64 = 10_957;
/// Days at most: a sum is kept for each.
const DAYS: i64 = 73_050;

/// How often times come. An empty list says that all are alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Season {
    /// Weights of the 24 hours from midnight, UTC.
    pub hours: Vec<f64>,
    /// Weights of the 7 days from Monday.
    pub weekdays: Vec<f64>,
    /// Weights of the 12 months from January.
    pub months: Vec<f64>,
    /// How many times as often the last day comes as the first, exponential in between; more than 0.
    pub growth: f64,
}

#[derive(Debug)]
struct Seasonal {
    from: i64,
    step: i64,
    steps: u64,
    form: Form,
    first_day: i64,
    /// Mass of all days up to and including each, from midnight of the first.
    days: Vec<f64>,
    /// Share of a day up to and including each hour.
    hours: Vec<f64>,
    /// Mass before the first value, and of all values.
    before: f64,
    total: f64,
    /// How many different values can be counted without another spread.
    size: u64,
}

impl Season {
    /// What is wrong with it for a column of type `kind`, in words.
    #[must_use]
    pub fn problem(&self, kind: &PgType) -> Option<&'static str> {
        let lists = [(&self.hours, 24), (&self.weekdays, 7), (&self.months, 12)];
        let fits = |(list, count): &(&Vec<f64>, usize)| {
            list.is_empty()
                || list.len() == *count
                    && list
                        .iter()
                        .all(|weight| weight.is_finite() && *weight >= 0.0)
                    && list.iter().any(|weight| *weight > 0.0)
        };
        if !lists.iter().all(fits) {
            return Some("weights are 0 or more, one of them more than 0");
        }
        if !(self.growth.is_finite() && self.growth > 0.0) {
            return Some("growth is more than 0");
        }
        let by_day = !self.weekdays.is_empty() || !self.months.is_empty() || self.growth != 1.0;
        match kind {
            PgType::Date if !self.hours.is_empty() => Some("a date has no hours"),
            PgType::Time(_) if by_day => Some("a time of day has hours alone"),
            PgType::Date | PgType::Time(_) | PgType::Timestamp(_) => None,
            _ => Some("season is for dates and times"),
        }
    }

    fn weight(&self, day: i64, place: f64) -> f64 {
        let date = i32::try_from(day + EPOCH_DAYS).ok();
        let date = date.and_then(NaiveDate::from_epoch_days);
        // 2000-01-01 was a Saturday.
        let weekday = self.weekdays.get((day + 5).rem_euclid(7) as usize);
        let month = date.and_then(|date| self.months.get(date.month0() as usize));
        weekday.unwrap_or(&1.0) * month.unwrap_or(&1.0) * self.growth.powf(place)
    }

    fn shares(&self) -> Vec<f64> {
        let all: f64 = self.hours.iter().sum();
        let mut sum = 0.0;
        let share = |hour: usize| self.hours.get(hour).map_or(1.0 / 24.0, |hour| hour / all);
        (0..24)
            .map(|hour| {
                sum += share(hour);
                sum
            })
            .collect()
    }
}

/// Times from `from` to `to`, both included, in steps; `None` when there is none of a weight above 0.
pub(super) fn seasonal(
    (from, to): (i64, i64),
    step: i64,
    season: &Season,
    kind: &PgType,
) -> Option<Box<dyn Make>> {
    let form = Form::of(kind).filter(|_| season.problem(kind).is_none())?;
    let step = if form == Form::Date { DAY } else { step };
    let (first_day, last_day) = (from.div_euclid(DAY), to.div_euclid(DAY));
    if step <= 0 || from > to || last_day - first_day >= DAYS {
        return None;
    }
    let span = (last_day - first_day).max(1) as f64;
    let mut sum = 0.0;
    let mut most = 0.0_f64;
    let days = (first_day..=last_day).map(|day| {
        let weight = season.weight(day, (day - first_day) as f64 / span);
        most = most.max(weight);
        sum += weight;
        sum
    });
    let mut made = Seasonal {
        from,
        step,
        steps: (to - from) as u64 / step as u64,
        form,
        first_day,
        days: days.collect(),
        hours: season.shares(),
        before: 0.0,
        total: 0.0,
        size: 1,
    };
    made.before = made.mass(from);
    made.total = made.mass(from + step * (made.steps as i64 + 1)) - made.before;
    let busiest = (0..24).map(|hour| made.hour(hour)).fold(0.0, f64::max);
    // No step has more than this share: as many values, evenly placed in the mass, are all different.
    let share = match form {
        Form::Date => most / made.total,
        _ => most * busiest * step as f64 / HOUR as f64 / made.total,
    };
    made.size = ((0.999 / share) as u64).clamp(1, made.steps.saturating_add(1));
    (made.total > 0.0 && share.is_finite()).then(|| Box::new(made) as Box<dyn Make>)
}

impl Seasonal {
    /// Share of a day that an hour has.
    fn hour(&self, hour: usize) -> f64 {
        let before = hour.checked_sub(1).map_or(0.0, |before| self.hours[before]);
        self.hours[hour] - before
    }

    /// Mass of all times before one.
    fn mass(&self, at: i64) -> f64 {
        let day = (at.div_euclid(DAY) - self.first_day) as usize;
        let before = day.checked_sub(1).map_or(0.0, |before| {
            self.days[before.min(self.days.len().saturating_sub(1))]
        });
        let Some(sum) = self.days.get(day) else {
            return before;
        };
        let inside = at.rem_euclid(DAY);
        let hour = (inside / HOUR) as usize;
        let part = (inside % HOUR) as f64 / HOUR as f64;
        let share = self.hours[hour] - self.hour(hour) * (1.0 - part);
        before + (sum - before) * share
    }

    /// The time at a place, 0 to 1, of the mass.
    fn at(&self, place: f64) -> Value {
        let mass = self.before + place * self.total;
        let last = self.days.len() - 1;
        let day = self.days.partition_point(|sum| *sum <= mass).min(last);
        let before = day.checked_sub(1).map_or(0.0, |before| self.days[before]);
        let share = (mass - before) / (self.days[day] - before);
        let hour = self.hours.partition_point(|sum| *sum <= share).min(23);
        let done = hour.checked_sub(1).map_or(0.0, |done| self.hours[done]);
        let part = ((share - done) / self.hour(hour)).clamp(0.0, 1.0);
        let inside = hour as i64 * HOUR + (part * HOUR as f64) as i64;
        let micros = (self.first_day + day as i64) * DAY + inside;
        let step = (micros - self.from).max(0) / self.step;
        self.form
            .value(self.from + step.min(self.steps as i64) * self.step)
    }
}

impl Make for Seasonal {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        self.at(stream.unit())
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        self.at((index as f64 + 0.5) / self.size as f64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::generate::source::tests_support::Nothing;
    use crate::generate::stream::StreamKey;

    fn season() -> Season {
        let mut hours = vec![0.0; 24];
        (9..17).for_each(|hour| hours[hour] = 1.0);
        hours[12] = 4.0;
        Season {
            hours,
            weekdays: vec![1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0],
            months: vec![1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 5.0],
            growth: 4.0,
        }
    }

    fn micros(value: &Value) -> i64 {
        match value {
            Value::Timestamp(micros) => *micros,
            Value::Date(days) => i64::from(*days) * DAY,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn times_come_by_their_weights() {
        // From a Wednesday noon in 2025 to the end of 2026.
        let (from, to) = (9132 * DAY + 12 * HOUR, 9861 * DAY + DAY - 1);
        let kind = PgType::Timestamp(true);
        let make = seasonal((from, to), 1_000_000, &season(), &kind).unwrap();
        let key = StreamKey::new(1, "t", "at");
        let drawn: Vec<i64> = (0..40_000)
            .map(|row| micros(&make.draw(&mut key.row(row, 0), &Nothing)))
            .collect();
        let share = |of: &dyn Fn(&i64) -> bool| {
            drawn.iter().filter(|at| of(at)).count() as f64 / drawn.len() as f64
        };
        assert_eq!(share(&|at| *at < from || *at > to), 0.0);
        assert_eq!(
            share(&|at| !(9..17).contains(&(at.rem_euclid(DAY) / HOUR))),
            0.0
        );
        assert_eq!(share(&|at| (at.div_euclid(DAY) + 5).rem_euclid(7) > 4), 0.0);
        let noon = share(&|at| at.rem_euclid(DAY) / HOUR == 12);
        assert!((noon - 4.0 / 11.0).abs() < 0.01, "{noon}");
        let december = |year: i64| {
            share(&|at| {
                let day = at.div_euclid(DAY) - (year - 2025) * 365 - 9132;
                (334..365).contains(&day)
            })
        };
        let ratio = december(2026) / december(2025);
        // A year is half of the span: it doubles.
        assert!((ratio - 2.0).abs() < 0.2, "{ratio}");
    }

    #[test]
    fn values_that_are_counted_differ_and_keep_the_season() {
        for (kind, from, to) in [
            (PgType::Timestamp(false), 9132 * DAY + 5 * HOUR, 9162 * DAY),
            (PgType::Date, 9132 * DAY, 9861 * DAY),
        ] {
            let mut season = season();
            if kind == PgType::Date {
                season.hours.clear();
            }
            let make = seasonal((from, to), 1_000_000, &season, &kind).unwrap();
            let size = make.size().unwrap();
            let all: BTreeSet<i64> = (0..size).map(|n| micros(&make.nth(n, &Nothing))).collect();
            assert_eq!(all.len() as u64, size);
            assert!(size > 80, "{size}");
            assert!(
                all.iter()
                    .all(|at| (at.div_euclid(DAY) + 5).rem_euclid(7) < 5)
            );
        }
    }
}
