//! Partitions at the end of a table's tree. Where the columns alone would leave one of them empty, each
//! row goes to one of them on purpose.

use super::draft::{Draft, Origin};
use super::own::Own;
use super::place;
use super::reading::Understood;
use super::scene::Scene;
use super::ways;
use crate::catalog::{Catalog, PartitionStrategy, Table};
use crate::generate::condition::{Condition, Expression, Truth, Way, Wish, both};
use crate::generate::fact::Says;
use crate::generate::infer::{Empty, fulfils, narrow};
use crate::generate::parse::parse;
use crate::generate::partition::{self, Bound};
use crate::generate::pg_type::PgType;
use crate::generate::plan::{ColumnPlan, Take};
use crate::generate::source::{Make, Source};
use crate::generate::stream::StreamKey;
use crate::generate::value::Value;
use crate::sql::Decimal;

/// Leaves of a table that are told apart.
const MOST: usize = 1024;
/// Rows for each leaf by which it is judged whether the columns alone fill all of them.
const SAMPLE: usize = 32;
/// Where a bound is open, values lie within a year of the other one, or among so many numbers.
const YEAR: i64 = 365 * 86_400_000_000;
const NUMBERS: i64 = 1_000_000;

/// What a level of partitions takes of its key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Takes {
    Only(Bound),
    /// What none of its siblings takes.
    Rest(Vec<Bound>),
}

/// What a leaf takes, level by level, each of a column of the plan; levels by hash take everything.
pub(super) type Leaf = Vec<(usize, Takes)>;

/// The leaves of a table.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    pub(super) all: Vec<Leaf>,
    /// The same, with what checks of partitions alone say of single columns.
    pub(super) guided: Vec<Leaf>,
    /// Whether what they take is known in full.
    pub(super) whole: bool,
}

/// Reads the bounds of all levels; `checks` are those that partitions have for themselves.
pub(super) fn read(catalog: &Catalog, draft: &Draft<'_>, checks: &[Own<'_>]) -> Leaves {
    let mut walk = Walk {
        catalog,
        draft,
        checks: &[],
        whole: true,
    };
    let all = walk.below(draft.table);
    let whole = walk.whole;
    walk.checks = checks;
    let guided = walk.below(draft.table);
    if all.len() > MOST || guided.len() > MOST {
        return Leaves::default();
    }
    Leaves { all, guided, whole }
}

struct Walk<'w, 'a> {
    catalog: &'w Catalog,
    draft: &'w Draft<'a>,
    checks: &'w [Own<'w>],
    whole: bool,
}

impl Walk<'_, '_> {
    /// The leaves below a table, from its own level on.
    fn below(&mut self, table: &Table) -> Vec<Leaf> {
        if !table.is_partitioned() {
            return vec![Leaf::new()];
        }
        let parts = place::parts(self.catalog, table);
        let texts = parts
            .iter()
            .filter_map(|part| part.partition_bound.as_deref());
        let texts: Vec<&str> = texts.collect();
        if table.partition_key.as_ref().map(|key| key.strategy) == Some(PartitionStrategy::Hash) {
            self.whole &= partition::is_whole_hash(&texts);
            return self.hashed(&parts);
        }
        let (bounds, known) = bounds(self.draft, table, &texts);
        self.whole &= known;
        let mut found = Vec::new();
        for part in parts {
            let takes = part.partition_bound.as_deref().and_then(&bounds);
            for leaf in self.of(part) {
                found.push(takes.clone().into_iter().chain(leaf).collect());
            }
        }
        found
    }

    /// The leaves of a part, with what its checks say.
    fn of(&mut self, part: &Table) -> Vec<Leaf> {
        let own = self.checks.iter().filter(|own| own.part.name == part.name);
        let own: Leaf = own.flat_map(|own| own.levels.clone()).collect();
        let below = self.below(part).into_iter();
        below
            .map(|leaf| own.iter().cloned().chain(leaf).collect())
            .collect()
    }

    /// A row may go to each of the parts: it must fit a leaf of every one.
    fn hashed(&mut self, parts: &[&Table]) -> Vec<Leaf> {
        let mut each: Vec<Vec<Leaf>> = Vec::new();
        for part in parts {
            let leaves = self.of(part);
            if !leaves.iter().any(Vec::is_empty) && !each.contains(&leaves) {
                each.push(leaves);
            }
        }
        let mut found = vec![Leaf::new()];
        for leaves in each {
            if found.len() * leaves.len() > MOST {
                self.whole = false;
                return vec![Leaf::new()];
            }
            let with = |leaf: &Leaf| {
                let pairs = leaves.iter().map(|other| [&leaf[..], other].concat());
                pairs.collect::<Vec<Leaf>>()
            };
            found = found.iter().flat_map(with).collect();
        }
        found
    }
}

/// What a part of a table takes by the text of its bound, and whether the bounds of all are understood.
pub(super) fn bounds<'t>(
    draft: &Draft<'_>,
    table: &Table,
    texts: &[&'t str],
) -> (impl Fn(&'t str) -> Option<(usize, Takes)> + use<'t>, bool) {
    let column = place::key(table).and_then(|name| draft.column(&name));
    let kind = column.map(|column| draft.kind(column).clone());
    let bound = move |text: &str| partition::bound(text, kind.as_ref()?);
    let others = texts.iter().filter(|text| **text != "DEFAULT");
    let siblings: Option<Vec<Bound>> = others.map(|text| bound(text)).collect();
    let known = siblings.is_some();
    let takes = move |text: &'t str| {
        let siblings = siblings.as_ref()?;
        let takes = match text {
            "DEFAULT" => Takes::Rest(siblings.clone()),
            text => Takes::Only(bound(text)?),
        };
        Some((column?, takes))
    };
    (takes, known)
}

impl Leaves {
    /// What all leaves together say of a row; `None` when one of them takes every row.
    pub(super) fn understood(&self) -> Option<Understood> {
        let each: Vec<Expression> = self.all.iter().map(condition).collect();
        (!self.all.iter().any(Vec::is_empty)).then(|| Understood {
            expression: Expression::Or(each),
            facts: self.facts(),
            orders: Vec::new(),
        })
    }

    /// What the deepest levels of all leaves have in common, by column.
    fn facts(&self) -> Vec<(usize, Says)> {
        let Some(first) = self.all.first() else {
            return Vec::new();
        };
        let mut columns: Vec<usize> = first.iter().map(|(column, _)| *column).collect();
        columns.sort_unstable();
        columns.dedup();
        let mut facts = Vec::new();
        for column in columns {
            let last = |leaf: &Leaf| {
                let mut levels = leaf.iter().rev();
                match levels.find(|(of, _)| *of == column) {
                    Some((_, Takes::Only(bound))) => Some(bound.clone()),
                    _ => None,
                }
            };
            let bounds: Option<Vec<Bound>> = self.all.iter().map(last).collect();
            let says = bounds.and_then(partition::hull).unwrap_or_default();
            facts.extend(says.into_iter().map(|says| (column, says)));
        }
        facts
    }
}

pub(super) fn condition(leaf: &Leaf) -> Expression {
    let levels = leaf.iter().map(|(column, takes)| match takes {
        Takes::Only(bound) => partition::condition(bound, *column),
        Takes::Rest(siblings) => {
            let siblings = siblings.iter().map(|s| partition::condition(s, *column));
            Expression::Not(Box::new(Expression::Or(siblings.collect())))
        }
    });
    Expression::And(levels.collect())
}

/// Lays out a way to each leaf, when one of them would stay empty.
pub(super) fn lay(scene: &Scene<'_>, draft: &mut Draft<'_>, table: usize) {
    if draft.leaves.is_empty() {
        return;
    }
    let leaves = std::mem::take(&mut draft.leaves);
    let free: Vec<bool> = (0..draft.slots.len())
        .map(|column| is_free(scene, draft, (table, column)))
        .collect();
    if is_starved(draft, &leaves, &free) {
        let found: Vec<Way> = leaves
            .iter()
            .filter_map(|leaf| way(draft, leaf, &free))
            .collect();
        if !found.iter().all(Vec::is_empty) {
            go(draft, found);
        }
    }
    draft.leaves = leaves;
}

/// Takes the ways, with the condition that there is.
fn go(draft: &mut Draft<'_>, ways: Vec<Way>) {
    let mut conditions = draft.plan.conditions.iter_mut();
    if let Some(condition) = conditions.find(|condition| condition.name == place::NAME) {
        condition.ways = ways;
        return;
    }
    draft.plan.conditions.push(Condition {
        name: place::NAME.to_owned(),
        text: "some partition".to_owned(),
        expression: Expression::Constant(Value::Bool(true)),
        ways,
    });
}

/// Whether a way may decide what a column holds: nothing else is made from its own choice, and no
/// person has said it.
fn is_free(scene: &Scene<'_>, draft: &Draft<'_>, (table, column): (usize, usize)) -> bool {
    let plan = &draft.plan.columns[column];
    let said = scene.specs[table].and_then(|said| said.columns.get(plan.name.as_str()));
    draft.slots[column].origin == Origin::Own
        && plan.take == Take::Draw
        && plan.source.shared().is_none()
        && !said.is_some_and(|said| said.has_rule())
        && made(draft, column).is_some_and(|make| make.needs().is_empty())
}

fn made(draft: &Draft<'_>, column: usize) -> Option<Box<dyn Make>> {
    let plan = &draft.plan.columns[column];
    plan.source
        .compile(&plan.kind, StreamKey::new(0, "", ""))
        .ok()
}

/// Whether hardly any row would find some leaf by itself.
fn is_starved(draft: &Draft<'_>, leaves: &[Leaf], free: &[bool]) -> bool {
    let known = |leaf: &Leaf| -> Leaf {
        let levels = leaf.iter().filter(|(column, _)| free[*column]);
        levels.cloned().collect()
    };
    // What differs in other columns alone, or by hash, is one.
    let mut conditions: Vec<Expression> = Vec::new();
    for leaf in leaves {
        let condition = condition(&known(leaf));
        if !conditions.contains(&condition) {
            conditions.push(condition);
        }
    }
    let mut columns: Vec<usize> = leaves.iter().flatten().map(|(column, _)| *column).collect();
    columns.sort_unstable();
    columns.dedup();
    let makes = columns.into_iter().filter(|column| free[*column]);
    let makes: Vec<_> = makes
        .filter_map(|column| Some((column, made(draft, column)?)))
        .collect();
    let mut row = vec![Value::Null; draft.slots.len()];
    let mut met = vec![0_usize; conditions.len()];
    for number in 0..conditions.len() * SAMPLE {
        for (column, make) in &makes {
            let plan = &draft.plan.columns[*column];
            let mut stream = StreamKey::new(0, "leaf", plan.name.as_str()).row(number as u64, 0);
            row[*column] = if stream.chance(plan.nulls) {
                Value::Null
            } else {
                make.draw(&mut stream, &Empty)
            };
        }
        let place = conditions.iter().position(|c| c.holds(&row) == Truth::True);
        if let Some(met) = place.and_then(|place| met.get_mut(place)) {
            *met += 1;
        }
    }
    met.iter().any(|met| *met < SAMPLE / 8)
}

/// What a leaf asks of the columns; `None` when other constraints forbid it.
fn way(draft: &Draft<'_>, leaf: &Leaf, free: &[bool]) -> Option<Way> {
    let mut found = Way::new();
    for (column, takes) in leaf.iter().filter(|(column, _)| free[*column]) {
        let wish = match takes {
            Takes::Only(Bound::In(values, null)) => listed(draft, *column, (values, *null))?,
            Takes::Only(Bound::Between(low, high)) => {
                between(draft, *column, (low.as_ref(), high.as_ref()))?
            }
            Takes::Rest(siblings) => rest(draft, *column, siblings),
        };
        found = both(
            &found,
            &wish.into_iter().map(|wish| (*column, wish)).collect(),
        )?;
    }
    Some(found)
}

/// One of the values that a list takes.
fn listed(
    draft: &Draft<'_>,
    column: usize,
    (values, null): (&[Value], bool),
) -> Option<Option<Wish>> {
    let facts = &draft.slots[column].facts;
    let fits = values.iter().filter(|value| fulfils(facts, value));
    let fits: Vec<Value> = fits.cloned().collect();
    match fits.is_empty() {
        false => Some(Some(Wish::OneOf(fits))),
        true if null && ways::may_be_null(draft, column) => Some(Some(Wish::Null)),
        true => None,
    }
}

/// What siblings leave of values that can be counted up.
fn rest(draft: &Draft<'_>, column: usize, siblings: &[Bound]) -> Option<Wish> {
    let plan = &draft.plan.columns[column];
    let Source::Choice(values) = &plan.source else {
        return None;
    };
    let mut row = vec![Value::Null; draft.slots.len()];
    let values = values
        .iter()
        .filter_map(|value| parse(&value.value, &plan.kind));
    let free = values.filter(|value| {
        row[column] = value.clone();
        let holds = |sibling: &Bound| partition::condition(sibling, column).holds(&row);
        !siblings.iter().any(|sibling| holds(sibling) == Truth::True)
    });
    let free: Vec<Value> = free.collect();
    (!free.is_empty()).then_some(Wish::OneOf(free))
}

/// A value within bounds and what other constraints say; nothing for types that are not laid out so.
fn between(
    draft: &Draft<'_>,
    column: usize,
    bounds: (Option<&Value>, Option<&Value>),
) -> Option<Option<Wish>> {
    let (plan, facts) = (&draft.plan.columns[column], &draft.slots[column].facts);
    let Some(source) = moved(plan, bounds) else {
        return Some(None);
    };
    let narrowed = narrow(source.clone(), &plan.kind, facts);
    let wish = match (&source, narrowed) {
        (Source::Temporal { from, to, .. }, Source::Temporal { from: f, to: t, .. })
            if *from <= f && f <= t && t <= *to =>
        {
            Wish::Between(time(&plan.kind, f), time(&plan.kind, t))
        }
        (Source::Whole { min, max, .. }, Source::Whole { min: f, max: t, .. })
            if *min <= f && f <= t && t <= *max =>
        {
            Wish::Between(Value::Int(f), Value::Int(t))
        }
        (
            Source::Decimal { min, max, .. },
            Source::Decimal {
                min: f,
                max: t,
                scale,
                ..
            },
        ) if *min <= f && f <= t && t <= *max => {
            Wish::Between(decimal(f, scale), decimal(t, scale))
        }
        (Source::Whole { .. }, Source::Choice(values)) => {
            let values = values.iter().filter_map(|v| parse(&v.value, &plan.kind));
            Wish::OneOf(values.collect())
        }
        _ => return None,
    };
    Some(Some(wish))
}

/// The source of a column between bounds of a partition; `None` for sources that have no order.
fn moved(plan: &ColumnPlan, (low, high): (Option<&Value>, Option<&Value>)) -> Option<Source> {
    let number = |value: Option<&Value>| value.and_then(Value::number);
    Some(match (&plan.source, &plan.kind) {
        (Source::Temporal { from, to, step }, PgType::Date | PgType::Timestamp(_)) => {
            let (from, to) = within((*from, *to), (micros(low), micros(high)), (*step, YEAR));
            let step = *step;
            Source::Temporal { from, to, step }
        }
        (Source::Whole { min, max, spread }, PgType::Int(_)) => {
            let whole = |value: Option<&Value>| number(value).map(|number| number as i64);
            let (min, max) = within((*min, *max), (whole(low), whole(high)), (1, NUMBERS));
            let spread = spread.clone();
            Source::Whole { min, max, spread }
        }
        (
            Source::Decimal {
                min,
                max,
                scale,
                spread,
            },
            PgType::Numeric(_),
        ) => {
            let unit = 10_f64.powi(-i32::from(*scale));
            let least = number(low).or_else(|| Some(number(high)? - NUMBERS as f64));
            let min = least.unwrap_or(*min);
            let most = number(high).map(|high| high - unit);
            Source::Decimal {
                min,
                max: most.unwrap_or(max.max(min + NUMBERS as f64)),
                scale: *scale,
                spread: spread.clone(),
            }
        }
        _ => return None,
    })
}

/// Both ends of what a bound takes, both included: an open side ends where the source does when that
/// leaves room, else within `span`.
fn within(
    (from, to): (i64, i64),
    (low, high): (Option<i64>, Option<i64>),
    (step, span): (i64, i64),
) -> (i64, i64) {
    let high = high.map(|high| high.saturating_sub(step));
    let room = step.saturating_mul(16);
    match (low, high) {
        (Some(low), Some(high)) => (low, high),
        (Some(low), None) if to.saturating_sub(low) >= room => (low, to),
        (Some(low), None) => (low, low.saturating_add(span)),
        (None, Some(high)) if high.saturating_sub(from) >= room => (from, high),
        (None, Some(high)) => (high.saturating_sub(span), high),
        (None, None) => (from, to),
    }
}

fn micros(value: Option<&Value>) -> Option<i64> {
    const DAY: i64 = 86_400_000_000;
    match value? {
        Value::Date(days) => Some(i64::from(*days).saturating_mul(DAY)),
        Value::Timestamp(micros) => Some(*micros),
        _ => None,
    }
}

fn time(kind: &PgType, micros: i64) -> Value {
    const DAY: i64 = 86_400_000_000;
    match kind {
        PgType::Date => Value::Date(i32::try_from(micros.div_euclid(DAY)).unwrap_or(i32::MAX)),
        _ => Value::Timestamp(micros),
    }
}

fn decimal(number: f64, scale: u16) -> Value {
    let unscaled = (number * 10_f64.powi(i32::from(scale))).round() as i128;
    Value::Decimal(Decimal { unscaled, scale })
}
