//! Texts made from other columns of the row, so that an e-mail address agrees with its owner's name.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::fixed::HOSTS;
use super::slug::slug;
use crate::generate::pg_type::PgType;
use crate::generate::source::{Make, RowView};
use crate::generate::stream::Stream;
use crate::generate::value::Value;

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Always the same.
    Text(String),
    /// A text column of the row, as it is: an index into the table's plan.
    Column(usize),
    /// The same in lower-case ASCII letters; a name without any becomes `user`.
    Plain(usize),
    /// A number; it makes texts of the same names differ.
    Number,
    /// A domain for examples (RFC 2606).
    Host,
}

#[derive(Debug)]
struct Template {
    pieces: Vec<Piece>,
    numbers: u64,
    hosts: u64,
    /// Characters that one column may give.
    share: usize,
}

/// Numbers of values that are not counted stay below.
const SMALL: u64 = 100;

/// `numbers`: how many there are.
pub(in crate::generate::source) fn template(
    pieces: &[Piece],
    numbers: u64,
    kind: &PgType,
) -> Option<Box<dyn Make>> {
    let room = match kind {
        PgType::Text(room) => room.unwrap_or(u32::MAX) as usize,
        _ => return None,
    };
    let numbers = match pieces
        .iter()
        .filter(|piece| **piece == Piece::Number)
        .count()
    {
        0 => 1,
        1 => numbers.max(1),
        _ => return None,
    };
    let hosts = if pieces.contains(&Piece::Host) {
        HOSTS.len() as u64
    } else {
        1
    };
    let columns = pieces
        .iter()
        .filter(|p| matches!(p, Piece::Column(_) | Piece::Plain(_)));
    let fixed = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => text.chars().count(),
        Piece::Number => numbers.max(SMALL).ilog10() as usize + 1,
        Piece::Host => 11,
        Piece::Column(_) | Piece::Plain(_) => 0,
    });
    let left = room.checked_sub(fixed.sum())?;
    let share = left / columns.count().max(1);
    (share >= 3).then(|| {
        Box::new(Template {
            pieces: pieces.to_vec(),
            numbers,
            hosts,
            share,
        }) as Box<dyn Make>
    })
}

impl Template {
    fn write(&self, number: u64, host: u64, row: &dyn RowView) -> Value {
        let mut out = String::with_capacity(40);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Column(column) => {
                    if let Value::Text(text) = row.column(*column) {
                        out.extend(text.chars().take(self.share));
                    }
                }
                Piece::Plain(column) => {
                    let plain = match row.column(*column) {
                        Value::Text(text) => slug(text),
                        _ => String::new(),
                    };
                    let plain = if plain.is_empty() { "user" } else { &plain };
                    out.extend(plain.chars().take(self.share));
                }
                Piece::Number if number == 0 => {}
                Piece::Number => {
                    let _ = write!(out, "{number}");
                }
                Piece::Host => out.push_str(HOSTS.get(host as usize).copied().unwrap_or_default()),
            }
        }
        Value::text(out)
    }
}

impl Make for Template {
    /// Only the number is its own: names come again.
    fn size(&self) -> Option<u64> {
        Some(self.numbers.saturating_mul(self.hosts))
    }

    fn draw(&self, stream: &mut Stream, row: &dyn RowView) -> Value {
        let host = stream.below(self.hosts);
        let number = stream.below(self.numbers.min(SMALL));
        self.write(number, host, row)
    }

    fn nth(&self, index: u64, row: &dyn RowView) -> Value {
        self.write(index / self.hosts, index % self.hosts, row)
    }

    fn needs(&self) -> Vec<usize> {
        self.pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Column(column) | Piece::Plain(column) => Some(*column),
                _ => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    struct Person;

    impl RowView for Person {
        fn number(&self) -> u64 {
            0
        }

        fn column(&self, column: usize) -> &Value {
            const NAMES: [Value; 2] = [
                Value::Text(std::borrow::Cow::Borrowed("Zoë")),
                Value::Text(std::borrow::Cow::Borrowed("Müller")),
            ];
            static KEPT: [Value; 2] = NAMES;
            KEPT.get(column).unwrap_or(&Value::Null)
        }

        fn parent(&self, _: usize, _: usize) -> Value {
            Value::Null
        }
    }

    #[test]
    fn an_address_agrees_with_the_name() {
        let pieces = [
            Piece::Plain(0),
            Piece::Text(".".into()),
            Piece::Plain(1),
            Piece::Number,
            Piece::Text("@".into()),
            Piece::Host,
        ];
        let make = template(&pieces, 1000, &PgType::Text(Some(60))).unwrap();
        assert_eq!(make.needs(), [0, 1]);
        let text = |index| match make.nth(index, &Person) {
            Value::Text(text) => text.into_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text(0), "zoe.mueller@example.com");
        assert_eq!(text(4), "zoe.mueller1@example.org");
        let all: BTreeSet<String> = (0..3000).map(text).collect();
        assert_eq!(all.len(), 3000);
        assert!(template(&pieces, 1000, &PgType::Text(Some(12))).is_none());
    }
}
