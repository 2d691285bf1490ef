//! Turns a rule into the function that masks a field.

use std::sync::Arc;

use super::padded::padded;
use super::site::{Compiled, Site};
use super::{
    array, composite, constant, date, digits, fpe, gender, hash, hstore, json, national, net,
    number, partial, permute, person, place, range, redact_text, when, xml,
};
use crate::error::Result;
use crate::masking::{Columns, FieldMask, Mask, MaskKey, Rule, Shape, Structure};
use person::Part;

/// What a mask must know about its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnFacts {
    /// `users.email`, for messages.
    pub title: String,
    /// The type as `format_type` names it; the base type of a domain.
    pub data_type: String,
    /// How values look.
    pub shape: Shape,
    /// Characters that a value may have, where the type limits them.
    pub max_length: Option<u32>,
    /// Whether null is refused.
    pub not_null: bool,
    /// Whether the column is a unique key by itself.
    pub unique: bool,
    /// Rows of the table, estimated; the number of distinct values at most.
    pub rows: u64,
    /// The COPY's columns, those of the whole table: where a mask finds the other fields of its row.
    pub columns: Arc<Columns>,
    /// Labels, when the type is an enum.
    pub labels: Vec<String>,
    /// What the type consists of.
    pub structure: Structure,
}

/// The function for a rule; `None` when the values stay as they are or the source computes them.
/// Everything that can be known before the run is refused here: a rule that does not fit the type,
/// a unique column whose mask has too few values, null in a NOT NULL column.
///
/// # Errors
/// [`crate::error::Kind::MaskRule`] with the reason and what would fit.
pub fn compile(
    rule: &Rule,
    facts: &ColumnFacts,
    key: &MaskKey,
) -> Result<Option<Arc<dyn FieldMask>>> {
    let site = Site { rule, facts, key };
    let mask = match &rule.mask {
        Mask::Keep | Mask::Sql { .. } => return Ok(None),
        mask => inside(&site).unwrap_or_else(|| whole(&site, mask)),
    };
    mask.map(|mask| Some(padded(mask, facts)))
}

/// Masks that reach into the values of a type; `None` for masks of whole values.
fn inside(site: &Site<'_>) -> Option<Compiled> {
    if let Mask::When {
        condition,
        then,
        otherwise,
    } = &site.rule.mask
    {
        return Some(when::compile(site, condition, then, otherwise));
    }
    let replaces = matches!(site.rule.mask, Mask::Null | Mask::Redact);
    match &site.facts.structure {
        Structure::Array(element) => array::compile(site, element),
        Structure::Range(bound) if !replaces => Some(range::compile(site, bound, false)),
        Structure::Multirange(bound) if !replaces => Some(range::compile(site, bound, true)),
        _ => None,
    }
}

/// Masks of whole values.
fn whole(site: &Site<'_>, mask: &Mask) -> Compiled {
    match mask {
        Mask::Null => constant::null(site),
        Mask::Constant { value } => constant::constant(site, value),
        Mask::Redact => constant::redact(site),
        Mask::Enum => constant::label(site),
        Mask::Hash { length } => hash::compile(site, *length),
        Mask::Permute | Mask::Uuid => permute::compile(site),
        mask => personal(site, mask).unwrap_or_else(|| vague(site, mask)),
    }
}

/// Masks that put another person, place or number in the place of the real one.
fn personal(site: &Site<'_>, mask: &Mask) -> Option<Compiled> {
    Some(match mask {
        Mask::PersonName { locale } => person::name(site, *locale, Part::Whole),
        Mask::FirstName { locale } => person::name(site, *locale, Part::First),
        Mask::LastName { locale } => person::name(site, *locale, Part::Last),
        Mask::UserName { locale } => person::user_name(site, *locale),
        Mask::Email {
            locale,
            host,
            ignore_case,
        } => person::email(site, *locale, host, *ignore_case),
        Mask::Phone => digits::phone(site),
        Mask::Address { locale } => place::compile(site, *locale, place::Kind::Address),
        Mask::City { locale } => place::compile(site, *locale, place::Kind::City),
        Mask::Company { locale } => place::compile(site, *locale, place::Kind::Company),
        Mask::Place { part, country } => place::real(site, *part, country.as_deref()),
        Mask::Gender { locale } => gender::compile(site, *locale),
        Mask::PostalCode => place::postal_code(site),
        Mask::Url { host } => net::url(site, host),
        Mask::Ip => net::ip(site),
        Mask::Mac => net::mac(site),
        Mask::UserAgent => net::user_agent(site),
        Mask::CardNumber => digits::card(site),
        Mask::Iban => digits::iban(site),
        Mask::NationalId { country } => national::compile(site, country),
        Mask::Fpe { alphabet } => fpe::compile(site, *alphabet),
        _ => return None,
    })
}

/// Masks that keep a part of the value, or make it vaguer.
fn vague(site: &Site<'_>, mask: &Mask) -> Compiled {
    match mask {
        Mask::ShiftDays { .. } | Mask::Truncate { .. } => date::compile(site),
        Mask::Zip3 => place::zip3(site),
        Mask::Partial { first, last, fill } => partial::partial(site, (*first, *last), *fill),
        Mask::Regex { pattern, replace } => partial::regex(site, pattern, replace),
        Mask::RedactText { names } => redact_text::compile(site, names),
        Mask::Json { paths, otherwise } => json::compile(site, paths, otherwise),
        Mask::Hstore { keys, otherwise } => hstore::compile(site, keys, otherwise),
        Mask::Xml { paths, otherwise } => xml::compile(site, paths, otherwise),
        Mask::Attributes { attributes } => composite::compile(site, attributes),
        _ => number::compile(site),
    }
}
