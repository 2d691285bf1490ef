//! The rows of a plan, each computed from its number alone.

mod again;
mod blame;
mod chosen;
mod tries;

use std::cell::Cell;
use std::collections::BTreeMap;

use super::children::Family;
use super::choice::{Choice, From};
use super::circle;
use super::condition::Condition;
use super::counter::{Counter, is_steady};
use super::knots::Knots;
use super::parse::parse;
use super::plan::{How, SeedPlan, TablePlan, Take};
use super::source::{Make, RowView, Source};
use super::stream::StreamKey;
use super::value::Value;
use super::wished::{Asked, Wished, Wishes};
use crate::error::{Error, Kind, Result};
use crate::sql::{Ident, QualifiedName};

/// Tries to draw a row that satisfies its conditions. A condition that one row in ten satisfies
/// fails all of them once in 10^11 rows.
pub(super) const TRIES: u32 = 256;
/// Tries of a row and of all rows that it is made from. Rows of a table that refers to itself by keys
/// that take part in conditions are made from each other: without a bound their tries multiply.
pub(super) const TRIES_IN_ALL: u32 = 1 << 14;

/// No row satisfied its conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Number of the row.
    pub row: u64,
    /// The constraint that most tries broke.
    pub constraint: String,
}

/// Keys that are in the database already: table and columns, then the keys in a fixed order.
pub type Keys = BTreeMap<(QualifiedName, Vec<Ident>), Vec<Vec<Value>>>;

/// Makes the rows of all tables of a plan.
#[derive(Debug)]
pub struct Rows {
    pub(super) tables: Vec<Table>,
}

#[derive(Debug)]
pub(super) struct Table {
    groups: Vec<Counter>,
    picks: Vec<Choice>,
    columns: Vec<Column>,
    /// Columns after those they need.
    pub(super) order: Vec<usize>,
    pub(super) conditions: Vec<Condition>,
    pub(super) wishes: Wishes,
    pub(super) knots: Knots,
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
        circle::refuse(plan, |table, column| {
            let column = tables
                .get(table)
                .and_then(|table| table.columns.get(column));
            column.is_some_and(|column| column.redrawn)
        })?;
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
            left: Cell::new(0),
            spent: Cell::new((0, 0)),
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
            let key = stream(&format!("group {}", members(table, index).join(" ")));
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
        let knots = redraw(table, &mut columns);
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
            wishes: Wishes::new(&table.conditions, stream),
            knots,
            conditions: table.conditions.clone(),
            fixed: fixed(table)?,
        })
    }

    fn digit(&self, take: &Take, number: u64, attempt: u32) -> Option<u64> {
        match take {
            Take::Draw | Take::Sibling { .. } | Take::Among { .. } => None,
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

/// The columns that read a digit of a group, by name: what a counter's order hangs on, so that neither
/// other keys nor names of constraints change it.
fn members(table: &TablePlan, group: usize) -> Vec<&str> {
    let takes = |take: &Take| matches!(take, Take::Digit { group: of, .. } if *of == group);
    let of_pick = |pick: usize| match table.picks.get(pick).map(|pick| &pick.how) {
        Some(How::Take(take) | How::Within { take, .. }) => takes(take),
        // The lowest digit of a counter in order is that of rows that are dealt out in turn.
        Some(How::Spread) => table.groups.get(group).is_some_and(|group| group.ordered),
        _ => false,
    };
    let members = table.columns.iter().filter(|column| match column.source {
        Source::Reference { pick, .. } => of_pick(pick),
        _ => takes(&column.take),
    });
    let mut names: Vec<&str> = members.map(|column| column.name.as_str()).collect();
    names.sort_unstable();
    names
}

/// Leaves as they are the columns that another try of a row cannot help.
fn redraw(table: &TablePlan, columns: &mut [Column]) -> Knots {
    let needs: Vec<Vec<usize>> = columns.iter().map(|c| c.make.needs()).collect();
    let knots = Knots::of(table, &needs);
    for (index, column) in columns.iter_mut().enumerate() {
        column.redrawn &= knots.of_column(index).is_some();
    }
    // What a way to fulfil a condition changes, it changes from try to try.
    let ways = table.conditions.iter().flat_map(|c| &c.ways);
    for (column, _) in ways.flatten() {
        if let Some(column) = columns.get_mut(*column) {
            column.redrawn = true;
        }
    }
    knots
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
    pub(super) rows: &'r Rows,
    /// The family found last, by table and pick: the next row is mostly of the same.
    families: Vec<Vec<Cell<Option<Family>>>>,
    /// Tries that are left to the row that is being made.
    pub(super) left: Cell<u32>,
    /// The table and the row that took the last of them.
    spent: Cell<(usize, u64)>,
}

/// One try of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try {
    pub(super) number: u64,
    pub(super) attempt: u32,
    /// Whether what may be null is not.
    pub(super) whole: bool,
}

struct View<'w> {
    worker: &'w Worker<'w>,
    table: usize,
    this: Try,
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
        self.left.set(TRIES_IN_ALL);
        let made = self.tried(table, number, row);
        // What it was made from may be no row.
        let (table, of) = match (made, self.left.get()) {
            (_, 0) => self.spent.get(),
            (false, _) => (table, number),
            (true, _) => return Ok(()),
        };
        Err(Stuck {
            row: number,
            constraint: self.blame(table, of),
        })
    }

    /// The value of a column in a try of which ways to fulfil conditions ask something.
    pub(super) fn asked(
        &self,
        (table, column): (usize, usize),
        this: Try,
        wished: &Wished<'_>,
        values: &[Value],
    ) -> Value {
        match wished.of(column, || {
            let key = self.rows.tables[table].columns[column].key;
            key.row(this.number, this.attempt)
        }) {
            Asked::Any => self.value((table, column), this, values),
            Asked::NotNull => self.value(
                (table, column),
                Try {
                    whole: true,
                    ..this
                },
                values,
            ),
            Asked::Value(value) => value,
        }
    }

    fn value(&self, (table, column): (usize, usize), this: Try, values: &[Value]) -> Value {
        let plan = &self.rows.tables[table];
        let (number, attempt) = (this.number, this.attempt);
        let written = plan.fixed.get(number as usize);
        if let Some(value) = written.and_then(|row| row.get(&column)) {
            return value.clone();
        }
        let column = &plan.columns[column];
        let may = column.nulls > 0.0 && !this.whole;
        if may && column.null_key.row(number, attempt).chance(column.nulls) {
            return Value::Null;
        }
        let view = View {
            worker: self,
            table,
            this,
            values,
        };
        let digit = match column.take {
            Take::Sibling { pick } => self.place(table, pick, number).map(|(_, place)| place),
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
            let _ = self.tried(table, number, &mut row);
            return row.swap_remove(column);
        }
        let this = Try {
            number,
            attempt: 0,
            whole: false,
        };
        if let [_] = wanted.closure[..] {
            return self.value((table, column), this, &[]);
        }
        row.resize(plan.columns.len(), Value::Null);
        for needed in &wanted.closure {
            row[*needed] = self.value((table, *needed), this, &row);
        }
        row.swap_remove(column)
    }
}

impl RowView for View<'_> {
    fn number(&self) -> u64 {
        self.this.number
    }

    fn column(&self, column: usize) -> &Value {
        self.values.get(column).unwrap_or(&Value::Null)
    }

    fn parent(&self, pick: usize, column: usize) -> Value {
        let chosen = self.worker.chosen(self.table, pick, self.this);
        let Some(parent) = chosen else {
            return Value::Null;
        };
        match &self.worker.rows.tables[self.table].picks[pick].from {
            // A row that refers to itself: what it needs of itself must be there already.
            From::Table(table) if *table == self.table && parent == self.this.number => {
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
