//! Documents: JSON, XML, and what is searched or labelled.

use std::fmt::Write as _;

use fake::locales::{Data, EN};

use super::Form;
use crate::generate::stream::stir;

/// Numbers that documents are told apart by.
const SIZE: u64 = 1 << 40;

/// Small objects.
pub(super) const JSON: Form = Form {
    size: SIZE,
    write: |number, out| {
        let chance = stir(number);
        let (label, tag) = (word(number, 1), word(number, 2));
        let active = chance & 1 == 1;
        let (whole, tenth) = (chance >> 8 & 7, (chance >> 16) % 10);
        let _ = write!(
            out,
            r#"{{"id": {number}, "label": "{label}", "active": {active}, "score": {whole}.{tenth}, "tags": ["{tag}"]}}"#
        );
    },
};

/// One element.
pub(super) const XML: Form = Form {
    size: SIZE,
    write: |number, out| {
        let label = word(number, 1);
        let _ = write!(
            out,
            r#"<entry id="{number}"><label>{label}</label></entry>"#
        );
    },
};

/// The n-th word that goes with a number; lower-case ASCII letters.
fn word(number: u64, place: u64) -> &'static str {
    let chance = stir(number ^ place << 56);
    let words = EN::LOREM_WORD;
    words
        .get((chance % words.len().max(1) as u64) as usize)
        .copied()
        .unwrap_or("word")
}

pub(super) fn form(name: &str) -> Option<Form> {
    let write: fn(u64, &mut String) = match name {
        "hstore" => |number, out| {
            let _ = write!(
                out,
                "\"id\"=>\"{number}\", \"label\"=>\"{}\"",
                word(number, 1)
            );
        },
        "ltree" | "lquery" => |number, out| {
            let _ = write!(
                out,
                "root.{}.{}.n{number}",
                word(number, 1),
                word(number, 2)
            );
        },
        "ltxtquery" | "tsquery" => |number, out| {
            let _ = write!(out, "{} & n{number}", word(number, 1));
        },
        "tsvector" => |number, out| {
            let _ = write!(
                out,
                "'n{number}':1 '{}':2 '{}':3",
                word(number, 1),
                word(number, 2)
            );
        },
        "jsonpath" => |number, out| {
            let _ = write!(out, "$.\"{}\".\"n{number}\"", word(number, 1));
        },
        _ => return None,
    };
    Some(Form { size: SIZE, write })
}
