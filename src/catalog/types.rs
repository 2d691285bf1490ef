//! Types as columns name them: what lies below domains, the labels of enums.

use super::model::Catalog;
use super::object::{Domain, Type, TypeKind};
use super::table::Table;
use crate::sql::{Ident, QualifiedName, split_name};

impl Catalog {
    /// The type of a user that `format_type` writes so; `None` for built-in types, and for those of
    /// extensions.
    #[must_use]
    pub fn type_named(&self, data_type: &str) -> Option<&Type> {
        self.types.get(&qualified(data_type)?)
    }

    /// The table whose rows are of the type that `format_type` writes so.
    #[must_use]
    pub fn row_type(&self, data_type: &str) -> Option<&Table> {
        self.tables.get(&qualified(data_type)?)
    }

    /// The type below all domains, as `format_type` writes it.
    #[must_use]
    pub fn base_type<'a>(&'a self, data_type: &'a str) -> &'a str {
        self.domains(data_type)
            .last()
            .map_or(data_type, |domain| &domain.base)
    }

    /// Whether a domain of the type refuses null.
    #[must_use]
    pub fn refuses_null(&self, data_type: &str) -> bool {
        self.domains(data_type).any(|domain| domain.not_null)
    }

    /// The labels of an enum, also below domains; none for other types.
    #[must_use]
    pub fn labels(&self, data_type: &str) -> &[String] {
        match self.type_named(self.base_type(data_type)).map(|t| &t.kind) {
            Some(TypeKind::Enum { labels }) => labels,
            _ => &[],
        }
    }

    /// The domains that a type consists of, the outermost first. A domain over a domain is a
    /// chain; the number of types bounds its length.
    fn domains<'a>(&'a self, data_type: &str) -> impl Iterator<Item = &'a Domain> {
        let domain = |name: &str| match &self.type_named(name)?.kind {
            TypeKind::Domain(domain) => Some(domain),
            _ => None,
        };
        std::iter::successors(domain(data_type), move |above| domain(&above.base))
            .take(self.types.len())
    }
}

/// The schema and name that `format_type` wrote; names of built-in types have no schema.
fn qualified(data_type: &str) -> Option<QualifiedName> {
    let mut parts = split_name(data_type)?.into_iter().map(|part| part.literal);
    let (schema, name) = (parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Some(QualifiedName::new(
        Ident::new(schema).ok()?,
        Ident::new(name).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_are_read_as_format_type_writes_them() {
        let plain = |text: &str| qualified(text).map(|name| name.to_string());
        assert_eq!(plain("public.mood").as_deref(), Some(r#""public"."mood""#));
        assert_eq!(
            plain(r#""We ird"."M.o""#).as_deref(),
            Some(r#""We ird"."M.o""#)
        );
        assert_eq!(plain("integer"), None);
        assert_eq!(plain("character varying(40)"), None);
    }
}
