//! Which values stand for themselves, by their type.

use super::{bits, document, geometry, network, system};
use crate::generate::pg_type::PgType;
use crate::generate::source::Make;
use crate::generate::source::numbered::{Spell, numbered};
use crate::generate::stream::StreamKey;

/// Texts by a function of a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) size: u64,
    pub(super) write: fn(u64, &mut String),
}

impl Spell for Form {
    fn size(&self) -> u64 {
        self.size
    }

    fn spell(&self, number: u64, out: &mut String) {
        (self.write)(number, out);
    }
}

/// A maker of values of the type itself; `None` for types that are made of others or are not known.
pub(in crate::generate::source) fn native(key: StreamKey, kind: &PgType) -> Option<Box<dyn Make>> {
    let form = match kind {
        PgType::Bits(room, _) => return numbered(bits::Bits::new(*room), key),
        PgType::Inet(false) => network::ADDRESS,
        PgType::Inet(true) => network::NETWORK,
        PgType::Mac(6) => network::MAC,
        PgType::Mac(_) => network::MAC8,
        PgType::Json(_) => document::JSON,
        PgType::Xml => document::XML,
        PgType::Other(name) => {
            let (word, modifiers) = bare(name);
            if matches!(word, "vector" | "halfvec") {
                return numbered(geometry::Vector::new(modifiers)?, key);
            }
            other(word, modifiers)?
        }
        _ => return None,
    };
    numbered(form, key)
}

/// `public.geometry(Point,4326)` is `geometry` with `Point,4326`.
fn bare(name: &str) -> (&str, &str) {
    let (word, modifiers) = name.split_once('(').unwrap_or((name, ""));
    let word = word.rsplit('.').next().unwrap_or(word);
    (
        word.trim_matches('"'),
        modifiers.split(')').next().unwrap_or_default(),
    )
}

fn other(word: &str, modifiers: &str) -> Option<Form> {
    document::form(word)
        .or_else(|| geometry::form(word, modifiers))
        .or_else(|| system::form(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::source::tests_support::Nothing;
    use crate::generate::value::Value;
    use std::collections::BTreeSet;

    /// The types that are made here, as the catalog names them.
    #[cfg(test)]
    pub(super) const NAMES: &[&str] = &[
        "point",
        "line",
        "lseg",
        "box",
        "path",
        "polygon",
        "circle",
        "pg_lsn",
        "xid",
        "xid8",
        "cid",
        "tid",
        "jsonpath",
        "tsvector",
        "tsquery",
        "regclass",
        "regtype",
        "regnamespace",
        "pg_snapshot",
        "txid_snapshot",
        "int2vector",
        "oidvector",
        "refcursor",
        "public.ltree",
        "public.hstore",
        "public.lquery",
        "public.cube",
        "public.vector(3)",
        "public.geometry(Point,4326)",
        "public.floatmultirange",
    ];

    #[test]
    fn numbers_have_texts_of_their_own() {
        let key = StreamKey::new(1, "t", "c");
        let mut kinds: Vec<PgType> = NAMES
            .iter()
            .map(|name| PgType::Other((*name).to_owned()))
            .collect();
        kinds.extend([
            PgType::Bits(Some(3), false),
            PgType::Bits(Some(80), false),
            PgType::Bits(None, true),
            PgType::Inet(false),
            PgType::Inet(true),
            PgType::Mac(6),
            PgType::Mac(8),
            PgType::Json(false),
            PgType::Json(true),
            PgType::Xml,
        ]);
        for kind in kinds {
            let make = native(key, &kind).unwrap_or_else(|| panic!("{kind:?}"));
            let rows = make.size().unwrap().min(3000);
            let texts: BTreeSet<String> = (0..rows)
                .map(|index| match make.nth(index, &Nothing) {
                    Value::Text(text) => text.into_owned(),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(texts.len() as u64, rows, "{kind:?}");
            assert!(
                matches!(make.draw(&mut key.row(5, 0), &Nothing), Value::Text(_)),
                "{kind:?}"
            );
        }
        assert!(native(key, &PgType::Other("public.unheard_of".to_owned())).is_none());
    }

    #[test]
    fn names_are_told_from_schemas_and_modifiers() {
        for (name, word, modifiers) in [
            ("point", "point", ""),
            ("public.vector(3)", "vector", "3"),
            ("\"My\".\"box\"", "box", ""),
        ] {
            assert_eq!(bare(name), (word, modifiers), "{name}");
        }
    }
}
