//! Forms of texts: `AAA-99999` for `KQX-20417`.

use std::fmt::Write as _;

/// Characters of a form that is told.
const LONGEST: usize = 40;

/// Whether a form may be told: letters and digits are hidden (`A`, `a`, `9`), and everything else is
/// a sign of ASCII that many codes have.
#[must_use]
pub fn plain_shape(shape: &str) -> bool {
    let plain = |c: char| matches!(c, 'A' | 'a' | '9' | '-' | '_' | '.' | '/' | ':' | '#');
    !shape.is_empty() && shape.len() <= LONGEST && shape.chars().all(plain)
}

/// A regular expression of the texts of some forms; `None` when one cannot be told.
#[must_use]
pub fn pattern<'a>(shapes: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut out = String::from("^(");
    for (at, shape) in shapes.into_iter().enumerate() {
        if !plain_shape(shape) {
            return None;
        }
        if at > 0 {
            out.push('|');
        }
        let mut rest = shape;
        while let Some(first) = rest.chars().next() {
            let run = rest.chars().take_while(|c| *c == first).count();
            match first {
                'A' => out.push_str("[A-Z]"),
                'a' => out.push_str("[a-z]"),
                '9' => out.push_str("[0-9]"),
                sign => {
                    let _ = write!(out, "[{sign}]");
                }
            }
            let _ = write!(out, "{{{run}}}");
            rest = &rest[run..];
        }
    }
    out.push_str(")$");
    (out.len() > 4).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_an_expression() {
        let found = pattern(["AAA-999", "a.9"]).unwrap();
        let expected = "^([A-Z]{3}[-]{1}[0-9]{3}|[a-z]{1}[.]{1}[0-9]{1})$";
        assert_eq!(found, expected);
        for refused in ["", "AA ÄA", "a@a.aa", "aaaa aaaa"] {
            assert!(!plain_shape(refused), "{refused}");
        }
    }
}
