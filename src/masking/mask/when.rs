//! Rules for some rows only: `{ when = "kind = 'person'", then = "email", otherwise = "keep" }`.
//!
//! A condition compares one column of the row, before masking, with constants: `=`, `<>`, `<`, `<=`,
//! `>`, `>=`, `in (...)`, `is null`, `is not null`. As in SQL, a comparison with null is not true.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use super::compile::compile as compile_rule;
use super::encode::encode;
use super::order::order;
use super::site::{Compiled, Distinct, Site};
use crate::error::Result;
use crate::masking::{FieldMask, Masked, Row, Rule, Shape, Unmaskable};
use crate::sql::{Token, tokens};

pub(super) fn compile(site: &Site<'_>, condition: &str, then: &Rule, otherwise: &Rule) -> Compiled {
    // Both rules are one to one at best, and a mask of one may be a mask of the other.
    site.prove_distinct(Distinct::Few)?;
    let branch = |rule: &Rule| {
        if rule.sql().is_some() {
            return Err(site.refuse(
                "holds an SQL expression",
                "write the condition into the expression: case when ... end",
            ));
        }
        compile_rule(rule, site.facts, site.key)
    };
    Ok(Arc::new(When {
        condition: Condition::of(site, condition)?,
        then: branch(then)?,
        otherwise: branch(otherwise)?,
    }))
}

#[derive(Debug)]
struct When {
    condition: Condition,
    then: Option<Arc<dyn FieldMask>>,
    otherwise: Option<Arc<dyn FieldMask>>,
}

impl When {
    fn branch(&self, row: &Row<'_>) -> Option<&Arc<dyn FieldMask>> {
        match self.condition.holds(row) {
            true => self.then.as_ref(),
            false => self.otherwise.as_ref(),
        }
    }
}

impl FieldMask for When {
    fn value(
        &self,
        value: &[u8],
        row: &Row<'_>,
        out: &mut Vec<u8>,
    ) -> std::result::Result<Masked, Unmaskable> {
        match self.branch(row) {
            Some(mask) => mask.value(value, row, out),
            None => {
                out.extend_from_slice(value);
                Ok(Masked::Value)
            }
        }
    }

    fn null(&self, row: &Row<'_>, out: &mut Vec<u8>) -> std::result::Result<Masked, Unmaskable> {
        match self.branch(row) {
            Some(mask) if mask.sees_nulls() => mask.null(row, out),
            _ => Ok(Masked::Null),
        }
    }

    fn sees_nulls(&self) -> bool {
        [&self.then, &self.otherwise]
            .into_iter()
            .flatten()
            .any(|mask| mask.sees_nulls())
    }
}

/// What is asked of a column.
#[derive(Debug)]
struct Condition {
    column: usize,
    shape: Shape,
    /// Whether blanks at the end mean nothing: `character(n)`.
    padded: bool,
    test: Test,
}

#[derive(Debug)]
enum Test {
    IsNull,
    IsNotNull,
    /// One of these values.
    In(Vec<Vec<u8>>),
    /// None of these values.
    NotIn(Vec<Vec<u8>>),
    /// On one of these sides of a value.
    Side(&'static [Ordering], Vec<u8>),
}

/// The signs of comparison.
const SIGNS: &[(&str, Option<&[Ordering]>)] = &[
    ("<>", None),
    ("!=", None),
    ("<=", Some(&[Ordering::Less, Ordering::Equal])),
    (">=", Some(&[Ordering::Greater, Ordering::Equal])),
    ("=", None),
    ("<", Some(&[Ordering::Less])),
    (">", Some(&[Ordering::Greater])),
];

impl Condition {
    fn of(site: &Site<'_>, text: &str) -> Result<Self> {
        let refuse = |why: &str| {
            site.refuse(
                &format!("has the condition `{text}`, {why}"),
                "write: column = 'value', column in ('a', 'b'), column > 10, column is null",
            )
        };
        let unread = || refuse("which cannot be read");
        let read = tokens(text).ok_or_else(unread)?;
        let (name, rest) = column_name(text, &read).ok_or_else(unread)?;
        let column = site.column(name)?;
        let data_type = site.facts.columns.data_type(column);
        let shape = Shape::of(data_type);
        let literal = |tokens: &[Placed]| -> Result<Vec<u8>> {
            let plain = constant(text, tokens).ok_or_else(unread)?;
            let known = !matches!(
                shape,
                Shape::Json | Shape::Jsonb | Shape::Inet | Shape::Bytes
            );
            encode(plain, shape)
                .filter(|_| known)
                .ok_or_else(|| refuse(&format!("whose value is none of type {data_type}")))
        };
        let word = |placed: &Placed, word: &str| placed.0.is_word(word);
        let test = match rest {
            [is, null] if word(is, "is") && word(null, "null") => Test::IsNull,
            [is, not, null] if word(is, "is") && word(not, "not") && word(null, "null") => {
                Test::IsNotNull
            }
            [of, (open, _), list @ .., (close, _)]
                if word(of, "in") && open.is_sign("(") && close.is_sign(")") =>
            {
                let list = list.split(|(token, _)| token.is_sign(","));
                Test::In(list.map(literal).collect::<Result<_>>()?)
            }
            [(Token::Sign(sign), _), value @ ..] => {
                let found = SIGNS.iter().find(|(known, _)| sign == known);
                let (_, sides) = found.ok_or_else(unread)?;
                let value = literal(value)?;
                match sides {
                    None if sign == "=" => Test::In(vec![value]),
                    None => Test::NotIn(vec![value]),
                    Some(sides) if order(shape, &value, &value).is_some() => {
                        Test::Side(sides, value)
                    }
                    Some(_) => return Err(refuse(&format!("but {data_type} has no order here"))),
                }
            }
            _ => return Err(unread()),
        };
        Ok(Self {
            column,
            shape,
            padded: data_type.starts_with("character("),
            test,
        })
    }

    fn holds(&self, row: &Row<'_>) -> bool {
        let value = row.fields.get(self.column).copied().flatten();
        let Some(value) = value else {
            return matches!(self.test, Test::IsNull);
        };
        match &self.test {
            Test::IsNull => false,
            Test::IsNotNull => true,
            Test::In(values) => values.iter().any(|other| self.same(value, other)),
            Test::NotIn(values) => !values.iter().any(|other| self.same(value, other)),
            Test::Side(sides, other) => {
                order(self.shape, value, other).is_some_and(|order| sides.contains(&order))
            }
        }
    }

    fn same(&self, value: &[u8], other: &[u8]) -> bool {
        match order(self.shape, value, other) {
            Some(order) => order == Ordering::Equal,
            None if self.padded => value.trim_ascii_end() == other.trim_ascii_end(),
            None => value == other,
        }
    }
}

/// A token and the bytes it stands in.
type Placed = (Token, Range<usize>);

/// The column that a condition begins with, and what follows. A name that begins with digits may
/// stand without quotes.
fn column_name<'a>(text: &'a str, tokens: &'a [Placed]) -> Option<(&'a str, &'a [Placed])> {
    let (first, rest) = tokens.split_first()?;
    match first {
        (Token::Word(name, _), _) => Some((name, rest)),
        (Token::Number(_), number) => match rest {
            [(Token::Word(_, false), word), rest @ ..] if word.start == number.end => {
                Some((&text[number.start..word.end], rest))
            }
            rest => Some((&text[number.clone()], rest)),
        },
        _ => None,
    }
}

/// `'it''s'`, `12.5`, `true`; what needs no quotes stands without blanks.
fn constant<'a>(text: &'a str, tokens: &'a [Placed]) -> Option<&'a str> {
    if let [(Token::Text(text), _)] = tokens {
        return Some(text);
    }
    let (first, last) = (tokens.first()?, tokens.last()?);
    let bare = &text[first.1.start..last.1.end];
    let plain = |c: char| c.is_ascii_alphanumeric() || ".+-".contains(c);
    bare.chars().all(plain).then_some(bare)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::tests_support::{facts, key, refusal, rule};
    use crate::masking::{ColumnFacts, Masked, Row, compile};

    fn beside(data_type: &str) -> ColumnFacts {
        let columns = [("id", data_type), ("c", "text")];
        let columns = columns.map(|(name, data_type)| (name.to_owned(), data_type.to_owned()));
        ColumnFacts {
            columns: Arc::new(columns.into_iter().collect()),
            ..facts("text")
        }
    }

    /// Whether the value stays when the other column has this value.
    fn kept(condition: &str, data_type: &str, other: Option<&[u8]>) -> bool {
        let text = format!("{{ when = {condition:?}, then = \"keep\" }}");
        let mask = compile(&rule(&text), &beside(data_type), &key())
            .unwrap()
            .unwrap();
        let fields = [other, Some(b"Anna".as_slice())];
        let mut out = Vec::new();
        assert_eq!(
            mask.apply(fields[1], &Row { fields: &fields }, &mut out),
            Ok(Masked::Value)
        );
        out == b"Anna"
    }

    #[test]
    fn conditions_are_read_as_sql_reads_them() {
        let int = |n: i32| n.to_be_bytes().to_vec();
        for (condition, data_type, other, holds) in [
            ("id = 'it''s'", "text", Some(b"it's".to_vec()), true),
            ("id <> 'a'", "text", Some(b"b".to_vec()), true),
            ("id <> 'a'", "text", None, false),
            (
                "\"id\" in ('a', 'b, c')",
                "text",
                Some(b"b, c".to_vec()),
                true,
            ),
            ("id IN ('a')", "text", Some(b"b".to_vec()), false),
            ("id = 'a'", "character(3)", Some(b"a  ".to_vec()), true),
            ("id is null", "text", None, true),
            ("id is not null", "integer", Some(int(1)), true),
            ("id>=10", "integer", Some(int(10)), true),
            ("id>=-1", "integer", Some(int(-1)), true),
            ("id=-1", "integer", Some(int(1)), false),
            ("id > 2000-01-02", "date", Some(int(2)), true),
            ("id < -1", "integer", Some(int(-1)), false),
            ("id = true", "boolean", Some(vec![1]), true),
            ("id > '2000-01-02'", "date", Some(int(2)), true),
            (
                "id != 1.50",
                "numeric",
                Some(vec![0, 2, 0, 0, 0, 0, 0, 1, 0, 1, 0x13, 0x88]),
                false,
            ),
        ] {
            assert_eq!(
                kept(condition, data_type, other.as_deref()),
                holds,
                "{condition}"
            );
        }
        for (condition, data_type, part) in [
            ("idd = 1", "integer", "\"idd\""),
            ("id = 'x'", "integer", "none of type integer"),
            ("id > 'a'", "text", "no order"),
            ("id like 'a%'", "text", "cannot be read"),
            ("id = 'a' or id = 'b'", "text", "cannot be read"),
            ("id in ('a'", "text", "cannot be read"),
            ("id in ()", "text", "cannot be read"),
            ("id in ('a',)", "text", "cannot be read"),
            ("id = 1 2", "integer", "cannot be read"),
            ("id == 1", "integer", "cannot be read"),
            ("1 = 1", "integer", "\"1\""),
            ("2fa = true", "integer", "\"2fa\""),
            ("id = 1; drop table t", "integer", "cannot be read"),
            ("id = '{}'", "jsonb", "none of type jsonb"),
        ] {
            let text = format!("{{ when = {condition:?}, then = \"keep\" }}");
            let error = refusal(&text, &beside(data_type));
            assert!(error.contains(part), "{error}");
        }
        let sql = "{ when = \"id is null\", then = { sql = \"1\" } }";
        assert!(refusal(sql, &beside("text")).contains("SQL"));
    }

    proptest! {
        #[test]
        fn rows_beside_the_condition_are_masked(id: i32, bound: i32) {
            let other = id.to_be_bytes();
            prop_assert_eq!(kept(&format!("id <= {bound}"), "integer", Some(&other)), id <= bound);
            prop_assert_eq!(kept(&format!("id in ({bound}, 7)"), "integer", Some(&other)), id == bound || id == 7);
        }
    }
}
