//! How check characters are computed, country by country. Each function fills in the check places
//! of an ASCII number of the right layout and says whether such a number is issued.

use super::card::luhn_digit;

fn value(byte: u8) -> u32 {
    u32::from(byte.wrapping_sub(b'0'))
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0'))
}

fn weighted(bytes: &[u8], weights: &[u32]) -> u32 {
    let pairs = bytes.iter().zip(weights);
    pairs.map(|(byte, weight)| value(*byte) * weight).sum()
}

/// Sets a check digit; false when it would have two digits.
fn set(place: &mut u8, digit: u32) -> bool {
    *place = b'0' + (digit % 10) as u8;
    digit < 10
}

fn set_luhn(number: &mut [u8]) -> bool {
    let mut digits = [0_u8; 18];
    let Some((last, rest)) = number.split_last_mut() else {
        return false;
    };
    for (to, from) in digits.iter_mut().zip(rest.iter()) {
        *to = from - b'0';
    }
    set(last, u32::from(luhn_digit(&digits[..rest.len()])))
}

pub(super) fn any(_: &mut [u8]) -> bool {
    true
}

pub(super) fn tfn(n: &mut [u8]) -> bool {
    // The last weight is 10, which is -1 modulo 11.
    let sum = weighted(n, &[1, 4, 3, 7, 5, 8, 6, 9]);
    set(&mut n[8], sum % 11)
}

pub(super) fn belgian_1900(n: &mut [u8]) -> bool {
    belgian(n, 0)
}

pub(super) fn belgian_2000(n: &mut [u8]) -> bool {
    belgian(n, 2_000_000_000)
}

fn belgian(n: &mut [u8], century: u64) -> bool {
    let check = (97 - (century + number(&n[..9])) % 97) as u32;
    set(&mut n[9], check / 10) && set(&mut n[10], check % 10)
}

pub(super) fn cpf(n: &mut [u8]) -> bool {
    let first = weighted(n, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11;
    set(&mut n[9], first);
    let second = weighted(n, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11;
    set(&mut n[10], second);
    n[..9].iter().any(|byte| *byte != n[0])
}

pub(super) fn sin(n: &mut [u8]) -> bool {
    set_luhn(n) && n[0] != b'0' && n[0] != b'8'
}

pub(super) fn ahv(n: &mut [u8]) -> bool {
    let sum = weighted(n, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
    set(&mut n[12], (10 - sum % 10) % 10) && n.starts_with(b"756")
}

/// ISO 7064 MOD 11-2.
pub(super) fn chinese(n: &mut [u8]) -> bool {
    let sum = weighted(n, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    n[17] = b"10X98765432"[(sum % 11) as usize];
    &n[6..8] == b"19" || &n[6..8] == b"20"
}

/// ISO 7064 MOD 11,10; of the ten digits one stands twice or three times, the others at most once.
pub(super) fn steuer_id(n: &mut [u8]) -> bool {
    let mut counts = [0_u8; 10];
    let mut product = 10;
    for byte in &n[..10] {
        counts[value(*byte) as usize] += 1;
        let sum = match (value(*byte) + product) % 10 {
            0 => 10,
            other => other,
        };
        product = sum * 2 % 11;
    }
    let repeated = counts.iter().filter(|count| **count > 1).count();
    set(&mut n[10], (11 - product) % 10)
        && n[0] != b'0'
        && repeated == 1
        && counts.iter().all(|count| *count <= 3)
}

const DNI: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

pub(super) fn dni(n: &mut [u8]) -> bool {
    n[8] = DNI[(number(&n[..8]) % 23) as usize];
    true
}

pub(super) fn nie(n: &mut [u8]) -> bool {
    let head = u64::from(n[0].wrapping_sub(b'X')) * 10_000_000;
    n[8] = DNI[((head + number(&n[1..8])) % 23) as usize];
    true
}

/// With or without the letter of the century after the date.
pub(super) fn hetu(n: &mut [u8]) -> bool {
    let last = n.len() - 1;
    let serial = number(&n[last - 3..last]);
    let all = number(&n[..6]) * 1000 + serial;
    n[last] = b"0123456789ABCDEFHJKLMNPRSTUVWXY"[(all % 31) as usize];
    serial >= 2
}

pub(super) fn nir(n: &mut [u8]) -> bool {
    let key = (97 - number(&n[..13]) % 97) as u32;
    set(&mut n[13], key / 10) && set(&mut n[14], key % 10)
}

pub(super) fn nino(n: &mut [u8]) -> bool {
    let pair = [n[0], n[1]];
    !b"DFIQUV".contains(&n[0])
        && !b"DFIOQUV".contains(&n[1])
        && ![*b"BG", *b"GB", *b"KN", *b"NK", *b"NT", *b"TN", *b"ZZ"].contains(&pair)
}

/// Verhoeff's check over the dihedral group D5.
pub(super) fn aadhaar(n: &mut [u8]) -> bool {
    const SHIFT: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    const INVERSE: [u32; 10] = [0, 4, 3, 2, 1, 5, 6, 7, 8, 9];
    let times = |a: u32, b: u32| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let mut sum = 0;
    for (i, byte) in n[..11].iter().rev().enumerate() {
        let mut digit = value(*byte);
        for _ in 0..(i + 1) % 8 {
            digit = u32::from(SHIFT[digit as usize]);
        }
        sum = times(sum, digit);
    }
    set(&mut n[11], INVERSE[sum as usize]) && n[0] > b'1'
}

pub(super) fn codice_fiscale(n: &mut [u8]) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let day = number(&n[9..11]) % 40;
    let mut sum = 0;
    for (i, byte) in n[..15].iter().enumerate() {
        let rank = match byte {
            b'0'..=b'9' => byte - b'0',
            other => other - b'A',
        };
        sum += match i % 2 {
            0 => ODD[usize::from(rank)],
            _ => u32::from(rank),
        };
    }
    n[15] = b'A' + (sum % 26) as u8;
    (1..=31).contains(&day) && n[9] < b'8'
}

pub(super) fn bsn(n: &mut [u8]) -> bool {
    let sum = weighted(n, &[9, 8, 7, 6, 5, 4, 3, 2]);
    set(&mut n[8], sum % 11) && n[..8].iter().any(|byte| *byte != b'0')
}

pub(super) fn fodselsnummer(n: &mut [u8]) -> bool {
    let first = (11 - weighted(n, &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
    if !set(&mut n[9], first) {
        return false;
    }
    let second = (11 - weighted(n, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    set(&mut n[10], second)
}

pub(super) fn pesel(n: &mut [u8]) -> bool {
    let sum = weighted(n, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    set(&mut n[10], (10 - sum % 10) % 10)
}

pub(super) fn nif(n: &mut [u8]) -> bool {
    let rest = weighted(n, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    set(&mut n[8], if rest < 2 { 0 } else { 11 - rest }) && n[0] != b'0' && n[0] != b'4'
}

pub(super) fn personnummer(n: &mut [u8]) -> bool {
    set_luhn(n)
}

pub(super) fn personnummer_long(n: &mut [u8]) -> bool {
    set_luhn(&mut n[2..]) && [b"18", b"19", b"20"].iter().any(|c| n.starts_with(*c))
}

pub(super) fn tckn(n: &mut [u8]) -> bool {
    let odd: u32 = [0, 2, 4, 6, 8].iter().map(|i| value(n[*i])).sum();
    let even: u32 = [1, 3, 5, 7].iter().map(|i| value(n[*i])).sum();
    set(&mut n[9], (odd * 7 + 100 - even) % 10);
    let all: u32 = n[..10].iter().map(|byte| value(*byte)).sum();
    set(&mut n[10], all % 10) && n[0] != b'0'
}

pub(super) fn ssn(n: &mut [u8]) -> bool {
    let area = number(&n[..3]);
    area != 0 && area != 666 && area < 900 && &n[3..5] != b"00" && &n[5..] != b"0000"
}

pub(super) fn south_african(n: &mut [u8]) -> bool {
    set_luhn(n)
}
