//! Parts of a text that stay: ends, or what a regular expression does not match.

use regex::{Regex, RegexBuilder};

use super::site::{Compiled, Distinct, Site};
use super::text::TextMask;
use crate::masking::Unmaskable;
use crate::masking::prf::Seed;

pub(super) fn partial(site: &Site<'_>, (first, last): (u32, u32), fill: char) -> Compiled {
    if fill.is_control() {
        return Err(site.refuse("has a control character as `fill`", "fill = \"*\""));
    }
    let mask = Partial {
        first: first as usize,
        last: last as usize,
        fill,
    };
    site.on_text(mask, Distinct::Few)
}

#[derive(Debug)]
struct Partial {
    first: usize,
    last: usize,
    fill: char,
}

impl TextMask for Partial {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let count = input.chars().count();
        // A text that would stay whole is hidden whole.
        let hidden = count > self.first + self.last;
        for (i, character) in input.chars().enumerate() {
            let stays = hidden && (i < self.first || i + self.last >= count);
            let shown = if stays { character } else { self.fill };
            out.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }
}

/// Bytes that a compiled expression may take: more than any sensible one needs.
const SIZE: usize = 1 << 20;

pub(super) fn regex(site: &Site<'_>, pattern: &str, replace: &str) -> Compiled {
    let expression = RegexBuilder::new(pattern)
        .size_limit(SIZE)
        .build()
        .map_err(|error| {
            site.refuse(
                "has a pattern that is no regular expression",
                "mend the pattern",
            )
            .because(error)
        })?;
    let mask = Replace {
        expression,
        replace: replace.to_owned(),
    };
    site.on_text(mask, Distinct::Few)
}

#[derive(Debug)]
struct Replace {
    expression: Regex,
    replace: String,
}

impl TextMask for Replace {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let masked = self.expression.replace_all(input, self.replace.as_str());
        // What the expression does not change is not known to be harmless.
        let shown = if masked == input { "***" } else { &masked };
        out.extend_from_slice(shown.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::{facts, mask, refusal, text};

    #[test]
    fn ends_stay_and_short_texts_do_not() {
        let mask = mask("{ mask = \"partial\", first = 1, last = 2 }", "text");
        assert_eq!(text(&mask, "Ägidius"), "Ä****us");
        assert_eq!(text(&mask, "abc"), "***");
        assert_eq!(text(&mask, ""), "");
    }

    #[test]
    fn matches_are_replaced_and_other_texts_hidden() {
        let mask = mask(
            "{ mask = \"regex\", pattern = '\\d', replace = \"0\" }",
            "text",
        );
        assert_eq!(text(&mask, "room 12"), "room 00");
        assert_eq!(text(&mask, "Anna"), "***");
        let bad = "{ mask = \"regex\", pattern = \"(\", replace = \"\" }";
        assert!(refusal(bad, &facts("text")).contains("no regular expression"));
    }
}
