//! The ways in which a row can fulfil a condition, as far as they show in single columns.
//!
//! `num_nonnulls(a, b, c) = 1` is fulfilled in three ways, each of which says which columns are null.
//! Drawing blindly would find one of many such ways late or never; a way taken on purpose is found at
//! once. What a way says is a wish: whether the row fulfils the condition is still tried.

use serde::{Deserialize, Serialize};

use super::expression::{Comparison, Expression, Function};
use super::order::compare;
use crate::generate::value::Value;

/// Ways of one condition that are looked at.
const MOST: usize = 256;
/// Columns that are counted for nulls at once.
const COUNTED: usize = 12;

/// What a way asks of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// It is null.
    Null,
    /// It is not null.
    NotNull,
    /// It is one of these, which are not null.
    OneOf(Vec<Value>),
    /// It lies between these, both included: two numbers, dates or times.
    Between(Value, Value),
}

/// What one way asks of columns, each named once by its index into the table's plan.
pub type Way = Vec<(usize, Wish)>;

impl Expression {
    /// The ways to fulfil it; empty when nothing is known of them.
    #[must_use]
    pub fn ways(&self) -> Vec<Way> {
        let ways = ways(self, true);
        if ways.iter().all(Vec::is_empty) {
            return Vec::new();
        }
        ways
    }
}

/// Ways to make it true, or false. One that asks nothing stands for what is not known.
fn ways(expression: &Expression, wanted: bool) -> Vec<Way> {
    match expression {
        Expression::And(parts) | Expression::Or(parts) => {
            let each = parts.iter().map(|part| ways(part, wanted));
            if matches!(expression, Expression::And(_)) == wanted {
                all(each)
            } else {
                any(each)
            }
        }
        Expression::Not(inner) => ways(inner, !wanted),
        Expression::IsNull(inner) => match **inner {
            Expression::Column(column) if wanted => vec![vec![(column, Wish::Null)]],
            Expression::Column(column) => vec![vec![(column, Wish::NotNull)]],
            _ => unknown(),
        },
        Expression::Column(column) => truth(*column, wanted),
        Expression::Is(inner, value) if wanted => ways(inner, *value),
        Expression::Is(inner, value) => match **inner {
            Expression::Column(column) => {
                any([truth(column, !value), vec![vec![(column, Wish::Null)]]].into_iter())
            }
            _ => ways(inner, !value),
        },
        Expression::Compare(comparison, left, right) => {
            compared(*comparison, (left, right), wanted)
        }
        Expression::Among(comparison, left, items, every) => {
            let equal = match (comparison, every) {
                (Comparison::Equal, false) => wanted,
                (Comparison::NotEqual, true) => !wanted,
                _ => false,
            };
            match (&**left, constants(items)) {
                (Expression::Column(column), Some(values)) if equal => {
                    vec![vec![(*column, Wish::OneOf(values))]]
                }
                _ => unknown(),
            }
        }
        Expression::Constant(Value::Bool(value)) if *value != wanted => Vec::new(),
        Expression::Case(branches, otherwise) => case(branches, otherwise, wanted),
        _ => unknown(),
    }
}

fn unknown() -> Vec<Way> {
    vec![Vec::new()]
}

fn truth(column: usize, value: bool) -> Vec<Way> {
    vec![vec![(column, Wish::OneOf(vec![Value::Bool(value)]))]]
}

fn constants(items: &[Expression]) -> Option<Vec<Value>> {
    let values = items.iter().map(|item| match item {
        Expression::Constant(value) if !value.is_null() => Some(value.clone()),
        _ => None,
    });
    values.collect()
}

/// Whether an expression is a condition by its form.
fn is_condition(expression: &Expression) -> bool {
    !matches!(
        expression,
        Expression::Column(_)
            | Expression::Constant(_)
            | Expression::Arithmetic(..)
            | Expression::Call(..)
            | Expression::Case(..)
    )
}

fn compared(
    comparison: Comparison,
    (left, right): (&Expression, &Expression),
    wanted: bool,
) -> Vec<Way> {
    let equal = match comparison {
        Comparison::Equal => Some(wanted),
        Comparison::NotEqual => Some(!wanted),
        _ => None,
    };
    match (left, right) {
        (Expression::Call(function, columns), Expression::Constant(Value::Int(bound))) => {
            counted(*function, columns, (comparison, *bound), wanted)
        }
        (Expression::Constant(Value::Int(bound)), Expression::Call(function, columns)) => {
            counted(*function, columns, (comparison.turned(), *bound), wanted)
        }
        (Expression::Column(column), Expression::Constant(value))
        | (Expression::Constant(value), Expression::Column(column)) => match (equal, value) {
            (Some(true), value) if !value.is_null() => {
                vec![vec![(*column, Wish::OneOf(vec![value.clone()]))]]
            }
            (Some(false), Value::Bool(value)) => truth(*column, !value),
            _ => unknown(),
        },
        _ => match equal {
            Some(equal) if is_condition(left) && is_condition(right) => any([
                all([ways(left, true), ways(right, equal)].into_iter()),
                all([ways(left, false), ways(right, !equal)].into_iter()),
            ]
            .into_iter()),
            _ => unknown(),
        },
    }
}

/// `num_nonnulls(...)` and `num_nulls(...)` compared with a number: which columns are null.
fn counted(
    function: Function,
    columns: &[Expression],
    (comparison, bound): (Comparison, i64),
    wanted: bool,
) -> Vec<Way> {
    let places = columns.iter().map(|column| match column {
        Expression::Column(column) => Some(*column),
        _ => None,
    });
    let Some(places) = places.collect::<Option<Vec<usize>>>() else {
        return unknown();
    };
    if places.len() > COUNTED || !matches!(function, Function::NonNulls | Function::Nulls) {
        return unknown();
    }
    let fits = |count: i64| {
        let holds = match comparison {
            Comparison::Equal => count == bound,
            Comparison::NotEqual => count != bound,
            Comparison::Less => count < bound,
            Comparison::AtMost => count <= bound,
            Comparison::Greater => count > bound,
            Comparison::AtLeast => count >= bound,
        };
        holds == wanted
    };
    let mut found = Vec::new();
    for chosen in 0..1_u32 << places.len() {
        let is_counted = |place: usize| chosen >> place & 1 == 1;
        if !fits(i64::from(chosen.count_ones())) {
            continue;
        }
        let way = places.iter().enumerate().map(|(place, column)| {
            let null = is_counted(place) == (function == Function::Nulls);
            (*column, if null { Wish::Null } else { Wish::NotNull })
        });
        found.push(way.collect());
    }
    capped(found)
}

fn case(branches: &[(Expression, Expression)], otherwise: &Expression, wanted: bool) -> Vec<Way> {
    let mut found = Vec::new();
    let mut before = unknown();
    for (condition, value) in branches {
        let here = all([before.clone(), ways(condition, true), ways(value, wanted)].into_iter());
        found.extend(here);
        before = all([before, ways(condition, false)].into_iter());
    }
    found.extend(all([before, ways(otherwise, wanted)].into_iter()));
    capped(found)
}

/// Every way of one together with every way of each other, contradictions apart.
fn all(each: impl Iterator<Item = Vec<Way>>) -> Vec<Way> {
    each.fold(unknown(), |found, more| {
        if found.len().saturating_mul(more.len()) > MOST {
            return found;
        }
        let pairs = found
            .iter()
            .flat_map(|left| more.iter().map(move |right| (left, right)));
        pairs
            .filter_map(|(left, right)| both(left, right))
            .collect()
    })
}

fn any(each: impl Iterator<Item = Vec<Way>>) -> Vec<Way> {
    capped(each.flatten().collect())
}

/// Too many ways are as good as unknown ones.
fn capped(found: Vec<Way>) -> Vec<Way> {
    if found.len() > MOST { unknown() } else { found }
}

/// What two ways ask together; `None` when they contradict each other.
#[must_use]
pub(in crate::generate) fn both(left: &Way, right: &Way) -> Option<Way> {
    let mut merged = left.clone();
    for (column, wish) in right {
        match merged.iter_mut().find(|(known, _)| known == column) {
            None => merged.push((*column, wish.clone())),
            Some((_, known)) => *known = met(known, wish)?,
        }
    }
    Some(merged)
}

/// Both wishes of one column; `None` when they contradict each other.
fn met(left: &Wish, right: &Wish) -> Option<Wish> {
    match (left, right) {
        (Wish::Null, Wish::Null) => Some(Wish::Null),
        (Wish::Null, _) | (_, Wish::Null) => None,
        (Wish::NotNull, other) | (other, Wish::NotNull) => Some(other.clone()),
        (Wish::OneOf(left), Wish::OneOf(right)) => {
            let both: Vec<Value> = left.iter().filter(|v| right.contains(v)).cloned().collect();
            (!both.is_empty()).then_some(Wish::OneOf(both))
        }
        (Wish::OneOf(values), Wish::Between(least, most))
        | (Wish::Between(least, most), Wish::OneOf(values)) => {
            let within = |v: &&Value| is_between(v, least, most);
            let both: Vec<Value> = values.iter().filter(within).cloned().collect();
            (!both.is_empty()).then_some(Wish::OneOf(both))
        }
        (Wish::Between(least, most), Wish::Between(low, high)) => {
            let least = if compare(low, least)?.is_gt() {
                low
            } else {
                least
            };
            let most = if compare(high, most)?.is_lt() {
                high
            } else {
                most
            };
            let wish = || Wish::Between(least.clone(), most.clone());
            compare(least, most)?.is_le().then(wish)
        }
    }
}

fn is_between(value: &Value, least: &Value, most: &Value) -> bool {
    compare(value, least).is_some_and(std::cmp::Ordering::is_ge)
        && compare(value, most).is_some_and(std::cmp::Ordering::is_le)
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use crate::generate::pg_type::PgType;

    fn ways(text: &str) -> Vec<Way> {
        let resolve = |name: &str| match name {
            "a" | "b" | "c" => Some((usize::from(name.as_bytes()[0] - b'a'), PgType::Int(4))),
            "flag" => Some((3, PgType::Bool)),
            "kind" => Some((4, PgType::Text(None))),
            _ => None,
        };
        read(text, &resolve, 0).unwrap().ways()
    }

    #[test]
    fn counted_nulls_say_which() {
        let found = ways("(num_nonnulls(a, b, c) = 1)");
        assert_eq!(found.len(), 3);
        assert!(found.contains(&vec![(0, Wish::Null), (1, Wish::NotNull), (2, Wish::Null)]));
        assert_eq!(ways("(num_nonnulls(a, b, c) >= 2)").len(), 4);
        assert_eq!(
            ways("(num_nulls(a, b) = 0)"),
            [[(0, Wish::NotNull), (1, Wish::NotNull)]]
        );
    }

    #[test]
    fn nulls_go_together() {
        let found = ways("((a IS NULL) = (b IS NULL))");
        let both = |wish: Wish| vec![(0, wish.clone()), (1, wish)];
        assert_eq!(found, [both(Wish::Null), both(Wish::NotNull)]);
    }

    #[test]
    fn alternatives_name_their_values() {
        let found = ways(
            "(((kind = 'x'::text) AND (a IS NOT NULL)) OR ((kind <> 'x'::text) AND (NOT flag)))",
        );
        let text = |text: &str| Wish::OneOf(vec![Value::text(text.to_owned())]);
        assert_eq!(
            found,
            [
                vec![(4, text("x")), (0, Wish::NotNull)],
                vec![(3, Wish::OneOf(vec![Value::Bool(false)]))]
            ]
        );
    }

    #[test]
    fn each_branch_of_a_case_is_a_way() {
        let found = ways("CASE WHEN flag THEN (a IS NOT NULL) ELSE (b IS NULL) END");
        let flag = |value| (3, Wish::OneOf(vec![Value::Bool(value)]));
        assert_eq!(
            found,
            [
                vec![flag(true), (0, Wish::NotNull)],
                vec![flag(false), (1, Wish::Null)]
            ]
        );
        assert_eq!(
            ways("CASE WHEN flag THEN true ELSE false END"),
            [[flag(true)]]
        );
    }

    #[test]
    fn wishes_of_one_column_meet() {
        let between = |low, high| Wish::Between(Value::Int(low), Value::Int(high));
        let one = |values: &[i64]| Wish::OneOf(values.iter().map(|v| Value::Int(*v)).collect());
        assert_eq!(met(&between(1, 9), &between(5, 20)), Some(between(5, 9)));
        assert_eq!(met(&between(1, 4), &between(5, 20)), None);
        assert_eq!(met(&one(&[1, 5, 7]), &between(5, 7)), Some(one(&[5, 7])));
        assert_eq!(met(&between(5, 7), &one(&[1])), None);
    }

    #[test]
    fn what_contradicts_itself_is_no_way() {
        let found = ways("((a IS NULL) AND (((a = 1) AND (b = 2)) OR (c IS NOT NULL)))");
        assert_eq!(found, [[(0, Wish::Null), (2, Wish::NotNull)]]);
        assert!(ways("(a > b)").is_empty());
    }
}
