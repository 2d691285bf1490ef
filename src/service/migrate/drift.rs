//! What the database lacks of what a change in flight has made: the difference between the ledger
//! and the catalog.

use std::collections::BTreeMap;

use super::gather::Gathered;
use crate::catalog::{Column, ConstraintKind, Firing, Table};
use crate::error::Result;
use crate::migration::{Action, Definition, Guard, Operation, Phase, PhaseState};
use crate::postgres::{Scope, Session, search_path_of};
use crate::sql::{Ident, literal};

/// An object and what is wrong with it.
type Problem = (String, String);

/// The database's side of the comparison.
#[derive(Debug)]
pub(super) struct Drift<'a> {
    gathered: &'a Gathered,
    /// Bodies of the trigger functions of dual writes, by name.
    functions: BTreeMap<String, String>,
    /// Types that the changes ask for, as the catalog writes them, modifiers included.
    types: BTreeMap<String, String>,
}

/// The column that an operation makes or changes.
struct Subject<'a> {
    table: &'a str,
    column: &'a Ident,
    old: Option<&'a Ident>,
    not_null: bool,
    data_type: Option<&'a str>,
    references: bool,
}

impl<'a> Drift<'a> {
    /// Reads what the catalog does not hold: functions of the schema `tidegate`, meanings of types.
    pub(super) async fn gather(session: &Session, gathered: &'a Gathered) -> Result<Self> {
        let rows = session
            .query(
                "select p.proname::text, p.prosrc from pg_catalog.pg_proc as p \
                 join pg_catalog.pg_namespace as n on n.oid = p.pronamespace \
                 where n.nspname = 'tidegate'",
                &[],
            )
            .await?;
        let functions = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let mut meant = Vec::new();
        let path = search_path_of(&gathered.search_path, Scope::Session);
        session.batch_execute(&path).await?;
        for (_, _, definition) in gathered.ledger.changes.values() {
            for operation in &definition.operations {
                let Some(data_type) = subject(operation).and_then(|subject| subject.data_type)
                else {
                    continue;
                };
                // A type that is gone took its columns with it, which is found below.
                if let Ok(meaning) = meaning(session, data_type).await {
                    meant.push((data_type, meaning));
                }
            }
        }
        session
            .batch_execute("set search_path = pg_catalog")
            .await?;
        let mut types = BTreeMap::new();
        for (data_type, (oid, modifier)) in meant {
            let row = session
                .query_one("select pg_catalog.format_type($1, $2)", &[&oid, &modifier])
                .await?;
            types.insert(data_type.to_owned(), row.get(0));
        }
        Ok(Self {
            gathered,
            functions,
            types,
        })
    }

    fn is_done(&self, change: &str, phase: Phase) -> bool {
        self.gathered
            .ledger
            .phases
            .get(&(change.to_owned(), phase))
            .is_some_and(|phase| phase.state == PhaseState::Done)
    }

    /// What is wrong with the objects of a change.
    pub(super) fn of(&self, change: &str, definition: &Definition) -> Vec<Problem> {
        let mut found = Vec::new();
        for (index, operation) in definition.operations.iter().enumerate() {
            let Some(subject) = subject(operation) else {
                continue;
            };
            let Some(table) = self.gathered.table(subject.table) else {
                found.push((subject.table.to_owned(), "the table is gone".to_owned()));
                continue;
            };
            found.extend(self.column(change, table, &subject));
            if self.is_done(change, Phase::Contract) {
                continue;
            }
            if let Some(guard) = self.guard(change, index, operation) {
                found.extend(self.triggers(table, &guard));
                found.extend(self.function(change, &guard));
            }
        }
        found.extend(self.indexes(change));
        found
    }

    fn column(&self, change: &str, table: &Table, subject: &Subject<'_>) -> Vec<Problem> {
        let name = |column: &Ident| format!("{}.{}", table.name.plain(), column.as_str());
        let object = name(subject.column);
        let mut found = Vec::new();
        match table.column(subject.column.as_str()) {
            None => return vec![(object, "the column is gone".to_owned())],
            Some(column) => found.extend(self.state(change, subject, column, &object)),
        }
        let validated = table.constraints.iter().any(|constraint| {
            matches!(constraint.kind, ConstraintKind::ForeignKey(_))
                && constraint.columns == [subject.column.clone()]
                && constraint.validated
        });
        if subject.references && self.is_done(change, Phase::Backfill) && !validated {
            found.push((
                object,
                "its foreign key is gone or not validated".to_owned(),
            ));
        }
        let Some(old) = subject.old else { return found };
        if self.is_done(change, Phase::Contract) {
            return found;
        }
        match table.column(old.as_str()) {
            None => found.push((
                name(old),
                "the old column is gone before contract".to_owned(),
            )),
            Some(column) => {
                let was = self.old_type(change, subject.column);
                if let Some(was) = was.filter(|was| *was != column.data_type) {
                    let is = &column.data_type;
                    found.push((name(old), format!("the type is {is}, it was {was}")));
                }
            }
        }
        found
    }

    fn state(
        &self,
        change: &str,
        subject: &Subject<'_>,
        column: &Column,
        object: &str,
    ) -> Vec<Problem> {
        let mut found = Vec::new();
        let wanted = subject.data_type.and_then(|text| self.types.get(text));
        if wanted.is_some_and(|wanted| *wanted != column.data_type) {
            let is = &column.data_type;
            let wanted = subject.data_type.unwrap_or_default();
            found.push((
                object.to_owned(),
                format!("the type is {is}, the change says {wanted}"),
            ));
        }
        if subject.not_null && self.is_done(change, Phase::Enforce) && !column.not_null {
            found.push((
                object.to_owned(),
                "the column is no longer NOT NULL".to_owned(),
            ));
        }
        found
    }

    /// The type that the old column had when the backfill was planned.
    fn old_type(&self, change: &str, column: &Ident) -> Option<&str> {
        let phase = (change.to_owned(), Phase::Backfill);
        let steps = &self.gathered.ledger.phases.get(&phase)?.steps;
        steps.iter().find_map(|step| match &step.action {
            Action::Backfill { spec } if spec.column == *column => spec.inverse_type.as_deref(),
            _ => None,
        })
    }

    fn guard(&self, change: &str, index: usize, operation: &Operation) -> Option<Guard> {
        let change = self
            .gathered
            .changes
            .iter()
            .find(|file| file.id == change)?;
        self.gathered.situation().guard(change, index, operation)
    }

    /// The trigger on the table and on each relation that holds its rows.
    fn triggers(&self, table: &Table, guard: &Guard) -> Vec<Problem> {
        let leaves = self.gathered.catalog.leaves(&table.name);
        let mut found = Vec::new();
        for relation in leaves {
            let trigger = relation
                .triggers
                .iter()
                .find(|trigger| trigger.name == guard.trigger);
            let problem = match trigger.map(|trigger| trigger.enabled) {
                Some(Firing::Always) => continue,
                None => "is gone",
                Some(Firing::Disabled) => "is disabled",
                Some(Firing::Origin | Firing::Replica) => "does not fire in every session",
            };
            found.push((
                relation.name.plain(),
                format!("the trigger {} {problem}", guard.trigger.as_str()),
            ));
        }
        found
    }

    /// The trigger's function must be the one that the ledger says was made.
    fn function(&self, change: &str, guard: &Guard) -> Option<Problem> {
        let object = format!("tidegate.{}", guard.function.as_str());
        let Some(source) = self.functions.get(guard.function.as_str()) else {
            return Some((object, "the function is gone".to_owned()));
        };
        let phase = (change.to_owned(), Phase::Expand);
        let steps = &self.gathered.ledger.phases.get(&phase)?.steps;
        let head = format!("create or replace function tidegate.{}()", guard.function);
        let made = steps.iter().find_map(|step| match &step.action {
            Action::Transaction { sql } => sql.iter().find(|sql| sql.starts_with(&head)),
            _ => None,
        })?;
        (!made.ends_with(&literal(source))).then(|| (object, "the function was altered".to_owned()))
    }

    /// Indexes that the change has built concurrently.
    fn indexes(&self, change: &str) -> Vec<Problem> {
        let mut found = Vec::new();
        for phase in Phase::ALL {
            let Some(record) = self.gathered.ledger.phases.get(&(change.to_owned(), phase)) else {
                continue;
            };
            if record.state != PhaseState::Done {
                continue;
            }
            for step in &record.steps {
                let Action::ConcurrentIndex { index, .. } = &step.action else {
                    continue;
                };
                let there = self.gathered.catalog.tables.values().find_map(|table| {
                    let same = table.name.schema == index.schema;
                    let mut indexes = table.indexes.iter().filter(|_| same);
                    indexes.find(|other| other.name == index.name)
                });
                let problem = match there {
                    Some(index) if index.valid => continue,
                    Some(_) => "the index is not valid",
                    None => "the index is gone",
                };
                found.push((index.plain(), problem.to_owned()));
            }
        }
        found
    }
}

/// What a type means under the session's search path: its oid, and its modifier (the 20 of
/// `varchar(20)`), -1 without one.
async fn meaning(session: &Session, data_type: &str) -> Result<(u32, i32)> {
    let sql = format!(
        "select pg_catalog.pg_typeof(value)::pg_catalog.oid, value \
         from (select cast(null as {data_type}) as value) as wanted"
    );
    let statement = session.prepare(&sql).await?;
    let oid: u32 = session.query_one(&statement, &[]).await?.get(0);
    // The wire names a domain by its base type; the modifier belongs to that one then.
    let modifier = statement
        .columns()
        .get(1)
        .filter(|column| column.type_().oid() == oid)
        .map_or(-1, |column| column.type_modifier());
    Ok((oid, modifier))
}

fn subject(operation: &Operation) -> Option<Subject<'_>> {
    Some(match operation {
        Operation::ReplaceColumn(replace) => Subject {
            table: &replace.table,
            column: &replace.to.name,
            old: Some(&replace.from),
            not_null: replace.to.not_null,
            data_type: Some(&replace.to.data_type),
            references: replace.to.references.is_some(),
        },
        Operation::AddColumn(add) => Subject {
            table: &add.table,
            column: &add.column.name,
            old: None,
            not_null: add.column.not_null,
            data_type: Some(&add.column.data_type),
            references: add.column.references.is_some(),
        },
        Operation::SetNotNull(set) => Subject {
            table: &set.table,
            column: &set.column,
            old: None,
            not_null: true,
            data_type: None,
            references: false,
        },
        Operation::DropColumn(_) | Operation::Sql(_) => return None,
    })
}
