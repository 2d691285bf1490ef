//! Sources made narrow, so that their values fulfil what constraints say.

use std::cmp::Ordering;

use super::accept::{Demands, order};
use super::by_type::{DAY, choice, decimal, whole};
use crate::generate::encode::literal_text;
use crate::generate::fact::{Fact, Says};
use crate::generate::parse::parse;
use crate::generate::pg_type::PgType;
use crate::generate::source::Source;
use crate::generate::value::Value;

/// The greatest number of values that a list is made of.
const LISTED: i64 = 1000;

/// The values that a constraint lists, those apart that another forbids.
pub(super) fn listed(kind: &PgType, facts: &[Fact]) -> Option<Source> {
    let listed = facts.iter().find_map(|fact| match &fact.says {
        Says::OneOf(values) => Some(values),
        _ => None,
    })?;
    let demands = Demands::new(facts);
    let mut texts: Vec<String> = Vec::with_capacity(listed.len());
    for value in listed.iter().filter(|value| demands.fulfilled(value)) {
        let mut text = String::new();
        literal_text(value, kind, &mut text)?;
        if parse(&text, kind).is_some() && !texts.contains(&text) {
            texts.push(text);
        }
    }
    (!texts.is_empty()).then(|| choice(texts.into_iter()))
}

/// The whole numbers of a source that must differ, without those that are forbidden one by one; `None`
/// when there are none such, or too many to list.
pub(super) fn without_forbidden(source: &Source, facts: &[Fact]) -> Option<Source> {
    let Source::Whole { min, max, .. } = source else {
        return None;
    };
    let forbids = facts
        .iter()
        .any(|fact| matches!(fact.says, Says::NoneOf(_)));
    if !forbids || max.checked_sub(*min)? > LISTED {
        return None;
    }
    let demands = Demands::new(facts);
    let all = (*min..=*max).filter(|number| demands.fulfilled(&Value::Int(*number)));
    Some(choice(all.map(|number| number.to_string())))
}

/// The source within the facts, as far as its form can follow them.
pub(in crate::generate) fn narrow(source: Source, kind: &PgType, facts: &[Fact]) -> Source {
    let source = within_bounds(source, kind, facts);
    let cased = facts.iter().find_map(|fact| match fact.says {
        Says::Cased(upper) => Some(upper),
        _ => None,
    });
    match (cased, &source) {
        (Some(true), Source::Token { length, alphabet }) => {
            let mut letters: Vec<char> = alphabet.to_uppercase().chars().collect();
            letters.dedup();
            Source::Token {
                length: *length,
                alphabet: letters.into_iter().collect(),
            }
        }
        (Some(upper), Source::Known { .. } | Source::Template { .. } | Source::Prose { .. }) => {
            Source::Cased {
                of: Box::new(source),
                upper,
            }
        }
        _ => source,
    }
}

fn within_bounds(source: Source, kind: &PgType, facts: &[Fact]) -> Source {
    match source {
        Source::Whole { min, max, spread } => {
            let (low, high) = within(facts, min as f64, max as f64, 1.0);
            let (low, high) = (low.ceil() as i64, high.floor() as i64);
            if let Some(unit) = unit(facts) {
                return multiples(low, high, unit);
            }
            if (low, high) == (min, max) {
                return Source::Whole { min, max, spread };
            }
            whole(low, high)
        }
        Source::Decimal {
            min,
            max,
            scale,
            spread,
        } => {
            let step = 10_f64.powi(-i32::from(scale));
            let (low, high) = within(facts, min, max, step);
            if (low, high) == (min, max) {
                return Source::Decimal {
                    min,
                    max,
                    scale,
                    spread,
                };
            }
            decimal(low, high, scale)
        }
        Source::Temporal { from, to, step } => {
            let (from, to) = times(facts, from, to, step);
            Source::Temporal { from, to, step }
        }
        Source::Prose { min, max } => {
            let (min, max) = lengths(facts, min, max);
            Source::Prose { min, max }
        }
        Source::Bytes { min, max } => {
            let (min, max) = lengths(facts, min, max);
            Source::Bytes { min, max }
        }
        Source::Array { element, min, max } => {
            let (min, max) = lengths(facts, min, max);
            Source::Array { element, min, max }
        }
        Source::Choice(values) => {
            let demands = Demands::new(facts);
            let fits = |text: &str| parse(text, kind).is_some_and(|v| demands.fulfilled(&v));
            Source::Choice(values.into_iter().filter(|v| fits(&v.value)).collect())
        }
        other => other,
    }
}

/// A bound, and whether it is among the values.
type Bound<'a> = Option<(&'a Value, bool)>;

/// The tightest lower and upper bound.
fn bounds(facts: &[Fact]) -> (Bound<'_>, Bound<'_>) {
    let (mut low, mut high): (Bound<'_>, Bound<'_>) = (None, None);
    for fact in facts {
        match &fact.says {
            Says::AtLeast(value, included) => {
                let tighter =
                    low.is_none_or(|(known, _)| order(value, known) == Some(Ordering::Greater));
                let same =
                    low.is_some_and(|(known, _)| order(value, known) == Some(Ordering::Equal));
                if tighter || same && !included {
                    low = Some((value, *included));
                }
            }
            Says::AtMost(value, included) => {
                let tighter =
                    high.is_none_or(|(known, _)| order(value, known) == Some(Ordering::Less));
                let same =
                    high.is_some_and(|(known, _)| order(value, known) == Some(Ordering::Equal));
                if tighter || same && !included {
                    high = Some((value, *included));
                }
            }
            _ => {}
        }
    }
    (low, high)
}

/// A range of numbers within the bounds. One that does not meet them moves to them.
fn within(facts: &[Fact], min: f64, max: f64, step: f64) -> (f64, f64) {
    let edge = |bound: Bound<'_>, by: f64| {
        bound.and_then(|(value, included)| {
            let number = value.number()?;
            // A bound between two steps is none of the values.
            let on = ((number / step).round() * step - number).abs() < step * 1e-6;
            Some(if included || !on { number } else { number + by })
        })
    };
    let (low, high) = bounds(facts);
    clamp((min, max), edge(low, step), edge(high, -step), max - min)
}

fn clamp((min, max): (f64, f64), low: Option<f64>, high: Option<f64>, span: f64) -> (f64, f64) {
    let from = low.map_or(min, |low| min.max(low));
    let to = high.map_or(max, |high| max.min(high));
    match (low, high) {
        _ if from <= to => (from, to),
        (Some(low), Some(high)) => (low, high),
        (Some(low), None) => (low, low + span),
        (None, Some(high)) => (high - span, high),
        (None, None) => (min, max),
    }
}

fn times(facts: &[Fact], from: i64, to: i64, step: i64) -> (i64, i64) {
    let edge = |bound: Bound<'_>, by: i64| {
        bound.and_then(|(value, included)| {
            let micros = match value {
                Value::Date(days) => i64::from(*days) * DAY,
                Value::Time(micros) | Value::Timestamp(micros) => *micros,
                _ => return None,
            };
            Some(if included {
                micros
            } else {
                micros.saturating_add(by)
            })
        })
    };
    let (low, high) = bounds(facts);
    let (low, high) = (edge(low, step), edge(high, -step));
    let (first, last) = (
        low.map_or(from, |l| from.max(l)),
        high.map_or(to, |h| to.min(h)),
    );
    match (low, high) {
        _ if first <= last => (first, last),
        (Some(low), Some(high)) => (low, high),
        (Some(low), None) => (low, low.saturating_add(to - from)),
        (None, Some(high)) => (high.saturating_sub(to - from), high),
        (None, None) => (from, to),
    }
}

fn lengths(facts: &[Fact], min: u32, max: u32) -> (u32, u32) {
    facts
        .iter()
        .fold((min, max), |(min, max), fact| match fact.says {
            Says::Length(least, most) => {
                let low = min.max(least);
                let high = max.min(most);
                if low <= high {
                    (low, high)
                } else {
                    (least, most.min(least.saturating_add(max)))
                }
            }
            _ => (min, max),
        })
}

fn unit(facts: &[Fact]) -> Option<i64> {
    facts.iter().find_map(|fact| match fact.says {
        Says::MultipleOf(unit) if unit.unsigned_abs() > 1 => Some(unit.saturating_abs()),
        _ => None,
    })
}

fn multiples(low: i64, high: i64, unit: i64) -> Source {
    let first = low.div_euclid(unit) + i64::from(low.rem_euclid(unit) != 0);
    let last = high.div_euclid(unit).min(first.saturating_add(LISTED - 1));
    choice((first..=last).map(|place| (place * unit).to_string()))
}
