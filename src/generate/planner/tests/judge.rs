//! Proves the rows of a plan by brute force, knowing nothing of how they were made.

use std::collections::{BTreeMap, HashSet};

use crate::catalog::{Catalog, ConstraintKind, IndexKey, Match, Table};
use crate::generate::encode::literal_text;
use crate::generate::plan::SeedPlan;
use crate::generate::rows::{Keys, Rows};
use crate::generate::value::Value;

/// Rows of each table, each a map of column and text; null is absent.
#[cfg(test)]
pub(super) type Data = BTreeMap<String, Vec<BTreeMap<String, String>>>;

/// All rows of a plan.
#[cfg(test)]
pub(super) fn generate(plan: &SeedPlan, keys: &Keys) -> Result<Data, String> {
    let rows = Rows::new(plan, keys).map_err(|error| error.to_string())?;
    let worker = rows.worker();
    let mut data = Data::new();
    for (index, table) in plan.tables.iter().enumerate() {
        let mut found = Vec::new();
        let mut row = Vec::new();
        for number in 0..table.first + table.rows {
            worker
                .fill(index, number, &mut row)
                .map_err(|stuck| format!("{}: {stuck:?}", table.name.plain()))?;
            let mut texts = BTreeMap::new();
            for (column, value) in table.columns.iter().zip(&row) {
                if *value == Value::Null {
                    continue;
                }
                let mut text = String::new();
                literal_text(value, &column.kind, &mut text).ok_or_else(|| {
                    format!("{}.{:?}: {value:?}", table.name.plain(), column.name)
                })?;
                texts.insert(column.name.as_str().to_owned(), text);
            }
            found.push(texts);
        }
        data.insert(table.name.plain(), found);
    }
    Ok(data)
}

/// What the rows break; empty when they are fine. Only these tables are judged, all when none is
/// named.
#[cfg(test)]
pub(super) fn judge(catalog: &Catalog, data: &Data, only: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    for table in catalog.tables.values() {
        if !only.is_empty() && !only.contains(&table.name.plain()) {
            continue;
        }
        let Some(rows) = data.get(&table.name.plain()) else {
            continue;
        };
        for column in table.columns.iter().filter(|column| column.not_null) {
            if rows
                .iter()
                .any(|row| !row.contains_key(column.name.as_str()))
            {
                wrong.push(format!("{}.{} is null", table.name, column.name));
            }
        }
        uniques(table, rows, &mut wrong);
        references(table, rows, data, &mut wrong);
    }
    wrong
}

#[cfg(test)]
type Row = BTreeMap<String, String>;

#[cfg(test)]
fn uniques(table: &Table, rows: &[Row], wrong: &mut Vec<String>) {
    let plain = |name: &str| -> Part {
        let name = name.to_owned();
        Box::new(move |row: &Row| row.get(&name).cloned())
    };
    for constraint in &table.constraints {
        if matches!(
            constraint.kind,
            ConstraintKind::PrimaryKey | ConstraintKind::Unique
        ) {
            let parts = constraint
                .columns
                .iter()
                .map(|c| plain(c.as_str()))
                .collect::<Vec<_>>();
            distinct(
                table,
                (constraint.name.as_str(), false),
                &parts,
                rows,
                wrong,
            );
        }
    }
    for index in table.indexes.iter().filter(|index| index.unique) {
        let parts = index.columns.iter().map(|column| match &column.key {
            IndexKey::Column(name) => plain(name.as_str()),
            IndexKey::Expression(text) => {
                let name = text
                    .trim_start_matches("lower((")
                    .trim_end_matches(")::text)");
                let of = plain(name);
                Box::new(move |row: &Row| of(row).map(|text| text.to_lowercase()))
            }
        });
        let parts = parts.collect::<Vec<_>>();
        let name = (index.name.as_str(), index.nulls_not_distinct);
        distinct(table, name, &parts, rows, wrong);
    }
}

#[cfg(test)]
type Part = Box<dyn Fn(&Row) -> Option<String>>;

#[cfg(test)]
fn distinct(
    table: &Table,
    (name, nulls_equal): (&str, bool),
    parts: &[Part],
    rows: &[Row],
    wrong: &mut Vec<String>,
) {
    let mut seen = HashSet::new();
    for row in rows {
        let key: Vec<Option<String>> = parts.iter().map(|part| part(row)).collect();
        if (nulls_equal || key.iter().all(Option::is_some)) && !seen.insert(key.clone()) {
            wrong.push(format!("{}: {name} has {key:?} twice", table.name));
            return;
        }
    }
}

#[cfg(test)]
fn references(table: &Table, rows: &[Row], data: &Data, wrong: &mut Vec<String>) {
    for constraint in &table.constraints {
        let Some(key) = constraint.foreign_key() else {
            continue;
        };
        let parents = data
            .get(&key.table.plain())
            .map_or(&[][..], |rows| &rows[..]);
        let of = |row: &Row, columns: &[crate::sql::Ident]| -> Vec<Option<String>> {
            columns
                .iter()
                .map(|c| row.get(c.as_str()).cloned())
                .collect()
        };
        let known: HashSet<_> = parents.iter().map(|row| of(row, &key.columns)).collect();
        for row in rows {
            let wanted = of(row, &constraint.columns);
            let nulls = wanted.iter().filter(|value| value.is_none()).count();
            let free = match key.matching {
                Match::Full => nulls == wanted.len(),
                _ => nulls > 0,
            };
            if !free && !known.contains(&wanted) {
                wrong.push(format!(
                    "{}: {} has no {wanted:?}",
                    table.name, constraint.name
                ));
                break;
            }
        }
    }
}
