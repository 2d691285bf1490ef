//! Literals, for the few places where PostgreSQL takes no parameters (DDL, comments).

/// `text` as a string literal; backslashes keep their plain meaning whatever
/// `standard_conforming_strings` says.
#[must_use]
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// Whether `expression` is a plain constant (a number, a string, `true`, `false`, `null`, each
/// with an optional cast), so that `ADD COLUMN ... DEFAULT` needs no table rewrite.
#[must_use]
pub fn is_constant(expression: &str) -> bool {
    let value = match expression.rsplit_once("::") {
        Some((value, kind)) if !kind.contains('\'') => value.trim(),
        _ => expression.trim(),
    };
    let word = ["true", "false", "null"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word));
    let number = !value.is_empty()
        && value.parse::<f64>().is_ok()
        && value.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
    word || number || is_string(value)
}

fn is_string(value: &str) -> bool {
    value
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
        .is_some_and(|inner| !inner.replace("''", "").contains('\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"a\b"), r"E'a\\b'");
    }

    #[test]
    fn constants() {
        for constant in [
            "0",
            "-1.5",
            "'x'",
            "'it''s'",
            "true",
            "NULL",
            "'{}'::jsonb",
            "'a::b'",
        ] {
            assert!(is_constant(constant), "{constant}");
        }
        for expression in [
            "now()",
            "gen_random_uuid()",
            "'a' || 'b'",
            "nextval('s')",
            "inf",
            "",
        ] {
            assert!(!is_constant(expression), "{expression}");
        }
    }
}
