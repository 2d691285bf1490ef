//! Names as addresses write them.

/// Lower-case ASCII letters alone: no blanks, no digits, accents taken off. What has no Latin letter
/// leaves nothing.
pub(super) fn slug(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match character {
            'a'..='z' => out.push(character),
            'ä' | 'æ' => out.push_str("ae"),
            'ö' | 'ø' | 'œ' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'ß' => out.push_str("ss"),
            'à' | 'á' | 'â' | 'ã' | 'å' => out.push('a'),
            'ç' => out.push('c'),
            'è' | 'é' | 'ê' | 'ë' => out.push('e'),
            'ğ' => out.push('g'),
            'ì' | 'í' | 'î' | 'ï' | 'ı' => out.push('i'),
            'ñ' => out.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' => out.push('o'),
            'ş' => out.push('s'),
            'ù' | 'ú' | 'û' => out.push('u'),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_blanks_are_taken_off() {
        for (text, expected) in [("Jürgen", "juergen"), ("O'Hara 2", "ohara"), ("李", "")] {
            assert_eq!(slug(text), expected);
        }
    }
}
