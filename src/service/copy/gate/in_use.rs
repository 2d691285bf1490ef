//! The gate on a copy that is in use.

use super::audit::{Audit, audit};
use super::run::{SESSIONS, risk_rules};
use crate::config::{Config, Environment};
use crate::copy::{Manifest, Signed};
use crate::error::Result;
use crate::postgres::{Session, introspect};
use crate::service::copy::GateReport;
use crate::service::copy::snapshot::patient;
use crate::service::diff::Watch;
use crate::service::masking::{KeyChoice, load_under};

/// Checks the signature of a copy's manifest with the key of its environment, and seeks the values
/// that the source holds now in what the target holds now. The source has moved on since the copy,
/// so that its rows are not compared.
///
/// # Errors
/// [`crate::error::Kind::CopyGate`] when the signature does not hold; those of the policy and the
/// databases. A check that fails is no error but part of the report.
pub async fn in_use(
    config: &Config,
    (from, to): (&Environment, &Environment),
    signed: &Signed,
    watch: &Watch,
) -> Result<(Manifest, GateReport)> {
    let (source_end, target_end) = (from.target(config).await?, to.target(config).await?);
    let source = Session::connect(&source_end, "audit").await?;
    patient(&source).await?;
    source
        .batch_execute("begin transaction isolation level repeatable read, read only")
        .await?;
    let catalog = introspect(&source).await?;
    // The copy may be older than the key of new ones.
    let epoch = signed.verify(None)?.epoch;
    let (masks, key) = load_under(config, &to.name, &catalog, KeyChoice::Epoch(&epoch)).await?;
    let manifest = signed.verify(Some(&key))?;
    let mut target = Vec::with_capacity(SESSIONS);
    for _ in 0..SESSIONS {
        let session = Session::connect(&target_end, "audit").await?;
        patient(&session).await?;
        target.push(session);
    }
    let report = audit(&Audit {
        source: &source,
        target: &target,
        plan: &masks,
        risk: &risk_rules(&masks, &catalog),
        safe_domains: &[],
        clock: &*watch.clock,
        cancel: &watch.cancel,
    })
    .await?;
    source.batch_execute("rollback").await?;
    Ok((manifest, report))
}
