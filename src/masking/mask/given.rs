//! Given names by gender, of a locale.

pub(super) use crate::world::Given;

use crate::masking::Locale;
use crate::world;

/// The names of a locale; `None` where there are none by gender.
pub(super) fn given(locale: Locale) -> Option<Given> {
    world::given(match locale {
        Locale::EnUs => "en",
        Locale::DeDe => "de",
        Locale::FrFr => "fr",
        Locale::ItIt => "it",
        Locale::NlNl => "nl",
        Locale::PtBr | Locale::PtPt => "pt",
        Locale::TrTr => "tr",
        Locale::ArSa | Locale::CyGb | Locale::FaIr | Locale::JaJp | Locale::ZhCn | Locale::ZhTw => {
            return None;
        }
    })
}
