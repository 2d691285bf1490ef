//! The text of a draft.

use std::fmt::Write as _;

use super::choice::{Choice, Judged, choose};
use crate::catalog::Catalog;
use crate::masking::classifier::Finding;
use crate::masking::{Class, Mask};
use crate::sql::{Ident, QualifiedName};

/// Findings below this are to be looked at by a person.
const SURE: f64 = 0.7;

/// Remarks begin no further to the right than this.
const REMARKS_AT: usize = 60;

/// The text of a policy with a rule for every column, each with its reason; what is not sure is
/// marked `# review`. `columns` are those of one table after the other.
#[must_use]
pub fn draft(catalog: &Catalog, columns: &[Judged<'_>]) -> String {
    let mut text = String::from(
        "# Draft by `tidegate mask scan`: read each line, above all those marked `review`.\n\
         version = 1\nunclassified = \"deny\"\nkey = { env = \"TIDEGATE_MASK_KEY\" }\n",
    );
    let choices = choose(catalog, columns);
    let lines: Vec<_> = columns.iter().zip(&choices).collect();
    for table in lines.chunk_by(|(one, _), (other, _)| one.table.name == other.table.name) {
        section(&mut text, table);
    }
    text
}

fn section(text: &mut String, columns: &[(&Judged<'_>, &Choice)]) {
    let Some((first, _)) = columns.first() else {
        return;
    };
    // Writing into a String cannot fail.
    let name = toml_key(&policy_name(&first.table.name));
    let _ = writeln!(text, "\n[tables.{name}]");
    // A column of one of these names would read as something else.
    let odd = |judged: &Judged<'_>| matches!(judged.column.name.as_str(), "rows" | "columns");
    let ruled = |(judged, _): &&(&Judged<'_>, &Choice)| judged.column.generated.is_none();
    let plain = columns.iter().filter(ruled).filter(|(j, _)| !odd(j));
    let lines: Vec<(String, String)> = plain.map(|(j, choice)| line(j, choice)).collect();
    write_lines(text, &lines);
    for (judged, _) in columns.iter().filter(|(j, _)| j.column.generated.is_some()) {
        let column = one_line(judged.column.name.as_str());
        let _ = writeln!(text, "# {column}: generated, takes no rule");
    }
    let odd = columns.iter().filter(ruled).filter(|(j, _)| odd(j));
    let lines: Vec<(String, String)> = odd.map(|(j, choice)| line(j, choice)).collect();
    if !lines.is_empty() {
        let _ = writeln!(text, "[tables.{name}.columns]");
        write_lines(text, &lines);
    }
}

fn write_lines(text: &mut String, lines: &[(String, String)]) {
    let widths = lines.iter().map(|(rule, _)| rule.chars().count());
    let width = widths.max().unwrap_or(0).min(REMARKS_AT);
    for (rule, remark) in lines {
        let _ = writeln!(text, "{}", format!("{rule:<width$}  {remark}").trim_end());
    }
}

fn line(judged: &Judged<'_>, choice: &Choice) -> (String, String) {
    let key = toml_key(judged.column.name.as_str());
    let mut rule = choice.rule.to_toml();
    let Some(finding) = &choice.finding else {
        return (format!("{key} = {rule}"), String::new());
    };
    // The class says what is sought in the copy, so it is written where the mask does not tell it.
    let told = choice.rule.is_keep() || choice.rule.mask.class() == Some(finding.class);
    if !told {
        let mut table = match rule {
            toml::Value::Table(table) => table,
            name => toml::Table::from_iter([("mask".to_owned(), name)]),
        };
        let class = finding.class.name();
        table.insert("class".to_owned(), class.into());
        rule = toml::Value::Table(table);
    }
    let meaningless = choice.rule.is_keep() && finding.class == Class::PseudonymousId;
    let sure = (finding.confidence >= SURE || meaningless)
        && choice.review.is_none()
        && !is_rough(choice, finding);
    let review = if sure { "" } else { "review: " };
    let why = choice
        .review
        .map_or(String::new(), |why| format!("{why}: "));
    let remark = format!(
        "# {review}{why}{} {:.2}: {}",
        finding.class,
        finding.confidence,
        one_line(&finding.reason)
    );
    (format!("{key} = {rule}"), remark)
}

/// Whether the rule loses all of the column: somebody may know a better one.
fn is_rough(choice: &Choice, finding: &Finding) -> bool {
    matches!(choice.rule.mask, Mask::Null | Mask::Sql { .. })
        && !matches!(finding.class, Class::Password | Class::Biometric)
}

/// The name as a policy writes it: plain where it can be read back, else each part quoted.
fn policy_name(name: &QualifiedName) -> String {
    let plain = |part: &Ident| !part.as_str().contains(['.', '"', '*']);
    if plain(&name.schema) && plain(&name.name) {
        name.plain()
    } else {
        name.to_string()
    }
}

/// A key of TOML, quoted where it must be.
fn toml_key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        toml_text(name)
    }
}

fn toml_text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Comments end with their line.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
