//! How a column's values look in PostgreSQL's binary COPY format.

use serde::Serialize;

/// The binary form of a type, as far as masks tell types apart
/// (<https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format": each field is what
/// the type's send function gives).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// UTF-8 without a length: `text`, `varchar`, `bpchar`, `citext`, `name`, `xml`.
    Text,
    /// UTF-8 that is one JSON value: `json`.
    Json,
    /// The byte 1, then UTF-8 that is one JSON value: `jsonb`.
    Jsonb,
    /// Big-endian signed integer of so many bytes: 2, 4 or 8.
    Integer(u8),
    /// Big-endian IEEE 754 of so many bytes: 4 or 8.
    Float(u8),
    /// `numeric`: base-10000 digits with weight, sign and scale.
    Numeric,
    /// One byte, 0 or 1.
    Bool,
    /// Days since 2000-01-01, four bytes; the extremes stand for infinity.
    Date,
    /// Microseconds since 2000-01-01, eight bytes; the extremes stand for infinity.
    Timestamp,
    /// Microseconds since midnight, eight bytes.
    Time,
    /// Sixteen bytes.
    Uuid,
    /// Family, bits, whether `cidr`, number of bytes, then the address: `inet`, `cidr`.
    Inet,
    /// Six bytes (`macaddr`) or eight (`macaddr8`).
    Mac,
    /// Raw bytes: `bytea`.
    Bytes,
    /// An array whose elements are [`Shape::Text`].
    TextArray,
    /// Anything else. What it consists of ([`Structure`](super::Structure)), its labels or its name
    /// (`hstore`) may still give it a mask; else it can be kept, set to null or computed by SQL.
    Other,
}

impl Shape {
    /// The shape of a type as `format_type` names it under `search_path = pg_catalog`; the base
    /// type where it is a domain.
    #[must_use]
    pub fn of(data_type: &str) -> Self {
        if let Some(element) = data_type.strip_suffix("[]") {
            return match Self::of(element) {
                Self::Text => Self::TextArray,
                _ => Self::Other,
            };
        }
        let bare = data_type.split('(').next().unwrap_or_default().trim();
        match bare {
            "text" | "character varying" | "character" | "bpchar" | "name" | "xml" => Self::Text,
            other if other == "citext" || other.ends_with(".citext") => Self::Text,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "smallint" => Self::Integer(2),
            "integer" => Self::Integer(4),
            "bigint" => Self::Integer(8),
            "real" => Self::Float(4),
            "double precision" => Self::Float(8),
            "numeric" => Self::Numeric,
            "boolean" => Self::Bool,
            "date" => Self::Date,
            "timestamp" | "timestamp without time zone" | "timestamp with time zone" => {
                Self::Timestamp
            }
            "time" | "time without time zone" => Self::Time,
            "uuid" => Self::Uuid,
            "inet" | "cidr" => Self::Inet,
            "macaddr" | "macaddr8" => Self::Mac,
            "bytea" => Self::Bytes,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_as_format_type_writes_them() {
        for (text, shape) in [
            ("character varying(40)", Shape::Text),
            ("public.citext", Shape::Text),
            ("timestamp(3) with time zone", Shape::Timestamp),
            ("text[]", Shape::TextArray),
            ("integer[]", Shape::Other),
            ("numeric(10,2)", Shape::Numeric),
            ("public.mood", Shape::Other),
            ("time without time zone", Shape::Time),
            ("time with time zone", Shape::Other),
        ] {
            assert_eq!(Shape::of(text), shape, "{text}");
        }
    }
}
