//! What a column can hold, with its modifiers, and how values of it travel.

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Domain, Type, TypeKind};

/// A type as a generator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PgType {
    /// `boolean`
    Bool,
    /// `smallint`, `integer`, `bigint`: its bytes.
    Int(u8),
    /// `real`, `double precision`: its bytes.
    Float(u8),
    /// `numeric`: precision and scale, when it is limited. The scale may be negative (15+).
    Numeric(Option<(u16, i16)>),
    /// `money`
    Money,
    /// `text`, `varchar`, `citext`, `name`: the characters it holds at most.
    Text(Option<u32>),
    /// `char(n)`
    Char(u32),
    /// `bytea`
    Bytes,
    /// `date`
    Date,
    /// `time`; `true` with time zone.
    Time(bool),
    /// `timestamp`; `true` with time zone.
    Timestamp(bool),
    /// `interval`
    Interval,
    /// `interval year to month`, `interval hour` ...: the server keeps nothing below the field.
    IntervalOf(IntervalField),
    /// `uuid`
    Uuid,
    /// `json`; `true` for `jsonb`.
    Json(bool),
    /// `xml`
    Xml,
    /// `inet`; `true` for `cidr`.
    Inet(bool),
    /// `macaddr`, `macaddr8`: its bytes.
    Mac(u8),
    /// `bit(n)`; `true` for `bit varying(n)`.
    Bits(Option<u32>, bool),
    /// An enum with its labels in their order.
    Enum(Vec<String>),
    /// A composite with its attributes.
    Composite(Vec<(String, PgType)>),
    /// An array with its elements' type and object identifier.
    Array(Box<PgType>, u32),
    /// A range over a type; the name decides whether it is one of steps (`int4range`) or not.
    Range(Box<PgType>),
    /// A multirange over a type.
    Multirange(Box<PgType>),
    /// Any other, by its name: its values travel as text.
    Other(String),
}

/// The type of a column, with what its domains demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnType<'a> {
    /// The type under all domains.
    pub base: PgType,
    /// Domains from the outermost to the innermost.
    pub domains: Vec<&'a Domain>,
}

impl<'a> ColumnType<'a> {
    /// Resolves a type as the catalog names it: `format_type` under `search_path = pg_catalog`.
    #[must_use]
    pub fn of(catalog: &'a Catalog, data_type: &str) -> Self {
        let mut domains = Vec::new();
        let mut name = data_type.to_owned();
        // A domain over itself cannot be made; the bound guards against a damaged catalog.
        for _ in 0..32 {
            match user_type(catalog, &name).map(|found| &found.kind) {
                Some(TypeKind::Domain(domain)) => {
                    domains.push(domain);
                    name.clone_from(&domain.base);
                }
                _ => break,
            }
        }
        Self {
            base: PgType::named(catalog, &name),
            domains,
        }
    }
}

/// The type that somebody made of this name.
pub(super) fn user_type<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a Type> {
    // `format_type` quotes a part only where it must.
    let bare = name.replace('"', "");
    catalog.types.values().find(|found| {
        let (schema, own) = (found.name.schema.as_str(), found.name.name.as_str());
        bare.strip_prefix(schema)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|rest| rest == own)
            || found.name.plain() == name
    })
}

impl PgType {
    fn named(catalog: &Catalog, name: &str) -> Self {
        if let Some(element) = name.strip_suffix("[]") {
            let inner = ColumnType::of(catalog, element).base;
            let oid = match user_type(catalog, element) {
                Some(found) => found.oid,
                None => inner.oid_as(&split_modifiers(element).0),
            };
            return Self::Array(Box::new(inner), oid);
        }
        if let Some(found) = user_type(catalog, name) {
            return match &found.kind {
                TypeKind::Enum { labels } => Self::Enum(labels.clone()),
                TypeKind::Composite { attributes } => Self::Composite(
                    attributes
                        .iter()
                        .map(|attribute| {
                            let base = ColumnType::of(catalog, &attribute.data_type).base;
                            (attribute.name.as_str().to_owned(), base)
                        })
                        .collect(),
                ),
                TypeKind::Range { subtype } => match subtype {
                    Some(subtype) => Self::Range(Box::new(ColumnType::of(catalog, subtype).base)),
                    None => Self::Other(name.to_owned()),
                },
                TypeKind::Domain(_) => Self::Other(name.to_owned()),
            };
        }
        Self::built_in(name)
    }

    /// A built-in type, or one of an extension, by its name with modifiers.
    fn built_in(name: &str) -> Self {
        let (word, modifiers) = split_modifiers(name);
        let first = modifiers.first().and_then(|m| u32::try_from(*m).ok());
        match word.as_str() {
            "boolean" => Self::Bool,
            "smallint" => Self::Int(2),
            "integer" | "oid" => Self::Int(4),
            "bigint" => Self::Int(8),
            "real" => Self::Float(4),
            "double precision" => Self::Float(8),
            "numeric" => Self::Numeric(modifiers.first().map(|precision| {
                let scale = modifiers.get(1).copied().unwrap_or(0);
                (*precision as u16, scale as i16)
            })),
            "money" => Self::Money,
            "text" | "character varying" => Self::Text(first),
            "name" => Self::Text(Some(63)),
            "character" => Self::Char(first.unwrap_or(1)),
            "\"char\"" => Self::Char(1),
            "bytea" => Self::Bytes,
            "date" => Self::Date,
            "time without time zone" => Self::Time(false),
            "time with time zone" => Self::Time(true),
            "timestamp without time zone" => Self::Timestamp(false),
            "timestamp with time zone" => Self::Timestamp(true),
            "uuid" => Self::Uuid,
            "json" => Self::Json(false),
            "jsonb" => Self::Json(true),
            "xml" => Self::Xml,
            "inet" => Self::Inet(false),
            "cidr" => Self::Inet(true),
            "macaddr" => Self::Mac(6),
            "macaddr8" => Self::Mac(8),
            "bit" => Self::Bits(Some(first.unwrap_or(1)), false),
            "bit varying" => Self::Bits(first, true),
            "int4range" => Self::Range(Box::new(Self::Int(4))),
            "int8range" => Self::Range(Box::new(Self::Int(8))),
            "numrange" => Self::Range(Box::new(Self::Numeric(None))),
            "daterange" => Self::Range(Box::new(Self::Date)),
            "tsrange" => Self::Range(Box::new(Self::Timestamp(false))),
            "tstzrange" => Self::Range(Box::new(Self::Timestamp(true))),
            "int4multirange" => Self::Multirange(Box::new(Self::Int(4))),
            "int8multirange" => Self::Multirange(Box::new(Self::Int(8))),
            "nummultirange" => Self::Multirange(Box::new(Self::Numeric(None))),
            "datemultirange" => Self::Multirange(Box::new(Self::Date)),
            "tsmultirange" => Self::Multirange(Box::new(Self::Timestamp(false))),
            "tstzmultirange" => Self::Multirange(Box::new(Self::Timestamp(true))),
            word if word == "interval" || word.starts_with("interval ") => {
                IntervalField::lowest(word).map_or(Self::Interval, Self::IntervalOf)
            }
            word if word == "citext" || word.ends_with(".citext") => Self::Text(None),
            _ => Self::Other(name.to_owned()),
        }
    }

    /// The object identifier of the built-in type `word`, as an array's binary form names its
    /// elements (`src/include/catalog/pg_type.dat`); 0 when it is not known here.
    fn oid_as(&self, word: &str) -> u32 {
        match (self, word) {
            (Self::Bool, _) => 16,
            (Self::Bytes, _) => 17,
            (Self::Text(_), "name") => 19,
            (Self::Int(8), _) => 20,
            (Self::Int(2), _) => 21,
            (Self::Int(4), "integer") => 23,
            (Self::Text(_), "text") => 25,
            (Self::Json(false), _) => 114,
            (Self::Float(4), _) => 700,
            (Self::Float(8), _) => 701,
            (Self::Char(_), "character") => 1042,
            (Self::Text(_), "character varying") => 1043,
            (Self::Date, _) => 1082,
            (Self::Time(false), _) => 1083,
            (Self::Timestamp(false), _) => 1114,
            (Self::Timestamp(true), _) => 1184,
            (Self::Interval | Self::IntervalOf(_), _) => 1186,
            (Self::Numeric(_), _) => 1700,
            (Self::Uuid, _) => 2950,
            (Self::Json(true), _) => 3802,
            _ => 0,
        }
    }

    /// Whether values of it are written in COPY's binary format; a table with a column that is not
    /// travels as text.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        match self {
            Self::Bool
            | Self::Int(_)
            | Self::Float(_)
            | Self::Numeric(_)
            | Self::Text(_)
            | Self::Char(_)
            | Self::Bytes
            | Self::Date
            | Self::Time(false)
            | Self::Timestamp(_)
            | Self::Interval
            | Self::IntervalOf(_)
            | Self::Uuid
            | Self::Json(_)
            | Self::Enum(_) => true,
            Self::Array(element, oid) => *oid != 0 && element.is_binary(),
            _ => false,
        }
    }
}

/// The lowest field that an interval with a modifier keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalField {
    /// `interval year`
    Year,
    /// `interval month`, `interval year to month`
    Month,
    /// `interval day`
    Day,
    /// `interval hour`, `interval day to hour`
    Hour,
    /// `interval minute` and those that end with it
    Minute,
}

impl IntervalField {
    /// The last word of `interval year to month`; `None` for seconds, which keep all.
    fn lowest(name: &str) -> Option<Self> {
        Some(match name.rsplit(' ').next()? {
            "year" => Self::Year,
            "month" => Self::Month,
            "day" => Self::Day,
            "hour" => Self::Hour,
            "minute" => Self::Minute,
            _ => return None,
        })
    }

    /// Microseconds that stand for one; a month is 30 days, a year twelve of them, as PostgreSQL
    /// compares intervals.
    #[must_use]
    pub fn micros(self) -> i64 {
        const MINUTE: i64 = 60_000_000;
        match self {
            Self::Year => 12 * 30 * 24 * 60 * MINUTE,
            Self::Month => 30 * 24 * 60 * MINUTE,
            Self::Day => 24 * 60 * MINUTE,
            Self::Hour => 60 * MINUTE,
            Self::Minute => MINUTE,
        }
    }
}

/// `numeric(10,2)` is `numeric` and 10, 2; a modifier may stand inside, as in `timestamp(3) with
/// time zone`.
fn split_modifiers(name: &str) -> (String, Vec<i64>) {
    let (Some(open), Some(close)) = (name.find('('), name.find(')')) else {
        return (name.to_owned(), Vec::new());
    };
    let modifiers = name[open + 1..close]
        .split(',')
        .filter_map(|part| part.trim().parse().ok())
        .collect();
    (
        format!("{}{}", &name[..open], &name[close + 1..]),
        modifiers,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_their_modifiers() {
        for (name, expected) in [
            ("integer", PgType::Int(4)),
            ("numeric(10,2)", PgType::Numeric(Some((10, 2)))),
            ("numeric(3)", PgType::Numeric(Some((3, 0)))),
            ("character varying(40)", PgType::Text(Some(40))),
            ("character varying", PgType::Text(None)),
            ("character(2)", PgType::Char(2)),
            ("timestamp(3) with time zone", PgType::Timestamp(true)),
            ("bit(8)", PgType::Bits(Some(8), false)),
            ("interval day to second(3)", PgType::Interval),
            ("interval(0)", PgType::Interval),
            (
                "interval year to month",
                PgType::IntervalOf(IntervalField::Month),
            ),
            ("interval hour", PgType::IntervalOf(IntervalField::Hour)),
            ("public.citext", PgType::Text(None)),
            ("public.ltree", PgType::Other("public.ltree".to_owned())),
            ("text[]", PgType::Array(Box::new(PgType::Text(None)), 25)),
        ] {
            assert_eq!(PgType::named(&Catalog::default(), name), expected, "{name}");
        }
        assert!(PgType::named(&Catalog::default(), "date[]").is_binary());
        assert!(!PgType::named(&Catalog::default(), "inet[]").is_binary());
    }
}
