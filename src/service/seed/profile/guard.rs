//! A profile is searched for values of the database before it is written, in the way that a masked
//! copy is: every identifying value goes into the filter of the leak scan, and the file is its text.

use std::collections::BTreeSet;
use std::pin::pin;

use futures_util::TryStreamExt;
use serde::Serialize;

use super::classes::Classes;
use super::measure::is_measured;
use crate::catalog::{Catalog, Table};
use crate::error::Result;
use crate::generate::{ColumnType, PgType};
use crate::masking::leak::{Filter, RunKey, Searcher, forms};
use crate::masking::{Class, classifier::looks_personal};
use crate::postgres::{Session, introspect};
use crate::service::seed::standing::only;
use crate::sql::Ident;

/// A place of the file that holds a value of the database, or looks like one of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// Line of the file, from 1.
    pub line: usize,
    /// What kind of value it is.
    pub class: String,
    /// The column that the line tells of, `table.column`; else the members that lead to the line.
    pub of: String,
}

/// What a line of a profile tells of: the names of the members that it lies in, as they are indented.
/// A name on one of the lines `leaks` may itself be what was found, and is left out.
fn subject(text: &str, line: usize, leaks: &BTreeSet<usize>) -> String {
    let mut path: Vec<(usize, &str)> = Vec::new();
    for (at, text) in text.lines().take(line).enumerate() {
        let depth = text.len() - text.trim_start().len();
        path.retain(|(above, _)| *above < depth);
        let name = text
            .trim()
            .strip_prefix('"')
            .and_then(|rest| rest.split_once("\": "));
        if let Some((name, _)) = name {
            path.push((depth, if leaks.contains(&(at + 1)) { "?" } else { name }));
        }
    }
    let names: Vec<&str> = path.into_iter().map(|(_, name)| name).collect();
    match names[..] {
        ["tables", table, "columns", column, ..] => format!("{table}.{column}"),
        ["tables", ref rest @ ..] => rest.join("."),
        ref all => all.join("."),
    }
}

/// Searches the text of a profile for the identifying values of all columns of the database, and for
/// anything that looks like a person's value.
///
/// # Errors
/// Those of the database.
pub async fn search(session: &Session, classes: &Classes, text: &str) -> Result<Vec<Leak>> {
    let catalog = introspect(session).await?;
    let mut seeker = Seeker {
        text,
        filter: Filter::new(fresh(), (0, 1)),
        leaks: told_values(text, &labels(&catalog)),
    };
    for table in catalog.tables.values().filter(|table| is_measured(table)) {
        seeker.table(session, (&catalog, table), classes).await?;
    }
    seeker.look();
    let lines: BTreeSet<usize> = seeker.leaks.iter().map(|leak| leak.line).collect();
    for leak in &mut seeker.leaks {
        leak.of = subject(text, leak.line, &lines);
    }
    seeker.leaks.sort_by_key(|leak| leak.line);
    seeker.leaks.dedup();
    Ok(seeker.leaks)
}

fn fresh() -> RunKey {
    RunKey::new(&std::array::from_fn(|_| rand::random()))
}

/// Told values that look like a person's, whether the database holds them or not. Names of tables and
/// columns may.
fn told_values(text: &str, labels: &BTreeSet<String>) -> Vec<Leak> {
    let lines = text.lines().enumerate();
    let told = lines.filter_map(|(at, line)| {
        let value = line.trim().strip_prefix("\"value\": ")?;
        let value: String = serde_json::from_str(value.trim_end_matches(',')).ok()?;
        (looks_personal(&value) && !labels.contains(&value)).then(|| Leak {
            line: at + 1,
            class: "looks personal".to_owned(),
            of: String::new(),
        })
    });
    told.collect()
}

/// Labels of enums are the schema's.
fn labels(catalog: &Catalog) -> BTreeSet<String> {
    let columns = catalog.tables.values().flat_map(|table| &table.columns);
    let kinds = columns.map(|column| ColumnType::of(catalog, &column.data_type).base);
    let labels = kinds.filter_map(|kind| match kind {
        PgType::Enum(labels) => Some(labels),
        _ => None,
    });
    labels.flatten().collect()
}

struct Seeker<'t> {
    text: &'t str,
    filter: Filter,
    leaks: Vec<Leak>,
}

impl Seeker<'_> {
    async fn table(
        &mut self,
        session: &Session,
        (catalog, table): (&Catalog, &Table),
        classes: &Classes,
    ) -> Result<()> {
        let name = table.name.plain();
        for column in &table.columns {
            let kind = ColumnType::of(catalog, &column.data_type).base;
            if matches!(kind, PgType::Bool | PgType::Enum(_) | PgType::Bytes) {
                continue;
            }
            let class = classes.sought(&name, column.name.as_str());
            // Numbers and dates of which nothing is known identify nobody.
            let known = classes.name(&name, column.name.as_str()).is_some();
            let texts = matches!(
                kind,
                PgType::Text(_)
                    | PgType::Char(_)
                    | PgType::Json(_)
                    | PgType::Array(..)
                    | PgType::Other(_)
            );
            if known || texts {
                self.column(session, table, &column.name, class).await?;
            }
        }
        Ok(())
    }

    async fn column(
        &mut self,
        session: &Session,
        table: &Table,
        column: &Ident,
        class: Class,
    ) -> Result<()> {
        let sql = format!(
            "select {column}::pg_catalog.text from {}{} where {column} is not null",
            only(table),
            table.name
        );
        let none: [&str; 0] = [];
        let rows = session.query_raw(&sql, none).await?;
        let mut rows = pin!(rows);
        while let Some(row) = rows.try_next().await? {
            let value: &str = row.get(0);
            // A column of another class may hold an address all the same.
            for class in [class, Class::FreeText] {
                self.add(class, value);
            }
        }
        Ok(())
    }

    /// A filter that is full is searched for, and begins again.
    fn add(&mut self, class: Class, value: &str) {
        let mut full = false;
        forms(class, value, &mut |class, form| {
            full |= self.filter.insert(class, &form).is_err();
        });
        if full {
            self.look();
            forms(class, value, &mut |class, form| {
                let _ = self.filter.insert(class, &form);
            });
        }
    }

    fn look(&mut self) {
        let mut filter = std::mem::replace(&mut self.filter, Filter::new(fresh(), (0, 1)));
        filter.seal();
        let mut searcher = Searcher::default();
        for (at, line) in self.text.lines().enumerate() {
            searcher.search(&filter, line.as_bytes(), &mut |hit| {
                self.leaks.push(Leak {
                    line: at + 1,
                    class: hit.class.to_string(),
                    of: String::new(),
                });
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_of_a_column_and_a_name_that_leaks_is_not_told() {
        let text = "{\n  \"version\": 1,\n  \"tables\": {\n    \"a\": {\n      \"rows\": 3,\n      \"columns\": {\n        \"x\": {\n          \"nulls\": 0.1\n        },\n        \"y\": {\n          \"values\": {\n            \"value\": \"v\"\n          }\n        }\n      }\n    }\n  }\n}\n";
        let at = |line| subject(text, line, &BTreeSet::from([line]));
        assert_eq!(at(12), "a.y");
        assert_eq!(at(8), "a.x");
        assert_eq!(at(10), "a.?");
        assert_eq!(at(4), "?");
        assert_eq!(at(2), "?");
        assert_eq!(subject(text, 5, &BTreeSet::new()), "a.rows");
    }
}
