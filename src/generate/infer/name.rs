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
    phrases
        .split(' ')
        .find(|phrase| phrase_end(words, phrase).is_some())
}

/// Where a phrase ends that stands in a name as [`words`] gives it; the last place of several.
pub(super) fn phrase_end(words: &str, phrase: &str) -> Option<usize> {
    let ends = words
        .match_indices(phrase)
        .map(|(at, _)| (at, at + phrase.len()));
    let whole =
        |(at, end): &(usize, usize)| words[..*at].ends_with('_') && words[*end..].starts_with('_');
    ends.filter(whole).last().map(|(_, end)| end)
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
