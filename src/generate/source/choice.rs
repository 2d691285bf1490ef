//! One of some values.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Make, RowView};
use crate::generate::parse::parse;
use crate::generate::pg_type::PgType;
use crate::generate::stream::Stream;
use crate::generate::value::Value;

/// A value, as its type's text, and how often it comes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weighted {
    /// The value.
    pub value: String,
    /// Its weight, relative to the others; 0 or more.
    pub weight: f64,
}

#[derive(Debug)]
struct Choice {
    values: Vec<Value>,
    /// Sum of the weights up to and including each value.
    sums: Vec<f64>,
}

#[derive(Debug)]
struct Constant(Value);

pub(super) fn choice(values: &[Weighted], kind: &PgType) -> Option<Box<dyn Make>> {
    Some(Box::new(weighted(values, kind)?))
}

fn weighted(values: &[Weighted], kind: &PgType) -> Option<Choice> {
    let mut sum = 0.0;
    let mut sums = Vec::with_capacity(values.len());
    let mut parsed = Vec::with_capacity(values.len());
    for entry in values {
        if entry.weight.is_nan() || entry.weight < 0.0 {
            return None;
        }
        sum += entry.weight;
        sums.push(sum);
        parsed.push(parse(&entry.value, kind)?);
    }
    (sum > 0.0).then_some(Choice {
        values: parsed,
        sums,
    })
}

/// One of some values, by the value of another column.
#[derive(Debug)]
struct Given {
    column: usize,
    /// By the other column's text.
    cases: BTreeMap<String, Choice>,
    otherwise: Choice,
}

pub(super) fn given(
    column: usize,
    cases: &[(String, Vec<Weighted>)],
    otherwise: &[Weighted],
    kind: &PgType,
) -> Option<Box<dyn Make>> {
    let cases = cases
        .iter()
        .map(|(text, values)| Some((text.clone(), weighted(values, kind)?)));
    Some(Box::new(Given {
        column,
        cases: cases.collect::<Option<_>>()?,
        otherwise: weighted(otherwise, kind)?,
    }))
}

impl Make for Given {
    fn size(&self) -> Option<u64> {
        self.otherwise.size()
    }

    fn draw(&self, stream: &mut Stream, row: &dyn RowView) -> Value {
        let case = match row.column(self.column) {
            Value::Text(text) => self.cases.get(text.as_ref()),
            Value::Bool(truth) => self.cases.get(if *truth { "true" } else { "false" }),
            Value::Int(number) => self.cases.get(&number.to_string()),
            _ => None,
        };
        case.unwrap_or(&self.otherwise).draw(stream, row)
    }

    fn nth(&self, index: u64, row: &dyn RowView) -> Value {
        self.otherwise.nth(index, row)
    }

    fn needs(&self) -> Vec<usize> {
        vec![self.column]
    }
}

pub(super) fn boolean(share: f64, kind: &PgType) -> Option<Box<dyn Make>> {
    let texts = match kind {
        PgType::Bool => [Value::Bool(true), Value::Bool(false)],
        PgType::Text(_) => ["true", "false"].map(|text| Value::Text(Cow::Borrowed(text))),
        _ => return None,
    };
    (0.0..=1.0).contains(&share).then(|| {
        Box::new(Choice {
            values: texts.into(),
            sums: vec![share, 1.0],
        }) as Box<dyn Make>
    })
}

pub(super) fn constant(text: Option<&str>, kind: &PgType) -> Option<Box<dyn Make>> {
    let value = match text {
        None => Value::Null,
        Some(text) => parse(text, kind)?,
    };
    Some(Box::new(Constant(value)))
}

impl Make for Choice {
    fn size(&self) -> Option<u64> {
        Some(self.values.len() as u64)
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        let total = self.sums.last().copied().unwrap_or_default();
        let place = stream.unit() * total;
        let index = self.sums.partition_point(|sum| *sum <= place);
        self.values.get(index).cloned().unwrap_or(Value::Null)
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        self.values
            .get(index as usize)
            .cloned()
            .unwrap_or(Value::Null)
    }
}

impl Make for Constant {
    fn size(&self) -> Option<u64> {
        Some(1)
    }

    fn draw(&self, _: &mut Stream, _: &dyn RowView) -> Value {
        self.0.clone()
    }

    fn nth(&self, _: u64, _: &dyn RowView) -> Value {
        self.0.clone()
    }
}
