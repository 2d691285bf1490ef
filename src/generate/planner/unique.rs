//! What must be unique in a table: constraints, indexes and exclusions, as sets of columns.

use super::draft::Draft;
use crate::catalog::{ConstraintKind, Index, IndexKey};
use crate::error::Result;
use crate::sql::{Token, tokens};

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
                IndexKey::Column(column) => match draft.column(column.as_str()) {
                    Some(column) => unique.columns.push(column),
                    None => unique.spread(draft, generated(draft, column.as_str())),
                },
                IndexKey::Expression(text) => {
                    if let Some(column) = folded(text).and_then(|name| draft.column(&name)) {
                        unique.columns.push(column);
                        unique.folded.push(column);
                    } else {
                        unique.spread(draft, text);
                    }
                }
            }
        }
        // One over a constant has room for one row.
        if unique.columns.is_empty() && !is_constant(draft, index) {
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

/// Whether no column has a part in an index: `((true))`, for a table of one row.
fn is_constant(draft: &Draft<'_>, index: &Index) -> bool {
    index.columns.iter().all(|column| match &column.key {
        IndexKey::Column(_) => false,
        IndexKey::Expression(text) => {
            let all = tokens(text).unwrap_or_default();
            !all.iter().any(|(token, _)| {
                matches!(token, Token::Word(word, _) if draft.table.column(word).is_some())
            })
        }
    })
}

/// The expression of a generated column.
fn generated<'a>(draft: &Draft<'a>, name: &str) -> &'a str {
    let column = draft.table.column(name);
    let generated = column.and_then(|column| column.generated.as_ref());
    generated.map_or("", |generated| &generated.expression)
}

/// Functions that give different values for nearly all different arguments, letter case apart.
const SPREADING: &str = "md5 sha224 sha256 sha384 sha512 lower upper btrim ltrim rtrim coalesce replace regexp_replace \
     encode convert_to digest";

impl Unique {
    /// Takes the columns of an expression that differs, nearly always, where one of them does. The
    /// columns of others are left out: what is unique without them is unique with them.
    fn spread(&mut self, draft: &Draft<'_>, text: &str) {
        let all: Vec<Token> = tokens(text)
            .unwrap_or_default()
            .into_iter()
            .map(|(token, _)| token)
            .collect();
        let mut found = Vec::new();
        for (at, token) in all.iter().enumerate() {
            let called = all.get(at + 1).is_some_and(|next| next.is_sign("("));
            match token {
                Token::Word(word, false) if called => {
                    let word = word.to_ascii_lowercase();
                    if !SPREADING.split(' ').any(|function| function == word) {
                        return;
                    }
                }
                Token::Word(word, _) => found.extend(draft.column(word)),
                Token::Sign(sign) if !["(", ")", ",", "::", "||"].contains(&sign.as_str()) => {
                    return;
                }
                _ => {}
            }
        }
        for column in found {
            if !self.columns.contains(&column) {
                self.columns.push(column);
            }
            self.folded.push(column);
        }
    }
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
