//! Tokens of an expression: as PostgreSQL prints it, or as a policy's condition holds it.

use std::ops::Range;

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A word; `true` when it was quoted.
    Word(String, bool),
    /// A number without a sign.
    Number(String),
    /// A string.
    Text(String),
    /// An operator, a bracket, a comma, a dot or `::`.
    Sign(String),
}

impl Token {
    /// Whether it is this word, unquoted and in whatever case.
    #[must_use]
    pub fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own, false) if own.eq_ignore_ascii_case(word))
    }

    /// Whether it is this sign.
    #[must_use]
    pub fn is_sign(&self, sign: &str) -> bool {
        matches!(self, Self::Sign(own) if own == sign)
    }
}

/// The tokens of a text, each with the bytes it stands in; `None` when something in it is not known
/// here.
#[must_use]
pub fn tokens(text: &str) -> Option<Vec<(Token, Range<usize>)>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        let run = |test: fn(char) -> bool| {
            let end = rest.find(|c| !test(c)).unwrap_or(rest.len());
            (rest[..end].to_owned(), end)
        };
        let (token, length) = match next {
            ' ' | '\n' | '\t' | '\r' => {
                at += 1;
                continue;
            }
            '\'' => {
                let (content, length) = quoted(rest, next)?;
                (Token::Text(content), length)
            }
            '"' => {
                let (content, length) = quoted(rest, next)?;
                (Token::Word(content, true), length)
            }
            c if c.is_alphabetic() || c == '_' => {
                let (word, length) = run(|c| c.is_alphanumeric() || c == '_' || c == '$');
                (Token::Word(word, false), length)
            }
            c if c.is_ascii_digit() => {
                let (digits, length) = run(|c| c.is_ascii_digit() || c == '.');
                (Token::Number(digits), length)
            }
            '(' | ')' | '[' | ']' | ',' | '.' => (Token::Sign(next.to_string()), 1),
            ':' if rest.starts_with("::") => (Token::Sign("::".to_owned()), 2),
            c if in_operator(c) => {
                let (run, _) = run(in_operator);
                let sign = operator(&run);
                (Token::Sign(sign.to_owned()), sign.len())
            }
            _ => return None,
        };
        found.push((token, at..at + length));
        at += length;
    }
    Some(found)
}

fn in_operator(c: char) -> bool {
    "+-*/<>=~!@#%^&|?".contains(c)
}

/// The operator that a run of its characters begins with: one of several characters ends in `+` or
/// `-` only when it holds a character that no operator of standard SQL has
/// (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html>, "Operators").
fn operator(run: &str) -> &str {
    if run.contains(|c| "~!@#%^&|?".contains(c)) {
        return run;
    }
    match run.trim_end_matches(['+', '-']) {
        "" => &run[..1],
        bare => bare,
    }
}

/// What stands between the quotes that a text begins with, which are doubled inside, and its length
/// with them. PostgreSQL prints backslashes as they are.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return Some((content, at + 1));
        }
        content.push(c);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<Vec<String>> {
        let found = tokens(text)?;
        Some(
            found
                .into_iter()
                .map(|(token, place)| {
                    let (kind, own) = match token {
                        Token::Word(own, false) => ('w', own),
                        Token::Word(own, true) => ('q', own),
                        Token::Number(own) => ('n', own),
                        Token::Text(own) => ('t', own),
                        Token::Sign(own) => ('s', own),
                    };
                    assert!(kind == 'q' || kind == 't' || own == text[place]);
                    format!("{kind}{own}")
                })
                .collect(),
        )
    }

    #[test]
    fn expressions_are_cut_into_tokens() {
        for (text, expected) in [
            ("a>=-1", vec!["wa", "s>=", "s-", "n1"]),
            ("a @- 1", vec!["wa", "s@-", "n1"]),
            (
                "('it''s'::text <> \"a \"\"b\")",
                vec!["s(", "tit's", "s::", "wtext", "s<>", "qa \"b", "s)"],
            ),
            (
                "größe$ = 1.50, x",
                vec!["wgröße$", "s=", "n1.50", "s,", "wx"],
            ),
            ("- -1", vec!["s-", "s-", "n1"]),
            ("", vec![]),
        ] {
            let expected = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(shown(text), Some(expected), "{text}");
        }
        for text in ["'open", "\"open", "'it''", "a; b", "a : b", "{"] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
