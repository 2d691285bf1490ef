//! Chooses the rule of every column.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keys::{Joined, Place};
use crate::catalog::{Catalog, Column, Table};
use crate::masking::classifier::{Finding, Profile, Verdict};
use crate::masking::policy::{decides_partition, limits};
use crate::masking::{
    Class, ColumnFacts, Columns, Limits, Mask, Rule, Shape, check_rule, default_domain,
    default_rule, fitting_rule,
};
use crate::sql::QualifiedName;

/// A column with what a scan found out.
#[derive(Debug)]
pub struct Judged<'a> {
    /// Its table; never a partition.
    pub table: &'a Table,
    /// The column.
    pub column: &'a Column,
    /// What was found.
    pub verdict: &'a Verdict,
    /// Its values, when it was sampled.
    pub profile: Option<&'a Profile>,
}

/// The rule of one column.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// The rule.
    pub(super) rule: Rule,
    /// What the data is, and how sure that is.
    pub(super) finding: Option<Finding>,
    /// Why somebody has to look, beside a finding that is not sure.
    pub(super) review: Option<&'static str>,
}

const NO_MASK: &str = "KEPT, no mask fits: write a rule";
const PARTITION: &str = "KEPT, it decides the partition: write a rule";
const COMPUTED: &str = "KEPT, it joins with a generated column: write a rule";

/// The rules of all columns, in their order.
pub(super) fn choose(catalog: &Catalog, columns: &[Judged<'_>]) -> Vec<Choice> {
    let joined = Joined::of(catalog);
    let mut sets: BTreeMap<Place<'_>, Vec<usize>> = BTreeMap::new();
    for (at, judged) in columns.iter().enumerate() {
        let head = joined.head((&judged.table.name, &judged.column.name));
        sets.entry(head).or_default().push(at);
    }
    let mut choices: Vec<Choice> = columns
        .iter()
        .map(|judged| Choice {
            rule: Rule::keep(),
            finding: judged.verdict.finding.clone(),
            review: None,
        })
        .collect();
    let stored = stored(catalog, columns);
    for members in sets.values() {
        let set: Vec<&Judged<'_>> = members.iter().map(|at| &columns[*at]).collect();
        let Some(best) = best_finding(&set) else {
            continue;
        };
        let (rule, review) = of_set(catalog, &set, &stored, &best);
        for at in members {
            choices[*at] = Choice {
                rule: with_names(rule.clone(), columns, *at),
                finding: Some(best.clone()),
                review,
            };
        }
    }
    choices
}

/// The columns of each table that a COPY reads.
type Stored<'a> = BTreeMap<&'a QualifiedName, Arc<Columns>>;

fn stored<'a>(catalog: &Catalog, columns: &[Judged<'a>]) -> Stored<'a> {
    let mut found = Stored::new();
    for Judged { table, .. } in columns {
        found.entry(&table.name).or_insert_with(|| {
            let stored = table.columns.iter().filter(|c| c.generated.is_none());
            let names = stored.map(|column| column.name.as_str());
            Arc::new(Columns::of(catalog, table, names))
        });
    }
    found
}

/// Free text about somebody is told which columns hold the name.
fn with_names(rule: Rule, columns: &[Judged<'_>], at: usize) -> Rule {
    let own = &columns[at];
    if !matches!(&rule.mask, Mask::RedactText { .. })
        || Shape::of(&own.column.data_type) != Shape::Text
    {
        return rule;
    }
    let holds_name = |judged: &&Judged<'_>| {
        let class = judged.verdict.finding.as_ref().map(|finding| finding.class);
        judged.table.name == own.table.name
            && judged.column.name != own.column.name
            && judged.column.generated.is_none()
            && Shape::of(&judged.column.data_type) == Shape::Text
            && matches!(
                class,
                Some(Class::PersonName | Class::FirstName | Class::LastName | Class::UserName)
            )
    };
    let names = columns
        .iter()
        .filter(holds_name)
        .map(|judged| judged.column.name.as_str().to_owned())
        .collect();
    Rule {
        mask: Mask::RedactText { names },
        ..rule
    }
}

/// The surest finding of a set; one that asks for a mask comes before one that does not.
fn best_finding(set: &[&Judged<'_>]) -> Option<Finding> {
    let masked = |finding: &Finding| finding.class != Class::PseudonymousId;
    set.iter()
        .filter_map(|judged| judged.verdict.finding.as_ref())
        .max_by(|a, b| {
            let by_mask = masked(a).cmp(&masked(b));
            by_mask.then(a.confidence.total_cmp(&b.confidence))
        })
        .cloned()
}

/// One rule for all columns of a set.
fn of_set(
    catalog: &Catalog,
    set: &[&Judged<'_>],
    stored: &Stored<'_>,
    finding: &Finding,
) -> (Rule, Option<&'static str>) {
    let demands: Vec<(ColumnFacts, Limits)> = set
        .iter()
        .map(|judged| demands(catalog, judged, stored, set.len() > 1))
        .collect();
    let wanted = |(facts, limits): &(ColumnFacts, Limits)| {
        let (facts, class) = (facts, finding.class);
        match set {
            [judged] if class == Class::Document => of_document(judged, facts, limits),
            _ => fitting_rule(class, facts, limits),
        }
    };
    let fits_all = |rule: &Rule| {
        demands.iter().all(|(facts, limits)| {
            !limits.refused.contains(&rule.name()) && check_rule(rule, facts).is_ok()
        })
    };
    let Some(mut rule) = demands.iter().filter_map(wanted).find(fits_all) else {
        return (Rule::keep(), Some(NO_MASK));
    };
    if rule.is_keep() {
        return (rule, None);
    }
    if set.iter().any(|judged| judged.column.generated.is_some()) {
        let alone = set.len() == 1;
        return (Rule::keep(), (!alone).then_some(COMPUTED));
    }
    let partition = |judged: &&Judged<'_>| decides_partition(catalog, judged.table, judged.column);
    if set.iter().any(partition) {
        return (Rule::keep(), Some(PARTITION));
    }
    if set.len() > 1 && rule.mask != Mask::Null {
        rule.domain = Some(default_domain(&rule.mask).to_owned());
    }
    (rule, None)
}

/// What a column demands of its rule; a column that others refer to is a key for all of them.
fn demands(
    catalog: &Catalog,
    judged: &Judged<'_>,
    stored: &Stored<'_>,
    joined: bool,
) -> (ColumnFacts, Limits) {
    let mut limits = limits(catalog, judged.table, judged.column);
    if let Some(profile) = judged.profile {
        limits.refused = profile.refusals();
        // No detector knows every name: what surely tells of persons is not left to detectors.
        if profile.tells_of_persons() {
            limits.refused.push("redact_text");
        }
    }
    let columns = stored.get(&judged.table.name).cloned().unwrap_or_default();
    let mut facts = ColumnFacts::of(catalog, judged.table, judged.column, &columns);
    limits.key |= joined;
    facts.unique |= limits.key;
    (facts, limits)
}

/// A rule a path; what was not seen is redacted.
fn of_document(judged: &Judged<'_>, facts: &ColumnFacts, limits: &Limits) -> Option<Rule> {
    let paths: BTreeMap<String, Rule> = judged
        .verdict
        .leaves
        .iter()
        .map(|(path, finding)| {
            let refused = judged.profile.map(|p| p.refusals_at(path));
            let rule = finding.as_ref().map_or_else(Rule::keep, |finding| {
                let rule = default_rule(finding.class, Shape::Text);
                match refused.is_some_and(|names| names.contains(&rule.name())) {
                    true => Rule::new(Mask::Redact),
                    false => rule,
                }
            });
            (path.clone(), rule)
        })
        .collect();
    let rule = Rule::new(Mask::Json {
        paths,
        otherwise: Box::new(Rule::new(Mask::Redact)),
    });
    let is_json = matches!(facts.shape, Shape::Json | Shape::Jsonb);
    if is_json && check_rule(&rule, facts).is_ok() {
        return Some(rule);
    }
    fitting_rule(Class::Document, facts, limits)
}
