//! Rows of the target, summed and searched in one stream.

use std::fmt::Write as _;
use std::sync::Arc;

use super::batches::Compute;
use super::comparison::{Compared, add};
use super::reading::{MAX_FIELDS, as_text};
use super::relations::{Relation, SearchedColumn};
use super::scanner::Scanner;
use super::table_scan::Scan;
use crate::copy::Range;
use crate::error::Result;
use crate::masking::leak::{CellKind, Expectation};
use crate::postgres::Session;

/// How the bytes of a field read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// They are the text, or are searched as they are.
    Plain,
    /// The text follows a byte with its version.
    Document,
    /// A big-endian number.
    Integer,
    /// Sixteen bytes.
    Uuid,
}

/// A field that is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    field: usize,
    shown: Shown,
    kind: CellKind,
    place: u32,
    expects: Expectation,
}

impl Scan {
    /// Compares the rows of a range, and searches them when that is wanted, too.
    pub(super) async fn joint(
        self: &Arc<Self>,
        session: &Session,
        compared: &Compared<'_>,
        (searched, range): (Option<(&Relation, u32)>, Range),
    ) -> Result<()> {
        let (texts, cells) = searched.map_or_else(Default::default, |(relation, first)| {
            cells(&compared.reading.target, relation, first)
        });
        let sql = compared.reading.target_statement(&texts, range);
        let (scan, rows) = (Arc::clone(self), Arc::clone(&compared.copied));
        let total = Arc::clone(&compared.target);
        let compute: Arc<Compute> = Arc::new(move |batch: &[u8]| {
            let mut scanner = Scanner::new(&scan.sought);
            let mut text = String::new();
            let sums = rows.sum(batch, &mut |fields| {
                for cell in &cells {
                    if let Some(Some(bytes)) = fields.get(cell.field) {
                        cell.search(bytes, &mut text, &mut scanner);
                    }
                }
            })?;
            add(&total, &sums);
            scan.add(scanner.findings);
            Ok(())
        });
        let what = (sql.as_str(), &compared.plan.name);
        self.batches.stream(session, what, &compute).await
    }
}

/// Whether a statement has room for the texts of all searched columns.
pub(super) fn has_room(compared: &Compared<'_>, relation: &Relation) -> bool {
    compared.reading.target.len() + relation.columns.len() <= MAX_FIELDS
}

/// The texts that have to be read besides the compared fields, and where each column is searched.
fn cells(compared: &[String], relation: &Relation, first: u32) -> (Vec<String>, Vec<Cell>) {
    let mut texts = Vec::new();
    let mut cells = Vec::new();
    for (place, column) in (first..).zip(&relation.columns) {
        let (bytes, text) = (column.name.to_string(), as_text(&column.name));
        let at = |wanted: &str| compared.iter().position(|field| field == wanted);
        let direct = shown(column).and_then(|shown| Some((at(&bytes)?, shown)));
        let (field, shown) = direct
            .or_else(|| Some((at(&text)?, Shown::Plain)))
            .unwrap_or_else(|| {
                texts.push(text);
                (compared.len() + texts.len() - 1, Shown::Plain)
            });
        cells.push(Cell {
            field,
            shown,
            kind: column.kind,
            place,
            expects: column.place.expects,
        });
    }
    (texts, cells)
}

/// How the binary form of a column reads; `None` when only the server knows.
fn shown(column: &SearchedColumn) -> Option<Shown> {
    Some(match column.data_type.as_str() {
        "text" | "varchar" | "bpchar" | "name" | "json" | "bytea" => Shown::Plain,
        "jsonb" => Shown::Document,
        "int4" | "int8" => Shown::Integer,
        "uuid" => Shown::Uuid,
        _ => return None,
    })
}

impl Cell {
    fn search(&self, bytes: &[u8], text: &mut String, scanner: &mut Scanner) {
        let at = (self.place, self.expects);
        text.clear();
        let bytes = match self.shown {
            Shown::Plain => bytes,
            Shown::Document => bytes.get(1..).unwrap_or_default(),
            Shown::Integer => {
                if let Some(number) = integer(bytes) {
                    // Writing to a string does not fail.
                    let _ = write!(text, "{number}");
                }
                text.as_bytes()
            }
            Shown::Uuid => {
                // A digest of MD5 fits into it.
                scanner.digest(bytes, at);
                uuid(bytes, text);
                text.as_bytes()
            }
        };
        scanner.value(bytes, self.kind, at);
    }
}

fn integer(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        4 => Some(i64::from(i32::from_be_bytes(bytes.try_into().ok()?))),
        8 => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

/// Sixteen bytes as PostgreSQL writes them.
fn uuid(bytes: &[u8], text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::super::relations::Place;
    use super::*;
    use crate::sql::{Ident, QualifiedName};

    fn relation(columns: &[(&str, &str)]) -> Relation {
        let ident = |name: &str| Ident::new(name).unwrap();
        let columns = columns.iter().map(|(name, data_type)| SearchedColumn {
            name: ident(name),
            kind: match *data_type {
                "bytea" => CellKind::Bytes,
                "tsvector" => CellKind::Lexemes,
                _ => CellKind::Plain,
            },
            data_type: (*data_type).to_owned(),
            place: Place {
                title: String::new(),
                nameless: String::new(),
                expects: Expectation::Nothing,
            },
        });
        Relation {
            name: QualifiedName::new(ident("public"), ident("t")),
            columns: columns.collect(),
            blocks: 0,
            bytes: 0,
        }
    }

    #[test]
    fn only_what_cannot_be_read_from_its_bytes_is_read_as_text() {
        let relation = relation(&[
            ("a", "text"),
            ("b", "bytea"),
            ("c", "numeric"),
            ("d", "tsvector"),
            ("e", ""),
            ("f", "jsonb"),
            ("g", "text"),
        ]);
        let compared = ["\"b\"", "\"a\"", "\"d\"", "\"e\"::pg_catalog.text", "\"f\""];
        let (texts, cells) = cells(&compared.map(str::to_owned), &relation, 10);
        assert_eq!(
            texts,
            ["c", "d", "g"].map(|name| format!("\"{name}\"::pg_catalog.text"))
        );
        let read: Vec<_> = cells
            .iter()
            .map(|cell| (cell.field, cell.shown, cell.kind))
            .collect();
        assert_eq!(
            read,
            [
                (1, Shown::Plain, CellKind::Plain),
                (0, Shown::Plain, CellKind::Bytes),
                (5, Shown::Plain, CellKind::Plain),
                (6, Shown::Plain, CellKind::Lexemes),
                (3, Shown::Plain, CellKind::Plain),
                (4, Shown::Document, CellKind::Plain),
                (7, Shown::Plain, CellKind::Plain),
            ]
        );
        assert_eq!(cells.last().map(|cell| cell.place), Some(16));
    }

    #[test]
    fn binary_forms_read_as_postgresql_writes_them() {
        assert_eq!(integer(&(-7_i32).to_be_bytes()), Some(-7));
        assert_eq!(
            integer(&4_930_123_456_i64.to_be_bytes()),
            Some(4_930_123_456)
        );
        assert_eq!(integer(&[1]), None);
        let mut text = String::new();
        uuid(
            &core::array::from_fn::<u8, 16, _>(|i| i as u8 * 17),
            &mut text,
        );
        assert_eq!(text, "00112233-4455-6677-8899-aabbccddeeff");
    }
}
