//! What may be shown of a configuration file: its structure, never its values.

use std::sync::Arc;

use crate::sql::MAX_IDENT_BYTES;

/// The text with every value hidden. Keys, table heads and line ends stay, and so does every
/// place: each character is replaced by one of as many bytes.
pub(super) fn masked(text: &str) -> Arc<str> {
    text.split_inclusive('\n')
        .map(line)
        .collect::<String>()
        .into()
}

fn line(line: &str) -> String {
    let shown = shown(line);
    line.char_indices()
        .map(|(index, character)| {
            if index < shown || character.is_ascii_whitespace() {
                return character;
            }
            match character.len_utf8() {
                1 => '*',
                2 => '\u{b7}',
                3 => '\u{2022}',
                _ => '\u{1f512}',
            }
        })
        .collect()
}

/// Bytes of the line that may be shown: a key with its `=`, or the head of a table.
fn shown(line: &str) -> usize {
    let bare = |text: &str| {
        let text = text.trim();
        !text.is_empty()
            && text.len() <= MAX_IDENT_BYTES
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || "_-. []".contains(c))
    };
    if line.trim_start().starts_with('[') && bare(line) {
        return line.len();
    }
    line.split_once('=')
        .filter(|(key, _)| bare(key))
        .map_or(0, |(key, _)| key.len() + 1)
}

/// A parser's message without the value that it quotes (`invalid type: string "...", expected`).
pub(super) fn without_values(message: &str) -> String {
    let message = message.trim();
    let quoted = [
        ("string \"", '"', "string"),
        ("unknown variant `", '`', "unknown variant"),
    ];
    for (opening, closing, bare) in quoted {
        if let Some((head, rest)) = message.split_once(opening) {
            // The list of what is expected stands between backticks too, after the value.
            let end = match closing {
                '`' => rest
                    .split_once("`, expected")
                    .map(|(_, tail)| format!(", expected{tail}")),
                _ => rest.rsplit_once(closing).map(|(_, tail)| tail.to_owned()),
            };
            return format!("{head}{bare}{}", end.unwrap_or_default());
        }
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn structure_stays_and_values_go() {
        let text = "[environments.dev]\nurl = \"x\" # ü\n  raw secret\n";
        assert_eq!(
            &*masked(text),
            "[environments.dev]\nurl = *** * \u{b7}\n  *** ******\n"
        );
        assert_eq!(
            without_values("invalid type: string \"a\\\"b\", expected u32"),
            "invalid type: string, expected u32"
        );
    }

    proptest! {
        #[test]
        fn places_stay(text in "(\\PC|\n){0,80}") {
            let masked = masked(&text);
            let ends = |text: &str| text.char_indices().map(|(at, _)| at).collect::<Vec<_>>();
            prop_assert_eq!(ends(&masked), ends(&text));
            prop_assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
        }
    }
}
