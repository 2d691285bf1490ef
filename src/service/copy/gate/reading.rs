//! How the columns of a table are read on both sides to be compared.

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::copy::{CopyPlan, Form, Types, Wire};
use crate::masking::{ColumnPlan, Mask, Rows, TablePlan};
use crate::sql::{Ident, QualifiedName};

/// The type of a column as both databases have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnType {
    /// As `format_type` has it.
    pub name: String,
    /// How its values travel.
    pub wire: Wire,
    /// Whether equal values have equal bytes in both databases.
    pub same: bool,
}

/// The types of columns, when they are known: kept columns are compared then, too.
pub type ColumnTypes = BTreeMap<(QualifiedName, Ident), ColumnType>;

/// The types of all columns that a plan carries.
pub(super) fn column_types(
    plan: &CopyPlan,
    catalog: &Catalog,
    (source, target): (&Types, &Types),
) -> ColumnTypes {
    let mut all = ColumnTypes::new();
    for table in &plan.tables {
        for column in &table.columns {
            let facts = catalog
                .table(&table.name)
                .and_then(|table| table.column(column.name.as_str()));
            let Some(facts) = facts else { continue };
            let known = ColumnType {
                name: column.data_type.clone(),
                wire: source.wire(facts.type_oid),
                same: source.form(facts.type_oid, target) == Some(Form::Same),
            };
            all.insert((table.name.clone(), column.name.clone()), known);
        }
    }
    all
}

/// What is done with a column.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Compared.
    Compared,
    /// The text of what the source computes is compared: its bytes differ between databases.
    ComparedAsText,
    /// Read, because masks of other columns may look at it.
    Read,
    /// Left alone: it cannot be read in this form.
    Left,
}

fn part(column: &ColumnPlan, known: Option<&ColumnType>) -> Part {
    let same = known.is_none_or(|known| known.same && known.wire == Wire::Binary);
    match (&column.rule.mask, known) {
        (Mask::Keep, None) => Part::Read,
        (Mask::Keep, Some(known)) => match (same, known.wire) {
            (true, _) => Part::Compared,
            (false, Wire::Binary) => Part::Read,
            (false, Wire::Text) => Part::Left,
        },
        (Mask::Sql { .. }, Some(_)) if !same => Part::ComparedAsText,
        _ => Part::Compared,
    }
}

/// How a table is read.
#[derive(Debug)]
pub(super) struct Reading {
    /// The COPY of the source: all columns, in their order.
    pub(super) source: String,
    /// The COPY of the target: the compared columns.
    pub(super) target: String,
    /// Places of the compared columns among all.
    pub(super) compared: Vec<usize>,
}

impl Reading {
    pub(super) fn of(table: &TablePlan, types: &ColumnTypes) -> Self {
        let (mut source, mut target, mut compared) = (Vec::new(), Vec::new(), Vec::new());
        for (i, column) in table.columns.iter().enumerate() {
            let known = types.get(&(table.name.clone(), column.column.clone()));
            let part = part(column, known);
            let name = &column.column;
            source.push(match (&column.rule.mask, &part) {
                (_, Part::Left) | (Mask::Null, _) => "null".to_owned(),
                (Mask::Sql { expression }, part) => computed(expression, known, part),
                _ => name.to_string(),
            });
            if matches!(part, Part::Compared | Part::ComparedAsText) {
                compared.push(i);
                target.push(match part {
                    Part::ComparedAsText => format!("{name}::pg_catalog.text"),
                    _ => name.to_string(),
                });
            }
        }
        let filter = match &table.rows {
            Rows::All => String::new(),
            Rows::None => " where false".to_owned(),
            // The line end closes a comment in the condition.
            Rows::Where(condition) => format!(" where ({condition}\n)"),
        };
        let copy = |columns: &[String], filter: &str| {
            format!(
                "copy (select {} from only {}{filter}) to stdout (format binary)",
                columns.join(", "),
                table.name
            )
        };
        Self {
            source: copy(&source, &filter),
            target: copy(&target, ""),
            compared,
        }
    }
}

/// The expression in the column's type: what was stored.
fn computed(expression: &str, known: Option<&ColumnType>, part: &Part) -> String {
    let text = if *part == Part::ComparedAsText {
        "::pg_catalog.text"
    } else {
        ""
    };
    match known {
        Some(known) => format!("({expression}\n)::{}{text}", known.name),
        None => format!("({expression}\n)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masking::Rule;

    fn ident(name: &str) -> Ident {
        Ident::new(name).unwrap()
    }

    #[test]
    fn what_is_compared_depends_on_the_type() {
        let name = QualifiedName::new(ident("public"), ident("t"));
        let sql = || Mask::Sql {
            expression: "f(x) -- so".to_owned(),
        };
        let columns = [
            ("id", Mask::Keep, Wire::Binary, true),
            ("moods", Mask::Keep, Wire::Binary, false),
            ("acl", Mask::Keep, Wire::Text, false),
            ("gone", Mask::Null, Wire::Binary, true),
            ("n", sql(), Wire::Binary, true),
            ("m", sql(), Wire::Binary, false),
        ];
        let mut types = ColumnTypes::new();
        let mut plans = Vec::new();
        for (column, mask, wire, same) in columns {
            let known = ColumnType {
                name: "int".to_owned(),
                wire,
                same,
            };
            types.insert((name.clone(), ident(column)), known);
            plans.push(ColumnPlan {
                column: ident(column),
                rule: Rule {
                    mask,
                    ..Rule::keep()
                },
                class: None,
                origin: String::new(),
            });
        }
        let table = TablePlan {
            name,
            rows: Rows::Where("a".to_owned()),
            columns: plans,
        };
        let reading = Reading::of(&table, &types);
        assert_eq!(
            reading.source,
            "copy (select \"id\", \"moods\", null, null, (f(x) -- so\n)::int, \
             (f(x) -- so\n)::int::pg_catalog.text from only \"public\".\"t\" where (a\n)) \
             to stdout (format binary)"
        );
        assert_eq!(
            reading.target,
            "copy (select \"id\", \"gone\", \"n\", \"m\"::pg_catalog.text from only \
             \"public\".\"t\") to stdout (format binary)"
        );
        assert_eq!(reading.compared, [0, 3, 4, 5]);
        let unknown = Reading::of(&table, &ColumnTypes::new());
        assert_eq!(
            unknown.compared,
            [3, 4, 5],
            "kept columns are left to others"
        );
    }
}
