//! What the spec says of columns.

use std::net::IpAddr;

use super::attribute;
use super::correlated;
use super::derived;
use super::draft::{Draft, Origin};
use super::given;
use super::scene::Scene;
use super::tree;
use crate::error::{Error, Kind, Result};
use crate::generate::distribution::Distribution;
use crate::generate::document;
use crate::generate::fact::Fact;
use crate::generate::infer;
use crate::generate::parse::parse;
use crate::generate::pg_type::PgType;
use crate::generate::plan::{How, Parent};
use crate::generate::source::{self, Make, Piece, Source, block};
use crate::generate::spec::{ColumnRule, ColumnSpec};
use crate::generate::value::Value;
use crate::sql::nearest;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Gives a table's columns what the spec says; picks of all tables must be made.
pub(super) fn apply(scene: &Scene<'_>, drafts: &mut [Draft<'_>], table: usize) -> Result<()> {
    let Some(said) = scene.specs[table] else {
        return Ok(());
    };
    // What goes by another column comes after it.
    let by_another = |column: &&ColumnSpec| matches!(column.rule, Some(ColumnRule::Given { .. }));
    let columns = said.columns.iter();
    let (later, first): (Vec<_>, Vec<_>) = columns.partition(|(_, column)| by_another(column));
    for (name, column) in first.into_iter().chain(later) {
        let Some(index) = drafts[table].column(name) else {
            if column.learned || derived::is_derived(&drafts[table], name) {
                continue;
            }
            return Err(unknown(&drafts[table], name, column));
        };
        if !column.learned {
            one(scene, drafts, (table, index), column)?;
        } else if gives_way(&drafts[table], index) {
            // Where a measured rule does not fit the column, what fits is inferred.
            let _ = one(scene, drafts, (table, index), column);
        }
    }
    correlated::relate(&mut drafts[table], said)
}

/// Whether what was measured may decide: keys and what constraints have decided stay as they are.
fn gives_way(draft: &Draft<'_>, index: usize) -> bool {
    let unique = draft.uniques.iter().any(|key| key.columns.contains(&index));
    let origin = &draft.slots[index].origin;
    !unique && matches!(origin, Origin::Open | Origin::Pick(_))
}

pub(super) fn error(draft: &Draft<'_>, column: &str, said: &ColumnSpec, why: &str) -> Error {
    let table = draft.plan.name.plain();
    Error::new(Kind::SeedSpec, format!("{table}.{column}: {why}")).at(said.place.clone())
}

fn unknown(draft: &Draft<'_>, name: &str, said: &ColumnSpec) -> Error {
    if draft.table.column(name).is_some() {
        return error(
            draft,
            name,
            said,
            "a generated column is the server's to compute",
        );
    }
    let known: Vec<&str> = draft.plan.columns.iter().map(|c| c.name.as_str()).collect();
    let missing = error(draft, name, said, "there is no such column");
    match nearest(name, &known) {
        Some(near) => missing.hint(format!("did you mean \"{near}\"?")),
        None => missing,
    }
}

fn one(
    scene: &Scene<'_>,
    drafts: &mut [Draft<'_>],
    (table, index): (usize, usize),
    said: &ColumnSpec,
) -> Result<()> {
    let name = drafts[table].plan.columns[index].name.as_str().to_owned();
    let wrong = |draft: &Draft<'_>, why: &str| error(draft, &name, said, why);
    if said.nulls.is_some_and(|share| share > 0.0) && drafts[table].slots[index].not_null {
        return Err(wrong(&drafts[table], "the column is not null"));
    }
    if let Origin::Pick(pick) = drafts[table].slots[index].origin {
        let made = reference((scene, table), &mut drafts[table], pick, said);
        return made.map_err(|why| wrong(&drafts[table], why));
    }
    let Some(rule) = &said.rule else {
        return Ok(());
    };
    let source = match rule {
        ColumnRule::Like(name) => attribute::like(scene, &drafts[table], index, name)
            .map_err(|why| wrong(&drafts[table], &why.to_string()))?,
        ColumnRule::Sample(sample) => {
            let named = |name: &str| attribute::text(scene, &drafts[table], index, name);
            let shape = document::of_sample(sample, &named, scene.options.today);
            Source::Document(shape.map_err(|why| wrong(&drafts[table], &why))?)
        }
        ColumnRule::Schema(schema) => {
            let named = |name: &str| attribute::text(scene, &drafts[table], index, name);
            let shape = document::of_schema(schema, &named, scene.options.today);
            Source::Document(shape.map_err(|why| wrong(&drafts[table], &why))?)
        }
        ColumnRule::Given {
            column,
            cases,
            otherwise,
        } => {
            let rule = given::Rule {
                column,
                cases,
                otherwise,
            };
            let draft = &drafts[table];
            let made = match scene.specs[table] {
                Some(of) if !said.learned => given::asked(draft, index, rule, of),
                _ => given::measured(draft, index, rule),
            };
            made.map_err(|why| wrong(&drafts[table], &why))?
        }
        rule => source(drafts, (table, index), rule).map_err(|why| wrong(&drafts[table], &why))?,
    };
    let draft = &mut drafts[table];
    if source == Source::Null && draft.slots[index].not_null {
        return Err(wrong(draft, "the column is not null"));
    }
    let plan = &mut draft.plan.columns[index];
    let made = source.compile(&plan.kind, crate::generate::StreamKey::new(0, "", ""));
    if let Err(why) = made.and_then(|made| follows(&*made, said, &draft.slots[index].facts)) {
        return Err(wrong(draft, &why.to_string()));
    }
    draft.slots[index].origin = match source {
        Source::Serial { .. } => Origin::Serial,
        _ => Origin::Own,
    };
    plan.nulls = said.nulls.unwrap_or_default();
    plan.source = source;
    plan.reason = "the spec".to_owned();
    Ok(())
}

/// Whether what was measured elsewhere can be tried until the constraints allow it.
fn follows(made: &dyn Make, said: &ColumnSpec, facts: &[Fact]) -> Result<()> {
    if !said.learned || !made.needs().is_empty() || infer::often(made, facts) {
        return Ok(());
    }
    let why = "the constraints forbid what was measured";
    Err(Error::new(Kind::SeedPlan, why))
}

/// A key to another table: which of its rows, and how often none.
fn reference(
    (scene, table): (&Scene<'_>, usize),
    draft: &mut Draft<'_>,
    pick: usize,
    said: &ColumnSpec,
) -> std::result::Result<(), &'static str> {
    if let Some(ColumnRule::Tree(rule)) = &said.rule {
        return tree::apply((scene, table), draft, pick, (rule, said.nulls));
    }
    let plan = &mut draft.plan.picks[pick];
    match (&said.rule, &plan.how) {
        (None, _) => {}
        (Some(ColumnRule::Distribution(spread, None)), How::Draw(_)) => {
            plan.how = How::Draw(spread.clone());
        }
        _ => {
            return Err("a foreign key takes a distribution over the parent's rows, and nulls");
        }
    }
    if let Some(nulls) = said.nulls {
        if nulls > 0.0 && !draft.reach[pick].nullable {
            return Err("the foreign key is not null");
        }
        plan.nulls = nulls;
    }
    Ok(())
}

fn source(
    drafts: &[Draft<'_>],
    (table, index): (usize, usize),
    rule: &ColumnRule,
) -> std::result::Result<Source, String> {
    let kind = drafts[table].kind(index);
    let known = |text: &String| {
        parse(text, kind).ok_or_else(|| format!("\"{text}\" is no value of the column's type"))
    };
    Ok(match rule {
        ColumnRule::Choice(values) => {
            for value in values {
                known(&value.value)?;
            }
            Source::Choice(values.clone())
        }
        ColumnRule::Constant(text) => {
            known(text)?;
            Source::Constant(text.clone())
        }
        ColumnRule::Null => Source::Null,
        ColumnRule::Between(low, high) => between(&known(low)?, &known(high)?, kind)?,
        ColumnRule::Season(low, high, season) => {
            if let Some(problem) = season.problem(kind) {
                return Err(problem.to_owned());
            }
            match between(&known(low)?, &known(high)?, kind)? {
                Source::Temporal { from, to, step } => Source::Seasonal {
                    from,
                    to,
                    step,
                    season: season.clone(),
                },
                _ => return Err("season is for dates and times".to_owned()),
            }
        }
        ColumnRule::Distribution(spread, decimals) => distribution(spread, *decimals, kind),
        ColumnRule::Serial { start, step } => Source::Serial {
            start: *start,
            step: *step,
        },
        ColumnRule::After { of, least, most } => {
            let (pick, column) = after(drafts, table, of)?;
            Source::After {
                pick,
                column,
                least: *least,
                most: *most,
            }
        }
        ColumnRule::Pattern(regex) => Source::Pattern {
            regex: regex.clone(),
            fold: false,
        },
        ColumnRule::Template(text) => template(&drafts[table], text)?,
        ColumnRule::Ranked { weights, of } => Source::Ranked {
            // No column is called so.
            on: " ranks".to_owned(),
            weights: weights.clone(),
            of: Box::new(source(drafts, (table, index), of)?),
        },
        ColumnRule::Network { range, prefix } => network(range, *prefix, kind)?,
        ColumnRule::Tree(_) => {
            return Err("tree is for a reference of a table to itself".to_owned());
        }
        ColumnRule::Given { .. }
        | ColumnRule::Like(_)
        | ColumnRule::Sample(_)
        | ColumnRule::Schema(_)
        | ColumnRule::Sql(_) => return Err("the rule is not made here".to_owned()),
    })
}

/// Text with columns of the row in braces; `{number}` is one that makes texts differ.
fn template(draft: &Draft<'_>, text: &str) -> std::result::Result<Source, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        let (name, behind) = after.split_once('}').ok_or("a brace is not closed")?;
        pieces.push(match draft.column(name) {
            Some(column) if matches!(draft.kind(column), PgType::Text(_)) => Piece::Column(column),
            Some(_) => return Err(format!("\"{name}\" is no column of texts")),
            None if name == "number" => Piece::Number,
            None => return Err(missing(draft, name)),
        });
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    let rows = draft.total().saturating_mul(2).max(99);
    let numbers = 10_u64.saturating_pow(rows.ilog10() + 1);
    Ok(Source::Template { pieces, numbers })
}

fn between(low: &Value, high: &Value, kind: &PgType) -> std::result::Result<Source, String> {
    let crossed = || "the first value is greater than the second".to_owned();
    let temporal = |from: i64, to: i64, step: i64| {
        if from > to {
            return Err(crossed());
        }
        Ok(Source::Temporal { from, to, step })
    };
    match (low, high) {
        (Value::Int(min), Value::Int(max)) => {
            if min > max {
                return Err(crossed());
            }
            Ok(Source::Whole {
                min: *min,
                max: *max,
                spread: uniform(*min as f64, *max as f64),
            })
        }
        (Value::Date(from), Value::Date(to)) => {
            temporal(i64::from(*from) * DAY, i64::from(*to) * DAY, DAY)
        }
        (Value::Timestamp(from), Value::Timestamp(to)) => temporal(*from, *to, 1_000_000),
        (Value::Time(from), Value::Time(to)) => temporal(*from, *to, 1_000_000),
        (Value::Text(low), Value::Text(high)) if *kind == PgType::Inet(false) => {
            addresses(low, high)
        }
        _ => match (low.number(), high.number()) {
            (Some(min), Some(max)) if min <= max => Ok(Source::Decimal {
                min,
                max,
                scale: decimals(None, kind),
                spread: uniform(min, max),
            }),
            (Some(_), Some(_)) => Err(crossed()),
            _ => Err("between is for numbers, dates, times and addresses".to_owned()),
        },
    }
}

/// Addresses, or networks for a column of networks.
fn network(range: &str, prefix: Option<u8>, kind: &PgType) -> std::result::Result<Source, String> {
    let (first, last, bits) = block(range).ok_or_else(|| format!("\"{range}\" is no network"))?;
    let most = source::bits(first);
    let usual = match kind {
        PgType::Inet(true) => bits.saturating_add(8).min(most),
        _ => most,
    };
    Ok(Source::Network {
        first,
        last,
        prefix: prefix.unwrap_or(usual),
    })
}

/// Addresses between two.
fn addresses(low: &str, high: &str) -> std::result::Result<Source, String> {
    let read = |text: &str| -> std::result::Result<IpAddr, String> {
        text.parse()
            .map_err(|_| format!("\"{text}\" is no address"))
    };
    let (first, last) = (read(low)?, read(high)?);
    if first.is_ipv4() != last.is_ipv4() || first > last {
        return Err("the first value is greater than the second".to_owned());
    }
    Ok(Source::Network {
        first,
        last,
        prefix: source::bits(first),
    })
}

fn uniform(min: f64, max: f64) -> Distribution {
    Distribution::Uniform { min, max }
}

/// Digits behind the point.
fn decimals(asked: Option<u16>, kind: &PgType) -> u16 {
    let own = match kind {
        PgType::Numeric(Some((_, scale))) => (*scale).max(0).unsigned_abs(),
        _ => 2,
    };
    asked.map_or(own, |asked| match kind {
        PgType::Numeric(Some(_)) => asked.min(own),
        _ => asked,
    })
}

fn distribution(spread: &Distribution, asked: Option<u16>, kind: &PgType) -> Source {
    match kind {
        PgType::Int(_) | PgType::Text(_) | PgType::Char(_) => Source::Whole {
            min: i64::MIN,
            max: i64::MAX,
            spread: spread.clone(),
        },
        PgType::Date | PgType::Time(_) | PgType::Timestamp(_) => Source::Moments {
            days: spread.clone(),
        },
        _ => Source::Decimal {
            min: f64::MIN,
            max: f64::MAX,
            scale: decimals(asked, kind),
            spread: spread.clone(),
        },
    }
}

/// The pick and the column of `column` or `table.column`.
fn after(
    drafts: &[Draft<'_>],
    table: usize,
    of: &str,
) -> std::result::Result<(Option<usize>, usize), String> {
    let own = &drafts[table];
    let (parent, column) = match of.rsplit_once('.') {
        None => (None, of),
        Some((parent, column)) => (Some(parent), column),
    };
    let Some(parent) = parent.filter(|parent| !named(own, parent)) else {
        let found = own.column(column);
        let found = found.ok_or_else(|| missing(own, column))?;
        return timed(own, found).map(|()| (None, found));
    };
    let picks = own.plan.picks.iter().enumerate();
    let found: Vec<(usize, usize)> = picks
        .filter_map(|(pick, plan)| match plan.parent {
            Parent::Planned { table, .. } if named(&drafts[table], parent) => Some((pick, table)),
            _ => None,
        })
        .collect();
    match found[..] {
        [(pick, table)] => {
            let found = drafts[table].column(column);
            let found = found.ok_or_else(|| format!("{parent} has no column \"{column}\""))?;
            timed(&drafts[table], found).map(|()| (Some(pick), found))
        }
        [] => Err(format!("the table has no foreign key to {parent}")),
        _ => Err(format!("the table has several foreign keys to {parent}")),
    }
}

/// Only of a time something else can be so far away.
fn timed(draft: &Draft<'_>, column: usize) -> std::result::Result<(), String> {
    if let PgType::Date | PgType::Time(_) | PgType::Timestamp(_) = draft.kind(column) {
        return Ok(());
    }
    let column = draft.slots[column].column;
    let (name, kind) = (column.name.as_str(), &column.data_type);
    Err(format!(
        "nothing is after \"{name}\", which is of the type {kind}"
    ))
}

pub(super) fn missing(draft: &Draft<'_>, column: &str) -> String {
    if derived::is_derived(draft, column) {
        return format!("\"{column}\" is derived by SQL, after all others are made");
    }
    format!("there is no column \"{column}\"")
}

fn named(draft: &Draft<'_>, name: &str) -> bool {
    let own = &draft.plan.name;
    own.plain() == name || own.name.as_str() == name || own.to_string() == name
}
