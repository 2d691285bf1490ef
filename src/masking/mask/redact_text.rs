//! Free text: what the detectors find is replaced by a mark, the rest stays.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use super::site::{Compiled, Distinct, Site};
use super::text::TextMask;
use crate::error::Result;
use crate::masking::checks::{iban_length, is_card, is_iban};
use crate::masking::prf::Seed;
use crate::masking::{FieldMask, Locale, Masked, Row, Shape, Unmaskable};

pub(super) fn compile(site: &Site<'_>, names: &[String]) -> Compiled {
    let detectors = site.on_text(RedactText { names: &NAMES }, Distinct::Few)?;
    if names.is_empty() {
        return Ok(detectors);
    }
    if site.facts.shape != Shape::Text {
        return Err(site.unfit("text, when it names columns"));
    }
    let columns = names.iter().map(|name| site.column(name));
    Ok(Arc::new(OwnNames {
        columns: columns.collect::<Result<_>>()?,
        detectors,
    }))
}

/// Replaces the words that stand in other columns of the row, then what the detectors find.
#[derive(Debug)]
struct OwnNames {
    columns: Vec<usize>,
    detectors: Arc<dyn FieldMask>,
}

impl FieldMask for OwnNames {
    fn value(
        &self,
        value: &[u8],
        row: &Row<'_>,
        out: &mut Vec<u8>,
    ) -> std::result::Result<Masked, Unmaskable> {
        let Ok(text) = std::str::from_utf8(value) else {
            return self.detectors.value(value, row, out);
        };
        let own: HashSet<String> = self
            .columns
            .iter()
            .filter_map(|column| row.fields.get(*column).copied().flatten())
            .filter_map(|name| std::str::from_utf8(name).ok())
            .flat_map(|name| name.split(|c: char| !c.is_alphanumeric()))
            .filter(|word| word.chars().count() > 1)
            .map(str::to_lowercase)
            .collect();
        let mut marked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = word(rest);
            let (head, tail) = rest.split_at(length.max(first.len_utf8()));
            // Two letters are a word of many languages: they are a name when they begin with a
            // capital one.
            let told = head.starts_with(char::is_uppercase) || head.chars().count() > 2;
            let name = length > 0 && told && own.contains(&head.to_lowercase());
            marked.push_str(if name { "[name]" } else { head });
            rest = tail;
        }
        self.detectors.value(marked.as_bytes(), row, out)
    }
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
        // Whether the word before and this one are a name together.
        let mut linked = false;
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
            let (head, tail) = rest.split_at(word);
            let title = is_title(head);
            let leads = leads_to_name(head, tail);
            if linked || (leads && !title) || self.is_name(head) {
                out.extend_from_slice(b"[name]");
            } else {
                out.extend_from_slice(head.as_bytes());
            }
            linked = leads;
            rest = tail;
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

/// An e-mail address, or what another finding left of one: `(0170 1234567@mail.example` begins as a
/// telephone number does, and the domain alone can name a person.
fn email(text: &str) -> Finding {
    let local = run(text, |c| c.is_alphanumeric() || "._%+-'".contains(c));
    let domain = text[local..].strip_prefix('@')?;
    let length = run(domain, |c| c.is_alphanumeric() || ".-".contains(c));
    let kept = domain[..length].trim_end_matches(['.', '-']).len();
    let told = local > 0 || domain[..kept].contains('.');
    (told && kept > 0).then_some((local + 1 + kept, "[email]"))
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

/// Words before the name of a person.
fn is_title(word: &str) -> bool {
    let titles = [
        "mr", "mrs", "ms", "miss", "dr", "prof", "herr", "frau", "mme", "sr", "sra", "dott",
    ];
    titles.iter().any(|title| title.eq_ignore_ascii_case(word))
}

/// Whether a word and the one behind it both begin with a capital letter and go on in small ones,
/// as the names of persons and places do: `Ngozi Okafor`, `Dr. Okafor`. This marks too much (the
/// first word of a sentence, titles of books) rather than a name too few.
fn leads_to_name(word: &str, tail: &str) -> bool {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.next().is_some_and(|c| !c.is_uppercase())
    };
    let between = match is_title(word) {
        true => tail.strip_prefix(". ").or(tail.strip_prefix(' ')),
        false => tail.strip_prefix([' ', '-', '\'', '’']),
    };
    let next = between.map(|rest| &rest[..run(rest, char::is_alphanumeric)]);
    (capital(word) || is_title(word)) && next.is_some_and(capital)
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

    use super::super::tests_support::{facts, mask, refusal, text};
    use crate::masking::{Masked, Row};

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
                "[name] [name] [name] in 2019; paid 12.50",
            ),
            (
                "spoke with Ngozi Quisling-Öz and Mr. Qixt, HTTP GET to Lagos",
                "spoke with [name] [name]-[name] and Mr. [name], HTTP GET to Lagos",
            ),
            ("key AKIAIOSFODNN7EXAMPLE99 leaked", "key [token] leaked"),
            (
                "born 1984-05-16, ref AB1234567",
                "born [number], ref [number]",
            ),
            ("\"anna@b.example\"", "\"[email]\""),
            ("( 0000000@mail.example)", "[phone][email])"),
            ("DE89 3704 0044 0532 0130 00@b.example", "[iban][email]"),
            ("nothing here: 12 apples", "nothing here: 12 apples"),
            ("Grüße an alle — 東京", "Grüße an alle — 東京"),
        ] {
            assert_eq!(text(&mask, from), to);
        }
    }

    #[test]
    fn names_of_the_row_are_marked_in_its_text() {
        let rule = "{ mask = \"redact_text\", names = [\"id\"] }";
        let mask = mask(rule, "text");
        let told = |name: &str, note: &str| {
            let fields = [Some(name.as_bytes()), Some(note.as_bytes())];
            let mut out = Vec::new();
            let masked = mask.apply(Some(note.as_bytes()), &Row { fields: &fields }, &mut out);
            assert_eq!(masked, Ok(Masked::Value));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            told(
                "Qixt O'Brgh",
                "QIXT, or Mr. O'Brgh: brgh@x.example, qixtant"
            ),
            "[name], or Mr. O'[name]: [name][email], qixtant"
        );
        assert_eq!(told("Li Wxu", "li told Li Wxu"), "li told [name] [name]");
        assert!(refusal(rule, &facts("integer[]")).contains("does not work"));
        let gone = "{ mask = \"redact_text\", names = [\"idd\"] }";
        assert!(refusal(gone, &facts("text")).contains("\"idd\""));
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
