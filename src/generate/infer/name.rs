//! Words of a name.

/// The words of a column's or table's name in lower case, between underscores: `shippingZipCode` is
/// `_shipping_zip_code_`.
pub(super) fn words(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    out.push('_');
    let mut lower = false;
    for character in name.chars() {
        if !character.is_alphanumeric() {
            if !out.ends_with('_') {
                out.push('_');
            }
            lower = false;
            continue;
        }
        if character.is_uppercase() && lower {
            out.push('_');
        }
        lower = character.is_lowercase();
        out.extend(character.to_lowercase());
    }
    if !out.ends_with('_') {
        out.push('_');
    }
    out
}

/// Which of some phrases, separated by blanks, stands in a name as [`words`] gives it.
pub(super) fn phrase<'p>(words: &str, phrases: &'p str) -> Option<&'p str> {
    phrases.split(' ').find(|phrase| {
        words.match_indices(phrase).any(|(at, _)| {
            let before = words[..at].ends_with('_');
            before && words[at + phrase.len()..].starts_with('_')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words() {
        for (name, expected) in [
            ("first_name", "_first_name_"),
            ("shippingZipCode", "_shipping_zip_code_"),
            ("E Mail", "_e_mail_"),
            ("userID", "_user_id_"),
        ] {
            assert_eq!(words(name), expected);
        }
        assert_eq!(
            phrase("_home_zip_code_", "postal zip_code"),
            Some("zip_code")
        );
        assert_eq!(phrase("_zipper_", "zip"), None);
    }
}
