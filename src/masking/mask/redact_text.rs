//! Free text: what the detectors find is replaced by a mark, the rest stays.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use super::site::{Compiled, Distinct, Site};
use super::text::TextMask;
use crate::masking::checks::{iban_length, is_card, is_iban};
use crate::masking::prf::Seed;
use crate::masking::{Locale, Unmaskable};

pub(super) fn compile(site: &Site<'_>) -> Compiled {
    site.on_text(RedactText { names: &NAMES }, Distinct::Few)
}

/// Given and family names of every locale, in lower case.
static NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    Locale::ALL
        .iter()
        .flat_map(|locale| {
            let lists = locale.lists();
            lists.first.iter().chain(lists.last)
        })
        .filter(|name| name.chars().count() > 1)
        .map(|name| name.to_lowercase())
        .collect()
});

#[derive(Debug)]
struct RedactText {
    names: &'static HashSet<String>,
}

impl TextMask for RedactText {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut rest = input;
        while let Some(first) = rest.chars().next() {
            // The longest finding that begins here; every detector looks at a whole word.
            let found = url(rest)
                .or_else(|| email(rest))
                .or_else(|| iban(rest))
                .or_else(|| address(rest))
                .or_else(|| number(rest))
                .or_else(|| secret(rest));
            if let Some((length, mark)) = found {
                out.extend_from_slice(mark.as_bytes());
                rest = &rest[length..];
                continue;
            }
            let word = word(rest);
            if word == 0 {
                let length = first.len_utf8();
                out.extend_from_slice(&rest.as_bytes()[..length]);
                rest = &rest[length..];
                continue;
            }
            if self.is_name(&rest[..word]) {
                out.extend_from_slice(b"[name]");
            } else {
                out.extend_from_slice(&rest.as_bytes()[..word]);
            }
            rest = &rest[word..];
        }
        Ok(())
    }
}

/// Bytes of a finding and the mark that replaces it.
type Finding = Option<(usize, &'static str)>;

/// Bytes at the beginning that satisfy a condition.
fn run(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accept(c)).unwrap_or(text.len())
}

/// Bytes of the word (letters and digits of any script) at the beginning.
fn word(text: &str) -> usize {
    run(text, char::is_alphanumeric)
}

fn url(text: &str) -> Finding {
    let starts = ["http://", "https://", "www.", "ftp://"];
    let head = text
        .get(..8)
        .or(text.get(..4))
        .unwrap_or(text)
        .to_ascii_lowercase();
    starts.iter().any(|start| head.starts_with(start)).then(|| {
        (
            run(text, |c| !c.is_whitespace() && !"<>\"')".contains(c)),
            "[url]",
        )
    })
}

fn email(text: &str) -> Finding {
    let local = run(text, |c| c.is_alphanumeric() || "._%+-'".contains(c));
    let domain = text[local..].strip_prefix('@')?;
    let length = run(domain, |c| c.is_alphanumeric() || ".-".contains(c));
    let kept = domain[..length].trim_end_matches(['.', '-']).len();
    (local > 0 && kept > 0).then_some((local + 1 + kept, "[email]"))
}

fn iban(text: &str) -> Finding {
    let bytes = text.as_bytes();
    if !bytes.first()?.is_ascii_uppercase() || !bytes.get(2)?.is_ascii_digit() {
        return None;
    }
    let wanted = iban_length(text.get(..2)?)?;
    let mut count = 0;
    for (i, byte) in bytes.iter().enumerate() {
        count += usize::from(byte.is_ascii_alphanumeric());
        if !byte.is_ascii_alphanumeric() && *byte != b' ' {
            return None;
        }
        if count == wanted {
            return is_iban(&text[..=i]).then_some((i + 1, "[iban]"));
        }
    }
    None
}

/// IP addresses of both families.
fn address(text: &str) -> Finding {
    let length = run(text, |c| c.is_ascii_hexdigit() || ".:".contains(c));
    let found = text[..length].trim_end_matches(['.', ':']);
    if !found.contains('.') && found.matches(':').count() < 2 {
        return None;
    }
    let is_ip = found.parse::<Ipv4Addr>().is_ok() || found.parse::<Ipv6Addr>().is_ok();
    is_ip.then_some((found.len(), "[ip]"))
}

/// Seven digits or more, with signs between them: cards, telephone numbers, ids, dates.
fn number(text: &str) -> Finding {
    let first = *text.as_bytes().first()?;
    if !first.is_ascii_digit() && !b"+(".contains(&first) {
        return None;
    }
    let length = run(text, |c| c.is_ascii_digit() || " +()-./".contains(c));
    let found = text[..length].trim_end_matches(|c: char| !c.is_ascii_digit());
    let digits = found.bytes().filter(u8::is_ascii_digit).count();
    match () {
        () if digits < 7 => None,
        () if is_card(found) => Some((found.len(), "[card]")),
        () if b"+0(".contains(&first) => Some((found.len(), "[phone]")),
        () => Some((found.len(), "[number]")),
    }
}

/// Twenty letters and digits mixed: keys, tokens, hashes. Anything shorter with seven digits or
/// more is a number of somebody.
fn secret(text: &str) -> Finding {
    let length = run(text, |c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let bytes = &text.as_bytes()[..length];
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    match () {
        () if length >= 20 && digits >= 3 && digits < length => Some((length, "[token]")),
        () if digits >= 7 => Some((length, "[number]")),
        () => None,
    }
}

/// Longest word that is looked up, in bytes.
const LONGEST: usize = 48;

impl RedactText {
    /// Whether a word that begins with a capital letter is a name. Scripts without capitals have
    /// no words to look up.
    fn is_name(&self, word: &str) -> bool {
        if word.len() > LONGEST || !word.starts_with(char::is_uppercase) {
            return false;
        }
        let mut lower = [0_u8; 2 * LONGEST];
        let mut length = 0;
        for character in word.chars().flat_map(char::to_lowercase) {
            if length + 4 > lower.len() {
                return false;
            }
            length += character.encode_utf8(&mut lower[length..]).len();
        }
        std::str::from_utf8(&lower[..length]).is_ok_and(|word| self.names.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests_support::{mask, text};

    #[test]
    fn everything_that_is_found_is_marked() {
        let mask = mask("\"redact_text\"", "text");
        for (from, to) in [
            (
                "mail anna.b@shop.example, or call +49 (30) 901820-11.",
                "mail [email], or call [phone].",
            ),
            (
                "card 4111 1111 1111 1111 expires soon",
                "card [card] expires soon",
            ),
            ("IBAN DE89 3704 0044 0532 0130 00!", "IBAN [iban]!"),
            ("from 10.1.2.3 and 2001:db8::1", "from [ip] and [ip]"),
            ("see https://x.example/~anna?id=1 (now)", "see [url] (now)"),
            (
                "Met Sophia Müller in 2019; paid 12.50",
                "Met [name] [name] in 2019; paid 12.50",
            ),
            ("key AKIAIOSFODNN7EXAMPLE99 leaked", "key [token] leaked"),
            (
                "born 1984-05-16, ref AB1234567",
                "born [number], ref [number]",
            ),
            ("\"anna@b.example\"", "\"[email]\""),
            ("nothing here: 12 apples", "nothing here: 12 apples"),
            ("Grüße an alle — 東京", "Grüße an alle — 東京"),
        ] {
            assert_eq!(text(&mask, from), to);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(input in "\\PC{0,80}") {
            let mask = mask("\"redact_text\"", "text");
            let out = text(&mask, &input);
            prop_assert!(!out.contains('@') || input.contains('@'));
        }

        #[test]
        fn addresses_never_survive(local in "[a-z0-9.]{1,12}", around in "[ a-zA-Z(]{0,12}") {
            let address = format!("{local}@mail.example");
            let mask = mask("\"redact_text\"", "text");
            let out = text(&mask, &format!("{around} {address}) {around}"));
            prop_assert!(!out.contains("mail.example"), "{}", out);
        }
    }
}
