//! All checks of the gate, one after the other.

use super::{constraints, counts};
use crate::catalog::Catalog;
use crate::config::Target;
use crate::copy::{CopyPlan, RowSum};
use crate::error::Result;
use crate::masking::{MaskKey, MaskPlan};
use crate::postgres::Session;
use crate::service::copy::GateReport;
use crate::sql::QualifiedName;

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
}

/// Runs every check.
///
/// # Errors
/// Those of the databases; a check that fails is no error but part of the report.
pub async fn run(subject: &Subject<'_>) -> Result<GateReport> {
    let session = Session::connect(subject.copy, "gate").await?;
    let checks = vec![
        counts::check(subject, &session).await?,
        constraints::check(subject, &session).await?,
    ];
    Ok(GateReport::of(checks, Vec::new()))
}
