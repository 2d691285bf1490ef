//! One of some values by those of another column.

use super::chosen::missing;
use super::draft::Draft;
use crate::generate::parse::parse;
use crate::generate::pg_type::PgType;
use crate::generate::source::{Source, Weighted};
use crate::generate::spec::{ColumnRule, TableSpec};
use crate::sql::nearest;

/// What goes by which column.
#[derive(Clone, Copy)]
pub(super) struct Rule<'r> {
    pub(super) column: &'r str,
    pub(super) cases: &'r [(String, Vec<Weighted>)],
    pub(super) otherwise: &'r [Weighted],
}

/// As it was measured: where the other column hangs on something itself, it says nothing.
pub(super) fn measured(draft: &Draft<'_>, index: usize, rule: Rule<'_>) -> Result<Source, String> {
    fits(draft, index, rule)?;
    let by = draft
        .column(rule.column)
        .filter(|by| matches!(draft.plan.columns[*by].source, Source::Choice(_)) && *by != index);
    Ok(by.map_or_else(
        || Source::Choice(rule.otherwise.to_vec()),
        |column| source(column, rule, rule.otherwise),
    ))
}

/// As a person asks for it.
pub(super) fn asked(
    draft: &Draft<'_>,
    index: usize,
    rule: Rule<'_>,
    said: &TableSpec,
) -> Result<Source, String> {
    fits(draft, index, rule)?;
    let name = rule.column;
    let by = draft.column(name).ok_or_else(|| missing(draft, name))?;
    if by == index {
        return Err("a column does not go by itself".to_owned());
    }
    let kind = draft.kind(by);
    if !matches!(
        kind,
        PgType::Bool | PgType::Enum(_) | PgType::Text(_) | PgType::Char(_) | PgType::Int(_)
    ) {
        return Err(format!(
            "\"{name}\" holds neither texts nor whole numbers to go by"
        ));
    }
    let written = said.columns.get(name).and_then(|said| said.rule.as_ref());
    let known = known(written, kind);
    for (value, _) in rule.cases {
        let values = known.iter().flatten().map(String::as_str);
        let values: Vec<&str> = values.collect();
        if known.is_none() || values.contains(&value.as_str()) {
            continue;
        }
        let near = nearest(value, &values);
        let near = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
        return Err(format!("\"{name}\" is never \"{value}\"{near}"));
    }
    if !rule.otherwise.is_empty() {
        return Ok(source(by, rule, rule.otherwise));
    }
    let left_out = |value: &&String| !rule.cases.iter().any(|(case, _)| case == *value);
    match &known {
        None => Err(format!(
            "\"{name}\" may hold other values than the cases: say by choice what goes with those"
        )),
        Some(values) => match values.iter().find(left_out) {
            Some(value) => Err(format!(
                "there is no case for \"{value}\" of \"{name}\": add it, or say by choice what goes with the rest"
            )),
            None => Ok(source(by, rule, &together(rule.cases))),
        },
    }
}

fn source(column: usize, rule: Rule<'_>, otherwise: &[Weighted]) -> Source {
    Source::Given {
        column,
        cases: rule.cases.to_vec(),
        otherwise: otherwise.to_vec(),
    }
}

/// Refuses values that are none of the column's.
fn fits(draft: &Draft<'_>, index: usize, rule: Rule<'_>) -> Result<(), String> {
    let cases = rule.cases.iter().flat_map(|(_, values)| values);
    for value in cases.chain(rule.otherwise) {
        if parse(&value.value, draft.kind(index)).is_none() {
            return Err(format!(
                "\"{}\" is no value of the column's type",
                value.value
            ));
        }
    }
    Ok(())
}

/// All values that the other column may hold; `None` when they are not known.
fn known(written: Option<&ColumnRule>, kind: &PgType) -> Option<Vec<String>> {
    let texts = |values: &[Weighted]| values.iter().map(|v| v.value.clone()).collect();
    match (written, kind) {
        (Some(ColumnRule::Choice(values)), _) => Some(texts(values)),
        (Some(ColumnRule::Constant(value)), _) => Some(vec![value.clone()]),
        (
            Some(ColumnRule::Given {
                cases, otherwise, ..
            }),
            _,
        ) => {
            let cases = cases.iter().flat_map(|(_, values)| values);
            let values = cases.chain(otherwise).map(|value| value.value.clone());
            let mut values: Vec<String> = values.collect();
            values.sort();
            values.dedup();
            Some(values)
        }
        (None, PgType::Bool) => Some(["false", "true"].map(str::to_owned).to_vec()),
        (None, PgType::Enum(labels)) => Some(labels.clone()),
        _ => None,
    }
}

/// All cases, each as likely as the others: for null.
fn together(cases: &[(String, Vec<Weighted>)]) -> Vec<Weighted> {
    let values = cases.iter().flat_map(|(_, values)| {
        let all: f64 = values.iter().map(|value| value.weight).sum();
        values.iter().map(move |value| Weighted {
            value: value.value.clone(),
            weight: value.weight / all,
        })
    });
    values.collect()
}
