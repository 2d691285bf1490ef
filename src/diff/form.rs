//! The form in which the values of a column are compared.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, TypeKind};
use crate::sql::Ident;

/// How the values of a column become bytes that are equal when, and only when, the values would be
/// printed alike on both servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The binary form of this built-in type. It keeps what the type's `=` does not see: the scale
    /// of a numeric, the units of an interval, the blanks of a `char(n)`.
    Binary(&'static str),
    /// The binary form of a float, every NaN made the same one. Negative zero keeps its sign.
    Float(&'static str),
    /// The text that the type's output function gives. For types that hold identifiers of objects
    /// (enums, `regclass`), whose binary form depends on settings or on the sender's catalog
    /// (arrays, composites, ranges), or that this version does not know.
    Text,
}

/// The types of one database, to see through its domains.
#[derive(Debug, Clone, Default)]
pub struct Types(BTreeMap<u32, u32>);

impl Types {
    /// The domains of `catalog`.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        Self(
            catalog
                .types
                .values()
                .filter_map(|kind| match &kind.kind {
                    TypeKind::Domain(domain) => Some((kind.oid, domain.base_oid)),
                    _ => None,
                })
                .collect(),
        )
    }

    /// The form of the type with this identifier; domains take the form of the type below.
    #[must_use]
    pub fn form(&self, oid: u32) -> Form {
        let mut oid = oid;
        // A domain cannot contain itself; the bound guards against a catalog that says it does.
        for _ in 0..=self.0.len() {
            match self.0.get(&oid) {
                Some(base) => oid = *base,
                None => break,
            }
        }
        built_in(oid)
    }
}

/// Identifiers of built-in types never change (`pg_type.dat` of PostgreSQL).
///
/// `bit` is left out because a cast to it cuts the value to one bit, `money` because its scale is a
/// setting, `xml` because its binary form names an encoding; all three print exactly.
fn built_in(oid: u32) -> Form {
    match oid {
        16 => Form::Binary("bool"),
        17 => Form::Binary("bytea"),
        20 => Form::Binary("int8"),
        21 => Form::Binary("int2"),
        23 => Form::Binary("int4"),
        25 | 1043 => Form::Binary("text"),
        114 => Form::Binary("json"),
        700 => Form::Float("float4"),
        701 => Form::Float("float8"),
        1042 => Form::Binary("bpchar"),
        1082 => Form::Binary("date"),
        1083 => Form::Binary("time"),
        1114 => Form::Binary("timestamp"),
        1184 => Form::Binary("timestamptz"),
        1186 => Form::Binary("interval"),
        1266 => Form::Binary("timetz"),
        1700 => Form::Binary("numeric"),
        2950 => Form::Binary("uuid"),
        3802 => Form::Binary("jsonb"),
        _ => Form::Text,
    }
}

/// One column and the form in which both sides give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Its name, the same on both sides.
    pub name: Ident,
    /// The form.
    pub form: Form,
}

impl Compared {
    /// The expression of its value; `alias` is the table's name in the statement.
    pub(super) fn value(&self, alias: &Ident) -> String {
        let column = format!("{alias}.{}", self.name);
        match self.form {
            Form::Binary(name) => format!("({column})::pg_catalog.{name}"),
            Form::Float(name) => {
                let nan = format!("'NaN'::pg_catalog.{name}");
                let value = format!("({column})::pg_catalog.{name}");
                format!("case when {value} = {nan} then {nan} else {value} end")
            }
            Form::Text => printed_or_null(&column),
        }
    }

    /// The expression of its value as a part of a key, where 1.0 and 1.00 are the same. Texts match
    /// byte by byte, whatever their collation says: there `a` and `A` are two keys.
    pub(super) fn key_value(&self, alias: &Ident) -> String {
        match self.form {
            Form::Binary("numeric") => format!("pg_catalog.trim_scale({})", self.value(alias)),
            _ => self.value(alias),
        }
    }

    /// The expression of its value for a person.
    pub(super) fn shown(&self, alias: &Ident) -> String {
        printed(&format!("{alias}.{}", self.name))
    }
}

/// An expression of what the output function prints of a column; empty for a null. A cast to text
/// strips the blanks of `char(n)`, and may be one that the user defined.
pub(super) fn printed(column: &str) -> String {
    format!("pg_catalog.concat({column})")
}

/// The same, null for a null. A composite of nulls `is null` without being null, hence `is distinct
/// from null`.
pub(super) fn printed_or_null(column: &str) -> String {
    format!(
        "case when {column} is distinct from null then {} end",
        printed(column)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_take_the_form_of_their_base_and_unknown_types_are_text() {
        let types = Types(BTreeMap::from([(20_001, 20_000), (20_000, 20), (5, 5)]));
        assert_eq!(types.form(20_001), Form::Binary("int8"));
        assert_eq!(types.form(20_002), Form::Text);
        assert_eq!(types.form(5), Form::Text);
        // oid, bit, money, xml, regclass, int4[].
        for oid in [26, 1560, 790, 142, 2205, 1007] {
            assert_eq!(types.form(oid), Form::Text, "{oid}");
        }
    }

    #[test]
    fn names_are_quoted() {
        let column = Compared {
            name: Ident::new("a\"b").unwrap(),
            form: Form::Binary("int4"),
        };
        let alias = Ident::new("My Table").unwrap();
        assert_eq!(
            column.value(&alias),
            r#"("My Table"."a""b")::pg_catalog.int4"#
        );
    }
}
