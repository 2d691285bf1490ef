//! All checks of the gate, one after the other.

use super::audit::{Audit, audit};
use super::reading::column_types;
use super::recompute::{Recompute, recompute};
use super::{constraints, counts, extension_rows, kept, objects, orphans};
use crate::catalog::Catalog;
use crate::config::Target;
use crate::copy::{CopyPlan, RowSum};
use crate::error::Result;
use crate::masking::risk::{RiskLimits, RiskRule};
use crate::masking::{MaskKey, MaskPlan};
use crate::postgres::Session;
use crate::service::copy::GateReport;
use crate::service::copy::gather::types;
use crate::service::copy::masks::functions;
use crate::service::copy::snapshot::{join, patient};
use crate::service::diff::Watch;
use crate::service::subset::Selection;
use crate::sql::{Ident, QualifiedName};

/// Sessions that search the copy, one a core of a small machine.
pub(super) const SESSIONS: usize = 2;

/// What the gate looks at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The source.
    pub source: &'a Target,
    /// The exported snapshot that the copy is of; it is open as long as the gate works.
    pub snapshot: &'a str,
    /// The database that was built; nobody else is connected.
    pub copy: &'a Target,
    /// The schema of the source.
    pub catalog: &'a Catalog,
    /// What was carried.
    pub plan: &'a CopyPlan,
    /// The masks, by column.
    pub masks: &'a MaskPlan,
    /// The key of the masks.
    pub key: &'a MaskKey,
    /// What the source sent of each table under the snapshot.
    pub sums: &'a [(QualifiedName, RowSum)],
    /// The rows that were carried, when that is not all.
    pub selection: Option<&'a Selection>,
}

/// Runs every check.
///
/// # Errors
/// Those of the databases; a check that fails is no error but part of the report.
pub async fn run(subject: &Subject<'_>, watch: &Watch) -> Result<GateReport> {
    let mut target = Vec::with_capacity(SESSIONS);
    for _ in 0..SESSIONS {
        let session = Session::connect(subject.copy, "gate").await?;
        patient(&session).await?;
        target.push(session);
    }
    let source = Session::connect(subject.source, "gate").await?;
    patient(&source).await?;
    join(&source, subject.snapshot).await?;
    let both = (types(&source).await?, types(&target[0]).await?);
    let rules = (subject.masks, subject.key);
    let masks = functions(subject.plan, subject.catalog, rules, (&both.0, &both.1))?;
    let recomputed = recompute(&Recompute {
        source: &source,
        target: &target[0],
        plan: subject.masks,
        masks: &masks,
        selection: subject.selection,
        types: &column_types(subject.plan, subject.catalog, (&both.0, &both.1)),
        search_path: &subject.source.search_path,
        cancel: &watch.cancel,
    })
    .await?;
    let mut checks = vec![
        counts::check(subject, &target[0]).await?,
        constraints::check(subject, &target[0]).await?,
        kept::check(subject, (&source, &target[0]), &recomputed, watch).await?,
    ];
    checks.extend(objects::check(subject, (&source, &target[0])).await?);
    checks.extend(extension_rows::check(subject, (&source, &target[0])).await?);
    checks.extend(orphans::check(subject, (&source, &target[0])).await?);
    checks.extend(recomputed.checks);
    let found = audit(&Audit {
        source: &source,
        target: &target,
        plan: subject.masks,
        masks: None,
        selection: subject.selection,
        risk: &risk_rules(subject.masks, subject.catalog),
        safe_domains: &[],
        search_path: &subject.source.search_path,
        clock: &*watch.clock,
        cancel: &watch.cancel,
    })
    .await?;
    checks.extend(found.checks);
    Ok(GateReport::of(checks, found.leaks))
}

/// What the policy declares of quasi-identifiers, as the measure takes it.
pub(super) fn risk_rules(masks: &MaskPlan, catalog: &Catalog) -> Vec<RiskRule> {
    let Some(declared) = &masks.risk else {
        return Vec::new();
    };
    let usual = RiskLimits::default();
    let limits = RiskLimits {
        k: declared.k.map_or(usual.k, u64::from),
        l: declared.l.map_or(usual.l, u64::from),
        linked: declared.linkage.unwrap_or(usual.linked),
        ..usual
    };
    declared
        .tables
        .iter()
        .map(|rule| RiskRule {
            table: rule.table.clone(),
            columns: rule.columns.clone(),
            sensitive: rule.sensitive.first().cloned(),
            subject: kept_key(&rule.table, masks, catalog),
            limits,
        })
        .collect()
}

/// The primary key of a table, when it is one column that the copy keeps.
fn kept_key(table: &QualifiedName, masks: &MaskPlan, catalog: &Catalog) -> Option<Ident> {
    let key = catalog.table(table)?.primary_key()?;
    let [column] = key.columns.as_slice() else {
        return None;
    };
    let leaves = catalog.leaves(table);
    let kept = leaves.iter().all(|leaf| {
        let plan = masks.table(&leaf.name);
        plan.is_some_and(|plan| {
            let mut rules = plan.columns.iter();
            rules.any(|rule| rule.column == *column && rule.rule.is_keep())
        })
    });
    kept.then(|| column.clone())
}
