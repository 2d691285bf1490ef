//! What is known of a column without looking at its values.

use crate::masking::Class;

/// A column by name.
#[derive(Debug, Clone, Copy)]
pub struct ColumnName<'a> {
    /// The name of its table, without the schema.
    pub table: &'a str,
    /// Its name.
    pub column: &'a str,
    /// Its type as `format_type` or a person writes it (`int`, `character varying(40)`).
    pub data_type: &'a str,
    /// `COMMENT ON COLUMN`.
    pub comment: Option<&'a str>,
}

/// Types, as far as they tell what a column may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Text of any length, enums included.
    Text,
    /// Several texts.
    TextArray,
    /// Whole numbers.
    Integer,
    /// Numbers with a fraction.
    Decimal,
    /// True or false.
    Bool,
    /// A day.
    Date,
    /// A moment, a time of day, an interval.
    Time,
    /// A UUID.
    Uuid,
    /// `inet`, `cidr`.
    Inet,
    /// `macaddr`, `macaddr8`.
    Mac,
    /// `json`, `jsonb`, `hstore`, `xml`.
    Document,
    /// `bytea`, large objects.
    Bytes,
    /// Points and other shapes on a map.
    Geometry,
    /// Lexemes of texts.
    Lexemes,
    /// Anything else.
    Other,
}

impl Family {
    /// The family of a type.
    #[must_use]
    pub fn of(data_type: &str) -> Self {
        let lower = data_type.to_ascii_lowercase();
        if let Some(element) = lower.strip_suffix("[]") {
            return match Self::of(element) {
                Self::Text | Self::TextArray => Self::TextArray,
                other => other,
            };
        }
        let bare = lower.split('(').next().unwrap_or_default().trim();
        let bare = bare.rsplit('.').next().unwrap_or(bare).trim_matches('"');
        match bare {
            "text" | "character varying" | "varchar" | "character" | "char" | "bpchar" | "name"
            | "citext" | "string" | "email" => Self::Text,
            "smallint" | "integer" | "bigint" | "int" | "int2" | "int4" | "int8" | "serial"
            | "bigserial" => Self::Integer,
            "real" | "double precision" | "numeric" | "decimal" | "float" | "float4" | "float8"
            | "money" => Self::Decimal,
            "boolean" | "bool" => Self::Bool,
            "date" => Self::Date,
            "uuid" => Self::Uuid,
            "inet" | "cidr" => Self::Inet,
            "macaddr" | "macaddr8" => Self::Mac,
            "json" | "jsonb" | "hstore" | "xml" => Self::Document,
            "bytea" | "blob" | "lo" => Self::Bytes,
            "point" | "geometry" | "geography" | "box" | "circle" | "path" | "polygon" => {
                Self::Geometry
            }
            "tsvector" => Self::Lexemes,
            other if other.starts_with("time") || other == "datetime" || other == "interval" => {
                Self::Time
            }
            _ => Self::Other,
        }
    }

    /// Whether values of the family can be of the class at all.
    #[must_use]
    pub fn may_hold(self, class: Class) -> bool {
        use Class as C;
        let texts = matches!(self, Self::Text | Self::TextArray | Self::Other);
        match class {
            C::BirthDate | C::PersonalDate => {
                texts || matches!(self, Self::Date | Self::Time | Self::Integer)
            }
            C::Age | C::Money => matches!(
                self,
                Self::Integer | Self::Decimal | Self::Text | Self::Other
            ),
            C::Phone
            | C::PostalCode
            | C::CardNumber
            | C::CardSecurity
            | C::BankAccount
            | C::NationalId => texts || matches!(self, Self::Integer | Self::Decimal),
            C::DocumentId => texts || matches!(self, Self::Integer | Self::Date | Self::Bytes),
            C::Health => !matches!(self, Self::Time | Self::Uuid | Self::Inet | Self::Mac),
            C::Gender | C::Sensitive => texts || matches!(self, Self::Integer),
            C::Location => texts || matches!(self, Self::Decimal | Self::Geometry | Self::Document),
            C::IpAddress => texts || matches!(self, Self::Inet | Self::Integer | Self::Bytes),
            C::DeviceId => texts || matches!(self, Self::Mac | Self::Uuid | Self::Integer),
            C::Secret | C::Password => {
                texts || matches!(self, Self::Bytes | Self::Uuid | Self::Document)
            }
            C::Biometric => texts || matches!(self, Self::Bytes | Self::Document),
            C::PseudonymousId => {
                texts || matches!(self, Self::Integer | Self::Uuid | Self::Decimal)
            }
            C::FreeText => texts || matches!(self, Self::Lexemes | Self::Document),
            C::Document => matches!(self, Self::Document),
            _ => texts || matches!(self, Self::Document | Self::Bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_fall_into_families() {
        for (text, family) in [
            ("character varying(40)", Family::Text),
            ("public.citext", Family::Text),
            ("text[]", Family::TextArray),
            ("timestamp(3) with time zone", Family::Time),
            ("int", Family::Integer),
            ("public.hstore", Family::Document),
            ("public.geography(Point,4326)", Family::Geometry),
            ("public.mood", Family::Other),
        ] {
            assert_eq!(Family::of(text), family, "{text}");
        }
        assert!(!Family::Bool.may_hold(Class::Email));
        assert!(!Family::Time.may_hold(Class::Email));
        assert!(Family::Integer.may_hold(Class::Phone));
    }
}
