//! All of the gate that looks at two databases: of a new copy before it becomes reachable, or of
//! one that is in use (`copy audit`).

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::leak_scan::{LeakScan, Prepared, Scanned, prepared_scan};
use super::{risk, staging};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::masking::MaskPlan;
use crate::masking::leak::RunKey;
use crate::masking::risk::RiskRule;
use crate::postgres::Session;
use crate::service::copy::{Check, GateReport};

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
    /// Declared quasi-identifiers.
    pub risk: &'a [RiskRule],
    /// Mail domains that are safe besides the reserved ones.
    pub safe_domains: &'a [String],
    /// Measures.
    pub clock: &'a dyn Clock,
    /// Ends it.
    pub cancel: &'a CancellationToken,
}

/// Runs every check.
///
/// # Errors
/// Reading either side fails, [`Kind::Interrupted`] when cancelled. A check that fails is no error
/// but part of the report.
pub async fn audit(audit: &Audit<'_>) -> Result<GateReport> {
    let key = RunKey::new(&std::array::from_fn(|_| rand::random()));
    prepared_audit(audit, &key, Prepared::default()).await
}

/// The same with what the comparison of both sides has gathered under the key.
pub(super) async fn prepared_audit(
    audit: &Audit<'_>,
    key: &RunKey,
    prepared: Prepared<'_>,
) -> Result<GateReport> {
    let Some(target) = audit.target.first() else {
        return Err(Error::new(Kind::Internal, "an audit needs a session"));
    };
    let mut checks = Vec::new();
    let scan = LeakScan {
        source: audit.source,
        target: audit.target,
        plan: audit.plan,
        safe_domains: audit.safe_domains,
        clock: audit.clock,
        cancel: audit.cancel,
    };
    let scanned = prepared_scan(&scan, key, prepared).await?;
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
    if scanned.digests_one_of > 1 {
        let one = scanned.digests_one_of;
        detail.push_str(&format!("; one of {one} digests was looked at"));
    }
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
