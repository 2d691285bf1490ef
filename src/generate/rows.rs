//! The rows of a plan, each computed from its number alone.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::children::Family;
use super::choice::{Choice, Chosen, From};
use super::condition::{Condition, Truth};
use super::counter::{Counter, is_steady};
use super::parse::parse;
use super::plan::{SeedPlan, TablePlan, Take};
use super::source::{Make, RowView, Source};
use super::stream::StreamKey;
use super::touched::Touched;
use super::value::Value;
use crate::error::{Error, Kind, Result};
use crate::sql::{Ident, QualifiedName};

/// Tries to draw a row that satisfies its conditions. A condition that one row in ten satisfies
/// fails all of them once in 10^11 rows.
const TRIES: u32 = 256;

/// No row satisfied its conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Number of the row.
    pub row: u64,
    /// The constraint that the last try broke.
    pub constraint: String,
}

/// Keys that are in the database already: table and columns, then the keys in a fixed order.
pub type Keys = BTreeMap<(QualifiedName, Vec<Ident>), Vec<Vec<Value>>>;

/// Makes the rows of all tables of a plan.
#[derive(Debug)]
pub struct Rows {
    tables: Vec<Table>,
}

#[derive(Debug)]
struct Table {
    groups: Vec<Counter>,
    picks: Vec<Choice>,
    columns: Vec<Column>,
    /// Columns after those they need.
    order: Vec<usize>,
    conditions: Vec<Condition>,
    /// Values that a person wrote, of the first rows, by column.
    fixed: Vec<BTreeMap<usize, Value>>,
}

#[derive(Debug)]
struct Column {
    make: Box<dyn Make>,
    take: Take,
    nulls: f64,
    key: StreamKey,
    null_key: StreamKey,
    /// What must be made before it, and it itself, in order.
    closure: Vec<usize>,
    /// Whether another try of the row changes it.
    redrawn: bool,
}

impl Rows {
    /// Prepares the rows of `plan`; `keys` holds those that it refers to and does not write.
    ///
    /// # Errors
    /// [`Kind::SeedPlan`] when a source does not fit its column, columns need each other in a circle,
    /// or keys are missing.
    pub fn new(plan: &SeedPlan, keys: &Keys) -> Result<Self> {
        let tables = plan.tables.iter();
        let tables = tables
            .map(|table| Table::new(plan, table, keys))
            .collect::<Result<Vec<_>>>()?;
        finite(plan, &tables)?;
        Ok(Self { tables })
    }

    /// Somebody who makes rows; each thread needs its own.
    #[must_use]
    pub fn worker(&self) -> Worker<'_> {
        let families = self.tables.iter().map(|table| {
            let none = || Cell::new(None);
            table.picks.iter().map(|_| none()).collect()
        });
        Worker {
            rows: self,
            families: families.collect(),
        }
    }
}

/// Refuses rows that need whole rows of each other in a circle. A value that takes part in a
/// condition is known only from its whole row.
fn finite(plan: &SeedPlan, tables: &[Table]) -> Result<()> {
    let needs = |index: usize| {
        let table = &plan.tables[index];
        let of = move |column: &super::plan::ColumnPlan| {
            let (pick, wanted) = match column.source {
                Source::Reference { pick, column } => (pick, column),
                Source::After {
                    pick: Some(pick),
                    column,
                    ..
                } => (pick, column),
                _ => return None,
            };
            let pick = table.picks.get(pick)?;
            let super::plan::Parent::Planned { table: parent, .. } = pick.parent else {
                return None;
            };
            let redrawn = tables.get(parent)?.columns.get(wanted)?.redrawn;
            // Rows before a row are fewer each time.
            (redrawn && pick.how != super::plan::How::Earlier).then_some(parent)
        };
        table.columns.iter().filter_map(of)
    };
    // Tables that need no whole rows are finished, then those that need only finished ones.
    let mut open: Vec<usize> = (0..tables.len()).collect();
    loop {
        let before = open.len();
        let waiting = open.clone();
        open.retain(|index| needs(*index).any(|parent| waiting.contains(&parent)));
        match open.first() {
            None => return Ok(()),
            Some(first) if open.len() == before => {
                let names: Vec<String> = open.iter().map(|i| name_of(&plan.tables[*i])).collect();
                let conditions = plan.tables[*first]
                    .conditions
                    .iter()
                    .map(|c| c.name.clone());
                let message = format!(
                    "{}: rows need each other, because keys take part in constraint \"{}\"",
                    names.join(", "),
                    conditions.collect::<Vec<_>>().join("\", \"")
                );
                return Err(Error::new(Kind::SeedPlan, message));
            }
            Some(_) => {}
        }
    }
}

fn name_of(table: &TablePlan) -> String {
    table.name.plain()
}

impl Table {
    fn new(plan: &SeedPlan, table: &TablePlan, keys: &Keys) -> Result<Self> {
        let name = name_of(table);
        let stream = |purpose: &str| StreamKey::new(plan.seed, &name, purpose);
        let groups = table.groups.iter().enumerate().map(|(index, group)| {
            let key = stream(&format!("group {index} {}", group.serves.join(" ")));
            Counter::new(group, key)
        });
        let groups: Vec<Counter> = groups.collect();
        let picks = table.picks.iter();
        let picks = picks
            .map(|pick| Choice::new(plan, table, pick, keys))
            .collect::<Result<Vec<_>>>()?;
        let mut columns = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            let key = stream(column.source.shared().unwrap_or(column.name.as_str()));
            let made = column.source.compile(&column.kind, key);
            let make = made.map_err(|error| {
                Error::new(
                    error.kind(),
                    format!("{name}.{}: {error}", column.name.as_str()),
                )
            })?;
            let of_pick = |pick: &usize| {
                let pick = picks.get(*pick);
                pick.is_some_and(|pick| pick.is_steady(&groups, &picks))
            };
            let steady = match &column.source {
                Source::Serial { .. } | Source::Constant(_) | Source::Null => true,
                Source::Reference { pick, .. } => of_pick(pick),
                Source::After {
                    pick: Some(pick), ..
                } => column.take != Take::Draw && of_pick(pick),
                _ => is_steady(&column.take, &groups),
            } && column.nulls == 0.0;
            columns.push(Column {
                make,
                take: column.take.clone(),
                nulls: column.nulls,
                key,
                null_key: stream(&format!("{} null", column.name.as_str())),
                closure: Vec::new(),
                redrawn: !steady,
            });
        }
        let needs: Vec<Vec<usize>> = columns.iter().map(|c| c.make.needs()).collect();
        let touched = Touched::of(table, &needs).columns;
        for (column, touched) in columns.iter_mut().zip(touched) {
            column.redrawn &= touched;
        }
        close(table, &mut columns)?;
        let mut order = Vec::with_capacity(columns.len());
        for column in &columns {
            for needed in &column.closure {
                if !order.contains(needed) {
                    order.push(*needed);
                }
            }
        }
        Ok(Self {
            groups,
            picks,
            columns,
            order,
            conditions: table.conditions.clone(),
            fixed: fixed(table)?,
        })
    }

    fn digit(&self, take: &Take, number: u64, attempt: u32) -> Option<u64> {
        match take {
            Take::Draw | Take::Sibling { .. } => None,
            Take::Digit {
                group,
                divide,
                modulo,
            } => {
                let counter = self.groups.get(*group)?.at(number, attempt);
                Some(counter / divide.max(&1) % modulo.max(&1))
            }
        }
    }
}

/// Finds out for each column what must be made before it.
fn close(table: &TablePlan, columns: &mut [Column]) -> Result<()> {
    for index in 0..columns.len() {
        columns[index].closure = closure(columns, index).ok_or_else(|| {
            let column = table.columns[index].name.as_str();
            let message = format!("{}.{column} depends on itself", name_of(table));
            Error::new(Kind::SeedPlan, message)
        })?;
        columns[index].redrawn |= columns[index]
            .closure
            .iter()
            .any(|needed| columns[*needed].redrawn);
    }
    Ok(())
}

/// The values of the rows that a person wrote.
fn fixed(table: &TablePlan) -> Result<Vec<BTreeMap<usize, Value>>> {
    let value = |(index, text): (&usize, &Option<String>)| {
        let column = table.columns.get(*index);
        let value = match (text, column) {
            (None, _) => Some(Value::Null),
            (Some(text), Some(column)) => parse(text, &column.kind),
            (Some(_), None) => None,
        };
        let value = value.ok_or_else(|| {
            let name = column.map_or("", |column| column.name.as_str());
            let message = format!("{}.{name}: no value of its type", name_of(table));
            Error::new(Kind::SeedPlan, message)
        })?;
        Ok((*index, value))
    };
    let rows = table.fixed.iter();
    rows.map(|row| row.iter().map(value).collect()).collect()
}

/// Columns that `column` needs, then itself; `None` when it needs itself.
fn closure(columns: &[Column], column: usize) -> Option<Vec<usize>> {
    fn visit(
        columns: &[Column],
        at: usize,
        open: &mut Vec<usize>,
        done: &mut Vec<usize>,
    ) -> Option<()> {
        if done.contains(&at) {
            return Some(());
        }
        if open.contains(&at) {
            return None;
        }
        open.push(at);
        for needed in columns.get(at)?.make.needs() {
            visit(columns, needed, open, done)?;
        }
        open.pop();
        done.push(at);
        Some(())
    }
    let mut done = Vec::new();
    visit(columns, column, &mut Vec::new(), &mut done)?;
    Some(done)
}

/// Makes rows, one after the other or in any order.
#[derive(Debug)]
pub struct Worker<'r> {
    rows: &'r Rows,
    /// The family found last, by table and pick: the next row is mostly of the same.
    families: Vec<Vec<Cell<Option<Family>>>>,
}

struct View<'w> {
    worker: &'w Worker<'w>,
    table: usize,
    number: u64,
    attempt: u32,
    values: &'w [Value],
}

impl Worker<'_> {
    /// Puts the values of row `number` of a table into `row`, in the order of the plan's columns.
    ///
    /// # Errors
    /// [`Stuck`] when no try satisfied the conditions.
    pub fn fill(
        &self,
        table: usize,
        number: u64,
        row: &mut Vec<Value>,
    ) -> std::result::Result<(), Stuck> {
        let plan = &self.rows.tables[table];
        row.clear();
        row.resize(plan.columns.len(), Value::Null);
        let mut broken = None;
        for attempt in 0..TRIES {
            for column in &plan.order {
                if attempt == 0 || plan.columns[*column].redrawn {
                    row[*column] = self.value((table, *column), (number, attempt), row);
                }
            }
            let conditions = plan.conditions.iter();
            broken = conditions
                .filter(|condition| condition.expression.holds(row) == Truth::False)
                .map(|condition| condition.name.clone())
                .next();
            if broken.is_none() {
                return Ok(());
            }
        }
        Err(Stuck {
            row: number,
            constraint: broken.unwrap_or_default(),
        })
    }

    fn value(
        &self,
        (table, column): (usize, usize),
        (number, attempt): (u64, u32),
        values: &[Value],
    ) -> Value {
        let plan = &self.rows.tables[table];
        let written = plan.fixed.get(number as usize);
        if let Some(value) = written.and_then(|row| row.get(&column)) {
            return value.clone();
        }
        let column = &plan.columns[column];
        if column.nulls > 0.0 && column.null_key.row(number, attempt).chance(column.nulls) {
            return Value::Null;
        }
        let view = View {
            worker: self,
            table,
            number,
            attempt,
            values,
        };
        let digit = match column.take {
            Take::Sibling { pick } => self.family(table, pick, number).map(|f| number - f.from),
            ref take => plan.digit(take, number, attempt),
        };
        match digit {
            Some(digit) => column.make.nth(digit, &view),
            None => column
                .make
                .draw(&mut column.key.row(number, attempt), &view),
        }
    }

    /// One value of a row that may not be written yet, or long ago.
    fn cell(&self, table: usize, number: u64, column: usize) -> Value {
        let plan = &self.rows.tables[table];
        let Some(wanted) = plan.columns.get(column) else {
            return Value::Null;
        };
        let mut row = Vec::new();
        if wanted.redrawn {
            // Which try was the good one is known only from the whole row.
            let _ = self.fill(table, number, &mut row);
            return row.swap_remove(column);
        }
        if let [_] = wanted.closure[..] {
            return self.value((table, column), (number, 0), &[]);
        }
        row.resize(plan.columns.len(), Value::Null);
        for needed in &wanted.closure {
            row[*needed] = self.value((table, *needed), (number, 0), &row);
        }
        row.swap_remove(column)
    }

    /// The row that a pick chooses; `None` when it chooses none.
    fn chosen(&self, table: usize, pick: usize, number: u64, attempt: u32) -> Option<u64> {
        let plan = &self.rows.tables[table];
        let choice = plan.picks.get(pick)?;
        if choice.nulls > 0.0 && choice.null_key.row(number, attempt).chance(choice.nulls) {
            return None;
        }
        let mut stream = choice.key.row(number, attempt);
        match &choice.how {
            Chosen::Draw(distribution, order) => {
                let last = order.bound().checked_sub(1)?;
                let rank = distribution.draw_whole(&mut stream, 0, last as i64);
                Some(order.at(rank.unsigned_abs()))
            }
            Chosen::Take(Take::Sibling { pick }, order) => {
                let family = self.family(table, *pick, number)?;
                // Families begin at different places, so that not all refer to the same few.
                let begin = super::stream::stir(family.parent) % order.bound().max(1);
                let place = begin.checked_add(number - family.from)?;
                Some(order.at(place.checked_rem(order.bound())?))
            }
            Chosen::Take(take, _) => plan.digit(take, number, attempt),
            Chosen::Per(_) => self.family(table, pick, number).map(|family| family.parent),
            Chosen::Spread(rows) => number.checked_rem(*rows),
            Chosen::Within {
                pick,
                rows,
                groups,
                take,
            } => {
                let group = self.chosen(table, *pick, number, attempt)?;
                let members = rows.checked_sub(group)?.div_ceil((*groups).max(1));
                let digit = plan.digit(take, number, attempt);
                let member = digit.unwrap_or_else(|| stream.below(members));
                (member < members).then(|| group + member * groups)
            }
            Chosen::Earlier if number == 0 && choice.nulls > 0.0 => None,
            Chosen::Earlier => Some(stream.below(number)),
            Chosen::Itself => Some(number),
        }
    }

    /// The children of the same parent that a row is among; `None` when it is nobody's.
    fn family(&self, table: usize, pick: usize, number: u64) -> Option<Family> {
        let Chosen::Per(children) = &self.rows.tables[table].picks.get(pick)?.how else {
            return None;
        };
        let known = &self.families[table][pick];
        let family = known
            .get()
            .filter(|family| (family.from..family.to).contains(&number))
            .or_else(|| children.family(number));
        known.set(family);
        family
    }
}

impl RowView for View<'_> {
    fn number(&self) -> u64 {
        self.number
    }

    fn column(&self, column: usize) -> &Value {
        self.values.get(column).unwrap_or(&Value::Null)
    }

    fn parent(&self, pick: usize, column: usize) -> Value {
        let chosen = self
            .worker
            .chosen(self.table, pick, self.number, self.attempt);
        let Some(parent) = chosen else {
            return Value::Null;
        };
        match &self.worker.rows.tables[self.table].picks[pick].from {
            // A row that refers to itself: what it needs of itself must be there already.
            From::Table(table) if *table == self.table && parent == self.number => {
                match self.values.get(column) {
                    Some(Value::Null) | None => self.worker.cell(*table, parent, column),
                    Some(value) => value.clone(),
                }
            }
            From::Table(table) => self.worker.cell(*table, parent, column),
            From::Keys(keys) => keys
                .get(parent as usize)
                .and_then(|key| key.get(column))
                .cloned()
                .unwrap_or(Value::Null),
        }
    }
}
