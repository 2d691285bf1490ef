//! JSON Schema (draft 2020-12), as far as values are made of it: `type`, `enum`, `const`, `required`,
//! `properties`, `items`, the bounds of numbers, strings and arrays, and schemas made of others (`merge`).
//! Any other keyword is refused, since a document that breaks it would look like one that fulfils it.

use std::cell::Cell;

use serde_json::{Map, Value};

use super::admit::admits;
use super::merge::{MADE_OF, Merge, Plain};
use super::shape::{DEPTH, Field, Named, Shape};
use super::text;
use crate::generate::distribution::Distribution;
use crate::generate::pg_type::PgType;
use crate::generate::source::Source;
use crate::generate::stream::StreamKey;
use crate::sql::nearest;

/// What is understood.
const KNOWN: [&str; 18] = [
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
];
/// What says nothing of values.
const REMARKS: [&str; 11] = [
    "$schema",
    "$id",
    "$comment",
    "$anchor",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
];
/// Elements of an array at most, and those beyond the least where nothing is said.
const ELEMENTS: u64 = 1000;
const MORE_ELEMENTS: u64 = 3;
/// Share of objects that have a member which is not required.
const OPTIONAL: f64 = 0.8;
/// Numbers beyond the one bound that is given.
const WIDE: f64 = 1000.0;
/// Digits behind the point of numbers of which nothing is said.
const DECIMALS: u16 = 2;
/// Whole numbers that JSON's readers keep (RFC 8259, section 6): below 2^53.
const EXACT: f64 = 9_007_199_254_740_991.0;

/// Parts of a document at most: what refers to itself in several places grows by their powers.
const PARTS: usize = 4096;

pub(super) type Read<T> = Result<T, Wrong>;

/// Why a schema is not read.
pub(super) enum Wrong {
    /// What is wrong, with the place.
    Said(String),
    /// It leads to itself again and again; the place. Where it may be left out, it is.
    Endless(String),
}

/// The shape of a schema's documents; `named` tells strings by their member's name, `today` is in
/// microseconds since 2000-01-01. The error names the place in the schema.
pub(in crate::generate) fn of_schema(
    schema: &Value,
    named: Named<'_>,
    today: i64,
) -> Result<Shape, String> {
    let place = Place {
        path: String::new(),
        name: "",
        depth: 0,
        refs: Vec::new(),
    };
    let reader = Reader {
        named,
        today,
        merge: Merge { root: schema },
        parts: Cell::new(0),
    };
    reader.shape(schema, &place).map_err(|wrong| match wrong {
        Wrong::Said(text) => text,
        Wrong::Endless(path) => format!(
            "schema {path}: it leads to itself without an end: let a member be optional, an array be empty, or anyOf have another choice"
        ),
    })
}

struct Reader<'n> {
    named: Named<'n>,
    today: i64,
    merge: Merge<'n>,
    /// Parts that were read.
    parts: Cell<usize>,
}

/// Where a part of the schema stands.
pub(super) struct Place<'p> {
    /// A JSON Pointer (RFC 6901).
    pub(super) path: String,
    /// The member that it describes.
    pub(super) name: &'p str,
    pub(super) depth: usize,
    /// References that were followed on the way to it.
    pub(super) refs: Vec<String>,
}

impl Place<'_> {
    pub(super) fn wrong<T>(&self, why: impl std::fmt::Display) -> Read<T> {
        Err(Wrong::Said(format!("schema {}: {why}", self.shown())))
    }

    pub(super) fn endless<T>(&self) -> Read<T> {
        Err(Wrong::Endless(self.shown().to_owned()))
    }

    fn shown(&self) -> &str {
        if self.path.is_empty() {
            "/"
        } else {
            &self.path
        }
    }

    /// The place of a part that describes the same value.
    pub(super) fn inside(&self, keyword: &str, at: usize) -> Self {
        Self {
            path: format!("{}/{keyword}/{at}", self.path),
            name: self.name,
            depth: self.depth,
            refs: self.refs.clone(),
        }
    }

    fn below<'c>(&self, path: &str, name: &'c str) -> Place<'c> {
        let name_in_path = name.replace('~', "~0").replace('/', "~1");
        let tail = if path == "properties" {
            format!("/{name_in_path}")
        } else {
            String::new()
        };
        Place {
            path: format!("{}/{path}{tail}", self.path),
            name,
            depth: self.depth + 1,
            refs: self.refs.clone(),
        }
    }
}

impl Reader<'_> {
    fn shape(&self, schema: &Value, place: &Place<'_>) -> Read<Shape> {
        let Value::Object(schema) = schema else {
            return place.wrong("a schema is an object");
        };
        if place.depth > DEPTH && !place.refs.is_empty() {
            return place.endless();
        }
        if place.depth > DEPTH {
            return place.wrong(format!("documents have {DEPTH} levels at most"));
        }
        self.parts.set(self.parts.get() + 1);
        if self.parts.get() > PARTS {
            return place.wrong(format!(
                "a document would have more than {PARTS} parts: it refers to itself in too many places"
            ));
        }
        let (plain, refs) = self.merge.alternatives(schema, place)?;
        let place = &Place {
            path: place.path.clone(),
            refs,
            ..*place
        };
        let mut shapes = Vec::with_capacity(plain.len());
        let mut why = None;
        for schema in &plain {
            match self.plain(schema, place) {
                Ok(shape) => shapes.push((1.0, shape)),
                Err(wrong @ Wrong::Endless(_)) => why = Some(wrong),
                Err(wrong) => return Err(wrong),
            }
        }
        match (shapes.len(), why) {
            (1, _) => Ok(shapes.swap_remove(0).1),
            (0, Some(why)) => Err(why),
            _ => Ok(Shape::Either(shapes)),
        }
    }

    /// The shape of a schema that is made of no others.
    fn plain(&self, schema: &Plain, place: &Place<'_>) -> Read<Shape> {
        if let Some(values) = schema.get("enum").filter(|values| !values.is_array()) {
            return place.wrong(format!("enum is a list of values, not {values}"));
        }
        let listed = match (schema.get("const"), schema.get("enum")) {
            (Some(value), _) => Some(std::slice::from_ref(value)),
            (None, Some(Value::Array(values))) => Some(&values[..]),
            _ => None,
        };
        if let Some(values) = listed {
            let whole = Value::Object(schema.clone());
            let values = values
                .iter()
                .filter(|value| admits(self.merge.root, &whole, value));
            let values: Vec<String> = values.map(Value::to_string).collect();
            if values.is_empty() {
                return place.wrong("enum is a list of values, and none of them fulfils the rest");
            }
            return Ok(Shape::OneOf(values));
        }
        match schema.get("type") {
            Some(Value::String(kind)) => self.typed(kind, schema, place),
            Some(Value::Array(kinds)) if !kinds.is_empty() => {
                let mut shapes = Vec::with_capacity(kinds.len());
                for kind in kinds {
                    let Value::String(kind) = kind else {
                        return place.wrong("type is a name, or a list of names");
                    };
                    // Null is the exception.
                    let weight = if kind == "null" { 0.1 } else { 1.0 };
                    match self.typed(kind, schema, place) {
                        Err(Wrong::Endless(_)) => {}
                        shape => shapes.push((weight, shape?)),
                    }
                }
                if shapes.is_empty() {
                    return place.endless();
                }
                Ok(Shape::Either(shapes))
            }
            Some(_) => place.wrong("type is a name, or a list of names"),
            None => match implied(schema) {
                Some(kind) => self.typed(kind, schema, place),
                None => place.wrong("it says no type"),
            },
        }
    }

    fn typed(&self, kind: &str, schema: &Map<String, Value>, place: &Place<'_>) -> Read<Shape> {
        match kind {
            "null" => Ok(Shape::constant(&Value::Null)),
            "boolean" => Ok(Shape::Bool),
            "integer" => integer(schema, place),
            "number" => number(schema, place),
            "string" => self.string(schema, place),
            "array" => self.array(schema, place),
            "object" => self.object(schema, place),
            other => place.wrong(format!("there is no type \"{other}\"")),
        }
    }

    fn string(&self, schema: &Map<String, Value>, place: &Place<'_>) -> Read<Shape> {
        let min = whole(schema, "minLength", place)?.unwrap_or(0);
        let max = whole(schema, "maxLength", place)?;
        if max.is_some_and(|max| max < min) || min > 1 << 20 {
            return place.wrong("no string has this length");
        }
        let length = (min as u32, max.map(|max| max.min(1 << 24) as u32));
        let shape = match (
            word(schema, "format", place)?,
            word(schema, "pattern", place)?,
        ) {
            (Some(_), Some(_)) => return place.wrong("format and pattern together"),
            (Some(format), None) => match text::of_format(format, self.today) {
                Some(shape) => shape,
                None => {
                    let known = text::FORMATS.join(", ");
                    return place.wrong(format!("format \"{format}\" is not one of {known}"));
                }
            },
            (None, Some(regex)) => {
                let source = Source::Pattern {
                    regex: regex.to_owned(),
                    fold: false,
                };
                let key = StreamKey::new(0, "", "");
                if source.compile(&PgType::Text(None), key).is_err() {
                    return place.wrong(format!("pattern \"{regex}\" is not understood"));
                }
                Shape::Text(Box::new(source))
            }
            (None, None) => {
                return Ok(text::of_length(length, (self.named)(place.name)));
            }
        };
        if !text::keeps_length(&shape, length) {
            return place.wrong(
                "not all strings of its format or pattern have the length that is asked for",
            );
        }
        Ok(shape)
    }

    fn array(&self, schema: &Map<String, Value>, place: &Place<'_>) -> Read<Shape> {
        let min = whole(schema, "minItems", place)?.unwrap_or(0);
        let max = whole(schema, "maxItems", place)?;
        if max.is_some_and(|max| max < min) || min > ELEMENTS {
            return place.wrong(format!(
                "no array of at most {ELEMENTS} elements has this length"
            ));
        }
        let max = max.unwrap_or(ELEMENTS).min(min + MORE_ELEMENTS);
        let Some(items) = schema.get("items") else {
            return place.wrong("it says no items");
        };
        // What the elements are called is what the array is called.
        let below = Place {
            path: format!("{}/items", place.path),
            name: place.name,
            depth: place.depth + 1,
            refs: place.refs.clone(),
        };
        let element = match self.shape(items, &below) {
            Err(Wrong::Endless(_)) if min == 0 => {
                return Ok(Shape::constant(&Value::Array(Vec::new())));
            }
            element => element?,
        };
        Ok(Shape::Array {
            element: Box::new(element),
            min: min as u32,
            max: max.min(ELEMENTS) as u32,
        })
    }

    fn object(&self, schema: &Map<String, Value>, place: &Place<'_>) -> Read<Shape> {
        let none = Map::new();
        let properties = match schema.get("properties") {
            Some(Value::Object(properties)) => properties,
            None => &none,
            Some(_) => return place.wrong("properties is an object of schemas"),
        };
        if schema
            .get("additionalProperties")
            .is_some_and(|more| !more.is_boolean())
        {
            return place.wrong("additionalProperties is true or false");
        }
        let mut required = Vec::new();
        match schema.get("required") {
            Some(Value::Array(names)) => {
                for name in names {
                    match name.as_str() {
                        Some(name) if properties.contains_key(name) => required.push(name),
                        _ => {
                            return place.wrong(format!(
                                "{name} is required, and properties does not describe it"
                            ));
                        }
                    }
                }
            }
            None => {}
            Some(_) => return place.wrong("required is a list of names"),
        }
        let mut fields = Vec::with_capacity(properties.len());
        for (name, schema) in properties {
            let needed = required.contains(&name.as_str());
            let shape = match self.shape(schema, &place.below("properties", name)) {
                Err(Wrong::Endless(_)) if !needed => continue,
                shape => shape?,
            };
            let share = if needed { 1.0 } else { OPTIONAL };
            fields.push(Field {
                name: name.clone(),
                share,
                shape,
            });
        }
        Ok(Shape::Object(fields))
    }
}

/// Refuses keywords that are not understood.
pub(super) fn known(schema: &Map<String, Value>, place: &Place<'_>) -> Read<()> {
    for keyword in schema.keys().map(String::as_str) {
        let known = [&KNOWN[..], &REMARKS, &MADE_OF].concat();
        if known.contains(&keyword) {
            continue;
        }
        let near = nearest(keyword, &known);
        let near = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
        return place.wrong(format!("\"{keyword}\" is not understood{near}"));
    }
    Ok(())
}

/// The type that a schema's keywords are about, when it says none.
fn implied(schema: &Map<String, Value>) -> Option<&'static str> {
    let has = |words: &[&str]| words.iter().any(|word| schema.contains_key(*word));
    if has(&["properties", "required", "additionalProperties"]) {
        Some("object")
    } else if has(&["items", "minItems", "maxItems"]) {
        Some("array")
    } else if has(&["pattern", "format", "minLength", "maxLength"]) {
        Some("string")
    } else {
        let bounds = [
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
        ];
        has(&bounds).then_some("number")
    }
}

fn word<'s>(
    schema: &'s Map<String, Value>,
    keyword: &str,
    place: &Place<'_>,
) -> Read<Option<&'s str>> {
    match schema.get(keyword) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => place.wrong(format!("{keyword} is a string")),
    }
}

fn whole(schema: &Map<String, Value>, keyword: &str, place: &Place<'_>) -> Read<Option<u64>> {
    match schema.get(keyword) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) => Ok(Some(number)),
            None => place.wrong(format!("{keyword} is a whole number, not below 0")),
        },
    }
}

fn real(schema: &Map<String, Value>, keyword: &str, place: &Place<'_>) -> Read<Option<f64>> {
    match schema.get(keyword) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(number) if number.abs() <= EXACT => Ok(Some(number)),
            _ => place.wrong(format!("{keyword} is a number below 2^53")),
        },
    }
}

/// Least and greatest multiple of `unit` that a schema allows.
fn bounds(schema: &Map<String, Value>, unit: f64, place: &Place<'_>) -> Read<(f64, f64)> {
    let real = |keyword| real(schema, keyword, place);
    let units = |number: f64| number / unit;
    // A bound that is a multiple up to rounding is meant to be one.
    let up = |number: f64| (units(number) - 1e-9).ceil();
    let down = |number: f64| (units(number) + 1e-9).floor();
    let mut least = real("minimum")?.map(up);
    let mut most = real("maximum")?.map(down);
    if let Some(more) = real("exclusiveMinimum")? {
        let above = down(more) + 1.0;
        least = Some(least.map_or(above, |least| least.max(above)));
    }
    if let Some(less) = real("exclusiveMaximum")? {
        let below = up(less) - 1.0;
        most = Some(most.map_or(below, |most| most.min(below)));
    }
    let wide = units(WIDE).floor().max(1.0);
    let least = least.unwrap_or_else(|| most.map_or(0.0, |most| (most - wide).max(0.0).min(most)));
    let most = most.unwrap_or(least + wide);
    if least > most {
        return place.wrong("no number lies between its bounds");
    }
    Ok((least, most))
}

fn integer(schema: &Map<String, Value>, place: &Place<'_>) -> Read<Shape> {
    match real(schema, "multipleOf", place)? {
        None => {}
        Some(unit) if unit > 0.0 && (1.0 / unit).fract() == 0.0 => {}
        Some(unit) => {
            return place.wrong(format!("multipleOf {unit} is not understood for integers"));
        }
    }
    let (min, max) = bounds(schema, 1.0, place)?;
    Ok(Shape::Number(Box::new(Source::Whole {
        min: min as i64,
        max: max as i64,
        spread: Distribution::Uniform { min, max },
    })))
}

fn number(schema: &Map<String, Value>, place: &Place<'_>) -> Read<Shape> {
    let scale = match real(schema, "multipleOf", place)? {
        None => DECIMALS,
        Some(unit) => match (0..=9_u16)
            .find(|scale| (unit * 10_f64.powi(i32::from(*scale)) - 1.0).abs() < 1e-9)
        {
            Some(scale) => scale,
            None => return place.wrong(format!("multipleOf {unit} is not 1, 0.1, 0.01 and so on")),
        },
    };
    let unit = 10_f64.powi(-i32::from(scale));
    let (least, most) = bounds(schema, unit, place)?;
    let (min, max) = (least * unit, most * unit);
    Ok(Shape::Number(Box::new(Source::Decimal {
        min,
        max,
        scale,
        spread: Distribution::Uniform { min, max },
    })))
}
