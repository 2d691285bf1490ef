//! One run, from an opened source to a database that waits for its promotion.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::carry;
use super::databases::Listed;
use super::drift;
use super::engine::{Opened, Outcome};
use super::extensions;
use super::finish;
use super::gate::{self, Subject};
use super::gather::types;
use super::load::{self, Load, Task};
use super::masks::splicers;
use super::objects::Objects;
use super::pick::{Picked, remark};
use super::promote::promote;
use super::schema::{SchemaArchive, Section, Welcome};
use super::settings::create_database;
use super::share::worker_name;
use super::snapshot::{Snapshot, join, patient};
use crate::config::Target;
use crate::control::copy as ledger;
use crate::copy::{
    CopyPlan, Manifest, Mark, Range, RowSum, Signed, Stage, TableCopy, TableRecord, ranges,
    working_name,
};
use crate::error::{Error, Kind, Result};
use crate::job::Event;
use crate::masking::{Allowed, LargeObjects, MaskKey, MaskPlan};
use crate::postgres::{Session, introspect};
use crate::service::programs::Programs;
use crate::service::subset::Selection;
use crate::sql::{Ident, QualifiedName};

/// The database that a run works on.
pub(super) struct Site {
    pub(super) name: Ident,
    pub(super) mark: Mark,
    resumed: Option<Resumed>,
}

/// How far the run had come that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resumed {
    /// Rows were being loaded.
    Loading,
    /// Rows were loaded, and what follows them was begun.
    Loaded,
}

/// A copy at work.
struct Work {
    plan: CopyPlan,
    /// The rows that are carried, when that is not all.
    selection: Option<Arc<Selection>>,
    site: Site,
    /// The database that is being built.
    copy: Target,
    archive: SchemaArchive,
    session: Session,
}

impl Opened {
    /// Builds the copy, or goes on with one that stopped; proves it; promotes it when the options
    /// say so. A copy that does not pass is kept for inspection, closed to everybody.
    ///
    /// # Errors
    /// [`Kind::CopySource`], [`Kind::CopyTool`], [`Kind::MaskRule`], [`Kind::MaskValue`], those of
    /// the databases.
    pub async fn run(self, masks: &MaskPlan, key: &MaskKey) -> Result<Outcome> {
        let mut work = self.begin(masks, key).await?;
        let loading = self.engine.clock.monotonic();
        let ranges_kept = self.fill(&mut work, masks, key).await?;
        let load_seconds = self.since(loading);
        let mut remarks = work.archive.remarks.clone();
        remarks.extend(self.databases.loud().await?);
        remarks.extend(self.large_objects(&work).await?);
        remarks.extend(self.complete(&work, &masks.allow).await?);
        remarks.extend(work.selection.as_deref().and_then(remark));
        let sums = ledger::sums(&*work.session).await?;
        let subject = Subject {
            source: &self.engine.source,
            snapshot: &self.snapshot.id,
            copy: &work.copy,
            catalog: &self.gathered.catalog,
            plan: &work.plan,
            masks,
            key,
            sums: &sums,
            selection: work.selection.as_deref(),
        };
        self.note("the gate");
        let gate = gate::run(&subject, &self.engine.watch()).await?;
        let drift = drift::measure(&subject).await?;
        self.snapshot.check().await?;
        let Site { name, mark, .. } = &work.site;
        let mut outcome = Outcome {
            run: mark.run.clone(),
            from: mark.from.clone(),
            to: mark.to.clone(),
            rows: sums.iter().map(|(_, sum)| sum.rows).sum(),
            bytes: sums.iter().map(|(_, sum)| sum.bytes).sum(),
            tables: work.plan.tables.len(),
            masked_columns: work.plan.tables.iter().map(TableCopy::masked).sum(),
            epoch: work.plan.epoch.clone(),
            snapshot_lsn: self.snapshot.lsn.clone(),
            large_objects: ledger::objects::count(&*work.session).await?,
            load_seconds,
            seconds: 0.0,
            ranges_kept,
            workers: ledger::shares(&*work.session).await?,
            gate,
            subset: work.selection.as_deref().map(Picked::of),
            drift,
            promoted: false,
            database: name.as_str().to_owned(),
            remarks,
            manifest: None,
        };
        if outcome.gate.passed {
            let manifest = self.manifest(&work, &sums, &outcome)?;
            outcome.manifest = Some(self.sign(&work, &manifest, key).await?);
        }
        self.close(work, &mut outcome).await?;
        outcome.seconds = self.since(self.began);
        Ok(outcome)
    }

    /// The database with tables and ledger: found or made.
    async fn begin(&self, masks: &MaskPlan, key: &MaskKey) -> Result<Work> {
        let plan = self.engine.plan(&self.gathered, masks, key)?;
        self.snapshot.check().await?;
        let selection = self.pick(masks, key).await?.map(Arc::new);
        let mut site = self.site(&plan).await?;
        let archive = self.archive().await?;
        if site.resumed.is_some() && !self.go_on(&site, &archive).await? {
            self.databases.discard(&site.name).await?;
            site = self.new_site(site.mark.plan).await?;
        }
        carry::note_reading(&self.engine.source, &site.mark).await?;
        let copy = self.engine.target.at_database(site.name.as_str());
        if site.resumed.is_none() {
            self.note("the schema without indexes and constraints");
            archive.restore(&copy, Section::Before, 1).await?;
        }
        let mut session = Session::connect(&copy, "copy").await?;
        patient(&session).await?;
        if site.resumed.is_none() {
            let transaction = session.transaction().await?;
            ledger::create(&transaction, &site.mark.run, &plan, &self.chunks(&plan)).await?;
            transaction.commit().await?;
        }
        Ok(Work {
            plan,
            selection,
            site,
            copy,
            archive,
            session,
        })
    }

    /// Makes the database of an earlier run ready to go on with its rows; `false` when it cannot be.
    async fn go_on(&self, site: &Site, archive: &SchemaArchive) -> Result<bool> {
        self.databases.send_away(&site.name).await?;
        if site.resumed == Some(Resumed::Loading) {
            return Ok(true);
        }
        let copy = self.engine.target.at_database(site.name.as_str());
        self.note("taking away indexes and constraints of the run before");
        if !archive.withdraw(&copy).await? {
            return Ok(false);
        }
        let session = Session::connect(&copy, "copy").await?;
        let Snapshot { instant, lsn, .. } = &self.snapshot;
        ledger::phase(&*session, "loading", instant, lsn).await?;
        Ok(true)
    }

    /// Everything that follows the rows. Returns remarks.
    async fn complete(&self, work: &Work, allowed: &Allowed) -> Result<Vec<String>> {
        let (session, catalog) = (&work.session, &self.gathered.catalog);
        let Snapshot { instant, lsn, .. } = &self.snapshot;
        ledger::phase(&**session, "loaded", instant, lsn).await?;
        self.note("indexes, constraints and triggers");
        let workers = self.engine.options.workers;
        work.archive
            .restore(&work.copy, Section::After, workers)
            .await?;
        let mut remarks = finish::sequences(&self.snapshot.session, session, catalog).await?;
        remarks.extend(finish::views(session, catalog, |_| false).await?);
        let source = &self.snapshot.session;
        remarks.extend(extensions::carry(source, session, allowed).await?);
        self.note("statistics");
        session.batch_execute("analyze").await?;
        self.unchanged_schema(&work.plan).await?;
        remarks.extend(carry::changes(&self.engine.source, &work.copy).await?);
        Ok(remarks)
    }

    async fn sign(&self, work: &Work, manifest: &Manifest, key: &MaskKey) -> Result<Signed> {
        let signed = Signed::sign(manifest, key)?;
        let text = serde_json::to_string(&signed)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        ledger::manifest(&*work.session, &text).await?;
        let Snapshot { instant, lsn, .. } = &self.snapshot;
        ledger::phase(&*work.session, "complete", instant, lsn).await?;
        Ok(signed)
    }

    /// Notes what became of the database, and promotes it when that is asked for.
    async fn close(&self, work: Work, outcome: &mut Outcome) -> Result<()> {
        let Work {
            mut site, session, ..
        } = work;
        drop(session);
        site.mark.stage = if outcome.gate.passed {
            Stage::Ready
        } else {
            Stage::Failed
        };
        self.databases.mark(&site.name, &site.mark).await?;
        self.databases
            .open_to_people(&site.name, outcome.gate.passed)
            .await?;
        if outcome.gate.passed && self.engine.options.promote {
            promote(&self.databases).await?;
            outcome.promoted = true;
            outcome.database = self.databases.name.as_str().to_owned();
        }
        Ok(())
    }

    pub(super) fn note(&self, text: &str) {
        self.engine.events.emit(Event::Note(text.to_owned()));
    }

    fn since(&self, then: std::time::Duration) -> f64 {
        self.engine
            .clock
            .monotonic()
            .saturating_sub(then)
            .as_secs_f64()
    }

    /// The unfinished database of an equal plan, else a new one; other unfinished ones are dropped.
    async fn site(&self, plan: &CopyPlan) -> Result<Site> {
        let hash = plan.hash()?;
        let mut found = None;
        for Listed { name, mark } in self.databases.list().await? {
            if mark.stage != Stage::Building {
                continue;
            }
            let fits = found.is_none() && mark.plan == hash;
            let resumed = match fits {
                true => self.resumed(&name, &hash).await?,
                false => None,
            };
            if resumed.is_some() {
                found = Some(Site {
                    name,
                    mark,
                    resumed,
                });
            } else {
                self.databases.discard(&name).await?;
            }
        }
        match found {
            Some(site) => Ok(site),
            None => self.new_site(hash).await,
        }
    }

    async fn resumed(&self, name: &Ident, hash: &str) -> Result<Option<Resumed>> {
        let session =
            Session::connect(&self.engine.target.at_database(name.as_str()), "copy").await?;
        let record = ledger::record(&*session).await?;
        Ok(record
            .filter(|record| record.plan == hash)
            .and_then(|record| match record.phase.as_str() {
                "loading" => Some(Resumed::Loading),
                "loaded" | "complete" => Some(Resumed::Loaded),
                _ => None,
            }))
    }

    async fn new_site(&self, plan: String) -> Result<Site> {
        let run = self
            .engine
            .clock
            .now()
            .format("%Y%m%d%H%M%S%3f")
            .to_string();
        let name = working_name(self.databases.name.as_str(), &run)?;
        let mark = Mark {
            run,
            from: self.engine.source.environment.clone(),
            to: self.engine.target.environment.clone(),
            database: self.databases.name.as_str().to_owned(),
            stage: Stage::Building,
            plan,
            comment: None,
        };
        let sql = create_database(&self.snapshot.session, &self.databases, &name).await?;
        self.databases.session.batch_execute(&sql).await?;
        self.databases.mark(&name, &mark).await?;
        let closed = format!("revoke connect, temporary on database {name} from public");
        self.databases.session.batch_execute(&closed).await?;
        self.databases.silence(&name).await?;
        Ok(Site {
            name,
            mark,
            resumed: None,
        })
    }

    async fn archive(&self) -> Result<SchemaArchive> {
        let welcome = Welcome {
            roles: self.databases.roles().await?,
            superuser: self.databases.is_superuser().await?,
        };
        let programs = Programs::find(self.gathered.catalog.major()).await?;
        SchemaArchive::dump(
            programs,
            (&self.engine.source, &self.snapshot.id),
            &self.gathered.catalog,
            &welcome,
            &self.engine.cancel,
        )
        .await
    }

    /// The ranges of all tables, the largest tables first, so that no worker is left with a large
    /// one at the end.
    fn chunks(&self, plan: &CopyPlan) -> Vec<(QualifiedName, Range)> {
        let size = |name: &QualifiedName| self.gathered.extents.get(name);
        let mut names: Vec<&QualifiedName> = plan.tables.iter().map(|table| &table.name).collect();
        names.sort_by_key(|name| std::cmp::Reverse(size(name).map_or(0, |extent| extent.bytes)));
        let cut = |name: &QualifiedName| {
            let (blocks, bytes) = size(name).map_or((0, 0), |extent| (extent.blocks, extent.bytes));
            ranges(blocks, bytes, self.engine.options.chunk_bytes)
        };
        names
            .into_iter()
            .flat_map(|name| cut(name).into_iter().map(|range| (name.clone(), range)))
            .collect()
    }

    /// Loads all ranges as of the snapshot's instant; the number that an earlier run had loaded and
    /// that are still the same.
    async fn fill(&self, work: &mut Work, masks: &MaskPlan, key: &MaskKey) -> Result<u64> {
        let types = types(&work.session).await?;
        let load = Arc::new(Load {
            source: self.engine.source.clone(),
            copy: work.copy.clone(),
            splicers: splicers(
                &work.plan,
                &self.gathered.catalog,
                (masks, key),
                (&self.gathered.types, &types),
            )?,
            plan: work.plan.clone(),
            selection: work.selection.clone(),
            extents: self.gathered.extents.clone(),
            snapshot: self.snapshot.id.clone(),
            instant: self.snapshot.instant.clone(),
            purpose: "copy",
            worker: worker_name(),
            wide: Mutex::default(),
            cancel: self.engine.cancel.clone(),
        });
        ledger::announce(&*work.session, &load.instant, &load.snapshot).await?;
        let workers = self.engine.options.workers;
        let mut kept = 0;
        if work.site.resumed.is_some() {
            self.note("comparing what is loaded with the source");
            load::work(&load, Task::Compare, workers).await?;
            ledger::clear_stale(&mut work.session).await?;
            kept = ledger::kept(&*work.session, &load.instant).await?;
        }
        self.note("rows");
        match &self.engine.options.helpers {
            Some(queue) if !masks.is_partial() => self.share(&work.site, &load, &**queue).await?,
            _ => load::work(&load, Task::Load, workers).await?,
        }
        match ledger::left(&*work.session, &load.instant).await? {
            0 => Ok(kept),
            left => Err(Error::new(
                Kind::Internal,
                format!("{left} ranges were not loaded"),
            )),
        }
    }

    /// Carries large objects as of the snapshot's instant. Returns remarks.
    async fn large_objects(&self, work: &Work) -> Result<Vec<String>> {
        // A source without a rule has none; what an earlier instant had is taken away.
        let rule = work
            .plan
            .large_objects
            .as_ref()
            .unwrap_or(&LargeObjects::Null);
        let source = Session::connect(&self.engine.source, "copy").await?;
        patient(&source).await?;
        join(&source, &self.snapshot.id).await?;
        if self.gathered.has_large_objects {
            self.note("large objects");
        }
        Objects {
            source: &source,
            copy: &work.session,
            rule,
            instant: &self.snapshot.instant,
            roles: &self.databases.roles().await?,
            superuser: self.databases.is_superuser().await?,
            cancel: &self.engine.cancel,
        }
        .carry()
        .await
    }

    async fn unchanged_schema(&self, plan: &CopyPlan) -> Result<()> {
        let session = Session::connect(&self.engine.source, "copy").await?;
        let now = introspect(&session).await?.fingerprint();
        if now == plan.fingerprint {
            return Ok(());
        }
        Err(Error::new(
            Kind::CopySource,
            "the schema of the source changed during the copy",
        ))
    }

    fn manifest(
        &self,
        work: &Work,
        sums: &[(QualifiedName, RowSum)],
        outcome: &Outcome,
    ) -> Result<Manifest> {
        let Work { plan, site, .. } = work;
        Ok(Manifest {
            run: site.mark.run.clone(),
            from: site.mark.from.clone(),
            to: site.mark.to.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            at: self.engine.clock.now(),
            plan: site.mark.plan.clone(),
            policy: plan.policy_hash.clone(),
            epoch: plan.epoch.clone(),
            snapshot_lsn: self.snapshot.lsn.clone(),
            fingerprint: plan.fingerprint.to_string(),
            tables: sums
                .iter()
                .map(|(table, sum)| TableRecord {
                    table: table.clone(),
                    source: *sum,
                })
                .collect(),
            gate: serde_json::to_value(&outcome.gate)
                .map_err(|error| Error::new(Kind::Internal, error.to_string()))?,
        })
    }
}
