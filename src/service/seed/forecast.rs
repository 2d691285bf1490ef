//! How much a plan would write, and how long that would take.

use serde::Serialize;

use super::engine::Options;
use super::keys;
use super::make::Maker;
use super::session::open;
use crate::config::Target;
use crate::error::Result;
use crate::generate::SeedPlan;
use crate::postgres::{Session, introspect};

/// Bytes of rows that a worker writes a second, with the indexes and keys that are made afterwards: what
/// was measured on two cores (`docs/BENCHMARKS.md`), so an order of magnitude elsewhere.
const RATE: f64 = 15e6;

/// What a run of a plan would write.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// Bytes of all rows as COPY takes them, estimated from some of each table.
    pub bytes: u64,
    /// Seconds, by what was measured elsewhere.
    pub seconds: f64,
    /// Workers that this is said of.
    pub workers: usize,
    /// By table, in the order of the plan.
    pub tables: Vec<TableForecast>,
}

/// What a run would write into one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableForecast {
    /// Its name.
    pub table: String,
    /// Rows.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// Makes some rows of each table and counts.
///
/// # Errors
/// A row that is not found, as in a run; those of the database.
pub async fn forecast(target: &Target, plan: &SeedPlan) -> Result<Forecast> {
    let catalog = introspect(&Session::connect(target, "seed").await?).await?;
    let keys = keys::read(&open(target).await?, &catalog, plan).await?;
    let maker = Maker::ready(plan.clone(), keys).await?;
    let tables: Vec<TableForecast> = plan
        .tables
        .iter()
        .enumerate()
        .map(|(at, table)| TableForecast {
            table: table.name.plain(),
            rows: table.rows,
            bytes: table.rows.saturating_mul(maker.row_bytes(at)),
        })
        .collect();
    let bytes = tables.iter().map(|table| table.bytes).sum();
    let workers = Options::default().workers;
    Ok(Forecast {
        bytes,
        seconds: bytes as f64 / (RATE * workers as f64),
        workers,
        tables,
    })
}
