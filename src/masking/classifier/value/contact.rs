//! E-mail addresses, telephone numbers, streets.

use super::super::tokens::folded;
use super::dictionary::street_word;

/// `local@domain.tld`, without quotes and comments.
pub(super) fn is_email(value: &str) -> bool {
    let bare = value
        .strip_prefix("mailto:")
        .unwrap_or(value)
        .trim_matches(['<', '>']);
    let Some((local, domain)) = bare.rsplit_once('@') else {
        return false;
    };
    let local_fits = !local.is_empty()
        && local.len() <= 64
        && local
            .chars()
            .all(|c| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c));
    let Some((host, top)) = domain.rsplit_once('.') else {
        return false;
    };
    local_fits
        && !host.is_empty()
        && (2..=24).contains(&top.len())
        && top.chars().all(|c| c.is_alphabetic() || c == '-')
        && host
            .chars()
            .all(|c| c.is_alphanumeric() || c == '.' || c == '-')
}

/// International (`+`, `00`), or national with the separators that people write.
pub(super) fn is_phone(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let bare = lower
        .split(['x', '#'])
        .next()
        .unwrap_or_default()
        .trim_end_matches(" ext.")
        .trim_end_matches(" ext")
        .trim();
    if !bare
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+-() ./".contains(&b))
        || bare.rfind('+').is_some_and(|at| at > 1)
    {
        return false;
    }
    let groups: Vec<usize> = bare
        .split(|c: char| !c.is_ascii_digit())
        .filter(|group| !group.is_empty())
        .map(str::len)
        .collect();
    let count: usize = groups.iter().sum();
    if !(7..=15).contains(&count)
        || super::formats::year(bare).is_some()
        || super::formats::is_ip(bare)
    {
        return false;
    }
    if bare.starts_with('(') && !bare.contains(')') {
        return false;
    }
    if bare.starts_with('+') || bare.starts_with("(+") {
        return count >= 8;
    }
    let isbn = count == 13 && (bare.starts_with("978") || bare.starts_with("979"));
    let zip = groups == [5, 4] || groups == [5, 3] || groups == [2, 3] || groups == [4, 3];
    let decimal = groups.len() == 2 && bare.contains('.');
    if isbn || zip || decimal || groups.len() < 2 {
        return bare.starts_with("00") && count >= 11 && groups.len() < 2;
    }
    let even = groups.iter().skip(1).all(|len| (2..=4).contains(len)) && groups[0] <= 4;
    bare.starts_with('0') || bare.starts_with('(') || groups.len() >= 3 && even && count >= 9
}

/// Digits that begin like a number within a country.
pub(super) fn is_bare_phone(value: &str) -> bool {
    let digits = value.bytes().all(|b| b.is_ascii_digit());
    digits
        && (value.starts_with('0') && (9..=12).contains(&value.len())
            || value.len() == 10 && value.as_bytes()[0] > b'1')
}

/// Ends of words that streets have, between blanks.
const STREET_ENDS: &str = "plantsoen singel dreef steeg pad steig stieg pfad graben chaussee anger hof berg feld grund busch heide wiese garten kamp markt tal hang strasse str weg gasse platz allee ring damm ufer straat laan plein gracht kade dijk gatan vagen \
    gata veien vej gade katu tie";

/// Words of streets, between blanks.
const STREET_WORDS: &str = "street st road rd avenue ave lane ln drive dr boulevard blvd court ct way place pl terrace \
    close crescent parkway pkwy highway hwy square trail circle row gardens grove mews hill rue \
    chemin impasse allee quai route cours calle avenida av paseo plaza carrer camino via viale \
    piazza corso vicolo largo rua travessa praca estrada rodovia alameda ul ulica aleja al os plac \
    strasse burg turnpike loop alley manor views ville points locks canyon creek mill ports";

/// A street with a number, or a word that only streets end with.
pub(super) fn is_street(value: &str) -> bool {
    let text = folded(value);
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let number = words
        .iter()
        .any(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.len() <= 6);
    let letters = words
        .iter()
        .filter(|word| word.chars().all(char::is_alphabetic))
        .count();
    if letters == 0 || words.len() > 8 {
        return false;
    }
    let ends = words
        .iter()
        .any(|word| word.len() > 5 && STREET_ENDS.split(' ').any(|ending| word.ends_with(ending)));
    let named = words
        .iter()
        .any(|word| street_word(word) || STREET_WORDS.split(' ').any(|known| known == *word))
        && words.len() >= 3;
    let first = words.first().copied().unwrap_or_default();
    let placed = [
        "am", "an", "auf", "im", "in", "zum", "zur", "hinter", "unter",
    ]
    .contains(&first)
        && words.len() >= 3;
    let certain = text.contains("strasse")
        || text.contains("straat")
        || text.ends_with(" street")
        || text.starts_with("rue ");
    number && (ends || named || placed) || certain && words.len() <= 4
}
