//! Where function bodies speak of a column. PostgreSQL keeps most bodies as text and does not know
//! what they need, so a search for the word is the best there is.

use serde::{Deserialize, Serialize};

use super::model::Catalog;
use crate::sql::{Ident, QualifiedName};

/// One function whose text holds the name of a column. It may mean another column of that name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// `schema.name(arguments)`.
    pub function: String,
    /// `sql`, `plpgsql`.
    pub language: String,
    /// Whether the text names the table too, or is called by one of its triggers: then it most
    /// likely means this column.
    pub likely: bool,
    /// Line of the body, from 1, that mentions the column first.
    pub line: usize,
    /// That line, trimmed.
    pub excerpt: String,
}

impl Catalog {
    /// Functions whose bodies hold the name of `column` as a word, likely ones first, then by name.
    /// Case is ignored, comments and string literals are searched too.
    #[must_use]
    pub fn mentions(&self, table: &QualifiedName, column: &Ident) -> Vec<Mention> {
        let triggers = self.tables.get(table).into_iter().flat_map(|t| &t.triggers);
        let called: Vec<&QualifiedName> = triggers.map(|trigger| &trigger.function).collect();
        let mut found: Vec<Mention> = self
            .functions
            .iter()
            .filter_map(|function| {
                let source = function.source.as_deref()?;
                let (line, text) = source
                    .lines()
                    .enumerate()
                    .find(|(_, text)| has_word(text, column.as_str()))?;
                let named = has_word(source, table.name.as_str());
                Some(Mention {
                    function: function.signature(),
                    language: function.language.clone(),
                    likely: named || called.contains(&&function.name),
                    line: line + 1,
                    excerpt: text.trim().to_owned(),
                })
            })
            .collect();
        found.sort_by(|a, b| (!a.likely, &a.function).cmp(&(!b.likely, &b.function)));
        found
    }
}

/// Whether `text` holds `word`, not as a part of a longer name. A quote inside a name is doubled in
/// SQL.
#[must_use]
pub fn has_word(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    let word = word.to_lowercase().replace('"', "\"\"");
    let in_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(&word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(in_name) && !after.is_some_and(in_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_count() {
        assert!(has_word("select NEW.email;", "email"));
        assert!(has_word("\"Email\"", "Email"));
        assert!(!has_word("select email_2, xemail", "email"));
        assert!(has_word(r#"from "Order ""x""""#, "Order \"x\""));
        assert!(!has_word("", "email"));
    }
}
