//! The elements of arrays and the attributes of composites, which follow the domains of their own type.

use super::attribute;
use super::check::condition_of;
use super::draft::Draft;
use super::scene::Scene;
use crate::catalog::TypeKind;
use crate::error::Result;
use crate::generate::condition;
use crate::generate::fact::Fact;
use crate::generate::pg_type::{ColumnType, PgType, user_type};
use crate::generate::source::Source;

/// What the elements of an array column hold when domains of theirs demand something; `None` when none
/// does, or the column is no array.
pub(super) fn source(scene: &Scene<'_>, draft: &Draft<'_>, index: usize) -> Result<Option<Source>> {
    let PgType::Array(kind, _) = draft.kind(index) else {
        return Ok(None);
    };
    let own = &draft.slots[index].column.data_type;
    let of = ColumnType::of(scene.catalog, own);
    let array = of.domains.last().map_or(own, |domain| &domain.base);
    let Some(element) = array.strip_suffix("[]") else {
        return Ok(None);
    };
    demanded(scene, draft, index, (element, kind))
}

/// What the attributes of a composite column hold when domains of theirs demand something, by their
/// places.
pub(super) fn attributes(
    scene: &Scene<'_>,
    draft: &Draft<'_>,
    index: usize,
) -> Result<Vec<(usize, Source)>> {
    let PgType::Composite(kinds) = draft.kind(index) else {
        return Ok(Vec::new());
    };
    let own = &draft.slots[index].column.data_type;
    let of = ColumnType::of(scene.catalog, own);
    let base = of.domains.last().map_or(own, |domain| &domain.base);
    let found = user_type(scene.catalog, base).map(|found| &found.kind);
    let Some(TypeKind::Composite { attributes }) = found else {
        return Ok(Vec::new());
    };
    let mut sources = Vec::new();
    for (place, (attribute, (_, kind))) in attributes.iter().zip(kinds).enumerate() {
        let of_type = (attribute.data_type.as_str(), kind);
        if let Some(source) = demanded(scene, draft, index, of_type)? {
            sources.push((place, source));
        }
    }
    Ok(sources)
}

/// What a part of a column holds when the domains of the part's type demand something.
fn demanded(
    scene: &Scene<'_>,
    draft: &Draft<'_>,
    index: usize,
    (element, kind): (&str, &PgType),
) -> Result<Option<Source>> {
    let domains = ColumnType::of(scene.catalog, element).domains;
    let mut facts = Vec::new();
    for check in domains.iter().flat_map(|domain| &domain.checks) {
        let resolve = |name: &str| (name == "VALUE").then(|| (0, kind.clone()));
        let text = condition_of(&check.definition);
        let Some(read) = condition::read(text, &resolve, scene.options.today) else {
            continue;
        };
        facts.extend(read.facts().0.into_iter().map(|(_, says)| Fact {
            from: check.name.as_str().to_owned(),
            says,
        }));
    }
    if facts.is_empty() {
        return Ok(None);
    }
    if let Some(pattern) = Source::of_pattern(&facts, kind) {
        return Ok(Some(pattern));
    }
    let mut column = draft.slots[index].column.clone();
    element.clone_into(&mut column.data_type);
    let found = attribute::found_as(scene, draft, (index, kind, &facts), &column)?;
    Ok(Some(found.source))
}
