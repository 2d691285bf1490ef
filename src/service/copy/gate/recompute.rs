//! Masked columns computed again from the source and compared with the copy.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::binary_rows::{next_row, without_header};
use super::reading::{ColumnTypes, Reading, Statements};
use super::row_bound::bounded;
use crate::error::{Error, Kind, Result};
use crate::masking::leak::{FieldHash, MultisetSum, RowHash, RunKey, identifies};
use crate::masking::{FieldMask, Mask, MaskPlan, Masked, Row, Rule, TablePlan, keeps_parts};
use crate::postgres::{Session, schema_list};
use crate::service::copy::Check;
use crate::service::subset::Selection;
use crate::sql::{Ident, QualifiedName};
use crate::subset::RowSet;

/// Bytes handed to a core at once.
const BATCH: usize = 256 << 10;
/// Unchanged values of a hundred that are an accident: a mask may map a value to itself.
const UNCHANGED_PERCENT: u64 = 1;

/// The functions of all masked columns that are not computed by SQL.
pub type Masks = BTreeMap<(QualifiedName, Ident), Arc<dyn FieldMask>>;

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub struct Recompute<'a> {
    /// The source, in the transaction of the copy's snapshot.
    pub source: &'a Session,
    /// The target, at rest.
    pub target: &'a Session,
    /// What was masked.
    pub plan: &'a MaskPlan,
    /// How.
    pub masks: &'a Masks,
    /// The rows that were carried; `None` when all were.
    pub selection: Option<&'a Selection>,
    /// The types of the columns; kept columns are compared where theirs is known.
    pub types: &'a ColumnTypes,
    /// Schemas in which SQL of the policy is resolved.
    pub search_path: &'a [String],
    /// Ends it.
    pub cancel: &'a CancellationToken,
}

/// What a comparison has shown.
#[derive(Debug, Clone, Default)]
pub struct Recomputed {
    /// "masks recomputed" and "must differ".
    pub checks: Vec<Check>,
    /// Kept columns that were compared, and whether they are equal.
    pub kept: BTreeMap<(QualifiedName, Ident), bool>,
}

/// One table compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sums {
    /// All compared columns of each row together: the columns of a row belong to each other.
    row: MultisetSum,
    columns: Vec<MultisetSum>,
    /// Values that are not null, and those that their mask left alone.
    changed: Vec<(u64, u64)>,
}

/// What a batch needs to be computed.
struct Work {
    table: QualifiedName,
    keys: (RunKey, RunKey),
    /// The compared fields, each with its mask; none for what is taken as it is.
    fields: Vec<(usize, Option<Arc<dyn FieldMask>>)>,
}

/// What is written down about all tables.
#[derive(Debug, Default)]
struct Notes {
    rows: u64,
    tables: u64,
    wrong: Vec<String>,
    same: Vec<String>,
    kept: BTreeMap<(QualifiedName, Ident), bool>,
}

/// Masks the source's rows again, table by table, and compares with the copy; kept columns of known
/// types are compared in the same pass, and all columns of tables that were carried in part.
///
/// # Errors
/// A value cannot be masked; reading fails; [`Kind::Interrupted`] when cancelled.
pub async fn recompute(work: &Recompute<'_>) -> Result<Recomputed> {
    let mut notes = Notes::default();
    for table in &work.plan.tables {
        let reading = Reading::of(
            table,
            work.types,
            work.selection.is_some(),
            work.picked(table),
        );
        if !reading.compared.is_empty() {
            let sums = compare(work, table, &reading).await?;
            notes.judge(table, &reading, sums);
        }
    }
    let Notes { rows, tables, .. } = notes;
    let recomputed = format!("equal to mask(source) in {rows} rows of {tables} tables");
    Ok(Recomputed {
        checks: vec![
            check("masks recomputed", &notes.wrong, recomputed),
            check(
                "must differ",
                &notes.same,
                "no masked column kept its values".to_owned(),
            ),
        ],
        kept: notes.kept,
    })
}

impl<'a> Recompute<'a> {
    /// The rows of a table that was carried in part.
    fn picked(&self, table: &TablePlan) -> Option<&'a RowSet> {
        self.selection?.rows(&table.name)
    }
}

impl Notes {
    fn judge(&mut self, table: &TablePlan, reading: &Reading, (source, target): (Sums, Sums)) {
        if table.is_masked() {
            self.tables += 1;
            self.rows += source.row.rows;
        }
        let mut all_equal = true;
        for (i, compared) in reading.compared.iter().enumerate() {
            let column = &table.columns[compared.column];
            let sum = |sums: &Sums| sums.columns.get(i).copied().unwrap_or_default();
            let equal = sum(&source) == sum(&target);
            all_equal &= equal;
            if column.rule.is_keep() {
                let name = (table.name.clone(), column.column.clone());
                self.kept.insert(name, equal);
                continue;
            }
            let title = format!("{}.{}", table.name.plain(), column.column.as_str());
            if !equal {
                self.wrong.push(title.clone());
            }
            let (values, unchanged) = source.changed.get(i).copied().unwrap_or_default();
            let differs = column.class.is_some_and(identifies) && changes_all(&column.rule);
            if differs && unchanged * 100 > values * UNCHANGED_PERCENT {
                self.same.push(format!("{title} ({unchanged} of {values})"));
            }
        }
        if source.row != target.row && all_equal {
            self.wrong
                .push(format!("{} (masks of different rows)", table.name.plain()));
        }
    }
}

/// Whether a mask lets no value stay: texts and documents stay when nothing in them is personal,
/// and what is personal in them is sought by the leak scan.
fn changes_all(rule: &Rule) -> bool {
    !keeps_parts(&rule.mask)
}

fn check(name: &str, wrong: &[String], good: String) -> Check {
    Check {
        name: name.to_owned(),
        passed: wrong.is_empty(),
        detail: if wrong.is_empty() {
            good
        } else {
            format!("not so: {}", wrong.join(", "))
        },
    }
}

async fn compare(
    work: &Recompute<'_>,
    table: &TablePlan,
    reading: &Reading,
) -> Result<(Sums, Sums)> {
    let keys = (
        RunKey::new(&std::array::from_fn(|_| rand::random())),
        RunKey::new(&std::array::from_fn(|_| rand::random())),
    );
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
        fields.push((compared.place, mask.filter(|_| !by_source)));
    }
    let copied = Arc::new(Work {
        table: table.name.clone(),
        keys: keys.clone(),
        fields: (0..fields.len()).map(|i| (i, None)).collect(),
    });
    let raw = Arc::new(Work {
        table: table.name.clone(),
        keys,
        fields,
    });
    let statements = reading.source_statements(work.picked(table));
    let target: Statements<'_> = Box::new(std::iter::once(reading.target.clone()));
    tokio::try_join!(
        under_path(work, work.source, statements, &raw),
        under_path(work, work.target, target, &copied)
    )
}

/// Sums what a side holds. The text of a value depends on the schemas that are searched and on how
/// money is written, so both sides read in one way.
async fn under_path(
    work: &Recompute<'_>,
    session: &Session,
    statements: Statements<'_>,
    what: &Arc<Work>,
) -> Result<Sums> {
    let own = "select pg_catalog.set_config('search_path', $1, false), \
               pg_catalog.set_config('lc_monetary', 'C', false)";
    session
        .query_one(own, &[&schema_list(work.search_path)?])
        .await?;
    let sums = stream(work, session, statements, what).await;
    session.query_one(own, &[&"pg_catalog"]).await?;
    sums
}

/// Sums the rows that a COPY gives; batches are computed beside the stream.
async fn stream(
    work: &Recompute<'_>,
    session: &Session,
    statements: Statements<'_>,
    what: &Arc<Work>,
) -> Result<Sums> {
    let slots = rayon::current_num_threads().max(1) * 2;
    let permits = Arc::new(Semaphore::new(slots));
    let total = Arc::new(Mutex::new(Ok(Sums::default())));
    for sql in statements {
        let copy = session.copy_out(&sql).await?;
        let mut copy = std::pin::pin!(copy);
        let mut batch = Vec::with_capacity(BATCH * 2);
        let mut first = true;
        loop {
            let chunk = copy.try_next().await?;
            if let Some(chunk) = &chunk {
                session.spend(chunk.len()).await;
                bounded(chunk, &what.table)?;
                let rows = if std::mem::take(&mut first) {
                    without_header(chunk)?
                } else {
                    chunk
                };
                batch.extend_from_slice(rows);
            }
            if batch.len() >= BATCH || chunk.is_none() {
                if work.cancel.is_cancelled() {
                    return Err(Error::new(Kind::Interrupted, "the gate was interrupted"));
                }
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH * 2));
                let closed = |_| Error::new(Kind::Internal, "a comparison was closed");
                // A wide row takes the place of many batches: memory is bounded by bytes.
                let weight = u32::try_from((full.len() / BATCH).clamp(1, slots)).unwrap_or(1);
                let permit = Arc::clone(&permits).acquire_many_owned(weight);
                let permit = permit.await.map_err(closed)?;
                let (what, total) = (Arc::clone(what), Arc::clone(&total));
                rayon::spawn(move || {
                    let sums = what.sum(&full);
                    merge(
                        &mut total.lock().unwrap_or_else(PoisonError::into_inner),
                        sums,
                    );
                    drop(permit);
                });
            }
            if chunk.is_none() {
                break;
            }
        }
    }
    let all = u32::try_from(slots).unwrap_or(u32::MAX);
    drop(permits.acquire_many(all).await);
    std::mem::replace(
        &mut *total.lock().unwrap_or_else(PoisonError::into_inner),
        Ok(Sums::default()),
    )
}

fn merge(total: &mut Result<Sums>, sums: Result<Sums>) {
    match (total.as_mut(), sums) {
        (Ok(total), Ok(sums)) => {
            total.row.merge(&sums.row);
            let width = sums.columns.len();
            total
                .columns
                .resize(width.max(total.columns.len()), MultisetSum::default());
            total.changed.resize(total.columns.len(), (0, 0));
            for (total, sum) in total.columns.iter_mut().zip(&sums.columns) {
                total.merge(sum);
            }
            for (total, (values, unchanged)) in total.changed.iter_mut().zip(&sums.changed) {
                total.0 += values;
                total.1 += unchanged;
            }
        }
        (Ok(_), Err(error)) => *total = Err(error),
        (Err(_), _) => {}
    }
}

impl Work {
    fn sum(&self, batch: &[u8]) -> Result<Sums> {
        let keys = (&self.keys.0, &self.keys.1);
        let mut sums = Sums {
            row: MultisetSum::default(),
            columns: vec![MultisetSum::default(); self.fields.len()],
            changed: vec![(0, 0); self.fields.len()],
        };
        let (mut rest, mut raw, mut buffer) = (batch, Vec::new(), Vec::new());
        while next_row(&mut rest, &mut raw)? {
            let row = Row { fields: &raw };
            let mut hash = RowHash::new(keys);
            for (i, (place, mask)) in self.fields.iter().enumerate() {
                let value = raw.get(*place).copied().flatten();
                let stands = match mask {
                    Some(mask) if value.is_some() || mask.sees_nulls() => {
                        buffer.clear();
                        let masked = mask.apply(value, &row, &mut buffer);
                        let masked = masked.map_err(|why| self.unmaskable(*place, why.reason))?;
                        (masked == Masked::Value).then_some(buffer.as_slice())
                    }
                    Some(_) => None,
                    None => value,
                };
                // The empty text tells nothing and stays.
                let told = value.is_some_and(|value| !value.is_empty());
                if mask.is_some() && told && stands.is_some() {
                    sums.changed[i].0 += 1;
                    sums.changed[i].1 += u64::from(value == stands);
                }
                let field = FieldHash::of(keys, stands);
                sums.columns[i].add_field(keys, field);
                hash.push(field);
            }
            sums.row.add_row(&hash);
        }
        Ok(sums)
    }

    fn unmaskable(&self, place: usize, reason: &str) -> Error {
        let table = self.table.plain();
        Error::new(
            Kind::MaskValue,
            format!("{table}, column {}: {reason}", place + 1),
        )
    }
}
