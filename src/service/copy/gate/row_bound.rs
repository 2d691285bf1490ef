//! The bound on the memory of the gate's streams.

use crate::copy::MAX_ROW_BYTES;
use crate::error::{Error, Kind, Result};
use crate::sql::QualifiedName;

/// Bytes of one row as the gate reads it: a copied row has at most [`MAX_ROW_BYTES`], and its text is
/// at most four times as long.
pub(super) const MAX_BYTES: usize = 4 * MAX_ROW_BYTES;

/// Refuses a row that is longer, by the name of its table.
pub(super) fn bounded(row: &[u8], table: &QualifiedName) -> Result<()> {
    if row.len() <= MAX_BYTES {
        return Ok(());
    }
    Err(Error::new(
        Kind::Unsupported,
        format!(
            "{}: a row has more than {} MB, which the gate does not read",
            table.plain(),
            MAX_BYTES >> 20
        ),
    )
    .hint("leave the table empty (rows = \"none\"), leave such rows out (rows = a condition), or set the column to null"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Ident;

    #[test]
    fn rows_above_the_bound_are_refused_by_name() {
        let ident = |name: &str| Ident::new(name).unwrap();
        let table = QualifiedName::new(ident("public"), ident("scans"));
        assert!(bounded(&[], &table).is_ok());
        let error = bounded(&vec![0; MAX_BYTES + 1], &table).unwrap_err();
        assert_eq!(error.kind(), Kind::Unsupported);
        assert!(error.to_string().contains("scans"));
    }
}
