//! The two COPY statements of a range.

use super::{Range, TableCopy, Take, Wire};
use crate::masking::Rows;
use crate::subset::RowSet;

/// The statements that read the rows of a range at the source: one, or, when rows were `picked`, as
/// many as these need.
pub fn copy_outs<'a>(
    table: &'a TableCopy,
    range: Range,
    picked: Option<&'a RowSet>,
) -> Box<dyn Iterator<Item = String> + Send + 'a> {
    Box::new(conditions(table, range, picked).map(|filter| copy_where(table, &filter)))
}

/// Reads the rows of a range at the source.
#[must_use]
pub fn copy_out(table: &TableCopy, range: &Range) -> String {
    copy_where(table, &filter(table, range))
}

/// What follows the table's name in the statements that read a range.
pub(super) fn conditions<'a>(
    table: &'a TableCopy,
    range: Range,
    picked: Option<&'a RowSet>,
) -> Box<dyn Iterator<Item = String> + Send + 'a> {
    let Some(picked) = picked else {
        return Box::new(std::iter::once(filter(table, &range)));
    };
    // A table has no more than 2^32 pages.
    let page = |block: u64| u32::try_from(block).unwrap_or(u32::MAX);
    let conditions = picked.conditions(page(range.from), range.to.map(page));
    Box::new(conditions.map(|condition| format!(" where {condition}")))
}

fn filter(table: &TableCopy, range: &Range) -> String {
    let mut conditions: Vec<String> = range.condition().into_iter().collect();
    match &table.rows {
        Rows::All => {}
        Rows::None => conditions.push("false".to_owned()),
        Rows::Where(condition) => conditions.push(format!("({condition}\n)")),
    }
    if conditions.is_empty() {
        String::new()
    } else {
        format!(" where {}", conditions.join(" and "))
    }
}

/// `only`: each partition and each child is copied itself.
fn copy_where(table: &TableCopy, filter: &str) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| match &column.take {
            Take::Kept | Take::Masked => column.name.to_string(),
            Take::Null => "null".to_owned(),
            // The line end closes a comment in the expression.
            Take::Computed(expression) => format!("({expression}\n)::{}", column.data_type),
        })
        .collect();
    format!(
        "copy (select {} from only {}{filter}) to stdout (format {})",
        columns.join(", "),
        table.name,
        format(table.wire)
    )
}

/// Writes rows into the copy.
#[must_use]
pub fn copy_in(table: &TableCopy) -> String {
    let columns: Vec<String> = table.columns.iter().map(|c| c.name.to_string()).collect();
    // A table without columns has no list of them.
    let list = if columns.is_empty() {
        String::new()
    } else {
        format!(" ({})", columns.join(", "))
    };
    format!(
        "copy {}{list} from stdin (format {})",
        table.name,
        format(table.wire)
    )
}

fn format(wire: Wire) -> &'static str {
    match wire {
        Wire::Binary => "binary",
        Wire::Text => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copy::ColumnCopy;
    use crate::sql::{Ident, QualifiedName};

    #[test]
    fn statements_name_everything_quoted() {
        let ident = |name: &str| Ident::new(name).unwrap();
        let column = |name: &str, take| ColumnCopy {
            name: ident(name),
            data_type: "text".to_owned(),
            take,
        };
        let table = TableCopy {
            name: QualifiedName::new(ident("a"), ident("B")),
            rows: Rows::Where("x > 1 -- all".to_owned()),
            wire: Wire::Binary,
            columns: vec![
                column("id", Take::Kept),
                column("n", Take::Null),
                column("z", Take::Computed("left(z, 3)".to_owned())),
            ],
        };
        let range = Range {
            from: 0,
            to: Some(8),
        };
        assert_eq!(
            copy_out(&table, &range),
            "copy (select \"id\", null, (left(z, 3)\n)::text from only \"a\".\"B\" where \
             ctid operator(pg_catalog.<) '(8,0)'::pg_catalog.tid and (x > 1 -- all\n)) \
             to stdout (format binary)"
        );
        assert_eq!(
            copy_in(&table),
            "copy \"a\".\"B\" (\"id\", \"n\", \"z\") from stdin (format binary)"
        );
    }
}
