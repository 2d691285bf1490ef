//! Values with a fixed format.

use core::net::IpAddr;

/// IPv4 or IPv6, with or without a prefix length; four numbers without a zero at the start may
/// still be a version, which the share in a column tells.
pub(super) fn is_ip(value: &str) -> bool {
    let bare = value.split('/').next().unwrap_or(value);
    (bare.matches('.').count() == 3 || bare.matches(':').count() >= 2)
        && bare.parse::<IpAddr>().is_ok()
}

/// Six groups of two hexadecimal digits.
pub(super) fn is_mac(value: &str) -> bool {
    let separator = if value.contains(':') { ':' } else { '-' };
    let groups: Vec<&str> = value.split(separator).collect();
    matches!(groups.len(), 6 | 8)
        && groups
            .iter()
            .all(|g| g.len() == 2 && g.bytes().all(|b| b.is_ascii_hexdigit()))
}

pub(super) fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

pub(super) fn is_url(value: &str) -> bool {
    ["http://", "https://", "ftp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme))
        && value.contains('.')
}

/// A product with a version and a comment, as RFC 9110 (10.1.5) describes it.
pub(super) fn is_user_agent(value: &str) -> bool {
    let product = value.split_whitespace().next().unwrap_or_default();
    let versioned = product.split_once('/').is_some_and(|(name, version)| {
        !name.is_empty() && version.starts_with(|c: char| c.is_ascii_digit())
    });
    versioned
        && (value.contains(" (")
            || ["curl/", "okhttp/", "python-"]
                .iter()
                .any(|p| value.starts_with(p)))
}

/// The year of a day written as `1984-05-17`, `17.05.1984`, `17/05/1984` or with a time behind.
pub(in crate::masking::classifier) fn year(value: &str) -> Option<u16> {
    let day = value.split([' ', 'T']).next()?;
    let parts: Vec<&str> = day.split(['-', '.', '/']).collect();
    let [a, b, c] = parts[..] else { return None };
    let part = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|_| text.bytes().all(|x| x.is_ascii_digit()))
    };
    let (a_n, b_n, c_n) = (part(a)?, part(b)?, part(c)?);
    let (year, rest) = if a.len() == 4 {
        (a_n, [b_n, c_n])
    } else if c.len() == 4 {
        (c_n, [a_n, b_n])
    } else {
        return None;
    };
    let low = rest[0].min(rest[1]);
    let high = rest[0].max(rest[1]);
    ((1..=12).contains(&low) && (1..=31).contains(&high) && (1000..=2999).contains(&year))
        .then_some(year)
}

/// Two decimal degrees with a fraction, latitude first or last.
pub(super) fn is_coordinates(value: &str) -> bool {
    let bare = value
        .trim_start_matches("POINT")
        .trim_matches(['(', ')', '[', ']', ' ']);
    let mut parts = bare.split([',', ' ', ';']).filter(|part| !part.is_empty());
    let (Some(a), Some(b), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let degrees = |text: &str| {
        text.parse::<f64>()
            .ok()
            .filter(|_| text.split_once('.').is_some_and(|(_, f)| f.len() >= 3))
    };
    match (degrees(a), degrees(b)) {
        (Some(a), Some(b)) => a.abs() <= 180.0 && b.abs() <= 180.0 && a.abs().min(b.abs()) <= 90.0,
        _ => false,
    }
}

/// Postal codes that no plain number looks like: British, Canadian, Dutch, Polish, Portuguese,
/// Brazilian, Swedish, Czech, and the long American ones.
pub(super) fn is_postal_code(value: &str) -> bool {
    let shape: String = value
        .chars()
        .map(|c| {
            if c.is_ascii_digit() {
                '9'
            } else if c.is_ascii_uppercase() {
                'A'
            } else {
                c
            }
        })
        .collect();
    matches!(
        shape.as_str(),
        "A9 9AA"
            | "A99 9AA"
            | "AA9 9AA"
            | "AA99 9AA"
            | "A9A 9AA"
            | "AA9A 9AA"
            | "A9A 9A9"
            | "9999 AA"
            | "99-999"
            | "9999-999"
            | "99999-999"
            | "999 99"
            | "99999-9999"
            | "A-99999"
            | "AA-99999"
            | "A-9999"
            | "AA-9999"
    )
}

/// ICD-10: a letter and two digits, and mostly a point with more.
pub(super) fn is_icd(value: &str) -> bool {
    let bytes = value.as_bytes();
    (5..=7).contains(&bytes.len())
        && bytes[0].is_ascii_uppercase()
        && bytes[1..3].iter().all(u8::is_ascii_digit)
        && bytes[3] == b'.'
        && bytes[4..].iter().all(u8::is_ascii_alphanumeric)
}

pub(super) fn is_blood_type(value: &str) -> bool {
    matches!(
        value,
        "A+" | "A-" | "B+" | "B-" | "AB+" | "AB-" | "0+" | "0-" | "O+" | "O-"
    )
}

/// `MM/YY` or `MM/YYYY` of a card.
pub(super) fn is_expiry(value: &str) -> bool {
    value.split_once('/').is_some_and(|(month, year)| {
        month.len() == 2
            && matches!(year.len(), 2 | 4)
            && month.parse::<u8>().is_ok_and(|m| (1..=12).contains(&m))
            && year
                .parse::<u16>()
                .is_ok_and(|y| (15..=45).contains(&(y % 100)))
    })
}

/// A BIC (ISO 9362) of a country where most people have their accounts.
pub(super) fn is_bic(value: &str) -> bool {
    const COUNTRIES: &str = "AT AU BE BG BR CA CH CN CY CZ DE DK EE ES FI FR GB GR HR HU IE IN IS IT JP LI LT LU LV MT MX NL NO \
        NZ PL PT RO SE SG SI SK TR US ZA";
    matches!(value.len(), 8 | 11)
        && value
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && value.bytes().take(6).all(|b| b.is_ascii_uppercase())
        && COUNTRIES
            .split_whitespace()
            .any(|country| country == &value[4..6])
}
