//! Tokens of an expression as PostgreSQL prints it.

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A word; `true` when it was quoted.
    Word(String, bool),
    /// A number without a sign.
    Number(String),
    /// A string.
    Text(String),
    /// An operator, a bracket, a comma, a dot or `::`.
    Sign(String),
}

/// The tokens of a text; `None` when something in it is not known here.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = chars.get(at).copied() {
        let run = |test: &dyn Fn(char) -> bool| {
            let rest = chars[at..].iter().take_while(|c| test(**c));
            rest.collect::<String>()
        };
        let token = match next {
            ' ' | '\n' | '\t' | '\r' => {
                at += 1;
                continue;
            }
            '\'' | '"' => {
                let (content, end) = quoted(&chars, at)?;
                at = end;
                found.push(match next {
                    '"' => Token::Word(content, true),
                    _ => Token::Text(content),
                });
                continue;
            }
            c if c.is_alphabetic() || c == '_' => {
                Token::Word(run(&|c| c.is_alphanumeric() || c == '_' || c == '$'), false)
            }
            c if c.is_ascii_digit() => Token::Number(run(&|c| c.is_ascii_digit() || c == '.')),
            '(' | ')' | '[' | ']' | ',' | '.' => Token::Sign(next.to_string()),
            ':' if chars.get(at + 1) == Some(&':') => Token::Sign("::".to_owned()),
            c if "+-*/<>=~!@#%^&|?".contains(c) => {
                Token::Sign(run(&|c| "+-*/<>=~!@#%^&|?".contains(c)))
            }
            _ => return None,
        };
        at += match &token {
            Token::Word(word, _) | Token::Number(word) | Token::Sign(word) => word.chars().count(),
            Token::Text(_) => return None,
        };
        found.push(token);
    }
    Some(found)
}

/// What stands between quotes, which are doubled inside; and the place after it. PostgreSQL prints
/// backslashes as they are.
fn quoted(chars: &[char], start: usize) -> Option<(String, usize)> {
    let quote = chars[start];
    let mut content = String::new();
    let mut at = start + 1;
    loop {
        let next = *chars.get(at)?;
        at += 1;
        if next == quote {
            if chars.get(at) != Some(&quote) {
                return Some((content, at));
            }
            at += 1;
        }
        content.push(next);
    }
}
