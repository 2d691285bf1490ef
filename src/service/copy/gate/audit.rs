//! All of the gate that looks at two databases: of a new copy before it becomes reachable, or of
//! one that is in use (`copy audit`).

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::leak_scan::{LeakScan, Scanned, leak_scan};
use super::reading::ColumnTypes;
use super::recompute::{Masks, Recompute, recompute};
use super::{risk, staging};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::masking::MaskPlan;
use crate::masking::leak::RunKey;
use crate::masking::risk::RiskRule;
use crate::postgres::Session;
use crate::service::copy::{Check, GateReport};
use crate::service::subset::Selection;

/// What is audited.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a> {
    /// The source, in a transaction with the copy's snapshot, or with one of its own when a copy in
    /// use is audited.
    pub source: &'a Session,
    /// Sessions of the target, which is at rest; at least one. Tables are spread over them.
    pub target: &'a [Session],
    /// What was masked.
    pub plan: &'a MaskPlan,
    /// The compiled masks; `None` when the source has moved on since the copy, so that its rows
    /// cannot be masked again for comparison.
    pub masks: Option<&'a Masks>,
    /// The rows that were carried, when that is not all.
    pub selection: Option<&'a Selection>,
    /// Declared quasi-identifiers.
    pub risk: &'a [RiskRule],
    /// Mail domains that are safe besides the reserved ones.
    pub safe_domains: &'a [String],
    /// Schemas in which SQL of the policy is resolved.
    pub search_path: &'a [String],
    /// Measures.
    pub clock: &'a dyn Clock,
    /// Ends it.
    pub cancel: &'a CancellationToken,
}

/// Runs every check.
///
/// # Errors
/// Reading either side fails, a value cannot be masked, [`Kind::Interrupted`] when cancelled. A
/// check that fails is no error but part of the report.
pub async fn audit(audit: &Audit<'_>) -> Result<GateReport> {
    let Some(target) = audit.target.first() else {
        return Err(Error::new(Kind::Internal, "an audit needs a session"));
    };
    let mut checks = Vec::new();
    if let Some(masks) = audit.masks {
        let work = Recompute {
            source: audit.source,
            target,
            plan: audit.plan,
            masks,
            selection: audit.selection,
            types: &ColumnTypes::new(),
            search_path: audit.search_path,
            cancel: audit.cancel,
        };
        checks.extend(recompute(&work).await?.checks);
    }
    let scan = LeakScan {
        source: audit.source,
        target: audit.target,
        plan: audit.plan,
        safe_domains: audit.safe_domains,
        clock: audit.clock,
        cancel: audit.cancel,
    };
    let key = RunKey::new(&std::array::from_fn(|_| rand::random()));
    let scanned = leak_scan(&scan, &key).await?;
    checks.push(leaks(&scanned));
    checks.push(canaries(&scanned));
    for rule in audit.risk {
        checks.push(risk::check(audit.source, target, rule).await?);
    }
    checks.push(staging::live(&scanned));
    checks.push(staging::queues(target, audit.plan).await?);
    Ok(GateReport::of(checks, scanned.leaks))
}

fn leaks(scanned: &Scanned) -> Check {
    let found: u64 = scanned.leaks.iter().map(|leak| leak.count).sum();
    let rate = megabytes(scanned.bytes, scanned.searching);
    let mut detail = format!(
        "{} values of the source sought in {rate}: {found} found",
        scanned.values
    );
    if !scanned.blind.is_empty() {
        detail.push_str(&format!(
            "; this role cannot read: {}",
            scanned.blind.join(", ")
        ));
    }
    Check {
        name: "leak scan".to_owned(),
        passed: scanned.leaks.is_empty() && scanned.blind.is_empty(),
        detail,
    }
}

/// `340.0 MB (85 MB/s)`
#[allow(clippy::cast_precision_loss, reason = "for people")]
fn megabytes(bytes: u64, took: Duration) -> String {
    let megabytes = bytes as f64 / 1e6;
    let rate = megabytes / took.as_secs_f64().max(1e-3);
    format!("{megabytes:.1} MB ({rate:.0} MB/s)")
}

fn canaries(scanned: &Scanned) -> Check {
    let flight = &scanned.canaries;
    let planted = flight.seen + flight.unseen.len();
    let mut detail = format!("{} of {planted} canaries seen", flight.seen);
    if !flight.unseen.is_empty() {
        detail.push_str(&format!("; blind in: {}", flight.unseen.join(", ")));
    }
    if !flight.impossible.is_empty() {
        detail.push_str(&format!(
            "; this role or server has no: {}",
            flight.impossible.join(", ")
        ));
    }
    Check {
        name: "canaries".to_owned(),
        passed: flight.unseen.is_empty() && flight.seen > 0,
        detail,
    }
}
