//! What must be unique in a table: constraints, indexes and exclusions, as sets of columns.

use super::draft::Draft;
use crate::catalog::{ConstraintKind, IndexKey};
use crate::error::Result;

/// A set of columns of which no two rows hold the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unique {
    /// The constraint or index.
    pub(super) name: String,
    /// Columns of the plan; each row's combination is its own.
    pub(super) columns: Vec<usize>,
    /// Columns that differ only when they differ without regard to case and surrounding blanks.
    pub(super) folded: Vec<usize>,
    /// Whether nulls count as equal.
    pub(super) nulls_equal: bool,
}

/// All that a table demands.
pub(super) fn list(draft: &Draft<'_>) -> Result<Vec<Unique>> {
    let mut found = Vec::new();
    for index in &draft.indexes {
        let name = index.constraint.as_ref().unwrap_or(&index.name);
        let mut unique = Unique {
            name: name.as_str().to_owned(),
            columns: Vec::new(),
            folded: Vec::new(),
            nulls_equal: index.nulls_not_distinct,
        };
        for column in &index.columns {
            match &column.key {
                IndexKey::Column(column) => unique.columns.extend(draft.column(column.as_str())),
                IndexKey::Expression(text) => {
                    if let Some(column) = folded(text).and_then(|name| draft.column(&name)) {
                        unique.columns.push(column);
                        unique.folded.push(column);
                    }
                }
            }
        }
        if unique.columns.is_empty() {
            return Err(draft.error(&unique.name, "is over expressions that are not understood"));
        }
        found.push(unique);
    }
    for constraint in &draft.constraints {
        let key = matches!(
            constraint.kind,
            ConstraintKind::PrimaryKey | ConstraintKind::Unique
        );
        let name = constraint.name.as_str();
        if key && !found.iter().any(|unique| unique.name == name) {
            found.push(Unique {
                name: name.to_owned(),
                columns: constraint
                    .columns
                    .iter()
                    .filter_map(|column| draft.column(column.as_str()))
                    .collect(),
                folded: Vec::new(),
                nulls_equal: false,
            });
        }
    }
    Ok(found)
}

/// The column of `lower(name)`, `upper((name)::text)`, `btrim(...)` and their like.
fn folded(expression: &str) -> Option<String> {
    let mut rest = expression.trim();
    let mut wrapped = false;
    loop {
        let inner = ["lower(", "upper(", "btrim(", "pg_catalog.lower("]
            .iter()
            .find_map(|function| rest.strip_prefix(function)?.strip_suffix(')'));
        if let Some(inner) = inner {
            rest = inner.trim();
            wrapped = true;
            continue;
        }
        if let Some(cast) = rest
            .strip_suffix("::text")
            .or_else(|| rest.strip_suffix("::character varying"))
        {
            rest = cast.trim();
            continue;
        }
        if let Some(inner) = rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')) {
            rest = inner.trim();
            continue;
        }
        break;
    }
    let quoted = rest.strip_prefix('"').and_then(|r| r.strip_suffix('"'));
    let name = quoted.map_or_else(|| rest.to_owned(), |name| name.replace("\"\"", "\""));
    let plain = quoted.is_some()
        || name
            .chars()
            .all(|c| c == '_' || c == '$' || c.is_alphanumeric());
    (wrapped && plain && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_functions_show_their_column() {
        for (text, column) in [
            ("lower(email)", Some("email")),
            ("lower((email)::text)", Some("email")),
            ("upper(btrim((\"E Mail\")::text))", Some("E Mail")),
            ("lower((a || b))", None),
            ("email", None),
        ] {
            assert_eq!(folded(text).as_deref(), column, "{text}");
        }
    }
}
