//! A column that a change adds.

use serde::{Deserialize, Serialize};

use super::planning::Planning;
use crate::error::Result;
use crate::migration::reference::Reference;
use crate::sql::{Ident, QualifiedName, is_constant};

/// A column that a change adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewColumn {
    /// Its name.
    pub name: Ident,
    /// Its type, as SQL.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether it becomes NOT NULL in the enforce phase.
    #[serde(default)]
    pub not_null: bool,
    /// A foreign key, as `table(column)` with optional actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<String>,
    /// Default of the column, as a SQL expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Comment on the column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Class of personal data for the masking policy; `none` says that there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pii: Option<String>,
}

impl NewColumn {
    /// The default, when PostgreSQL can add it without touching the rows.
    pub(super) fn constant_default(&self) -> Option<&str> {
        self.default.as_deref().filter(|text| is_constant(text))
    }

    /// The foreign key: its parts and the table it refers to.
    pub(super) fn reference(
        &self,
        planning: &Planning<'_>,
    ) -> Result<Option<(Reference, QualifiedName)>> {
        let Some(text) = &self.references else {
            return Ok(None);
        };
        let reference = Reference::parse(text).map_err(|error| planning.at(error, "to"))?;
        let table = planning.table_named(&reference.table, "to")?;
        planning.column_of(table, &reference.column, "to")?;
        Ok(Some((reference, table.name.clone())))
    }
}
