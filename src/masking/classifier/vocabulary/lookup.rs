//! Finding a phrase.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::{contact, identity, person, sensitive, web};
use crate::masking::Class;

/// How much a phrase says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::masking::classifier) enum Weight {
    /// Only in a table about persons (or of the fitting kind).
    Context,
    /// Mostly personal.
    Likely,
    /// Hardly anything else.
    Sure,
}

/// What a phrase stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::masking::classifier) struct Phrase {
    /// The class it names.
    pub(in crate::masking::classifier) class: Class,
    /// How much it says.
    pub(in crate::masking::classifier) weight: Weight,
}

/// A class, a weight, and phrases between blanks.
pub(super) type Entry = (Class, Weight, &'static str);

static PHRASES: LazyLock<HashMap<&'static str, Phrase>> = LazyLock::new(|| {
    let mut map = HashMap::new();
    for entries in [
        person::ENTRIES,
        contact::ENTRIES,
        identity::ENTRIES,
        sensitive::ENTRIES,
        web::ENTRIES,
    ] {
        for (class, weight, phrases) in entries {
            for phrase in phrases.split_whitespace() {
                map.entry(phrase).or_insert(Phrase {
                    class: *class,
                    weight: *weight,
                });
            }
        }
    }
    map
});

/// The meaning of a phrase written without separators; a plural has that of its singular.
pub(in crate::masking::classifier) fn phrase(text: &str) -> Option<Phrase> {
    let trimmed = text.trim_end_matches(|c: char| c.is_ascii_digit());
    PHRASES
        .get(text)
        .or_else(|| PHRASES.get(trimmed))
        .or_else(|| PHRASES.get(super::super::tokens::singular(trimmed).as_str()))
        .copied()
}

/// Whether a word, or its singular, is in a list of words between blanks.
pub(in crate::masking::classifier) fn is_in(list: &'static str, word: &str) -> bool {
    static LISTS: LazyLock<HashMap<&'static str, HashSet<&'static str>>> = LazyLock::new(|| {
        super::context::ALL
            .iter()
            .map(|list| (*list, list.split_whitespace().collect()))
            .collect()
    });
    LISTS.get(list).is_some_and(|words| {
        words.contains(word) || words.contains(super::super::tokens::singular(word).as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_lower_case_and_bare() {
        for text in PHRASES.keys() {
            assert!(
                text.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()),
                "{text}"
            );
        }
        assert_eq!(phrase("emails").map(|p| p.class), Some(Class::Email));
        assert_eq!(phrase("address2").map(|p| p.class), Some(Class::Address));
        assert_eq!(phrase("sku"), None);
    }
}
