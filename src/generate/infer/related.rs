//! Texts that agree with other columns of the row.

use super::about::About;
use super::name::{phrase, words};
use super::rules::{self, Guess};
use crate::generate::pg_type::PgType;
use crate::generate::source::{Piece, Source, Topic};

/// The places of the names that a row has.
#[derive(Debug, Default)]
struct Names {
    first: Option<usize>,
    last: Option<usize>,
    full: Option<usize>,
}

impl Names {
    fn of(about: &About<'_>, table: &str) -> Self {
        let mut names = Self::default();
        for neighbour in about.neighbours {
            let words = words(neighbour.name);
            if neighbour.name == about.column.name.as_str() || phrase(&words, "middle").is_some() {
                continue;
            }
            let place = match rules::text(table, &words) {
                Some((_, Guess::Text(Topic::FirstName))) => &mut names.first,
                Some((_, Guess::Text(Topic::LastName))) => &mut names.last,
                Some((_, Guess::Text(Topic::FullName))) => &mut names.full,
                _ => continue,
            };
            place.get_or_insert(neighbour.place);
        }
        names
    }
}

/// A template for a topic that goes with the row's names.
pub(super) fn related(about: &About<'_>, table: &str, topic: Topic) -> Option<Source> {
    if !matches!(about.kind, PgType::Text(_)) {
        return None;
    }
    let names = Names::of(about, table);
    let text = |text: &str| Piece::Text(text.to_owned());
    let account = match (names.first, names.last, names.full) {
        (Some(first), Some(last), _) => vec![Piece::Plain(first), text("."), Piece::Plain(last)],
        (_, _, Some(full)) => vec![Piece::Plain(full)],
        (Some(only), None, None) | (None, Some(only), None) => vec![Piece::Plain(only)],
        _ => Vec::new(),
    };
    let mut pieces = account;
    match topic {
        Topic::Email if !pieces.is_empty() => {
            pieces.extend([Piece::Number, text("@"), Piece::Host]);
        }
        Topic::UserName if !pieces.is_empty() => pieces.push(Piece::Number),
        Topic::FullName if !about.unique => {
            pieces = vec![
                Piece::Column(names.first?),
                text(" "),
                Piece::Column(names.last?),
            ];
        }
        _ => return None,
    }
    // Twice as many numbers as rows, and few digits for few rows.
    let numbers = 10_u64.saturating_pow(about.rows.saturating_mul(2).max(99).ilog10() + 1);
    Some(Source::Template { pieces, numbers })
}
