//! Words of a name.

/// Splits `billingStreet_2`, `IPAddress` or `Straße` into lower-case words without accents.
/// Digits stay with the word they follow.
pub(super) fn tokens(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (i, c) in letters.iter().enumerate() {
        if !c.is_alphanumeric() {
            close(&mut words, &mut word);
            continue;
        }
        let before = i.checked_sub(1).map(|i| letters[i]);
        let after = letters.get(i + 1);
        let hump = c.is_uppercase()
            && (before.is_some_and(|b| b.is_lowercase() || b.is_ascii_digit())
                || before.is_some_and(char::is_uppercase)
                    && after.is_some_and(|a| a.is_lowercase()));
        if hump {
            close(&mut words, &mut word);
        }
        fold(*c, &mut word);
    }
    close(&mut words, &mut word);
    words
}

fn close(words: &mut Vec<String>, word: &mut String) {
    if word.chars().any(|c| !c.is_ascii_digit()) {
        words.push(std::mem::take(word));
    } else {
        word.clear();
    }
}

/// Lower case, without the accents of European languages.
pub(super) fn fold(c: char, out: &mut String) {
    for c in c.to_lowercase() {
        match c {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' | 'ā' | 'ă' => out.push('a'),
            'ç' | 'ć' | 'č' => out.push('c'),
            'ď' | 'đ' => out.push('d'),
            'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' | 'ē' | 'ė' => out.push('e'),
            'ğ' => out.push('g'),
            'ì' | 'í' | 'î' | 'ï' | 'ı' | 'ī' | 'į' => out.push('i'),
            'ł' => out.push('l'),
            'ñ' | 'ń' | 'ň' => out.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ő' => out.push('o'),
            'ř' => out.push('r'),
            'ś' | 'š' | 'ş' | 'ș' => out.push('s'),
            'ť' | 'ț' => out.push('t'),
            'ù' | 'ú' | 'û' | 'ü' | 'ů' | 'ű' | 'ū' => out.push('u'),
            'ý' | 'ÿ' => out.push('y'),
            'ź' | 'ż' | 'ž' => out.push('z'),
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            other => out.push(other),
        }
    }
}

/// A whole text, folded.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| fold(c, &mut out));
    out
}

/// The word without its plural ending, as far as English and its neighbours form one.
pub(super) fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 2) {
        return format!("{stem}y");
    }
    for ending in ["sses", "shes", "ches", "xes"] {
        if word.ends_with(ending) {
            return word[..word.len() - 2].to_owned();
        }
    }
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 2 && !stem.ends_with(['s', 'u', 'i']) => stem.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_fashions_are_split() {
        for (name, words) in [
            ("billing_street_2", vec!["billing", "street"]),
            ("billingStreet2", vec!["billing", "street2"]),
            ("IPAddress", vec!["ip", "address"]),
            ("lastLoginIP", vec!["last", "login", "ip"]),
            ("Straße", vec!["strasse"]),
            ("numéro-téléphone", vec!["numero", "telephone"]),
            ("USER_NAME", vec!["user", "name"]),
            ("c1", vec!["c1"]),
            ("42", vec![]),
        ] {
            assert_eq!(tokens(name), words, "{name}");
        }
    }

    #[test]
    fn plurals() {
        for (word, one) in [
            ("users", "user"),
            ("companies", "company"),
            ("addresses", "address"),
            ("status", "status"),
            ("staff", "staff"),
            ("boxes", "box"),
            ("address", "address"),
        ] {
            assert_eq!(singular(word), one, "{word}");
        }
    }
}
