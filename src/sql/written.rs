//! Names of objects as people write them.

use super::{Ident, QualifiedName};

/// A part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePart {
    /// As PostgreSQL reads it: in lower case unless it was quoted.
    pub folded: String,
    /// As it was written, without its quotes.
    pub literal: String,
}

/// Splits `a."B".c` into its parts; `None` when the quotes do not match or a part is empty.
#[must_use]
pub fn split_name(name: &str) -> Option<Vec<NamePart>> {
    let mut parts = Vec::new();
    let mut rest = name.trim();
    loop {
        let (part, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let (literal, after) = quoted_part(quoted)?;
            let folded = literal.clone();
            (NamePart { folded, literal }, after)
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            let literal = rest[..end].trim().to_owned();
            let folded = literal.to_lowercase();
            (NamePart { folded, literal }, &rest[end..])
        };
        if part.literal.is_empty() {
            return None;
        }
        parts.push(part);
        match after.trim_start() {
            "" => return Some(parts),
            more => rest = more.strip_prefix('.')?.trim_start(),
        }
    }
}

/// Reads up to the closing quote; two quotes stand for one.
fn quoted_part(text: &str) -> Option<(String, &str)> {
    let mut literal = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        literal.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                literal.push('"');
                rest = more;
            }
            None => return Some((literal, rest)),
        }
    }
}

/// What may be meant by a name as a person writes it, the likeliest first: `name` in each schema of the
/// search path, `schema.name`, each part quoted or not. Unquoted parts are folded to lower case; behind
/// those they are taken as written.
#[must_use]
pub fn written_names(text: &str, search_path: &[String]) -> Vec<QualifiedName> {
    let Some(parts) = split_name(text) else {
        return Vec::new();
    };
    let folded: Vec<&str> = parts.iter().map(|part| part.folded.as_str()).collect();
    let literal: Vec<&str> = parts.iter().map(|part| part.literal.as_str()).collect();
    let named = |(schema, name): (&str, &str)| {
        Some(QualifiedName::new(
            Ident::new(schema).ok()?,
            Ident::new(name).ok()?,
        ))
    };
    let mut found = Vec::new();
    for parts in [folded, literal] {
        match parts.as_slice() {
            [name] => {
                let schemas = search_path.iter().map(String::as_str);
                found.extend(schemas.filter_map(|schema| named((schema, name))));
            }
            [schema, name] => found.extend(named((schema, name))),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(name: &str) -> Option<Vec<String>> {
        Some(split_name(name)?.into_iter().map(|p| p.literal).collect())
    }

    #[test]
    fn names_are_split_as_postgresql_does() {
        assert_eq!(literals("orders"), Some(vec!["orders".into()]));
        assert_eq!(literals("a.b"), Some(vec!["a".into(), "b".into()]));
        assert_eq!(
            literals(r#""a.b"."c""d""#),
            Some(vec!["a.b".into(), "c\"d".into()])
        );
        assert_eq!(literals(r#""open"#), None);
        assert_eq!(literals("a."), None);
        assert_eq!(literals(""), None);
        assert_eq!(literals(r#""a"b"#), None);
    }

    #[test]
    fn the_folded_name_comes_before_the_one_that_was_written() {
        let shown = |text: &str| -> Vec<String> {
            let path = ["app".to_owned(), "public".to_owned()];
            let names = written_names(text, &path);
            names.iter().map(QualifiedName::plain).collect()
        };
        assert_eq!(
            shown("Orders"),
            ["app.orders", "orders", "app.Orders", "Orders"]
        );
        assert_eq!(shown("App.\"Orders\""), ["app.Orders", "App.Orders"]);
        assert_eq!(shown("a.b.c"), Vec::<String>::new());
    }
}
