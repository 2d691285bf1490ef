//! How the columns of a table are read on both sides to be compared.

use std::collections::BTreeMap;

use super::source::wanted;
use super::sums::Value;
use crate::catalog::Catalog;
use crate::copy::{CopyPlan, Form, Range, Types, Wire};
use crate::masking::{ColumnPlan, Mask, Rows, TablePlan};
use crate::sql::{Ident, QualifiedName};
use crate::subset::RowSet;

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

/// The COPYs that read one side.
pub(super) type Statements<'a> = Box<dyn Iterator<Item = String> + Send + 'a>;

/// A compared column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compared {
    /// Its place among the fields that the source sends.
    pub(super) place: usize,
    /// Its place among the table's columns.
    pub(super) column: usize,
}

/// How a table is read.
#[derive(Debug)]
pub(super) struct Reading {
    from: QualifiedName,
    /// The fields of the source: all columns in their order, then those compared as text besides,
    /// then texts of values that are sought.
    fields: Vec<String>,
    filter: String,
    /// The fields of the target: the compared columns.
    pub(super) target: Vec<String>,
    /// The compared columns, in the order of the target's fields.
    pub(super) compared: Vec<Compared>,
    /// The values that are sought, and where the source sends them.
    pub(super) values: Vec<Value>,
    /// Whether these are all that are sought of the table.
    pub(super) covers: bool,
}

/// Fields of one statement at most: PostgreSQL has room for 1,664.
pub(super) const MAX_FIELDS: usize = 1_600;

impl Reading {
    /// `partial`: some tables of the plan were carried in part, and `picked` are this one's rows
    /// when it was. Then every kept column is compared, as text where its bytes tell nothing.
    pub(super) fn of(
        table: &TablePlan,
        types: &ColumnTypes,
        partial: bool,
        picked: Option<&RowSet>,
    ) -> Self {
        let (mut fields, mut target, mut compared) = (Vec::new(), Vec::new(), Vec::new());
        let mut texts = Vec::new();
        for (i, column) in table.columns.iter().enumerate() {
            let known = types.get(&(table.name.clone(), column.column.clone()));
            let part = part(column, known);
            let name = &column.column;
            fields.push(match (&column.rule.mask, &part) {
                (_, Part::Left) | (Mask::Null, _) => "null".to_owned(),
                (Mask::Sql { expression }, part) => computed(expression, known, part),
                _ => name.to_string(),
            });
            match part {
                Part::Compared => target.push(name.to_string()),
                Part::ComparedAsText => target.push(as_text(name)),
                Part::Read | Part::Left if picked.is_some() => {
                    texts.push((i, as_text(name)));
                    continue;
                }
                Part::Read | Part::Left => continue,
            }
            compared.push(Compared {
                place: i,
                column: i,
            });
        }
        for (column, text) in texts {
            compared.push(Compared {
                place: fields.len(),
                column,
            });
            fields.push(text.clone());
            target.push(text);
        }
        let filter = match &table.rows {
            _ if partial => String::new(),
            Rows::All => String::new(),
            Rows::None => " where false".to_owned(),
            // The line end closes a comment in the condition.
            Rows::Where(condition) => format!(" where ({condition}\n)"),
        };
        Self {
            target,
            from: table.name.clone(),
            fields,
            filter,
            compared,
            values: Vec::new(),
            covers: false,
        }
    }

    /// Adds what is sought of the table, when all of its rows are read and the text of its values is
    /// at hand: types of the database's own may be anything.
    pub(super) fn seek(&mut self, table: &TablePlan, types: &ColumnTypes, picked: Option<&RowSet>) {
        if picked.is_some() || !self.filter.is_empty() {
            return;
        }
        let wanted = wanted(table);
        let (mut values, mut texts) = (Vec::new(), Vec::new());
        for (i, class) in wanted {
            let name = &table.columns[i].column;
            let known = types.get(&(table.name.clone(), name.clone()));
            let Some(known) = known.filter(|known| !known.name.contains('.')) else {
                return;
            };
            let array = known.name.ends_with("[]");
            if !array && self.fields[i] == name.to_string() && is_text(&known.name) {
                values.push((class, i));
                continue;
            }
            values.push((class, self.fields.len() + texts.len()));
            texts.push(if array {
                format!("pg_catalog.array_to_string({name}, pg_catalog.chr(31))")
            } else {
                as_text(name)
            });
        }
        if self.fields.len() + texts.len() <= MAX_FIELDS {
            self.fields.extend(texts);
            (self.values, self.covers) = (values, true);
        }
    }

    /// The COPYs of the source: one of a range, or as many as the picked rows need.
    pub(super) fn source_statements<'a>(
        &'a self,
        picked: Option<&'a RowSet>,
        range: Option<Range>,
    ) -> Statements<'a> {
        let fields = self.fields.join(", ");
        match picked {
            None => {
                let mut filter = self.filter.clone();
                if let Some(condition) = range.and_then(|range| range.condition()) {
                    let word = if filter.is_empty() { "where" } else { "and" };
                    filter = format!("{filter} {word} {condition}");
                }
                Box::new(std::iter::once(copy(&fields, &self.from, &filter)))
            }
            Some(rows) => Box::new(
                rows.conditions(0, None)
                    .map(move |rows| copy(&fields, &self.from, &format!(" where {rows}"))),
            ),
        }
    }

    /// The COPY of a range of the target: the compared columns, then `more`.
    pub(super) fn target_statement(&self, more: &[String], range: Range) -> String {
        let fields: Vec<&str> = self.target.iter().chain(more).map(String::as_str).collect();
        let filter = range.condition().map(|filter| format!(" where {filter}"));
        copy(&fields.join(", "), &self.from, &filter.unwrap_or_default())
    }
}

/// The expression that gives a column's text.
pub(super) fn as_text(column: &Ident) -> String {
    format!("{column}::pg_catalog.text")
}

/// Whether the bytes of a value of this type are its text.
fn is_text(name: &str) -> bool {
    let bare = name.split('(').next().unwrap_or(name);
    ["text", "character varying", "character", "json", "name"].contains(&bare)
}

fn copy(fields: &str, from: &QualifiedName, filter: &str) -> String {
    format!("copy (select {fields} from only {from}{filter}) to stdout (format binary)")
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
        let reading = Reading::of(&table, &types, false, None);
        let source = |reading: &Reading| reading.source_statements(None, None).next().unwrap();
        assert_eq!(
            source(&reading),
            "copy (select \"id\", \"moods\", null, null, (f(x) -- so\n)::int, \
             (f(x) -- so\n)::int::pg_catalog.text from only \"public\".\"t\" where (a\n)) \
             to stdout (format binary)"
        );
        assert_eq!(
            reading.target_statement(&[], Range { from: 0, to: None }),
            "copy (select \"id\", \"gone\", \"n\", \"m\"::pg_catalog.text from only \
             \"public\".\"t\") to stdout (format binary)"
        );
        let compared = |reading: &Reading| -> Vec<(usize, usize)> {
            let compared = reading.compared.iter();
            compared.map(|one| (one.place, one.column)).collect()
        };
        assert_eq!(compared(&reading), [(0, 0), (3, 3), (4, 4), (5, 5)]);
        let unknown = Reading::of(&table, &ColumnTypes::new(), false, None);
        assert_eq!(
            compared(&unknown),
            [(3, 3), (4, 4), (5, 5)],
            "kept columns are left to others"
        );
        let part = Reading::of(&table, &types, true, Some(&RowSet::new()));
        assert_eq!(
            compared(&part),
            [(0, 0), (3, 3), (4, 4), (5, 5), (6, 1), (7, 2)],
            "of a part every kept column is compared"
        );
        assert!(
            part.target
                .ends_with(&["moods", "acl"].map(|name| as_text(&ident(name))))
        );
    }
}
