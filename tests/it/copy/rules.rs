//! Rules as a plan of masks, for tests and benchmarks.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use tidegate::catalog::Catalog;
use tidegate::masking::{ColumnPlan, Mask, MaskKey, MaskPlan, Rows, Rule, TablePlan};
use tidegate::sql::Ident;

pub(crate) const KEY: &str = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";

/// A rule for a column: `users.email`.
pub(crate) type Rules<'a> = &'a [(&'a str, Mask)];

pub(crate) fn key() -> MaskKey {
    MaskKey::parse(&KEY.to_owned().into(), "staging", "1").unwrap()
}

/// The rules as a plan; columns that are not named are kept.
pub(crate) fn masks(catalog: &Catalog, rules: Rules<'_>) -> MaskPlan {
    let rule = |table: &str, column: &Ident| {
        let name = format!("{table}.{}", column.as_str());
        let mask = rules.iter().find(|(place, _)| *place == name);
        Rule {
            mask: mask.map_or(Mask::Keep, |(_, mask)| mask.clone()),
            ..Rule::keep()
        }
    };
    let tables = catalog
        .tables
        .values()
        .filter(|table| table.stores_rows())
        .map(|table| TablePlan {
            name: table.name.clone(),
            rows: Rows::All,
            columns: table
                .columns
                .iter()
                .filter(|column| column.generated.is_none())
                .map(|column| ColumnPlan {
                    column: column.name.clone(),
                    rule: rule(&table.name.plain(), &column.name),
                    class: None,
                    origin: "test".to_owned(),
                })
                .collect(),
        })
        .collect();
    MaskPlan {
        tables,
        policy_hash: "test".to_owned(),
        epoch: "1".to_owned(),
        ..MaskPlan::default()
    }
}
