//! Two tables to compare.

use crate::sql::{Ident, QualifiedName};

/// Two tables to compare, and which part of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The table of the source.
    pub source: QualifiedName,
    /// The table of the target.
    pub target: QualifiedName,
    /// The columns to compare; all that both sides have when `None`. A key is used only when all its
    /// columns are among them, so leaving masked keys out makes it a comparison of multisets.
    pub columns: Option<Vec<Ident>>,
    /// A condition on the rows of the source: SQL, resolved under the caller's search path.
    pub source_where: Option<String>,
    /// The same for the target.
    pub target_where: Option<String>,
}

impl Pair {
    /// The whole of two tables.
    #[must_use]
    pub fn new(source: QualifiedName, target: QualifiedName) -> Self {
        Self {
            source,
            target,
            columns: None,
            source_where: None,
            target_where: None,
        }
    }
}
