//! What the bounds of partitions say of the key, so that every row has a partition.

use super::condition::{Comparison, Expression, compare};
use super::fact::Says;
use super::parse::parse;
use super::pg_type::PgType;
use super::value::Value;

/// The name that conditions of partitions go by.
pub(super) const NAME: &str = "bounds of its partitions";

/// A constraint as errors name it.
#[must_use]
pub fn called(constraint: &str) -> String {
    if constraint == NAME {
        format!("the {NAME}")
    } else {
        format!("constraint \"{constraint}\"")
    }
}

/// One partition's part of the key's values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bound {
    /// These; `true`: null, too.
    In(Vec<Value>, bool),
    /// The lower bound is in it, the upper is not; `None` is unbounded.
    Between(Option<Value>, Option<Value>),
}

/// What the bounds of all partitions of a table with one key column say of it, and the condition
/// that its rows must fulfil. `None` when every value has a partition (one is the default, or they
/// are hashed), or when a bound is not understood.
#[must_use]
pub(super) fn says(
    bounds: &[&str],
    column: usize,
    kind: &PgType,
) -> Option<(Vec<Says>, Expression)> {
    let bounds: Vec<Bound> = bounds
        .iter()
        .map(|text| bound(text, kind))
        .collect::<Option<_>>()?;
    let conditions: Vec<Expression> = bounds.iter().map(|b| condition(b, column)).collect();
    Some((hull(bounds)?, Expression::Or(conditions)))
}

/// What all values that some of the bounds take have in common; `None` when that is nothing.
#[must_use]
pub(super) fn hull(bounds: Vec<Bound>) -> Option<Vec<Says>> {
    let mut says = Vec::new();
    if !bounds
        .iter()
        .any(|bound| matches!(bound, Bound::In(_, true)))
    {
        says.push(Says::NotNull);
    }
    let mut listed = Vec::new();
    let mut hull: Option<(Option<Value>, Option<Value>)> = None;
    for bound in bounds {
        match bound {
            Bound::In(values, _) => listed.extend(values),
            Bound::Between(low, high) => {
                hull = Some(match hull {
                    None => (low, high),
                    Some((least, most)) => (outer(least, low, false)?, outer(most, high, true)?),
                });
            }
        }
    }
    match hull {
        None if listed.is_empty() => return None,
        None => says.push(Says::OneOf(listed)),
        Some((low, high)) => {
            says.extend(low.map(|low| Says::AtLeast(low, true)));
            says.extend(high.map(|high| Says::AtMost(high, false)));
        }
    }
    Some(says)
}

/// Whether partitions by hash take all rows between them: their shares make a whole.
#[must_use]
pub(super) fn is_whole_hash(bounds: &[&str]) -> bool {
    let modulus = |text: &&str| {
        let rest = text.strip_prefix("FOR VALUES WITH (modulus ")?;
        rest.split_once(',')?.0.trim().parse::<u64>().ok()
    };
    let Some(moduli) = bounds.iter().map(modulus).collect::<Option<Vec<u64>>>() else {
        return false;
    };
    // Each modulus is a factor of the next larger one.
    let largest = moduli.iter().copied().max().unwrap_or(1).max(1);
    let shares = moduli.iter().map(|modulus| largest / modulus.max(&1));
    shares.sum::<u64>() == largest
}

/// What bounds say of the first parts of a key with several, or with expressions: by the part's place,
/// values near which all partitions lie. `kinds` are the types of the parts' values, `None` for one
/// that is not understood.
#[must_use]
pub(super) fn leads(bounds: &[&str], kinds: &[Option<PgType>]) -> Vec<(usize, Says)> {
    let mut found = Vec::new();
    if let [Some(kind)] = kinds
        && let Some((says, _)) = says(bounds, 0, kind)
    {
        found.extend(says.into_iter().map(|says| (0, says)));
        return found;
    }
    let sides: Option<Vec<(Vec<Item>, Vec<Item>)>> = bounds.iter().map(|b| sides(b)).collect();
    let Some(sides) = sides.filter(|sides| !sides.is_empty()) else {
        return found;
    };
    for (at, kind) in kinds.iter().enumerate() {
        let Some(kind) = kind else { break };
        let of = |items: &[Item]| items.get(at).and_then(|item| item.value(kind));
        let ends: Vec<_> = sides.iter().map(|(l, h)| (of(l), of(h))).collect();
        let same = |(low, high): &(Option<Value>, Option<Value>)| low.is_some() && low == high;
        if ends.iter().all(same) {
            let mut values: Vec<Value> = Vec::new();
            for value in ends.into_iter().filter_map(|(low, _)| low) {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            found.push((at, Says::OneOf(values)));
            continue;
        }
        if has_order(kind) {
            let mut hull = ends[0].clone();
            for (low, high) in ends {
                let (Some(least), Some(most)) =
                    (outer(hull.0, low, false), outer(hull.1, high, true))
                else {
                    return found;
                };
                hull = (least, most);
            }
            found.extend(hull.0.map(|low| (at, Says::AtLeast(low, true))));
            found.extend(hull.1.map(|high| (at, Says::AtMost(high, true))));
        }
        break;
    }
    found
}

/// Bounds of times as those of dates.
#[must_use]
pub(super) fn as_dates(says: Says) -> Says {
    const DAY: i64 = 86_400_000_000;
    let day = |micros: i64| i32::try_from(micros.div_euclid(DAY)).ok().map(Value::Date);
    match says {
        Says::AtLeast(Value::Timestamp(micros), included) => {
            day(micros).map_or(Says::NotNull, |day| Says::AtLeast(day, included))
        }
        Says::AtMost(Value::Timestamp(micros), included) => {
            day(micros).map_or(Says::NotNull, |day| Says::AtMost(day, included))
        }
        other => other,
    }
}

/// The bound that is further out.
fn outer(left: Option<Value>, right: Option<Value>, upper: bool) -> Option<Option<Value>> {
    let (Some(left), Some(right)) = (left, right) else {
        return Some(None);
    };
    let right_is_out = compare(&right, &left)?.is_gt() == upper;
    Some(Some(if right_is_out { right } else { left }))
}

/// That a value of the column is within the bound.
#[must_use]
pub(super) fn condition(bound: &Bound, column: usize) -> Expression {
    let own = || Box::new(Expression::Column(column));
    let than = |comparison, value: &Value| {
        let value = Box::new(Expression::Constant(value.clone()));
        Expression::Compare(comparison, own(), value)
    };
    let present = Expression::Not(Box::new(Expression::IsNull(own())));
    let mut parts = vec![present];
    match bound {
        Bound::In(values, null) => {
            let values = values.iter().cloned().map(Expression::Constant).collect();
            parts.push(Expression::Among(Comparison::Equal, own(), values, false));
            if *null {
                return Expression::Or(vec![Expression::IsNull(own()), Expression::And(parts)]);
            }
        }
        Bound::Between(low, high) => {
            parts.extend(low.iter().map(|low| than(Comparison::AtLeast, low)));
            parts.extend(high.iter().map(|high| than(Comparison::Less, high)));
        }
    }
    Expression::And(parts)
}

/// Reads `FOR VALUES IN ('a', 'b')` and `FOR VALUES FROM ('2024-01-01') TO (MAXVALUE)`.
#[must_use]
pub(super) fn bound(text: &str, kind: &PgType) -> Option<Bound> {
    let rest = text.strip_prefix("FOR VALUES ")?;
    if let Some(rest) = rest.strip_prefix("IN (") {
        let (mut values, mut null) = (Vec::new(), false);
        for item in items(rest.strip_suffix(')')?)? {
            if item == Item::Bare("NULL".to_owned()) {
                null = true;
            } else {
                values.push(item.value(kind)?);
            }
        }
        return Some(Bound::In(values, null));
    }
    if !has_order(kind) {
        return None;
    }
    let side = |items: &[Item]| -> Option<Option<Value>> {
        let [item] = items else {
            return None;
        };
        match item {
            Item::Bare(word) if word == "MINVALUE" || word == "MAXVALUE" => Some(None),
            item => item.value(kind).map(Some),
        }
    };
    let (low, high) = sides(text)?;
    Some(Bound::Between(side(&low)?, side(&high)?))
}

/// Whether values of the type stand in the same order here and on the server: texts have that of
/// their collation.
const fn has_order(kind: &PgType) -> bool {
    matches!(
        kind,
        PgType::Int(_) | PgType::Numeric(_) | PgType::Date | PgType::Timestamp(_)
    )
}

/// The lower and the upper bound of `FOR VALUES FROM (1, 2) TO (3, 4)`.
fn sides(text: &str) -> Option<(Vec<Item>, Vec<Item>)> {
    let rest = text.strip_prefix("FOR VALUES FROM (")?.strip_suffix(')')?;
    let (low, high) = rest.split_once(") TO (")?;
    Some((items(low)?, items(high)?))
}

#[derive(Debug, Clone, PartialEq)]
enum Item {
    Quoted(String),
    Bare(String),
}

impl Item {
    fn value(&self, kind: &PgType) -> Option<Value> {
        let (Self::Quoted(text) | Self::Bare(text)) = self;
        parse(text, kind)
    }
}

/// The constants of a list.
fn items(text: &str) -> Option<Vec<Item>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let mut item = String::new();
        if let Some(inner) = rest.strip_prefix('\'') {
            let mut left = inner;
            loop {
                let (before, after) = left.split_once('\'')?;
                item.push_str(before);
                left = after;
                match left.strip_prefix('\'') {
                    Some(more) => {
                        item.push('\'');
                        left = more;
                    }
                    None => break,
                }
            }
            rest = left;
            found.push(Item::Quoted(item));
        } else {
            let (word, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            found.push(Item::Bare(word.trim().to_owned()));
            rest = after;
        }
        rest = rest.trim_start();
        if !rest.is_empty() {
            rest = rest.strip_prefix(',')?.trim_start();
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::condition::Truth;
    use super::*;

    #[test]
    fn rows_of_a_range_stay_out_of_gaps() {
        let bounds = [
            "FOR VALUES FROM ('2000-01-11') TO ('2000-01-21')",
            "FOR VALUES FROM ('2000-01-01') TO ('2000-01-06')",
        ];
        let (says, condition) = super::says(&bounds, 0, &PgType::Date).unwrap();
        assert_eq!(
            says[1..],
            [
                Says::AtLeast(Value::Date(0), true),
                Says::AtMost(Value::Date(20), false)
            ]
        );
        for (day, expected) in [(0, true), (4, true), (5, false), (10, true), (20, false)] {
            let held = condition.holds(&[Value::Date(day)]) == Truth::True;
            assert_eq!(held, expected, "{day}");
        }
        assert_eq!(condition.holds(&[Value::Null]), Truth::False);
    }

    #[test]
    fn lists_are_joined_and_quotes_kept() {
        let text = |text: &str| Value::text(text.to_owned());
        let bounds = [
            "FOR VALUES IN ('a', 'it''s, ok')",
            "FOR VALUES IN ('b', NULL)",
        ];
        let (says, condition) = super::says(&bounds, 0, &PgType::Text(None)).unwrap();
        assert_eq!(condition.holds(&[Value::Null]), Truth::True);
        let all = vec![text("a"), text("it's, ok"), text("b")];
        assert_eq!(says, [Says::OneOf(all)]);
        let open = [
            "FOR VALUES FROM (MINVALUE) TO (10)",
            "FOR VALUES FROM (10) TO (20)",
        ];
        let (says, _) = super::says(&open, 0, &PgType::Int(4)).unwrap();
        assert_eq!(says[1..], [Says::AtMost(Value::Int(20), false)]);
    }

    #[test]
    fn bounds_of_several_parts_lead_near_the_partitions() {
        let int = || Some(PgType::Int(4));
        let bounds = [
            "FOR VALUES FROM (0, 0) TO (10, 0)",
            "FOR VALUES FROM (10, 0) TO (20, 5)",
        ];
        let between = |low, high| {
            vec![
                (0, Says::AtLeast(Value::Int(low), true)),
                (0, Says::AtMost(Value::Int(high), true)),
            ]
        };
        assert_eq!(leads(&bounds, &[int(), int()]), between(0, 20));
        let text = |text: &str| Value::text(text.to_owned());
        let bounds = [
            "FOR VALUES FROM ('eu', 1) TO ('eu', 9)",
            "FOR VALUES FROM ('us', 5) TO ('us', MAXVALUE)",
        ];
        let found = leads(&bounds, &[Some(PgType::Text(None)), int()]);
        assert_eq!(found[0], (0, Says::OneOf(vec![text("eu"), text("us")])));
        assert_eq!(found[1..], [(1, Says::AtLeast(Value::Int(1), true))]);
        assert_eq!(leads(&bounds, &[None, int()]), []);
    }

    #[test]
    fn shares_of_a_hash_make_a_whole_or_do_not() {
        let of = |parts: &[(u64, u64)]| {
            let texts: Vec<String> = parts
                .iter()
                .map(|(m, r)| format!("FOR VALUES WITH (modulus {m}, remainder {r})"))
                .collect();
            is_whole_hash(&texts.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert!(of(&[(2, 0), (4, 1), (4, 3)]));
        assert!(!of(&[(2, 0), (4, 1)]));
        assert!(!is_whole_hash(&[]));
    }

    #[test]
    fn nothing_is_said_when_every_value_has_a_place() {
        for bounds in [
            &["DEFAULT", "FOR VALUES IN (1)"][..],
            &["FOR VALUES WITH (modulus 2, remainder 0)"],
            &["FOR VALUES FROM (1, 2) TO (3, 4)"],
        ] {
            assert_eq!(super::says(bounds, 0, &PgType::Int(4)), None, "{bounds:?}");
        }
    }
}
