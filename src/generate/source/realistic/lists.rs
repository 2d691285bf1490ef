//! Lists of words, each word once, the short ones first.

use std::collections::BTreeSet;
use std::sync::{LazyLock, OnceLock};

use fake::locales::{
    AR_SA, DE_DE, Data, EN, FR_FR, IT_IT, JA_JP, NL_NL, PT_BR, PT_PT, TR_TR, ZH_CN,
};

use super::locale::Locale;
use super::slug::slug;

/// A list of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    First,
    Last,
    CitySuffix,
    State,
    StateCode,
    Country,
    CountryCode,
    CompanySuffix,
    Seniority,
    Field,
    Position,
    Industry,
    Profession,
    Currency,
    Word,
    TimeZone,
}

const LISTS: usize = 16;

macro_rules! of {
    ($name:ident, $locale:expr) => {
        match $locale {
            Locale::En => EN::$name,
            Locale::De => DE_DE::$name,
            Locale::Fr => FR_FR::$name,
            Locale::It => IT_IT::$name,
            Locale::Nl => NL_NL::$name,
            Locale::PtPt => PT_PT::$name,
            Locale::PtBr => PT_BR::$name,
            Locale::Tr => TR_TR::$name,
            Locale::Ja => JA_JP::$name,
            Locale::ZhCn => ZH_CN::$name,
            Locale::Ar => AR_SA::$name,
        }
    };
}

fn raw(list: List, locale: Locale) -> &'static [&'static str] {
    match list {
        List::First => of!(NAME_FIRST_NAME, locale),
        List::Last => of!(NAME_LAST_NAME, locale),
        List::CitySuffix => of!(ADDRESS_CITY_SUFFIX, locale),
        List::State => of!(ADDRESS_STATE, locale),
        List::StateCode => of!(ADDRESS_STATE_ABBR, locale),
        List::Country => of!(ADDRESS_COUNTRY, locale),
        List::CountryCode => of!(ADDRESS_COUNTRY_CODE, locale),
        List::CompanySuffix => of!(COMPANY_SUFFIX, locale),
        List::Seniority => of!(JOB_SENIORITY, locale),
        List::Field => of!(JOB_FIELD, locale),
        List::Position => of!(JOB_POSITION, locale),
        List::Industry => of!(COMPANY_INDUSTRY, locale),
        List::Profession => of!(COMPANY_PROFESSION, locale),
        List::Currency => of!(CURRENCY_CODE, locale),
        List::Word => EN::LOREM_WORD,
        List::TimeZone => of!(ADDRESS_TIME_ZONE, locale),
    }
}

/// Of each list, locale and form.
static KEPT: LazyLock<Vec<OnceLock<Vec<String>>>> = LazyLock::new(|| {
    let count = LISTS * Locale::COUNT * 2;
    (0..count).map(|_| OnceLock::new()).collect()
});

/// The words of a list, by length; `plain`: as they stand in addresses, lower-case ASCII. English
/// takes the place of a list that a locale does not have.
pub(super) fn words(list: List, locale: Locale, plain: bool) -> &'static [String] {
    let place = (list as usize * Locale::COUNT + locale as usize) * 2 + usize::from(plain);
    KEPT.get(place).map_or(&[], |kept| {
        kept.get_or_init(|| {
            let own = prepare(raw(list, locale), list, plain);
            if own.is_empty() {
                prepare(raw(list, Locale::En), list, plain)
            } else {
                own
            }
        })
    })
}

/// Whether people pay with it: codes that begin with an X stand for metals, funds and tests, but for
/// those of monetary unions.
fn is_tender(code: &str) -> bool {
    !code.starts_with('X') || matches!(code, "XAF" | "XOF" | "XPF" | "XCD")
}

fn prepare(raw: &[&str], list: List, plain: bool) -> Vec<String> {
    // A blank inside a name would blur where the next one begins.
    let single = matches!(list, List::First | List::Last | List::Word);
    let mut seen = BTreeSet::new();
    let mut words: Vec<String> = raw
        .iter()
        .map(|word| {
            if plain {
                slug(word)
            } else {
                word.trim().to_owned()
            }
        })
        .map(|word| word.replace("Transportationg", "Transportation"))
        .filter(|word| !(word.is_empty() || single && word.contains(char::is_whitespace)))
        .filter(|word| list != List::Currency || is_tender(word))
        .filter(|word| seen.insert(word.to_lowercase()))
        .collect();
    words.sort_by_key(|word| word.chars().count());
    words
}
