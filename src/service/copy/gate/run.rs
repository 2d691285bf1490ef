//! All checks of the gate.

use std::sync::Arc;

use super::audit::{Audit, prepared_audit};
use super::canary::Canaries;
use super::collector::Collector;
use super::comparison::Comparison;
use super::leak_scan::{Prepared, canaries_for};
use super::reading::column_types;
use super::recompute::{Recompute, judge};
use super::source::SourceValues;
use super::{constraints, counts, extension_rows, kept, objects, orphans};
use crate::catalog::Catalog;
use crate::config::Target;
use crate::copy::{CopyPlan, RowSum};
use crate::error::{Error, Kind, Result};
use crate::masking::leak::{Entry, Filter, Form, RunKey};
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

/// Sessions that read each side, one a core of a small machine.
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
    let (source, target) = sessions(subject).await?;
    let both = (types(&source[0]).await?, types(&target[0]).await?);
    let rules = (subject.masks, subject.key);
    let masks = functions(subject.plan, subject.catalog, rules, (&both.0, &both.1))?;
    let types = column_types(subject.plan, subject.catalog, (&both.0, &both.1));
    let comparison = Comparison::new(
        &Recompute {
            target: &target,
            plan: subject.masks,
            masks: &masks,
            selection: subject.selection,
            types: &types,
            search_path: &subject.source.search_path,
            cancel: &watch.cancel,
        },
        true,
    )?;
    let key = RunKey::new(&std::array::from_fn(|_| rand::random()));
    let began = watch.clock.monotonic();
    let canaries = canaries_for(&target).await?;
    let gathering = gather(subject, (&comparison, &canaries), (&source, &key), watch);
    let filter = gathering.await?;
    // A connection keeps room for the widest row that it has seen.
    drop(source);
    let source = reader(subject).await?;
    tracing::debug!(took = ?watch.clock.monotonic().saturating_sub(began), "the source was read");
    let found = Audit {
        source: &source,
        target: &target,
        plan: subject.masks,
        risk: &risk_rules(subject.masks, subject.catalog),
        safe_domains: &[],
        clock: &*watch.clock,
        cancel: &watch.cancel,
    };
    let prepared = Prepared {
        comparison: Some(&comparison),
        filter,
        canaries: Some(canaries),
    };
    let found = prepared_audit(&found, &key, prepared).await?;
    let recomputed = judge(&comparison);
    let both = (&source, &target[0]);
    let mut checks = vec![
        counts::check(subject, both.1, &recomputed).await?,
        constraints::check(subject, both.1).await?,
        kept::check(subject, both, &recomputed, watch).await?,
    ];
    checks.extend(objects::check(subject, both).await?);
    checks.extend(extension_rows::check(subject, both).await?);
    checks.extend(orphans::check(subject, both).await?);
    checks.extend(recomputed.checks);
    checks.extend(found.checks);
    Ok(GateReport::of(checks, found.leaks))
}

/// Sessions of both sides; those of the source have joined the snapshot.
async fn sessions(subject: &Subject<'_>) -> Result<(Vec<Session>, Vec<Session>)> {
    let (mut source, mut target) = (Vec::new(), Vec::new());
    for _ in 0..SESSIONS {
        let session = Session::connect(subject.copy, "gate").await?;
        patient(&session).await?;
        target.push(session);
        source.push(reader(subject).await?);
    }
    Ok((source, target))
}

/// A session of the source that has joined the snapshot.
async fn reader(subject: &Subject<'_>) -> Result<Session> {
    let session = Session::connect(subject.source, "gate").await?;
    patient(&session).await?;
    join(&session, subject.snapshot).await?;
    Ok(session)
}

/// Reads the source: its sums for the comparison, and the values that are sought; `None` when these
/// do not fit into one filter.
async fn gather(
    subject: &Subject<'_>,
    (comparison, canaries): (&Comparison<'_>, &Canaries),
    (source, key): (&[Session], &RunKey),
    watch: &Watch,
) -> Result<Option<Filter>> {
    let Some(first) = source.first() else {
        return Err(Error::new(Kind::Internal, "a comparison needs a session"));
    };
    let collector = Arc::new(Collector::new(key));
    comparison.read_source(source, Some(&collector)).await?;
    let values = SourceValues::of(first, subject.masks).await?;
    let key = key.clone();
    let make = move |class, form: &Form<'_>| Entry::of(&key, class, form);
    let others = values.beyond(&comparison.covered());
    let put = |entries: Vec<Entry>| collector.take(&entries);
    others.read(first, &watch.cancel, make, put).await?;
    comparison.plant(first, canaries, &collector).await?;
    Ok(collector.finish())
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
