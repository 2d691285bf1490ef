//! What is to be filled.

use serde::{Deserialize, Serialize};

use crate::sql::{Ident, QualifiedName};

/// A column to fill, as part of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Id of the change it belongs to, such as `0007`; empty for a job by hand.
    pub change: String,
    /// The table as the user named it.
    pub table: QualifiedName,
    /// The relations that hold the rows: the table itself, leaf partitions, inheritance children.
    pub targets: Vec<QualifiedName>,
    /// The column to fill: nullable, without default, not indexed yet.
    pub column: Ident,
    /// SQL scalar expression over a row; may name the table by its bare name.
    pub expression: String,
    /// The columns that it must agree with. None: the column is only filled where it is NULL, and a
    /// value that stands there is never judged nor changed.
    pub source: Vec<Ident>,
    /// The old column and the expression that gives it back from the new one.
    pub inverse: Option<(Ident, String)>,
    /// Type of the old column, as SQL; with it the old value is compared byte for byte, which
    /// works for types without an equality, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse_type: Option<String>,
    /// A unique integer key of each target; a target without one is striped by row address.
    #[serde(default)]
    pub stripe_key: Vec<(QualifiedName, Option<Ident>)>,
}

impl Spec {
    /// The stripe key of `target`.
    #[must_use]
    pub fn key_of(&self, target: &QualifiedName) -> Option<&Ident> {
        self.stripe_key
            .iter()
            .find(|(name, _)| name == target)
            .and_then(|(_, key)| key.as_ref())
    }

    /// `0007 transactions.user_id`.
    #[must_use]
    pub fn title(&self) -> String {
        let column = format!("{}.{}", self.table.plain(), self.column.as_str());
        if self.change.is_empty() {
            column
        } else {
            format!("{} {column}", self.change)
        }
    }
}
