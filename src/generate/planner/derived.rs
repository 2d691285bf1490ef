//! Columns that the server computes while their row is loaded: `sql = "..."`.
//!
//! Nothing is known here of their values. So they take no part in keys, whose values must differ or be
//! found again, and conditions that speak of them are the server's to check.

use super::chosen::error;
use super::draft::Draft;
use super::scene::Scene;
use crate::catalog::{ConstraintKind, IndexKey};
use crate::error::Result;
use crate::generate::plan::Derived;
use crate::generate::spec::ColumnRule;
use crate::sql::{Token, tokens};

/// The derived columns of a table, in its order.
pub(super) fn list(scene: &Scene<'_>, table: usize) -> Vec<Derived> {
    let Some(said) = scene.specs[table] else {
        return Vec::new();
    };
    let columns = scene.tables[table].columns.iter();
    let free = columns.filter(|column| column.generated.is_none());
    free.filter_map(|column| {
        let said = said.columns.get(column.name.as_str())?;
        let Some(ColumnRule::Sql(expression)) = &said.rule else {
            return None;
        };
        Some(Derived {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
            expression: expression.clone(),
            place: Some(said.place.clone()),
        })
    })
    .collect()
}

/// Whether a column is derived.
pub(super) fn is_derived(draft: &Draft<'_>, name: &str) -> bool {
    let mut derived = draft.plan.derived.iter();
    derived.any(|derived| derived.name.as_str() == name)
}

/// Refuses derived columns of keys: unique ones, those of other rows, and those that exclude rows.
pub(super) fn refuse_keys(scene: &Scene<'_>, draft: &Draft<'_>, table: usize) -> Result<()> {
    for derived in &draft.plan.derived {
        let name = derived.name.as_str();
        let Some(key) = key_over(draft, name) else {
            continue;
        };
        let said = scene.specs[table].and_then(|said| said.columns.get(name));
        let Some(said) = said else {
            continue;
        };
        let why =
            format!("\"{key}\" is a key over it, and what SQL gives may be there twice or nowhere");
        return Err(error(draft, name, said, &why)
            .hint("give the column a generator: template, pattern or like, for example"));
    }
    Ok(())
}

/// The key that a column is part of.
fn key_over<'d>(draft: &'d Draft<'_>, name: &str) -> Option<&'d str> {
    let constraint = draft.constraints.iter().find(|constraint| {
        constraint.enforced
            && constraint
                .columns
                .iter()
                .any(|column| column.as_str() == name)
            && matches!(
                constraint.kind,
                ConstraintKind::PrimaryKey
                    | ConstraintKind::Unique
                    | ConstraintKind::Exclusion
                    | ConstraintKind::ForeignKey(_)
            )
    });
    if let Some(constraint) = constraint {
        return Some(constraint.name.as_str());
    }
    let index = draft.indexes.iter().find(|index| {
        index.columns.iter().any(|column| match &column.key {
            IndexKey::Column(column) => column.as_str() == name,
            IndexKey::Expression(text) => mentions(text, name),
        })
    });
    index.map(|index| index.name.as_str())
}

fn mentions(expression: &str, name: &str) -> bool {
    let words = tokens(expression).unwrap_or_default();
    words
        .iter()
        .any(|(token, _)| matches!(token, Token::Word(word, _) if word == name))
}
