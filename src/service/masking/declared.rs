//! What the change files say of columns, as the masking room takes it.

use crate::error::Place;
use crate::masking::policy::{Declared, Fate};
use crate::migration::{Change, Ledger, NewColumn, Operation, Phase, PhaseState};
use crate::sql::{Ident, TableEdit, table_edits};

/// What every change says of columns, in order. A column is pending until the ledger says that the
/// phase that adds it is done.
#[must_use]
pub fn declared(changes: &[Change], ledger: &Ledger) -> Vec<Declared> {
    let mut found = Vec::new();
    for change in changes {
        let done = |phase: Phase| {
            ledger
                .phases
                .get(&(change.id.clone(), phase))
                .is_some_and(|entry| entry.state == PhaseState::Done)
        };
        for (index, operation) in change.operations.iter().enumerate() {
            let place = |key: &str| change.file.place(index, key);
            let added = |table: &str, column: &NewColumn, key: &str| {
                new_column(table, column, place(key), !done(Phase::Expand))
            };
            match operation {
                Operation::AddColumn(add) => found.push(added(&add.table, &add.column, "column")),
                Operation::ReplaceColumn(replace) => {
                    found.push(added(&replace.table, &replace.to, "to"));
                    found.push(dropped(&replace.table, &replace.from, place("from")));
                }
                Operation::DropColumn(drop) => {
                    found.push(dropped(&drop.table, &drop.column, place("column")));
                }
                Operation::SetNotNull(_) => {}
                Operation::Sql(sql) => {
                    let edits = table_edits(&sql.up);
                    add_sql(&mut found, edits, &place("up"), !done(sql.phase));
                }
            }
        }
    }
    found
}

fn new_column(table: &str, column: &NewColumn, place: Place, pending: bool) -> Declared {
    Declared {
        table: table.to_owned(),
        column: column.name.clone(),
        fate: Fate::Added {
            data_type: column.data_type.clone(),
            pii: column.pii.clone(),
            references: column.references.clone(),
            pending,
        },
        place,
    }
}

fn dropped(table: &str, column: &Ident, place: Place) -> Declared {
    Declared {
        table: table.to_owned(),
        column: column.clone(),
        fate: Fate::Dropped,
        place,
    }
}

/// Plain SQL: tables that it creates and drops, columns that it adds and drops.
fn add_sql(found: &mut Vec<Declared>, edits: Vec<TableEdit>, place: &Place, pending: bool) {
    for edit in edits {
        match edit {
            TableEdit::Add(column) if column.generated => {}
            TableEdit::Add(column) => found.push(Declared {
                table: column.table,
                column: column.column,
                fate: Fate::Added {
                    data_type: column.data_type,
                    // Such a key is classified by the built-in rule.
                    pii: column.surrogate.then(|| "none".to_owned()),
                    references: column.references,
                    pending,
                },
                place: place.clone(),
            }),
            TableEdit::Drop { table, column } => {
                found.push(dropped(&table, &column, place.clone()))
            }
            TableEdit::DropTable(table) => {
                let gone: Vec<Declared> = found
                    .iter()
                    .filter(|earlier| earlier.table == table && earlier.fate != Fate::Dropped)
                    .map(|earlier| dropped(&table, &earlier.column, place.clone()))
                    .collect();
                found.extend(gone);
            }
        }
    }
}
