//! National identity, social security and tax numbers.

use super::layout::{Field, Layout};
use super::national_rules as rules;
use Field::{Check as C, Digit as N, Dmy, Kept as K, Letter as A, Month, OneOf, Ymd};

/// The longest number, without separators.
pub const MAX_ID: usize = 18;

/// One kind of number.
#[derive(Debug, Clone, Copy)]
pub struct NationalId {
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// What it is called there.
    pub name: &'static str,
    /// What stands where, separators left out.
    pub layout: Layout,
    /// Fills in the check characters (ASCII); false when the others belong to no valid number.
    pub complete: fn(&mut [u8]) -> bool,
}

impl NationalId {
    /// Characters without separators.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layout.iter().map(|field| field.width()).sum()
    }

    /// Whether the layout is empty; never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.layout.is_empty()
    }

    /// Whether `number` (capital letters and digits, no separators) is a valid one.
    #[must_use]
    pub fn is_valid(&self, number: &[u8]) -> bool {
        if number.len() != self.len() {
            return false;
        }
        let mut at = 0;
        for field in self.layout {
            if field.rank(&number[at..at + field.width()]).is_none() {
                return false;
            }
            at += field.width();
        }
        let mut copy = [0_u8; MAX_ID];
        let copy = &mut copy[..number.len()];
        copy.copy_from_slice(number);
        (self.complete)(copy) && copy == number
    }
}

/// The kinds of a country; empty when none is known.
pub fn national_ids_of(country: &str) -> impl Iterator<Item = &'static NationalId> {
    NATIONAL_IDS.iter().filter(move |id| id.country == country)
}

/// Whether `text` is a valid number of the country, with or without spaces, hyphens, dots and
/// slashes, in any case.
#[must_use]
pub fn is_national_id(country: &str, text: &str) -> bool {
    let mut number = [0_u8; MAX_ID];
    let mut count = 0;
    for byte in text.bytes().filter(|byte| !b" -./".contains(byte)) {
        if count == MAX_ID {
            return false;
        }
        number[count] = byte.to_ascii_uppercase();
        count += 1;
    }
    national_ids_of(country).any(|id| id.is_valid(&number[..count]))
}

const fn id(
    country: &'static str,
    name: &'static str,
    layout: Layout,
    complete: fn(&mut [u8]) -> bool,
) -> NationalId {
    NationalId {
        country,
        name,
        layout,
        complete,
    }
}

const FINNISH_CENTURY: Field = OneOf(b"ABCDEFUVWXY");

/// Every kind that is known; several of one country have disjoint values.
#[rustfmt::skip]
pub const NATIONAL_IDS: &[NationalId] = &[
    id("AU", "TFN", &[N, N, N, N, N, N, N, N, C], rules::tfn),
    id("BE", "Rijksregisternummer", &[Ymd, N, N, N, C, C], rules::belgian_1900),
    id("BE", "Rijksregisternummer", &[Ymd, N, N, N, C, C], rules::belgian_2000),
    id("BR", "CPF", &[N, N, N, N, N, N, N, N, N, C, C], rules::cpf),
    id("CA", "SIN", &[N, N, N, N, N, N, N, N, C], rules::sin),
    id("CH", "AHV", &[K, K, K, N, N, N, N, N, N, N, N, N, C], rules::ahv),
    id("CN", "resident identity", &[K, K, N, N, N, N, K, K, Ymd, N, N, N, C], rules::chinese),
    id("DE", "Steuer-ID", &[N, N, N, N, N, N, N, N, N, N, C], rules::steuer_id),
    id("DK", "CPR", &[Dmy, N, N, N, N], rules::any),
    id("ES", "DNI", &[N, N, N, N, N, N, N, N, C], rules::dni),
    id("ES", "NIE", &[OneOf(b"XYZ"), N, N, N, N, N, N, N, C], rules::nie),
    id("FI", "HETU", &[Dmy, N, N, N, C], rules::hetu),
    id("FI", "HETU", &[Dmy, FINNISH_CENTURY, N, N, N, C], rules::hetu),
    id("FR", "NIR", &[OneOf(b"12"), N, N, Month, N, N, N, N, N, N, N, N, C, C], rules::nir),
    id("GB", "NINO", &[A, A, N, N, N, N, N, N, OneOf(b"ABCD")], rules::nino),
    id("IN", "Aadhaar", &[N, N, N, N, N, N, N, N, N, N, N, C], rules::aadhaar),
    id("IT", "codice fiscale",
        &[A, A, A, A, A, A, N, N, OneOf(b"ABCDEHLMPRST"), N, N, A, N, N, N, C], rules::codice_fiscale),
    id("NL", "BSN", &[N, N, N, N, N, N, N, N, C], rules::bsn),
    id("NO", "fødselsnummer", &[Dmy, N, N, N, C, C], rules::fodselsnummer),
    id("PL", "PESEL", &[Ymd, N, N, N, N, C], rules::pesel),
    id("PT", "NIF", &[N, N, N, N, N, N, N, N, C], rules::nif),
    id("SE", "personnummer", &[Ymd, N, N, N, C], rules::personnummer),
    id("SE", "personnummer", &[K, K, Ymd, N, N, N, C], rules::personnummer_long),
    id("TR", "TCKN", &[N, N, N, N, N, N, N, N, N, C, C], rules::tckn),
    id("US", "SSN", &[N, N, N, N, N, N, N, N, N], rules::ssn),
    id("ZA", "ID", &[Ymd, N, N, N, N, K, K, C], rules::south_african),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_are_valid_and_damaged_ones_are_not() {
        for (country, text) in [
            ("AU", "123 456 782"),
            ("BE", "85.07.30-033 28"),
            ("BR", "529.982.247-25"),
            ("CA", "130 692 544"),
            ("CH", "756.9217.0769.85"),
            ("CN", "11010519491231002X"),
            ("DE", "86095742719"),
            ("ES", "12345678Z"),
            ("ES", "X1234567L"),
            ("FI", "131052-308T"),
            ("FR", "2 55 08 14 168 025 38"),
            ("IN", "2341 2341 2346"),
            ("IT", "RSSMRA85T10A562S"),
            ("NL", "111222333"),
            ("PL", "44051401359"),
            ("PT", "501964843"),
            ("SE", "811228-9874"),
            ("SE", "19811228-9874"),
            ("TR", "10000000146"),
            ("ZA", "8001015009087"),
        ] {
            assert!(is_national_id(country, text), "{country} {text}");
            // The last character decides in each of them.
            let mut damaged = text.to_owned();
            let last = damaged.pop().unwrap();
            damaged.push(if last == '1' || last == 'A' { '2' } else { '1' });
            assert!(!is_national_id(country, &damaged), "{country} {damaged}");
        }
        assert!(is_national_id("US", "219-09-9999") && !is_national_id("US", "666-09-9999"));
        assert!(is_national_id("GB", "AB 12 34 56 C") && !is_national_id("GB", "QQ123456C"));
        assert!(is_national_id("DK", "211062-5629") && !is_national_id("DK", "321362-5629"));
        assert!(
            NATIONAL_IDS
                .iter()
                .all(|id| id.len() <= MAX_ID && !id.is_empty())
        );
    }
}
