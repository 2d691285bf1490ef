//! Which values carry identifiers of types inside, and how these are replaced.
//!
//! An array's binary form names the type of its elements, a composite's those of its attributes,
//! by numbers that differ from database to database for types that users made.

use std::collections::BTreeMap;

use super::Wire;
use crate::sql::{begin_field, end_field, read_field, read_word};

/// Object identifiers below this one are the same in every database
/// (`FirstUnpinnedObjectId`/`FirstNormalObjectId` of PostgreSQL's `access/transam.h`).
const FIRST_OF_USERS: u32 = 12_000;

/// One type of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeFacts {
    /// Its schema and name, by which it is found in the other database.
    pub name: (String, String),
    /// What it consists of.
    pub shape: TypeShape,
    /// Whether it has a binary form that means the same in every database.
    pub binary: bool,
}

/// What a type consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeShape {
    /// Nothing that matters here: a base type, an enum (its binary form is the label).
    Scalar,
    /// An array of that type.
    Array(u32),
    /// A domain over that type.
    Domain(u32),
    /// A composite with attributes of these types.
    Composite(Vec<u32>),
    /// A range or multirange over that type.
    Range(u32),
    /// A multirange of ranges of that type.
    Multirange(u32),
}

/// All types of a database, by their object identifiers.
#[derive(Debug, Clone, Default)]
pub struct Types {
    /// The types.
    pub by_oid: BTreeMap<u32, TypeFacts>,
}

/// How a value's binary form becomes that of another database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// It is the same.
    Same,
    /// An array: the new identifier of the element type, and how elements change.
    Array(u32, Box<Form>),
    /// A composite: for each attribute the new identifier and how the value changes.
    Composite(Vec<(u32, Form)>),
    /// A range: how its bounds change.
    Range(Box<Form>),
    /// A multirange: how its ranges change.
    Multirange(Box<Form>),
}

impl Types {
    /// How values of a type must travel: as text when some part has no binary form that means the
    /// same elsewhere.
    #[must_use]
    pub fn wire(&self, oid: u32) -> Wire {
        let Some(facts) = self.by_oid.get(&oid) else {
            return Wire::Text;
        };
        let inner: &[u32] = match &facts.shape {
            TypeShape::Scalar => &[],
            TypeShape::Array(inner)
            | TypeShape::Domain(inner)
            | TypeShape::Range(inner)
            | TypeShape::Multirange(inner) => std::slice::from_ref(inner),
            TypeShape::Composite(attributes) => attributes,
        };
        if facts.binary && inner.iter().all(|oid| self.wire(*oid) == Wire::Binary) {
            Wire::Binary
        } else {
            Wire::Text
        }
    }

    /// How values of this database's type `oid` become those of `target`; `None` when a type is
    /// missing there.
    #[must_use]
    pub fn form(&self, oid: u32, target: &Self) -> Option<Form> {
        let facts = self.by_oid.get(&oid)?;
        Some(match &facts.shape {
            TypeShape::Scalar => Form::Same,
            TypeShape::Domain(base) => self.form(*base, target)?,
            TypeShape::Array(element) => {
                let inner = self.form(*element, target)?;
                let renamed = self.renamed(*element, target)?;
                if inner == Form::Same && renamed == *element {
                    Form::Same
                } else {
                    Form::Array(renamed, Box::new(inner))
                }
            }
            TypeShape::Composite(attributes) => {
                let mut all_same = true;
                let mut forms = Vec::new();
                for attribute in attributes {
                    let inner = self.form(*attribute, target)?;
                    let renamed = self.renamed(*attribute, target)?;
                    all_same &= inner == Form::Same && renamed == *attribute;
                    forms.push((renamed, inner));
                }
                if all_same {
                    Form::Same
                } else {
                    Form::Composite(forms)
                }
            }
            TypeShape::Range(bound) => match self.form(*bound, target)? {
                Form::Same => Form::Same,
                inner => Form::Range(Box::new(inner)),
            },
            TypeShape::Multirange(range) => match self.form(*range, target)? {
                Form::Same => Form::Same,
                inner => Form::Multirange(Box::new(inner)),
            },
        })
    }

    fn renamed(&self, oid: u32, target: &Self) -> Option<u32> {
        if oid < FIRST_OF_USERS {
            return Some(oid);
        }
        let name = &self.by_oid.get(&oid)?.name;
        let found = target.by_oid.iter().find(|(_, facts)| facts.name == *name);
        found.map(|(oid, _)| *oid)
    }
}

impl Form {
    /// Appends the other database's form of `value` to `out`; `None` when the bytes are not what
    /// the type promises.
    pub fn write(&self, value: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut rest = value;
        match self {
            Self::Same => {
                out.extend_from_slice(value);
                return Some(());
            }
            Self::Array(element, inner) => {
                let dimensions = read_word(&mut rest)?;
                out.extend(dimensions.to_be_bytes());
                out.extend(read_word(&mut rest)?.to_be_bytes());
                read_word(&mut rest)?;
                out.extend(element.to_be_bytes());
                let bounds = usize::try_from(dimensions).ok()?.checked_mul(8)?;
                let (bounds, elements) = rest.split_at_checked(bounds)?;
                out.extend_from_slice(bounds);
                rest = elements;
                while !rest.is_empty() {
                    inner.field(&mut rest, out)?;
                }
            }
            Self::Composite(attributes) => {
                out.extend(read_word(&mut rest)?.to_be_bytes());
                for (oid, inner) in attributes {
                    read_word(&mut rest)?;
                    out.extend(oid.to_be_bytes());
                    inner.field(&mut rest, out)?;
                }
            }
            Self::Range(inner) => {
                let (flags, bounds) = rest.split_first()?;
                out.push(*flags);
                rest = bounds;
                while !rest.is_empty() {
                    inner.field(&mut rest, out)?;
                }
            }
            Self::Multirange(inner) => {
                out.extend(read_word(&mut rest)?.to_be_bytes());
                while !rest.is_empty() {
                    inner.field(&mut rest, out)?;
                }
            }
        }
        rest.is_empty().then_some(())
    }

    /// Cuts off a field and appends its other form.
    fn field(&self, rest: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
        let value = read_field(rest)?;
        let place = begin_field(out);
        match value {
            None => Some(()),
            Some(value) => {
                self.write(value, out)?;
                end_field(out, place)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(shift: u32) -> Types {
        let facts = |name: &str, shape, binary| TypeFacts {
            name: ("public".to_owned(), name.to_owned()),
            shape,
            binary,
        };
        let (mood, moods, pair) = (20_000 + shift, 20_001 + shift, 20_002 + shift);
        Types {
            by_oid: BTreeMap::from([
                (23, facts("int4", TypeShape::Scalar, true)),
                (2205, facts("regclass", TypeShape::Scalar, false)),
                (mood, facts("mood", TypeShape::Scalar, true)),
                (moods, facts("_mood", TypeShape::Array(mood), true)),
                (
                    pair,
                    facts("pair", TypeShape::Composite(vec![23, moods, 2205]), true),
                ),
            ]),
        }
    }

    #[test]
    fn a_part_without_binary_form_makes_text() {
        let types = types(0);
        assert_eq!(types.wire(20_001), Wire::Binary);
        assert_eq!(types.wire(20_002), Wire::Text);
        assert_eq!(types.wire(99), Wire::Text);
    }

    #[test]
    fn identifiers_are_replaced_at_every_depth() {
        let (source, target) = (types(0), types(500));
        assert_eq!(source.form(23, &target), Some(Form::Same));
        assert_eq!(source.form(20_001, &source), Some(Form::Same));
        let form = source.form(20_002, &target).unwrap();
        let array = |element: u32| {
            let words = [1, 0, element, 2, 1, 3];
            let mut bytes: Vec<u8> = words.iter().flat_map(|w: &u32| w.to_be_bytes()).collect();
            bytes.extend(b"sad");
            bytes.extend((-1_i32).to_be_bytes());
            bytes
        };
        let value = |shift: u32| {
            let mut bytes = 3_u32.to_be_bytes().to_vec();
            bytes.extend([0, 0, 0, 23, 0, 0, 0, 4, 0, 0, 0, 7]);
            bytes.extend((20_001 + shift).to_be_bytes());
            let inner = array(20_000 + shift);
            bytes.extend((inner.len() as u32).to_be_bytes());
            bytes.extend(inner);
            bytes.extend(2205_u32.to_be_bytes());
            bytes.extend((-1_i32).to_be_bytes());
            bytes
        };
        let mut out = Vec::new();
        form.write(&value(0), &mut out).unwrap();
        assert_eq!(out, value(500));
        assert!(form.write(&value(0)[..20], &mut Vec::new()).is_none());
    }
}
