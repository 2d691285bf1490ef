//! What both sides of each table add up to. Each side is read once: the source gives, in the same
//! stream, the values that are sought in the target, and the target's rows are searched for them
//! while they are summed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::batches::{Batches, Compute};
use super::canary::Canaries;
use super::collector::Collector;
use super::reading::Reading;
use super::recompute::Recompute;
use super::sums::{Field, Rows, Sums};
use crate::copy::{CHUNK_BYTES, Range, ranges};
use crate::error::{Error, Kind, Result};
use crate::masking::leak::RunKey;
use crate::masking::{Mask, TablePlan};
use crate::postgres::{Session, schema_list};
use crate::service::copy::gather::extents;
use crate::sql::QualifiedName;
use crate::subset::RowSet;

/// A sum that several streams add to.
pub(super) type Total = Arc<Mutex<Sums>>;

/// One table.
#[derive(Debug)]
pub(super) struct Compared<'a> {
    pub(super) plan: &'a TablePlan,
    pub(super) reading: Reading,
    picked: Option<&'a RowSet>,
    /// What is computed of the source's rows.
    raw: Arc<Rows>,
    /// What is computed of the target's rows.
    pub(super) copied: Arc<Rows>,
    source: Total,
    pub(super) target: Total,
}

/// All tables.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    work: Recompute<'a>,
    pub(super) tables: Vec<Compared<'a>>,
    target_is_read: AtomicBool,
}

impl<'a> Comparison<'a> {
    /// `seeking`: the values of the source are wanted, too.
    pub(super) fn new(work: &Recompute<'a>, seeking: bool) -> Result<Self> {
        let random = || RunKey::new(&std::array::from_fn(|_| rand::random()));
        let keys = Arc::new((random(), random()));
        let mut tables = Vec::new();
        for plan in &work.plan.tables {
            let picked = work.selection.and_then(|all| all.rows(&plan.name));
            let partial = work.selection.is_some();
            let mut reading = Reading::of(plan, work.types, partial, picked);
            if reading.compared.is_empty() {
                continue;
            }
            if seeking {
                reading.seek(plan, work.types, picked);
            }
            let rows = |fields, values| {
                Arc::new(Rows {
                    table: plan.name.clone(),
                    keys: Arc::clone(&keys),
                    fields,
                    values,
                })
            };
            let plain = (0..reading.compared.len()).map(Field::plain).collect();
            tables.push(Compared {
                plan,
                picked,
                raw: rows(fields(work, plan, &reading)?, reading.values.clone()),
                copied: rows(plain, Vec::new()),
                reading,
                source: Total::default(),
                target: Total::default(),
            });
        }
        Ok(Self {
            work: *work,
            tables,
            target_is_read: AtomicBool::new(false),
        })
    }

    /// Tables of which the source's stream gives all values that are sought.
    pub(super) fn covered(&self) -> BTreeSet<QualifiedName> {
        let tables = self.tables.iter();
        let covered = tables.filter(|table| table.reading.covers);
        covered.map(|table| table.plan.name.clone()).collect()
    }

    /// Reads the source: as many ranges at once as there are sessions.
    pub(super) async fn read_source(
        &self,
        source: &[Session],
        collector: Option<&Arc<Collector>>,
    ) -> Result<()> {
        let Some(first) = source.first() else {
            return Err(Error::new(Kind::Internal, "a comparison needs a session"));
        };
        let extents = extents(first).await?;
        let mut parts = Vec::new();
        for table in &self.tables {
            if table.picked.is_some() {
                parts.push((table, None, u64::MAX));
                continue;
            }
            let extent = extents.get(&table.plan.name);
            let (blocks, bytes) = extent.map_or((0, 0), |extent| (extent.blocks, extent.bytes));
            let ranges = ranges(blocks, bytes, CHUNK_BYTES);
            parts.extend(ranges.into_iter().map(|range| (table, Some(range), bytes)));
        }
        parts.sort_by_key(|(.., bytes)| std::cmp::Reverse(*bytes));
        let batches = Batches::new(self.work.cancel);
        let next = AtomicUsize::new(0);
        let workers = source.iter().map(|session| async {
            self.project_path(session).await?;
            while let Some((table, range, _)) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                let compute = table.at_source(collector);
                for sql in table.reading.source_statements(table.picked, *range) {
                    let what = (sql.as_str(), &table.plan.name);
                    batches.stream(session, what, &compute).await?;
                }
            }
            pinned_path(session).await
        });
        futures_util::future::try_join_all(workers).await?;
        batches.finish().await
    }

    /// Reads the canaries from the source as the values of its tables are read.
    pub(super) async fn plant(
        &self,
        source: &Session,
        canaries: &Canaries,
        collector: &Arc<Collector>,
    ) -> Result<()> {
        let (table, fields, classes) = canaries.row()?;
        let random = || RunKey::new(&std::array::from_fn(|_| rand::random()));
        let rows = Rows {
            table: table.clone(),
            keys: Arc::new((random(), random())),
            fields: Vec::new(),
            values: (0..).zip(classes).map(|(i, class)| (class, i)).collect(),
        };
        let collector = Arc::clone(collector);
        let compute: Arc<Compute> = Arc::new(move |batch: &[u8]| {
            if let Some(key) = collector.open() {
                collector.plant(&rows.sum_and_seek(batch, key)?.1);
            }
            Ok(())
        });
        let batches = Batches::new(self.work.cancel);
        let sql = format!("copy (select {fields}) to stdout (format binary)");
        batches.stream(source, (&sql, &table), &compute).await?;
        batches.finish().await
    }

    /// Reads the target alone, when nothing is sought in it.
    pub(super) async fn read_target(&self) -> Result<()> {
        let batches = Batches::new(self.work.cancel);
        let next = AtomicUsize::new(0);
        let workers = self.work.target.iter().map(|session| async {
            self.project_path(session).await?;
            while let Some(table) = self.tables.get(next.fetch_add(1, Ordering::Relaxed)) {
                let sql = table
                    .reading
                    .target_statement(&[], Range { from: 0, to: None });
                let what = (sql.as_str(), &table.plan.name);
                batches.stream(session, what, &table.at_target()).await?;
            }
            pinned_path(session).await
        });
        futures_util::future::try_join_all(workers).await?;
        batches.finish().await?;
        self.end_target();
        Ok(())
    }

    /// Whether the target's rows are summed already.
    pub(super) fn target_is_read(&self) -> bool {
        self.target_is_read.load(Ordering::Relaxed)
    }

    /// All of the target's rows are summed.
    pub(super) fn end_target(&self) {
        self.target_is_read.store(true, Ordering::Relaxed);
    }

    /// The text of a value depends on the schemas that are searched and on how money is written, so
    /// both sides read in one way.
    pub(super) async fn project_path(&self, session: &Session) -> Result<()> {
        path(session, &schema_list(self.work.search_path)?).await
    }
}

/// Undoes [`Comparison::project_path`].
pub(super) async fn pinned_path(session: &Session) -> Result<()> {
    path(session, "pg_catalog").await
}

async fn path(session: &Session, path: &str) -> Result<()> {
    let sql = "select pg_catalog.set_config('search_path', $1, false), \
               pg_catalog.set_config('lc_monetary', 'C', false)";
    session.query_one(sql, &[&path]).await?;
    Ok(())
}

/// The masks of the compared columns.
fn fields(work: &Recompute<'_>, table: &TablePlan, reading: &Reading) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    for compared in &reading.compared {
        let column = &table.columns[compared.column];
        let name = (table.name.clone(), column.column.clone());
        let mask = work.masks.get(&name).cloned();
        let by_source = matches!(column.rule.mask, Mask::Keep | Mask::Null | Mask::Sql { .. });
        if mask.is_none() && !by_source {
            let column = column.column.as_str();
            let text = format!("{}.{column}: its mask was not compiled", table.name.plain());
            return Err(Error::new(Kind::Internal, text));
        }
        fields.push(Field {
            mask: mask.filter(|_| !by_source),
            keeps_parts: column.rule.mask.keeps_parts(),
            keeps_leaves: column.rule.mask.keeps_leaves(),
            ..Field::plain(compared.place)
        });
    }
    Ok(fields)
}

impl Compared<'_> {
    fn at_source(&self, collector: Option<&Arc<Collector>>) -> Arc<Compute> {
        let (rows, total) = (Arc::clone(&self.raw), Arc::clone(&self.source));
        let collector = collector.filter(|_| !rows.values.is_empty()).cloned();
        Arc::new(move |batch: &[u8]| {
            let key = collector.as_ref().and_then(|collector| collector.open());
            let (sums, entries) = match key {
                Some(key) => rows.sum_and_seek(batch, key)?,
                None => (rows.sum(batch, &mut |_| ())?, Vec::new()),
            };
            add(&total, &sums);
            if let Some(collector) = &collector {
                collector.take(&entries);
            }
            Ok(())
        })
    }

    fn at_target(&self) -> Arc<Compute> {
        let (rows, total) = (Arc::clone(&self.copied), Arc::clone(&self.target));
        Arc::new(move |batch: &[u8]| {
            add(&total, &rows.sum(batch, &mut |_| ())?);
            Ok(())
        })
    }

    /// What the source and the target add up to.
    pub(super) fn sums(&self) -> (Sums, Sums) {
        let of = |total: &Total| total.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (of(&self.source), of(&self.target))
    }
}

/// Adds to a sum that others add to, too.
pub(super) fn add(total: &Total, sums: &Sums) {
    total
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .merge(sums);
}
