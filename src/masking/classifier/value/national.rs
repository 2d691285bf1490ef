//! Numbers that states give their people, by their published check digits.

use super::checksum::{digits, luhn};

/// A test of one country's number.
type Test = fn(&str) -> bool;

/// Countries and their tests, in a fixed order; a place in it counts the hits of one column.
pub(in crate::masking::classifier) const COUNTRIES: &[(&str, Test)] = &[
    ("US social security", us_ssn),
    ("British national insurance", gb_nino),
    ("British NHS", |v| plain(v, 10).is_some_and(|d| gb_nhs(&d))),
    ("German tax", |v| {
        plain(v, 11).is_some_and(|d| d[0] > 0 && de_repeats(&d) && mod11_10(&d))
    }),
    ("French social security", fr_nir),
    ("Spanish identity", es_dni),
    ("Italian tax", it_cf),
    ("Portuguese tax", |v| {
        plain(v, 9).is_some_and(|d| d[0] > 0 && pt_nif(&d))
    }),
    ("Dutch citizen service", |v| {
        plain(v, 9).is_some_and(|d| nl_bsn(&d))
    }),
    ("Belgian register", |v| {
        plain(v, 11).is_some_and(|d| be_rrn(&d))
    }),
    ("Polish PESEL", |v| {
        plain(v, 11).is_some_and(|d| pl_pesel(&d))
    }),
    ("Swedish personal", se_personnummer),
    ("Danish CPR", dk_cpr),
    ("Norwegian birth", |v| {
        plain(v, 11).is_some_and(|d| no_fnr(&d))
    }),
    ("Finnish personal", fi_hetu),
    ("Swiss AHV", |v| {
        plain(v, 13).is_some_and(|d| d[..3] == [7, 5, 6] && ean(&d))
    }),
    ("Austrian social security", |v| {
        plain(v, 10).is_some_and(|d| at_svnr(&d))
    }),
    ("Brazilian CPF", |v| {
        plain(v, 11).is_some_and(|d| br_cpf(&d))
    }),
    ("Irish PPS", ie_pps),
    ("Canadian social insurance", |v| {
        plain(v, 9).is_some_and(|d| !matches!(d[0], 0 | 8) && luhn(&d))
    }),
    ("Indian Aadhaar", |v| {
        plain(v, 12).is_some_and(|d| d[0] > 1 && verhoeff(&d))
    }),
    ("Turkish identity", |v| {
        plain(v, 11).is_some_and(|d| tr_tckn(&d))
    }),
    ("Romanian CNP", |v| plain(v, 13).is_some_and(|d| ro_cnp(&d))),
    ("Bulgarian EGN", |v| {
        plain(v, 10).is_some_and(|d| bg_egn(&d))
    }),
    ("Czech birth", cz_rc),
    ("Croatian OIB", |v| {
        plain(v, 11).is_some_and(|d| mod11_10(&d))
    }),
    ("Chilean RUT", cl_rut),
    ("Chinese identity", cn_id),
    ("South African identity", |v| {
        plain(v, 13).is_some_and(|d| is_day(pair(&d, 4), pair(&d, 2)) && luhn(&d))
    }),
];

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

fn us_ssn(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    let [area, group, serial] = parts[..] else {
        return false;
    };
    let shape = area.len() == 3 && group.len() == 2 && serial.len() == 4;
    shape
        && plain(value, 9).is_some()
        && area != "000"
        && area != "666"
        && !area.starts_with('9')
        && group != "00"
        && serial != "0000"
}

fn gb_nino(value: &str) -> bool {
    let bare: String = value
        .chars()
        .filter(|c| *c != ' ')
        .collect::<String>()
        .to_ascii_uppercase();
    let bytes = bare.as_bytes();
    bytes.len() == 9
        && b"ABCEGHJKLMNOPRSTWXYZ".contains(&bytes[0])
        && b"ABCEGHJKLMNPRSTWXYZ".contains(&bytes[1])
        && !["BG", "GB", "NK", "KN", "TN", "NT", "ZZ"].contains(&&bare[..2])
        && bytes[2..8].iter().all(u8::is_ascii_digit)
        && (b'A'..=b'D').contains(&bytes[8])
}

fn gb_nhs(d: &[u8]) -> bool {
    let check = (11 - weighted(d, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    check != 10 && check == u32::from(d[9])
}

/// One digit of the first ten stands two or three times.
fn de_repeats(d: &[u8]) -> bool {
    let count = |digit: u8| d[..10].iter().filter(|x| **x == digit).count();
    let most = (0..10).map(count).max().unwrap_or(0);
    (2..=3).contains(&most)
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

fn fr_nir(value: &str) -> bool {
    let bare: String = value.chars().filter(|c| *c != ' ').collect();
    if bare.len() != 15 || !bare.is_ascii() || !bare.starts_with(['1', '2']) {
        return false;
    }
    let body = bare[..13].replace("2A", "19").replace("2B", "18");
    match (
        body.parse::<u64>(),
        bare[13..].parse::<u64>(),
        bare[3..5].parse::<u8>(),
    ) {
        (Ok(body), Ok(key), Ok(_month)) => 97 - body % 97 == key,
        _ => false,
    }
}

fn es_dni(value: &str) -> bool {
    let bare: String = value
        .chars()
        .filter(|c| !matches!(c, '-' | ' ' | '.'))
        .collect::<String>()
        .to_ascii_uppercase();
    let (Some(first), 9) = (bare.chars().next(), bare.len()) else {
        return false;
    };
    if !bare.is_ascii() {
        return false;
    }
    let body = match first {
        'X' => format!("0{}", &bare[1..8]),
        'Y' => format!("1{}", &bare[1..8]),
        'Z' => format!("2{}", &bare[1..8]),
        _ => bare[..8].to_owned(),
    };
    body.bytes().all(|b| b.is_ascii_digit())
        && body
            .parse::<usize>()
            .is_ok_and(|n| b"TRWAGMYFPDXBNJZSQVHLCKE"[n % 23] == bare.as_bytes()[8])
}

fn it_cf(value: &str) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let bytes = value.trim().to_ascii_uppercase().into_bytes();
    if bytes.len() != 16
        || !bytes.iter().all(u8::is_ascii_alphanumeric)
        || !bytes[..6].iter().all(u8::is_ascii_uppercase)
    {
        return false;
    }
    let sum: u32 = bytes[..15]
        .iter()
        .enumerate()
        .map(|(i, byte)| {
            let place = match byte {
                b'0'..=b'9' => byte - b'0',
                _ => byte - b'A',
            };
            if i % 2 == 0 {
                ODD[usize::from(place)]
            } else {
                u32::from(place)
            }
        })
        .sum();
    u32::from(bytes[15].wrapping_sub(b'A')) == sum % 26
}

fn pt_nif(d: &[u8]) -> bool {
    let rest = weighted(d, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    u32::from(d[8]) == if rest < 2 { 0 } else { 11 - rest }
}

fn nl_bsn(d: &[u8]) -> bool {
    let sum = weighted(d, &[9, 8, 7, 6, 5, 4, 3, 2]);
    (i64::from(sum) - i64::from(d[8])) % 11 == 0
}

fn be_rrn(d: &[u8]) -> bool {
    let (body, key) = (number(&d[..9]), number(&d[9..]));
    let fits = |n: u64| 97 - n % 97 == key;
    is_day(pair(d, 4), pair(d, 2)) && (fits(body) || fits(2_000_000_000 + body))
}

fn pl_pesel(d: &[u8]) -> bool {
    let sum = weighted(d, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    is_day(pair(d, 4), pair(d, 2) % 20) && (10 - sum % 10) % 10 == u32::from(d[10])
}

fn se_personnummer(value: &str) -> bool {
    let bare = value.replace(['-', '+'], "");
    let Some(d) = digits(&bare) else { return false };
    let short = match d.len() {
        12 if matches!(pair(&d, 0), 18..=20) => &d[2..],
        10 => &d[..],
        _ => return false,
    };
    is_day(pair(short, 4) % 60, pair(short, 2)) && luhn(short)
}

fn dk_cpr(value: &str) -> bool {
    value.len() == 11
        && value.as_bytes()[6] == b'-'
        && plain(value, 10).is_some_and(|d| is_day(pair(&d, 0), pair(&d, 2)))
}

fn no_fnr(d: &[u8]) -> bool {
    let first = (11 - weighted(d, &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
    let second = (11 - weighted(d, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    is_day(pair(d, 0) % 40, pair(d, 2)) && first == u32::from(d[9]) && second == u32::from(d[10])
}

fn fi_hetu(value: &str) -> bool {
    let bytes = value.as_bytes();
    if bytes.len() != 11 || !value.is_ascii() || !b"-+ABCDEFYXWVU".contains(&bytes[6]) {
        return false;
    }
    let body = format!("{}{}", &value[..6], &value[7..10]);
    body.parse::<usize>()
        .is_ok_and(|n| b"0123456789ABCDEFHJKLMNPRSTUVWXY"[n % 31] == bytes[10])
}

/// The check digit of EAN-13.
fn ean(d: &[u8]) -> bool {
    weighted(d, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
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

fn br_cpf(d: &[u8]) -> bool {
    let check = |weights: &[u32]| {
        let rest = weighted(d, weights) * 10 % 11;
        rest % 10
    };
    check(&[10, 9, 8, 7, 6, 5, 4, 3, 2]) == u32::from(d[9])
        && check(&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) == u32::from(d[10])
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

/// Verhoeff's check digit over the dihedral group of order 10.
fn verhoeff(d: &[u8]) -> bool {
    const P: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let product = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let mut check = 0;
    for (i, digit) in d.iter().rev().enumerate() {
        let permuted = (0..i % 8).fold(*digit, |x, _| P[usize::from(x)]);
        check = product(check, permuted);
    }
    check == 0
}

fn tr_tckn(d: &[u8]) -> bool {
    let odd: i32 = [0, 2, 4, 6, 8].iter().map(|i| i32::from(d[*i])).sum();
    let even: i32 = [1, 3, 5, 7].iter().map(|i| i32::from(d[*i])).sum();
    let all: i32 = d[..10].iter().map(|x| i32::from(*x)).sum();
    d[0] > 0 && (odd * 7 - even).rem_euclid(10) == i32::from(d[9]) && all % 10 == i32::from(d[10])
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

fn cn_id(value: &str) -> bool {
    let bytes = value.as_bytes();
    if bytes.len() != 18 || !bytes[..17].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let d: Vec<u8> = bytes[..17].iter().map(|b| b - b'0').collect();
    let sum = weighted(&d, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    is_day(pair(&d, 12), pair(&d, 10))
        && b"10X98765432"[sum as usize % 11] == bytes[17].to_ascii_uppercase()
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
