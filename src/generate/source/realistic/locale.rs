//! Languages and countries that there are lists for.

use serde::{Deserialize, Serialize};

/// Whose names, streets and numbers are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Italian.
    It,
    /// Dutch.
    Nl,
    /// Portuguese of Portugal.
    PtPt,
    /// Portuguese of Brazil.
    PtBr,
    /// Turkish.
    Tr,
    /// Japanese.
    Ja,
    /// Chinese of the mainland.
    ZhCn,
    /// Arabic.
    Ar,
}

impl Locale {
    /// How many there are.
    pub(super) const COUNT: usize = 11;

    /// What [`Locale::read`] takes, a country apart.
    pub const NAMES: &str = "en, de, fr, it, nl, pt_PT, pt_BR, tr, ja, zh_CN, ar";

    /// ISO 639-1.
    pub(in crate::generate::source) const fn language(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fr => "fr",
            Self::It => "it",
            Self::Nl => "nl",
            Self::PtPt | Self::PtBr => "pt",
            Self::Tr => "tr",
            Self::Ja => "ja",
            Self::ZhCn => "zh",
            Self::Ar => "ar",
        }
    }

    /// Countries whose places are taken (ISO 3166-1); `None` for all.
    pub(in crate::generate::source) const fn countries(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::En => return None,
            Self::De => &["DE", "AT", "CH"],
            Self::Fr => &["FR"],
            Self::It => &["IT"],
            Self::Nl => &["NL"],
            Self::PtBr => &["BR"],
            Self::PtPt => &["PT"],
            Self::Tr => &["TR"],
            Self::Ja => &["JP"],
            Self::ZhCn => &["CN"],
            Self::Ar => &["SA"],
        })
    }

    /// Reads `de`, `de_DE`, `pt-br` ...; `None` for those without lists.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim().replace('-', "_").to_ascii_lowercase();
        Some(match text.split('_').next()? {
            "en" => Self::En,
            "de" => Self::De,
            "fr" => Self::Fr,
            "it" => Self::It,
            "nl" => Self::Nl,
            "pt" if text.ends_with("br") => Self::PtBr,
            "pt" => Self::PtPt,
            "tr" => Self::Tr,
            "ja" => Self::Ja,
            "zh" => Self::ZhCn,
            "ar" => Self::Ar,
            _ => return None,
        })
    }
}
