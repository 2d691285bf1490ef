//! What a type consists of, as far as masks reach inside of it.

use super::{ColumnFacts, Shape};

/// What a type consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Structure {
    /// One value.
    #[default]
    Scalar,
    /// An array of such elements.
    Array(Box<Part>),
    /// A range with such bounds.
    Range(Box<Part>),
    /// Ranges with such bounds.
    Multirange(Box<Part>),
    /// A composite, or the row of a table: its attributes by name, in their order.
    Composite(Vec<(String, Part)>),
}

/// The type of an element, a bound or an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// As `format_type` names it; the base type of a domain.
    pub data_type: String,
    /// Characters that a value may have, where the type limits them.
    pub max_length: Option<u32>,
    /// Whether a domain refuses null.
    pub not_null: bool,
    /// Labels, when it is an enum.
    pub labels: Vec<String>,
    /// What it consists of itself.
    pub structure: Structure,
}

/// The built-in ranges and the types of their bounds.
pub(super) const RANGES: &[(&str, &str, &str)] = &[
    ("int4range", "int4multirange", "integer"),
    ("int8range", "int8multirange", "bigint"),
    ("numrange", "nummultirange", "numeric"),
    ("daterange", "datemultirange", "date"),
    ("tsrange", "tsmultirange", "timestamp without time zone"),
    ("tstzrange", "tstzmultirange", "timestamp with time zone"),
];

impl Structure {
    /// What a built-in type consists of.
    #[must_use]
    pub fn built_in(data_type: &str) -> Self {
        let part = |name: &str| Box::new(Part::built_in(name));
        if let Some(element) = data_type.strip_suffix("[]") {
            return Self::Array(part(element));
        }
        let of_name = |(range, multirange, bound): &(&str, &str, &str)| match data_type {
            name if name == *range => Some(Self::Range(part(bound))),
            name if name == *multirange => Some(Self::Multirange(part(bound))),
            _ => None,
        };
        RANGES.iter().find_map(of_name).unwrap_or_default()
    }
}

impl Part {
    fn built_in(data_type: &str) -> Self {
        Self {
            data_type: data_type.to_owned(),
            max_length: max_length(data_type),
            not_null: false,
            labels: Vec::new(),
            structure: Structure::built_in(data_type),
        }
    }
}

impl ColumnFacts {
    /// The facts of a part of the column's values. `place` tells it in messages: `[]`, `.street`.
    #[must_use]
    pub fn part(&self, part: &Part, place: &str) -> Self {
        Self {
            title: format!("{}{place}", self.title),
            data_type: part.data_type.clone(),
            shape: Shape::of(&part.data_type),
            max_length: part.max_length,
            not_null: part.not_null,
            labels: part.labels.clone(),
            structure: part.structure.clone(),
            ..self.clone()
        }
    }
}

/// The number in `character varying(40)`; none for arrays.
pub(super) fn max_length(data_type: &str) -> Option<u32> {
    if !data_type.starts_with("character") && !data_type.starts_with("bpchar") {
        return None;
    }
    let (_, rest) = data_type.split_once('(')?;
    rest.strip_suffix(')')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_texts() {
        assert_eq!(max_length("character varying(40)"), Some(40));
        assert_eq!(max_length("character(3)"), Some(3));
        assert_eq!(max_length("text"), None);
        assert_eq!(max_length("numeric(10,2)"), None);
        assert_eq!(max_length("character varying(40)[]"), None);
    }

    #[test]
    fn built_in_types_are_taken_apart() {
        let Structure::Array(element) = Structure::built_in("character varying(40)[]") else {
            panic!("no array");
        };
        assert_eq!(element.max_length, Some(40));
        assert!(matches!(
            Structure::built_in("tstzmultirange"),
            Structure::Multirange(bound) if Shape::of(&bound.data_type) == Shape::Timestamp
        ));
        assert_eq!(Structure::built_in("text"), Structure::Scalar);
    }
}
