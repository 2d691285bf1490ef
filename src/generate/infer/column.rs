//! The decision.

use super::about::{About, Inferred};
use super::accept::Demands;
use super::by_type;
use super::candidates::{Candidate, candidates, from_facts};
use super::name::{phrase, words};
use super::narrow::{narrow, without_forbidden};
use crate::error::{Error, Kind, Result};
use crate::generate::fact::{Fact, Says};
use crate::generate::pg_type::PgType;
use crate::generate::source::{Make, RowView, Source};
use crate::generate::stream::StreamKey;
use crate::generate::value::Value;

/// Share of rows where a column that may be null is.
const NULLS: f64 = 0.1;
/// The same where a value is the exception.
const RARELY: f64 = 0.9;
/// Values by which a source is judged.
const SAMPLE: u64 = 48;

/// Times of what mostly did not happen.
const RARE: &str =
    "deleted archived removed cancelled canceled revoked banned blocked locked suspended";
/// Columns that a person would not leave empty, even where they may be.
const REQUIRED: &str = "name email username title status created updated first_name last_name price amount total quantity currency";

/// What a column holds.
///
/// # Errors
/// [`Kind::SeedPlan`] when the column may not be null and nothing is known of its type.
pub(in crate::generate) fn column(about: &About<'_>) -> Result<Inferred> {
    let demands = Demands::new(about.facts);
    let plain = about.facts.iter().filter(|fact| !is_pattern(fact));
    let plain: Vec<Fact> = plain.cloned().collect();
    let loose = Demands::new(&plain);
    let (mut last, mut small) = (None, None);
    for mut found in candidates(about) {
        let mut wanted = narrow(found.source.clone(), about.kind, about.facts);
        if about.unique {
            wanted = without_forbidden(&wanted, about.facts).unwrap_or(wanted);
        }
        if wanted != found.source {
            found.reason = format!("{}, {}", found.reason, from_facts(about));
            found.source = wanted;
        }
        let Ok(make) = found.source.compile(about.kind, StreamKey::new(0, "", "")) else {
            continue;
        };
        let enough = !about.unique || make.size().is_none_or(|size| size >= about.rows);
        // Whether what is made from other columns matches is not known without them.
        let demands = if make.needs().is_empty() {
            &demands
        } else {
            &loose
        };
        match fits(&*make, demands) {
            true if enough => return Ok(finished(about, found)),
            // Fewer rows are better than rows that the constraints forbid.
            true => small = small.or(Some(found)),
            // The table's conditions are tried with each row: what fits sometimes is better than none.
            false => last = Some(found),
        }
    }
    match small.or(last) {
        Some(found) => Ok(finished(about, found)),
        None if !about.not_null => Ok(Inferred {
            source: Source::Null,
            nulls: 0.0,
            reason: format!("null, because {} is not known", about.column.data_type),
            meant: false,
        }),
        None if by_type::source(about.kind, about.today).is_some() => {
            let mut names: Vec<&str> = about.facts.iter().map(|f| f.from.as_str()).collect();
            names.dedup();
            let (table, column) = (about.table, about.column.name.as_str());
            let why = if names.is_empty() {
                format!("the type {} has no value", about.column.data_type)
            } else {
                let names = names.join("\", \"");
                format!("no value fulfils constraint \"{names}\"")
            };
            let message = format!("{table}.{column}: {why}");
            Err(Error::new(Kind::SeedPlan, message))
        }
        None => {
            let (table, column) = (about.table, about.column.name.as_str());
            let kind = &about.column.data_type;
            let message = format!("{table}.{column}: no generator for the type {kind}");
            let hint = "give the column a constant or a choice of values in the spec";
            Err(Error::new(Kind::SeedPlan, message).hint(hint))
        }
    }
}

fn finished(about: &About<'_>, found: Candidate) -> Inferred {
    Inferred {
        source: found.source,
        nulls: nulls(about),
        reason: found.reason,
        meant: found.meant,
    }
}

/// Whether a constraint says what a text looks like.
fn is_pattern(fact: &Fact) -> bool {
    matches!(fact.says, Says::Matches(..))
}

/// A row of which nothing is known.
pub(in crate::generate) struct Empty;

impl RowView for Empty {
    fn number(&self) -> u64 {
        0
    }

    fn column(&self, _: usize) -> &Value {
        &Value::Null
    }

    fn parent(&self, _: usize, _: usize) -> Value {
        Value::Null
    }
}

/// Whether a sample of a source's values fulfils the constraints.
fn fits(make: &dyn Make, demands: &Demands<'_>) -> bool {
    let key = StreamKey::new(0, "infer", "sample");
    let counted = make.size().unwrap_or(SAMPLE);
    let drawn = (0..SAMPLE).map(|row| make.draw(&mut key.row(row, 0), &Empty));
    let ends = (0..counted.min(SAMPLE)).chain(counted.checked_sub(1));
    let counted = ends.map(|index| make.nth(index, &Empty));
    drawn.chain(counted).all(|value| demands.fulfilled(&value))
}

/// Whether values that were measured elsewhere fulfil the constraints often enough to be tried until one
/// does: one of four.
pub(in crate::generate) fn often(make: &dyn Make, facts: &[Fact]) -> bool {
    let demands = Demands::new(facts);
    let key = StreamKey::new(0, "infer", "often");
    let drawn = (0..SAMPLE).map(|row| make.draw(&mut key.row(row, 0), &Empty));
    let fulfilled = drawn.filter(|value| demands.fulfilled(value)).count();
    fulfilled as u64 * 4 >= SAMPLE
}

fn nulls(about: &About<'_>) -> f64 {
    if about.not_null {
        return 0.0;
    }
    let words = words(about.column.name.as_str());
    let time = matches!(about.kind, PgType::Date | PgType::Timestamp(_));
    if time && phrase(&words, RARE).is_some() {
        return RARELY;
    }
    if phrase(&words, REQUIRED).is_some() && phrase(&words, "middle").is_none() {
        return 0.0;
    }
    NULLS
}
