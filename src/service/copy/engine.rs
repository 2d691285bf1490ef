//! The engine: what a copy is made with, and how it begins.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::databases::Databases;
use super::gate_report::GateReport;
use super::gather::{Gathered, extents, gather, gather_in};
use super::pick::Picked;
use super::refuse::{Side, refuse};
use super::snapshot::Snapshot;
use crate::clock::Clock;
use crate::config::{Config, Environment, ReadRate, Target};
use crate::copy::{Aims, CHUNK_BYTES, CopyPlan, Place, Signed};
use crate::dispatch::Dispatcher;
use crate::error::{Error, Kind, Result};
use crate::job::EventSink;
use crate::masking::{MaskKey, MaskPlan};
use crate::postgres::Session;
use crate::service::diff::Watch;
use crate::subset::Drift;

/// Limits of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Workers, each with a connection to both sides: 1 to 64.
    pub workers: usize,
    /// Bytes that one range should hold.
    pub chunk_bytes: u64,
    /// Whether the copy takes the target's place when its gate has passed.
    pub promote: bool,
    /// Reaches the workers that load the rows; without it this process loads them itself.
    pub helpers: Option<Arc<dyn Dispatcher>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 2,
            chunk_bytes: CHUNK_BYTES,
            promote: false,
            helpers: None,
        }
    }
}

/// Makes copies from one environment to another.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The source.
    pub source: Target,
    /// The target; its database may be missing yet.
    pub target: Target,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where progress goes.
    pub events: Arc<dyn EventSink>,
    /// Stops the run at its next safe point.
    pub cancel: CancellationToken,
    /// Limits.
    pub options: Options,
}

/// What a run has done.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The run.
    pub run: String,
    /// The environment that the data comes from.
    pub from: String,
    /// The environment that it is for.
    pub to: String,
    /// Rows.
    pub rows: u64,
    /// Bytes, as COPY carries them.
    pub bytes: u64,
    /// Tables that hold rows.
    pub tables: usize,
    /// Columns whose values changed.
    pub masked_columns: usize,
    /// Epoch of the masking key.
    pub epoch: String,
    /// Place in the source's log that the data is of.
    pub snapshot_lsn: String,
    /// Time that the load took, in seconds.
    pub load_seconds: f64,
    /// Time that everything took, in seconds.
    pub seconds: f64,
    /// Large objects.
    pub large_objects: u64,
    /// Ranges that an earlier run had loaded and that were still the same.
    pub ranges_kept: u64,
    /// Ranges by the worker that loaded them: its machine and process.
    pub workers: BTreeMap<String, u64>,
    /// What the gate found.
    pub gate: GateReport,
    /// What was picked, when not all rows were carried.
    pub subset: Option<Picked>,
    /// How far the picked rows are distributed like those of the source, the largest difference
    /// first.
    pub drift: Vec<Drift>,
    /// Whether the copy is the target now.
    pub promoted: bool,
    /// The database that was built.
    pub database: String,
    /// What was not carried, in words.
    pub remarks: Vec<String>,
    /// The signed manifest; none for a copy that did not pass.
    pub manifest: Option<Signed>,
}

/// A source held at one instant, and a target that nobody else works on.
#[derive(Debug)]
pub struct Opened {
    pub(super) engine: Engine,
    pub(super) databases: Databases,
    pub(super) snapshot: Snapshot,
    /// The source.
    pub gathered: Gathered,
    pub(super) began: std::time::Duration,
}

impl Engine {
    /// An engine for two environments; what is never allowed is refused before anything is asked.
    ///
    /// # Errors
    /// [`Kind::CopyRefused`]; an unavailable secret.
    pub async fn between(
        config: &Config,
        (from, to): (&Environment, &Environment),
        clock: Arc<dyn Clock>,
        events: Arc<dyn EventSink>,
        cancel: CancellationToken,
    ) -> Result<Self> {
        refuse(&Side::from(from), &Side::from(to))?;
        let mut source = from.target(config).await?;
        source.read_rate = config
            .max_rate()
            .map_or_else(ReadRate::default, ReadRate::limited);
        Ok(Self {
            source,
            target: to.target(config).await?,
            clock,
            events,
            cancel,
            options: Options::default(),
        })
    }

    /// Reads the source's schema without locking or holding anything: for a look at the plan.
    ///
    /// # Errors
    /// Those of the source.
    pub async fn survey(&self) -> Result<Gathered> {
        let session = Session::connect(&self.source, "copy").await?;
        gather(&session, &self.source).await
    }

    /// What the gate tells the time by, reports to and is stopped by.
    pub(super) fn watch(&self) -> Watch {
        Watch {
            clock: Arc::clone(&self.clock),
            events: Arc::clone(&self.events),
            cancel: self.cancel.clone(),
        }
    }

    /// The plan under these masks.
    ///
    /// # Errors
    /// Those of [`CopyPlan::make`]; [`Kind::MaskUnclassified`] for large objects that the policy says
    /// nothing about.
    pub fn plan(&self, gathered: &Gathered, masks: &MaskPlan, key: &MaskKey) -> Result<CopyPlan> {
        if gathered.has_large_objects && masks.large_objects.is_none() {
            return Err(Error::new(
                Kind::MaskUnclassified,
                format!("the large objects of {} have no masking rule", gathered.place.database),
            )
            .hint("write `large_objects = \"null\"` (empty), \"none\", { constant = \"...\" } or \"keep\" into the masking rules, above their tables"));
        }
        let aims = Aims {
            source: gathered.place.clone(),
            target: Place {
                environment: self.target.environment.clone(),
                system: None,
                database: self.target.database().to_owned(),
            },
            key: key.fingerprint()?,
            search_path: self.source.search_path.clone(),
        };
        CopyPlan::make(aims, &gathered.catalog, &gathered.types, masks)
    }

    /// Locks the target, takes the snapshot and reads the source's schema under it.
    ///
    /// # Errors
    /// [`Kind::CopyRefused`], [`Kind::RunnerBusy`]; either side out of reach.
    pub async fn open(self) -> Result<Opened> {
        let began = self.clock.monotonic();
        let databases = Databases::open(&self.target).await?;
        databases.require_createdb().await?;
        databases.lock().await?;
        let scout = Session::connect(&self.source, "copy").await?;
        not_itself(&scout, &databases).await?;
        let files = extents(&scout).await?;
        let snapshot = Snapshot::take(&self.source).await?;
        let gathered = gather_in(&snapshot.session, &self.source, files).await?;
        Ok(Opened {
            engine: self,
            databases,
            snapshot,
            gathered,
            began,
        })
    }
}

/// Refuses a target that is the source under another name: the same server, started at the same
/// microsecond, and the same database.
async fn not_itself(source: &Session, databases: &Databases) -> Result<()> {
    let started =
        "select pg_catalog.pg_postmaster_start_time()::text, pg_catalog.current_database()::text";
    let from = source.query_one(started, &[]).await?;
    let to = databases.session.query_one(started, &[]).await?;
    let same_server = from.get::<_, String>(0) == to.get::<_, String>(0);
    if same_server && from.get::<_, String>(1) == databases.name.as_str() {
        return Err(Error::new(
            Kind::CopyRefused,
            format!(
                "source and target are one database, {}",
                databases.name.as_str()
            ),
        ));
    }
    Ok(())
}
