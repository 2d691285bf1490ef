//! Lists of names and places by locale, from the crate `fake` (its version is pinned by the lock
//! file: another version may give other masks).

use fake::locales::{
    AR_SA, CY_GB, DE_DE, Data, EN, FA_IR, FR_FR, IT_IT, JA_JP, NL_NL, PT_BR, PT_PT, TR_TR, ZH_CN,
    ZH_TW,
};

use super::given::{Given, given};
use crate::masking::Locale;

/// Names and places of one locale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lists {
    /// Given names by gender, where there are such; then these are the ones that are drawn.
    pub(super) given: Option<Given>,
    pub(super) first: &'static [&'static str],
    pub(super) last: &'static [&'static str],
    pub(super) city_ends: &'static [&'static str],
    pub(super) street_ends: &'static [&'static str],
    pub(super) company_ends: &'static [&'static str],
    /// Whether the family name stands first, without a space.
    pub(super) family_first: bool,
    /// Whether "Street" stands in front of the name.
    pub(super) street_first: bool,
    /// Whether the house number stands in front.
    pub(super) number_first: bool,
}

const fn lists<D: Data>(_: &D) -> Lists {
    Lists {
        given: None,
        first: D::NAME_FIRST_NAME,
        last: D::NAME_LAST_NAME,
        city_ends: D::ADDRESS_CITY_SUFFIX,
        street_ends: D::ADDRESS_STREET_SUFFIX,
        company_ends: D::COMPANY_SUFFIX,
        family_first: false,
        street_first: false,
        number_first: false,
    }
}

impl Locale {
    /// Every locale.
    pub const ALL: &'static [Self] = &[
        Self::ArSa,
        Self::CyGb,
        Self::DeDe,
        Self::EnUs,
        Self::FaIr,
        Self::FrFr,
        Self::ItIt,
        Self::JaJp,
        Self::NlNl,
        Self::PtBr,
        Self::PtPt,
        Self::TrTr,
        Self::ZhCn,
        Self::ZhTw,
    ];

    pub(super) fn lists(self) -> Lists {
        let family_first = matches!(self, Self::JaJp | Self::ZhCn | Self::ZhTw);
        let street_first = matches!(
            self,
            Self::CyGb | Self::FaIr | Self::FrFr | Self::ItIt | Self::PtBr | Self::PtPt
        );
        let number_first = matches!(self, Self::EnUs | Self::FrFr | Self::CyGb);
        let bare = match self {
            Self::ArSa => lists(&AR_SA),
            Self::CyGb => lists(&CY_GB),
            Self::DeDe => lists(&DE_DE),
            Self::EnUs => lists(&EN),
            Self::FaIr => lists(&FA_IR),
            Self::FrFr => lists(&FR_FR),
            Self::ItIt => lists(&IT_IT),
            Self::JaJp => lists(&JA_JP),
            Self::NlNl => lists(&NL_NL),
            Self::PtBr => lists(&PT_BR),
            Self::PtPt => lists(&PT_PT),
            Self::TrTr => lists(&TR_TR),
            Self::ZhCn => lists(&ZH_CN),
            Self::ZhTw => lists(&ZH_TW),
        };
        Lists {
            given: given(self),
            family_first,
            street_first,
            number_first,
            ..bare
        }
    }
}

/// Appends a name in lower-case ASCII letters: accents are dropped; of other scripts nothing is
/// left.
pub(super) fn ascii_lower(name: &str, out: &mut Vec<u8>) {
    for character in name.chars() {
        match character {
            'a'..='z' => out.push(character as u8),
            'A'..='Z' => out.push(character.to_ascii_lowercase() as u8),
            _ => out.extend_from_slice(folded(character).as_bytes()),
        }
    }
}

fn folded(character: char) -> &'static str {
    match character {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'Á' | 'À' | 'Â' | 'Å' => "a",
        'ä' | 'Ä' | 'æ' => "ae",
        'ç' | 'Ç' | 'č' | 'ć' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'É' | 'È' | 'Ê' => "e",
        'ğ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ı' | 'İ' | 'Í' => "i",
        'ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'Ó' => "o",
        'ö' | 'Ö' => "oe",
        'ş' | 'Ş' | 'š' => "s",
        'ß' => "ss",
        'ù' | 'ú' | 'û' | 'Ú' => "u",
        'ü' | 'Ü' => "ue",
        'ŵ' => "w",
        'ŷ' | 'ÿ' => "y",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_locale_has_lists() {
        for locale in Locale::ALL {
            let lists = locale.lists();
            assert!(
                lists.first.len() >= 20 && lists.last.len() >= 10,
                "{locale:?}"
            );
            for list in [lists.city_ends, lists.street_ends, lists.company_ends] {
                assert!(!list.is_empty(), "{locale:?}");
            }
        }
    }
}
