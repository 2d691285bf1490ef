//! What the ways to fulfil a row's conditions ask of its columns in one try.

use super::condition::{Condition, Wish};
use super::stream::{Stream, StreamKey};
use super::value::Value;
use crate::sql::Decimal;

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// The streams that choose the ways of a table's conditions.
#[derive(Debug)]
pub(super) struct Wishes {
    /// One for each condition that has ways, by its place.
    keys: Vec<(usize, StreamKey)>,
}

/// What one try of a row asks of its columns.
#[derive(Debug, Default)]
pub(super) struct Wished<'p> {
    /// A later condition's wish stands before an earlier one's.
    wishes: Vec<(usize, &'p Wish)>,
}

/// What a column is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    /// What its source gives.
    Any,
    /// The same, but not null.
    NotNull,
    /// This.
    Value(Value),
}

impl Wishes {
    /// `stream` gives the key of a purpose.
    pub(super) fn new(conditions: &[Condition], stream: impl Fn(&str) -> StreamKey) -> Self {
        let with_ways = conditions
            .iter()
            .enumerate()
            .filter(|(_, c)| !c.ways.is_empty());
        let key =
            |(at, condition): (usize, &Condition)| (at, stream(&format!("way {}", condition.name)));
        Self {
            keys: with_ways.map(key).collect(),
        }
    }

    /// One way of each condition, at random; `attempt` says the try of a condition, by its place.
    pub(super) fn of<'p>(
        &self,
        conditions: &'p [Condition],
        number: u64,
        attempt: impl Fn(usize) -> u32,
    ) -> Wished<'p> {
        let mut wished = Wished::default();
        for (at, key) in self.keys.iter().rev() {
            let ways = &conditions[*at].ways;
            let Some(way) = key.row(number, attempt(*at)).pick(ways) else {
                continue;
            };
            wished
                .wishes
                .extend(way.iter().map(|(column, wish)| (*column, wish)));
        }
        wished
    }
}

impl Wished<'_> {
    /// What is asked of a column; `stream` gives its own.
    pub(super) fn of(&self, column: usize, stream: impl Fn() -> Stream) -> Asked {
        let wish = self.wishes.iter().find(|(of, _)| *of == column);
        match wish.map(|(_, wish)| wish) {
            None => Asked::Any,
            Some(Wish::Null) => Asked::Value(Value::Null),
            Some(Wish::NotNull) => Asked::NotNull,
            Some(Wish::OneOf(values)) => {
                let value = stream().pick(values).cloned();
                value.map_or(Asked::NotNull, Asked::Value)
            }
            Some(Wish::Between(least, most)) => {
                between(least, most, &mut stream()).map_or(Asked::NotNull, Asked::Value)
            }
        }
    }
}

/// A value between two, each as likely as the others; times in whole seconds from the first.
fn between(least: &Value, most: &Value, stream: &mut Stream) -> Option<Value> {
    Some(match (least, most) {
        (Value::Int(least), Value::Int(most)) => Value::Int(stream.between(*least, *most)),
        (Value::Date(least), Value::Date(most)) => {
            let day = stream.between(i64::from(*least), i64::from(*most));
            Value::Date(i32::try_from(day).ok()?)
        }
        (Value::Timestamp(least), Value::Timestamp(most)) => {
            let seconds = most.saturating_sub(*least) / SECOND;
            Value::Timestamp(least.saturating_add(SECOND * stream.between(0, seconds)))
        }
        (Value::Decimal(least), Value::Decimal(most)) if least.scale == most.scale => {
            let (low, high) = (least.unscaled, most.unscaled);
            let drawn = stream.between(i64::try_from(low).ok()?, i64::try_from(high).ok()?);
            Value::Decimal(Decimal {
                unscaled: i128::from(drawn),
                scale: least.scale,
            })
        }
        _ => return None,
    })
}
