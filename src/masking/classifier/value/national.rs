//! Numbers that states give their people, by their published check digits.

use super::checksum::digits;
use crate::masking::checks::is_national_id;

/// A test of one country's number.
type Test = fn(&str) -> bool;

/// Countries and their tests, in a fixed order; a place in it counts the hits of one column. Where
/// a number without its separators could be anything, they are asked for.
pub(in crate::masking::classifier) const COUNTRIES: &[(&str, Test)] = &[
    ("US social security", |v| {
        let parts: Vec<usize> = v.split('-').map(str::len).collect();
        parts == [3, 2, 4] && is_national_id("US", v)
    }),
    ("British national insurance", |v| is_national_id("GB", v)),
    ("British NHS", |v| plain(v, 10).is_some_and(|d| gb_nhs(&d))),
    ("German tax", |v| of("DE", v, 11)),
    ("French social security", |v| {
        is_national_id("FR", &v.replace("2A", "19").replace("2B", "18"))
    }),
    ("Spanish identity", |v| is_national_id("ES", v)),
    ("Italian tax", |v| is_national_id("IT", v)),
    ("Portuguese tax", |v| of("PT", v, 9)),
    ("Dutch citizen service", |v| of("NL", v, 9)),
    ("Belgian register", |v| of("BE", v, 11)),
    ("Polish PESEL", |v| of("PL", v, 11)),
    ("Swedish personal", |v| {
        is_national_id("SE", &v.replace('+', "-"))
    }),
    ("Danish CPR", |v| v.find('-') == Some(6) && of("DK", v, 10)),
    ("Norwegian birth", |v| of("NO", v, 11)),
    ("Finnish personal", |v| {
        v.len() == 11 && is_national_id("FI", &v.replace('+', "-"))
    }),
    ("Swiss AHV", |v| of("CH", v, 13)),
    ("Austrian social security", |v| {
        plain(v, 10).is_some_and(|d| at_svnr(&d))
    }),
    ("Brazilian CPF", |v| of("BR", v, 11)),
    ("Irish PPS", ie_pps),
    ("Canadian social insurance", |v| {
        of("CA", v, 9) && !v.starts_with(['0', '8'])
    }),
    ("Indian Aadhaar", |v| of("IN", v, 12)),
    ("Turkish identity", |v| of("TR", v, 11)),
    ("Romanian CNP", |v| plain(v, 13).is_some_and(|d| ro_cnp(&d))),
    ("Bulgarian EGN", |v| {
        plain(v, 10).is_some_and(|d| bg_egn(&d))
    }),
    ("Czech birth", cz_rc),
    ("Croatian OIB", |v| {
        plain(v, 11).is_some_and(|d| mod11_10(&d))
    }),
    ("Chilean RUT", cl_rut),
    ("Chinese identity", |v| {
        v.len() == 18 && is_national_id("CN", v)
    }),
    ("South African identity", |v| of("ZA", v, 13)),
];

/// A number of so many digits that the country's rule accepts.
fn of(country: &str, value: &str, count: usize) -> bool {
    plain(value, count).is_some() && is_national_id(country, value)
}

/// The places in [`COUNTRIES`] whose test the value passes.
pub(in crate::masking::classifier) fn national(value: &str) -> impl Iterator<Item = usize> + '_ {
    let possible =
        (8..=22).contains(&value.len()) && value.bytes().filter(u8::is_ascii_digit).count() >= 6;
    COUNTRIES
        .iter()
        .enumerate()
        .filter(move |(_, (_, test))| possible && test(value))
        .map(|(place, _)| place)
}

/// So many digits, not all the same.
fn plain(value: &str, count: usize) -> Option<Vec<u8>> {
    digits(value).filter(|d| d.len() == count && d.iter().any(|digit| *digit != d[0]))
}

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights)
        .map(|(d, w)| u32::from(*d) * w)
        .sum()
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |n, d| n * 10 + u64::from(*d))
}

fn pair(digits: &[u8], at: usize) -> u8 {
    digits[at] * 10 + digits[at + 1]
}

fn is_day(day: u8, month: u8) -> bool {
    (1..=31).contains(&day) && (1..=12).contains(&month)
}

fn gb_nhs(d: &[u8]) -> bool {
    let check = (11 - weighted(d, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    check != 10 && check == u32::from(d[9])
}

fn at_svnr(d: &[u8]) -> bool {
    let sum = weighted(d, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    d[0] > 0
        && is_day(
            pair(d, 4),
            pair(d, 6) % 12 + u8::from(pair(d, 6) == 12) * 12,
        )
        && sum % 11 == u32::from(d[3])
}

fn ie_pps(value: &str) -> bool {
    let upper = value.to_ascii_uppercase();
    let bytes = upper.as_bytes();
    if !(8..=9).contains(&bytes.len()) || !bytes[..7].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let body: Vec<u8> = bytes[..7].iter().map(|b| b - b'0').collect();
    let extra = match bytes.get(8) {
        Some(b @ b'A'..=b'I') => u32::from(b - b'A' + 1) * 9,
        Some(b'W') | None => 0,
        Some(_) => return false,
    };
    let sum = weighted(&body, &[8, 7, 6, 5, 4, 3, 2]) + extra;
    b"WABCDEFGHIJKLMNOPQRSTUV"[sum as usize % 23] == bytes[7]
}

fn ro_cnp(d: &[u8]) -> bool {
    let rest = weighted(d, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    d[0] > 0
        && is_day(pair(d, 5), pair(d, 3))
        && u32::from(d[12]) == if rest == 10 { 1 } else { rest }
}

fn bg_egn(d: &[u8]) -> bool {
    let rest = weighted(d, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    is_day(pair(d, 4), pair(d, 2) % 20) && u32::from(d[9]) == rest
}

fn cz_rc(value: &str) -> bool {
    value.as_bytes().get(6) == Some(&b'/')
        && plain(value, 10).is_some_and(|d| {
            is_day(pair(&d, 4), pair(&d, 2) % 50 % 20) && number(&d).is_multiple_of(11)
        })
}

fn cl_rut(value: &str) -> bool {
    let Some((body, check)) = value.rsplit_once('-') else {
        return false;
    };
    let Some(d) = digits(body).filter(|d| (7..=8).contains(&d.len())) else {
        return false;
    };
    let sum: u32 = d
        .iter()
        .rev()
        .zip([2, 3, 4, 5, 6, 7].iter().cycle())
        .map(|(x, w)| u32::from(*x) * w)
        .sum();
    match 11 - sum % 11 {
        11 => check == "0",
        10 => check.eq_ignore_ascii_case("k"),
        n => check == n.to_string(),
    }
}

/// ISO 7064, MOD 11,10.
fn mod11_10(d: &[u8]) -> bool {
    let Some((check, body)) = d.split_last() else {
        return false;
    };
    let product = body.iter().fold(10_u32, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(*check)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn countries(value: &str) -> Vec<&'static str> {
        national(value).map(|place| COUNTRIES[place].0).collect()
    }

    /// Published examples of each scheme.
    #[test]
    fn examples_pass_their_own_test_and_fail_with_one_digit_changed() {
        for (name, value) in [
            ("US social security", "536-90-4399"),
            ("British national insurance", "QQ 12 34 56 C"),
            ("British national insurance", "AB123456C"),
            ("British NHS", "943 476 5919"),
            ("German tax", "86095742719"),
            ("French social security", "2 55 08 14 168 025 38"),
            ("Spanish identity", "12345678Z"),
            ("Spanish identity", "X1234567L"),
            ("Italian tax", "RSSMRA85T10A562S"),
            ("Portuguese tax", "123456789"),
            ("Dutch citizen service", "111222333"),
            ("Belgian register", "93.05.18-223.61"),
            ("Polish PESEL", "44051401359"),
            ("Swedish personal", "811228-9874"),
            ("Norwegian birth", "15108695088"),
            ("Finnish personal", "131052-308T"),
            ("Swiss AHV", "756.9217.0769.85"),
            ("Brazilian CPF", "111.444.777-35"),
            ("Irish PPS", "1234567T"),
            ("Canadian social insurance", "046 454 286"),
            ("Turkish identity", "10000000146"),
            ("Romanian CNP", "1800101221144"),
            ("Bulgarian EGN", "7523169263"),
            ("Croatian OIB", "33392005961"),
            ("Chilean RUT", "12.345.678-5"),
            ("Chinese identity", "11010519491231002X"),
            ("South African identity", "8001015009087"),
        ] {
            let tests: Vec<&str> = countries(value);
            if value.starts_with("QQ") || value.starts_with("046") {
                // Examples that are published because they are never given out.
                assert!(!tests.contains(&name), "{name}");
                continue;
            }
            assert!(tests.contains(&name), "{name} {value}: {tests:?}");
        }
        for value in [
            "86095742718",
            "44051401358",
            "111222334",
            "RSSMRA85T10A562T",
            "12345678A",
        ] {
            let digits_only = countries(value);
            assert!(
                !digits_only.iter().any(|c| [
                    "German tax",
                    "Polish PESEL",
                    "Dutch citizen service",
                    "Italian tax",
                    "Spanish identity",
                    "US social security"
                ]
                .contains(c)),
                "{value}: {digits_only:?}"
            );
        }
    }
}
