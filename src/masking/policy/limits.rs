//! What the keys and checks of a table demand of a column's rule.

use super::unique::in_key;
use crate::catalog::{Catalog, Column, Table, TypeKind};
use crate::masking::Limits;

/// What keys and checks demand of the rule of a column.
pub(in crate::masking) fn limits(catalog: &Catalog, table: &Table, column: &Column) -> Limits {
    let of_table = table
        .constraints
        .iter()
        .filter(|constraint| constraint.columns.contains(&column.name))
        .filter_map(|constraint| Some((constraint.check()?, constraint.columns.len() == 1)));
    let of_domain = catalog
        .types
        .values()
        .filter(|kind| kind.oid == column.type_oid)
        .filter_map(|kind| match &kind.kind {
            TypeKind::Domain(domain) => Some(&domain.checks),
            _ => None,
        })
        .flatten()
        .map(|check| (check.definition.as_str(), true));
    let checks: Vec<(&str, bool)> = of_table.chain(of_domain).collect();
    let listed = checks
        .iter()
        .filter(|(_, alone)| *alone)
        .find_map(|(text, _)| listed_values(text));
    Limits {
        key: in_key(catalog, table, column),
        checked: !checks.is_empty() && listed.is_none(),
        listed: listed.unwrap_or_default(),
        refused: Vec::new(),
    }
}

/// Whether the column helps to decide the partition of a row, here or in a table below.
pub(in crate::masking) fn decides_partition(
    catalog: &Catalog,
    table: &Table,
    column: &Column,
) -> bool {
    std::iter::once(table)
        .chain(catalog.descendants(&table.name))
        .filter_map(|table| table.partition_key.as_ref())
        .any(|key| {
            key.definition
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .any(|word| word == column.name.as_str())
                || key.definition.contains(&column.name.to_string())
        })
}

/// The values of `x = ANY (ARRAY['a'::text, 'b'::text])`, as PostgreSQL writes `x IN ('a', 'b')`;
/// `None` for other conditions.
fn listed_values(check: &str) -> Option<Vec<String>> {
    let other = [" OR ", " AND ", "NOT "];
    let (_, list) = check.split_once("= ANY (")?;
    if other.iter().any(|word| check.contains(word)) {
        return None;
    }
    let mut values = Vec::new();
    let mut rest = list;
    while let Some((_, after)) = rest.split_once('\'') {
        let mut value = String::new();
        let mut characters = after.char_indices().peekable();
        let mut end = None;
        while let Some((at, c)) = characters.next() {
            if c != '\'' {
                value.push(c);
            } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
                value.push('\'');
            } else {
                end = Some(at + 1);
                break;
            }
        }
        values.push(value);
        rest = &after[end?..];
    }
    (!values.is_empty()).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_list_are_read() {
        for (check, expected) in [
            (
                "CHECK ((sex = ANY (ARRAY['m'::bpchar, 'it''s'::bpchar])))",
                Some(vec!["m", "it's"]),
            ),
            (
                "((x)::text = ANY ((ARRAY['a'::character varying])::text[]))",
                Some(vec!["a"]),
            ),
            ("(length(x) = 2)", None),
            ("((x = ANY (ARRAY['a'::text])) OR (y > 1))", None),
            ("(n = ANY (ARRAY[1, 2]))", None),
        ] {
            let values = listed_values(check);
            let expected: Option<Vec<String>> =
                expected.map(|list| list.into_iter().map(str::to_owned).collect());
            assert_eq!(values, expected, "{check}");
        }
    }
}
