//! `drop_column`: removes a column that no release in use needs.

use serde::{Deserialize, Serialize};

use super::planning::{GateSpec, Planning};
use crate::catalog::Table;
use crate::error::Result;
use crate::migration::Step;
use crate::migration::step::Undo;
use crate::sql::{Ident, LockMode};

/// `drop_column`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropColumn {
    /// The table.
    pub table: String,
    /// The column.
    pub column: Ident,
    /// Objects that may go with the column: indexes, constraints, statistics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop_with: Vec<String>,
}

impl DropColumn {
    fn table<'a>(&self, planning: &Planning<'a>) -> Result<&'a Table> {
        let table = planning.table_named(&self.table, "table")?;
        planning.supported_table(table)?;
        planning.column_of(table, &self.column, "column")?;
        Ok(table)
    }

    pub(super) fn steps(&self, planning: &Planning<'_>) -> Result<Vec<Step>> {
        let table = self.table(planning)?;
        let mut step = Step::transaction(
            format!(
                "drop column {}.{}",
                table.name.plain(),
                self.column.as_str()
            ),
            LockMode::AccessExclusive,
            vec![format!(
                "alter table {} drop column {}",
                table.name, self.column
            )],
        );
        step.undo = Undo::Impossible {
            reason: "the values of the column are gone".to_owned(),
        };
        Ok(vec![step])
    }

    pub(super) fn gates(&self, planning: &Planning<'_>) -> Result<Vec<GateSpec>> {
        let table = self.table(planning)?;
        Ok(vec![
            GateSpec::AppVersions {
                needs_at_least: planning.change.schedule.enforce.clone(),
            },
            GateSpec::NoReader {
                table: table.name.clone(),
                column: self.column.clone(),
            },
            GateSpec::Dependents {
                table: table.name.clone(),
                column: self.column.clone(),
                accepted: self.drop_with.clone(),
            },
        ])
    }
}
