//! PostgreSQL's regular expressions and LIKE patterns in the syntax of the crate `regex`.

/// Converts an advanced regular expression; `None` for what has no counterpart: back references,
/// looking around, embedded options, collating elements. Classes become those of ASCII, which the
/// generators keep to; a class that is negated and locale-dependent is refused.
#[must_use]
pub(super) fn convert(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::from("(?s)");
    let mut at = 0;
    if text.starts_with("***") {
        return None;
    }
    while let Some(next) = chars.get(at).copied() {
        at += 1;
        match next {
            '\\' => {
                let escaped = *chars.get(at)?;
                at += 1;
                match escaped {
                    'd' => out.push_str("[0-9]"),
                    'w' => out.push_str("[0-9A-Za-z_]"),
                    's' => out.push_str(r"[ \t\n\r\x0B\x0C]"),
                    'D' => out.push_str("[^0-9]"),
                    'S' => out.push_str(r"[^ \t\n\r\x0B\x0C]"),
                    'A' => out.push_str(r"\A"),
                    'Z' => out.push_str(r"\z"),
                    other => escape(other, &mut out)?,
                }
            }
            '[' => at = bracket(&chars, at, &mut out)?,
            '(' if chars.get(at) == Some(&'?') => {
                if chars.get(at + 1) != Some(&':') {
                    return None;
                }
                out.push_str("(?:");
                at += 2;
            }
            other => out.push(other),
        }
    }
    Some(out)
}

/// A backslash and a character that mean the same in a bracket and outside.
fn escape(escaped: char, out: &mut String) -> Option<()> {
    match escaped {
        'n' | 't' | 'r' | 'f' | 'v' => {}
        c if c.is_ascii_punctuation() => {}
        _ => return None,
    }
    out.push('\\');
    out.push(escaped);
    Some(())
}

/// A bracket expression from the character after `[`; the place after `]`.
fn bracket(chars: &[char], start: usize, out: &mut String) -> Option<usize> {
    let mut at = start;
    out.push('[');
    let negated = chars.get(at) == Some(&'^');
    if negated {
        out.push('^');
        at += 1;
    }
    let first = at;
    loop {
        let next = *chars.get(at)?;
        at += 1;
        match next {
            ']' if at > first + 1 => {
                out.push(']');
                return Some(at);
            }
            '[' if matches!(chars.get(at), Some('.' | '=')) => return None,
            '[' if chars.get(at) == Some(&':') => {
                let rest: String = chars[at + 1..].iter().take(10).collect();
                let (name, _) = rest.split_once(":]")?;
                let plain = matches!(name, "digit" | "space");
                let known = matches!(
                    name,
                    "alpha" | "alnum" | "upper" | "lower" | "punct" | "xdigit"
                );
                if !plain && (negated || !known) {
                    return None;
                }
                out.push_str("[:");
                out.push_str(name);
                out.push_str(":]");
                at += name.len() + 3;
            }
            '\\' => {
                let escaped = *chars.get(at)?;
                at += 1;
                match escaped {
                    'd' => out.push_str("0-9"),
                    'w' if !negated => out.push_str("0-9A-Za-z_"),
                    's' => out.push_str(r" \t\n\r\x0B\x0C"),
                    other => escape(other, out)?,
                }
            }
            '-' if at == first + 1 || chars.get(at) == Some(&']') => out.push_str(r"\-"),
            '-' if chars.get(at) == Some(&'-') => return None,
            // These are operators on sets there.
            '&' | '~' | '[' | ']' | '^' => {
                out.push('\\');
                out.push(next);
            }
            other => out.push(other),
        }
    }
}

/// The regular expression of PostgreSQL that a pattern of `SIMILAR TO` means, as `similar_to_escape`
/// gives it; `None` for one with an escaped quote, which divides it.
#[must_use]
pub(super) fn similar(pattern: &str) -> Option<String> {
    let mut out = String::from("^(?:");
    let mut chars = pattern.chars();
    let mut inside = false;
    while let Some(next) = chars.next() {
        match next {
            '\\' => match chars.next()? {
                '"' => return None,
                other => out.extend(['\\', other]),
            },
            _ if inside => {
                inside = next != ']';
                out.push(next);
            }
            '[' => {
                inside = true;
                out.push('[');
            }
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '(' => out.push_str("(?:"),
            '.' | '^' | '$' => out.extend(['\\', next]),
            other => out.push(other),
        }
    }
    out.push_str(")$");
    Some(out)
}

/// The regular expression that a LIKE pattern means.
#[must_use]
pub(super) fn like(pattern: &str) -> Option<String> {
    let mut out = String::from("(?s)^");
    let mut chars = pattern.chars();
    while let Some(next) = chars.next() {
        match next {
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '\\' => out.push_str(&regex::escape(&chars.next()?.to_string())),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    out.push('$');
    Some(out)
}
