//! Which columns are personal: what the classifier finds, and what the masking policy says.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::error::{Kind, Result};
use crate::masking::Class;
use crate::migration::Ledger;
use crate::postgres::{Session, introspect};
use crate::service::masking::resolve;
use crate::service::migrate::load_changes;
use crate::service::scan::{Tools, scan};

/// Rows of each table that the classifier looks at.
const SAMPLE: usize = 5000;

/// The personal columns, by table (plain name) and column.
#[derive(Debug, Default)]
pub struct Classes {
    found: BTreeMap<(String, String), Option<Class>>,
}

impl Classes {
    /// Asks both. A project without a policy has the classifier alone. It reads rows of all tables: once
    /// is enough for measuring and for the search.
    ///
    /// # Errors
    /// Those of the database and of the masking policy.
    pub async fn read(session: &Session, config: &Config, tools: &Tools) -> Result<Self> {
        let catalog = &introspect(session).await?;
        let mut classes = Self::default();
        for column in scan(session, SAMPLE, tools).await?.columns {
            if column.class.is_some() || !column.paths.is_empty() {
                let at = (column.table, column.column);
                classes.found.insert(at, column.class);
            }
        }
        let changes = load_changes(&config.migrations_dir())?;
        let plan = match resolve(config, catalog, &changes, &Ledger::default()) {
            Ok(loaded) => loaded.resolved.plan,
            Err(error) if error.kind() == Kind::ConfigNotFound => return Ok(classes),
            Err(error) => return Err(error),
        };
        for table in &plan.tables {
            for column in table.columns.iter().filter(|c| !c.rule.is_keep()) {
                let at = (table.name.plain(), column.column.as_str().to_owned());
                classes.found.entry(at).or_insert(column.class);
            }
        }
        Ok(classes)
    }

    /// What kind of personal data a column holds, in words; `None` for none.
    pub(super) fn name(&self, table: &str, column: &str) -> Option<String> {
        let class = self.found.get(&(table.to_owned(), column.to_owned()))?;
        Some(class.map_or_else(|| "masked".to_owned(), |class| class.to_string()))
    }

    /// As what a column's values are sought: texts of which nothing is known may hold addresses and
    /// numbers all the same.
    pub(super) fn sought(&self, table: &str, column: &str) -> Class {
        let class = self.found.get(&(table.to_owned(), column.to_owned()));
        class.copied().flatten().unwrap_or(Class::FreeText)
    }
}
