//! PostgreSQL's regular expressions and `LIKE` patterns in the syntax of the crate `regex`
//! (<https://www.postgresql.org/docs/current/functions-matching.html>).

/// The same language as an advanced regular expression (ARE).
///
/// # Errors
/// The construct that has no counterpart.
pub(super) fn advanced(text: &str) -> Result<String, String> {
    if text.starts_with("***") || text.starts_with("(?") && !text.starts_with("(?:") {
        return Err("a regular expression with embedded options".to_owned());
    }
    let mut out = String::new();
    let mut characters = text.chars().peekable();
    let mut bracket = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' => escape(characters.next(), &mut out)?,
            '[' if bracket => match characters.next() {
                Some(':') => out.push_str("[:"),
                _ => return Err("a collating element in a bracket expression".to_owned()),
            },
            '[' => {
                bracket = true;
                out.push('[');
                if characters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if characters.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            ':' if bracket && characters.next_if_eq(&']').is_some() => out.push_str(":]"),
            ']' if bracket => {
                bracket = false;
                out.push(']');
            }
            // These combine sets there and are plain here.
            '&' | '~' if bracket => out.extend(['\\', character]),
            // The dot and the anchors know no lines in an ARE.
            '.' if !bracket => out.push_str("(?s:.)"),
            '^' if bracket => out.push_str("\\^"),
            '(' if !bracket && characters.peek() == Some(&'?') => {
                characters.next();
                match characters.next() {
                    Some(':') => out.push_str("(?:"),
                    _ => return Err("a look-around assertion".to_owned()),
                }
            }
            other => out.push(other),
        }
    }
    regex::Regex::new(&out).map_err(|_| "this regular expression".to_owned())?;
    Ok(out)
}

fn escape(next: Option<char>, out: &mut String) -> Result<(), String> {
    match next {
        Some(class @ ('d' | 'D' | 's' | 'S' | 'w' | 'W' | 't' | 'n' | 'r' | 'f' | 'v')) => {
            out.extend(['\\', class]);
        }
        Some('y') => out.push_str("\\b"),
        Some('Y') => out.push_str("\\B"),
        Some('m') => out.push_str("\\b{start}"),
        Some('M') => out.push_str("\\b{end}"),
        Some('A') => out.push_str("\\A"),
        Some('Z') => out.push_str("\\z"),
        Some(digit) if digit.is_ascii_digit() => return Err("a back reference".to_owned()),
        Some(letter) if letter.is_alphabetic() => return Err(format!("the escape \\{letter}")),
        Some(plain) => out.push_str(&regex::escape(&plain.to_string())),
        None => return Err("a regular expression that ends in a backslash".to_owned()),
    }
    Ok(())
}

/// The anchored regular expression of a `LIKE` pattern with the escape `\`.
#[must_use]
pub(super) fn like(pattern: &str) -> String {
    let mut out = "^".to_owned();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => out.push_str("(?s:.)*"),
            '_' => out.push_str("(?s:.)"),
            '\\' => out.extend(characters.next().map(|c| regex::escape(&c.to_string()))),
            plain => out.push_str(&regex::escape(&plain.to_string())),
        }
    }
    out.push('$');
    out
}
