//! How wide the rows of a range are, asked before one of them is read.

use super::statement::conditions;
use super::{ColumnCopy, Range, TableCopy, Take, Wire};
use crate::subset::RowSet;

/// Ranges with a row above this are carried one at a time, so that the memory of a process does not
/// grow with the number of its workers.
pub const WIDE_ROW_BYTES: u64 = 2 << 20;

/// Stored size from which a value of a type without a cheap length is looked at. What is smaller has
/// at most 4 MB: LZ4 makes 255 bytes of one, pglz fewer.
const LOOKED_AT: u64 = 16 << 10;

/// Types whose length the server knows without fetching the value from where it is stored.
const CHEAP: &[&str] = &["text", "bytea", "character varying"];

/// Types of a fixed, small size.
const SMALL: &[&str] = &[
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "boolean",
    "date",
    "uuid",
    "oid",
    "money",
    "timestamp without time zone",
    "timestamp with time zone",
];

/// Whether a table of `blocks` blocks, whose heap, TOAST and maps have `bytes` bytes, may hold a wide
/// row: such a value is stored outside of the heap.
#[must_use]
pub fn may_be_wide(blocks: u64, bytes: u64) -> bool {
    // The map of free space has two bytes a block, about, and some pages; that of visibility less.
    let maps = blocks * 3 + 5 * 8192;
    bytes.saturating_sub(blocks * 8192).saturating_sub(maps) > LOOKED_AT
}

/// The statements that tell the bytes of the widest row that the COPYs of the range would send, but
/// for values that the source computes. None when no column can be wide.
#[must_use]
pub fn widest_rows(table: &TableCopy, range: Range, picked: Option<&RowSet>) -> Vec<String> {
    let lengths: Vec<String> = table
        .columns
        .iter()
        .filter_map(|column| length(column, table.wire))
        .collect();
    if lengths.is_empty() {
        return Vec::new();
    }
    let sum = lengths.join(" + ");
    let statement = |filter: &str| {
        format!(
            "select coalesce(pg_catalog.max({sum}), 0)::pg_catalog.int8 from only {}{filter}",
            table.name
        )
    };
    conditions(table, range, picked)
        .map(|filter| statement(&filter))
        .collect()
}

fn length(column: &ColumnCopy, wire: Wire) -> Option<String> {
    if !matches!(column.take, Take::Kept | Take::Masked) {
        return None;
    }
    let kind = column.data_type.split('(').next().unwrap_or_default();
    let name = &column.name;
    if SMALL.contains(&kind) || kind == "numeric" {
        return None;
    }
    if CHEAP.contains(&kind) && !column.data_type.ends_with("[]") {
        return Some(format!(
            "coalesce(pg_catalog.octet_length({name})::pg_catalog.int8, 0)"
        ));
    }
    let whole = match wire {
        Wire::Binary => format!("pg_catalog.record_send(row({name}))"),
        Wire::Text => format!("{name}::pg_catalog.text"),
    };
    Some(format!(
        "case when pg_catalog.pg_column_size({name}) > {LOOKED_AT} \
         then pg_catalog.octet_length({whole})::pg_catalog.int8 else 0 end"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masking::Rows;
    use crate::sql::{Ident, QualifiedName};

    #[test]
    fn only_columns_that_can_be_wide_are_measured() {
        let ident = |name: &str| Ident::new(name).unwrap();
        let column = |name: &str, data_type: &str, take| ColumnCopy {
            name: ident(name),
            data_type: data_type.to_owned(),
            take,
        };
        let mut table = TableCopy {
            name: QualifiedName::new(ident("public"), ident("t")),
            rows: Rows::All,
            wire: Wire::Binary,
            columns: vec![
                column("id", "bigint", Take::Kept),
                column("v", "character varying(9)", Take::Masked),
                column("gone", "text", Take::Null),
                column("j", "jsonb", Take::Kept),
            ],
        };
        let range = Range { from: 0, to: None };
        assert_eq!(
            widest_rows(&table, range, None),
            [
                "select coalesce(pg_catalog.max(coalesce(pg_catalog.octet_length(\"v\")::pg_catalog.int8, 0) + \
              case when pg_catalog.pg_column_size(\"j\") > 16384 then \
              pg_catalog.octet_length(pg_catalog.record_send(row(\"j\")))::pg_catalog.int8 else 0 end), 0)::pg_catalog.int8 \
              from only \"public\".\"t\""
            ]
        );
        table.columns.truncate(1);
        assert!(widest_rows(&table, range, None).is_empty());
    }

    #[test]
    fn tables_without_toast_are_not_asked() {
        assert!(!may_be_wide(1_000_000, 1_000_000 * 8192 + 1_100_000));
        assert!(may_be_wide(1, 8192 + 200_000));
    }
}
