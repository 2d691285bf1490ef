//! Masked columns computed again from the source and compared with the copy.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::binary_rows::{Fields, without_header};
use crate::error::{Error, Kind, Result};
use crate::masking::leak::{MultisetSum, RunKey, identifies};
use crate::masking::{FieldMask, MaskPlan, Masked, Row, Rows, TablePlan};
use crate::postgres::Session;
use crate::service::copy::Check;
use crate::sql::{Ident, QualifiedName};

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
    /// Schemas in which SQL of the policy is resolved.
    pub search_path: &'a [String],
    /// Ends it.
    pub cancel: &'a CancellationToken,
}

/// One table compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sums {
    /// All masked columns of each row together: the columns of a row belong to each other.
    row: MultisetSum,
    columns: Vec<MultisetSum>,
    /// Values that are not null, and those that their mask left alone.
    changed: Vec<(u64, u64)>,
}

/// What a batch needs to be computed.
struct Work {
    keys: (RunKey, RunKey),
    /// For each field of a row: its mask; none for what is taken as it is.
    masks: Vec<Option<Arc<dyn FieldMask>>>,
    /// Fields that are summed.
    summed: Vec<usize>,
}

/// Masks the source's rows again, table by table, and compares with the copy: two checks, "masks
/// recomputed" and "must differ". Tables of which a subset was taken cannot be compared so.
///
/// # Errors
/// A value cannot be masked; reading fails; [`Kind::Interrupted`] when cancelled.
pub async fn recompute(work: &Recompute<'_>) -> Result<Vec<Check>> {
    let (mut rows, mut tables, mut wrong, mut same) = (0, 0, Vec::new(), Vec::new());
    if work.plan.subset.is_some() {
        return Ok(Vec::new());
    }
    for table in work.plan.tables.iter().filter(|table| table.is_masked()) {
        let (source, target) = compare(work, table).await?;
        tables += 1;
        rows += source.row.rows;
        let masked = table.columns.iter().filter(|c| !c.rule.is_keep());
        let before = wrong.len();
        for (i, column) in masked.enumerate() {
            let title = format!("{}.{}", table.name.plain(), column.column.as_str());
            if source.columns.get(i) != target.columns.get(i) {
                wrong.push(title.clone());
            }
            let (values, unchanged) = source.changed.get(i).copied().unwrap_or_default();
            if column.class.is_some_and(identifies) && unchanged * 100 > values * UNCHANGED_PERCENT
            {
                same.push(format!("{title} ({unchanged} of {values})"));
            }
        }
        if source.row != target.row && wrong.len() == before {
            wrong.push(format!("{} (masks of different rows)", table.name.plain()));
        }
    }
    let recomputed = format!("equal to mask(source) in {rows} rows of {tables} tables");
    Ok(vec![
        check("masks recomputed", &wrong, recomputed),
        check(
            "must differ",
            &same,
            "no masked column kept its values".to_owned(),
        ),
    ])
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

async fn compare(work: &Recompute<'_>, table: &TablePlan) -> Result<(Sums, Sums)> {
    let keys = (
        RunKey::new(&std::array::from_fn(|_| rand::random())),
        RunKey::new(&std::array::from_fn(|_| rand::random())),
    );
    let masked: Vec<usize> = (0..table.columns.len())
        .filter(|i| !table.columns[*i].rule.is_keep())
        .collect();
    let masks = table.columns.iter().map(|column| {
        let key = (table.name.clone(), column.column.clone());
        work.masks.get(&key).cloned()
    });
    let masks: Vec<_> = masks.collect();
    for i in &masked {
        let column = &table.columns[*i];
        if masks[*i].is_none() && column.rule.sql().is_none() {
            return Err(Error::new(
                Kind::Internal,
                format!(
                    "{}.{}: its mask was not compiled",
                    table.name.plain(),
                    column.column.as_str()
                ),
            ));
        }
    }
    let raw = Arc::new(Work {
        keys: keys.clone(),
        masks,
        summed: masked.clone(),
    });
    let columns: Vec<String> = table.columns.iter().map(source_field).collect();
    let filter = match &table.rows {
        Rows::All => String::new(),
        Rows::None => " where false".to_owned(),
        Rows::Where(condition) => format!(" where {condition}"),
    };
    let sql = format!(
        "copy (select {} from only {}{filter}) to stdout (format binary)",
        columns.join(", "),
        table.name
    );
    let copied = Arc::new(Work {
        keys,
        masks: vec![None; masked.len()],
        summed: (0..masked.len()).collect(),
    });
    let names: Vec<String> = masked
        .iter()
        .map(|i| table.columns[*i].column.to_string())
        .collect();
    let copied_sql = format!(
        "copy (select {} from only {}) to stdout (format binary)",
        names.join(", "),
        table.name
    );
    let path = work.search_path.join(", ");
    let source = async {
        let own = "select pg_catalog.set_config('search_path', $1, false)";
        work.source.query_one(own, &[&path]).await?;
        let sums = stream(work, work.source, &sql, &raw).await;
        work.source.query_one(own, &[&"pg_catalog"]).await?;
        sums
    };
    tokio::try_join!(source, stream(work, work.target, &copied_sql, &copied))
}

fn source_field(column: &crate::masking::ColumnPlan) -> String {
    match column.rule.sql() {
        Some(expression) => format!("({expression})"),
        None => column.column.to_string(),
    }
}

/// Sums the rows that a COPY gives; batches are computed beside the stream.
async fn stream(
    work: &Recompute<'_>,
    session: &Session,
    sql: &str,
    what: &Arc<Work>,
) -> Result<Sums> {
    let slots = rayon::current_num_threads().max(1) * 2;
    let permits = Arc::new(Semaphore::new(slots));
    let total = Arc::new(Mutex::new(Ok(Sums::default())));
    let copy = session.copy_out(sql).await?;
    let mut copy = std::pin::pin!(copy);
    let mut batch = Vec::with_capacity(BATCH * 2);
    let mut first = true;
    loop {
        let chunk = copy.try_next().await?;
        if let Some(chunk) = &chunk {
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
            let permit = Arc::clone(&permits).acquire_owned().await.map_err(closed)?;
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
            columns: vec![MultisetSum::default(); self.summed.len()],
            changed: vec![(0, 0); self.summed.len()],
        };
        let mut rest = batch;
        let mut fields = Fields::default();
        let mut out: Vec<Option<Vec<u8>>> = vec![None; self.summed.len()];
        while let Some(raw) = fields.next(&mut rest)? {
            let row = Row { fields: &raw };
            for ((slot, i), changed) in out.iter_mut().zip(&self.summed).zip(&mut sums.changed) {
                let value = raw.get(*i).copied().flatten();
                let mut buffer = slot.take().unwrap_or_default();
                buffer.clear();
                if self.masked(*i, (value, &row), &mut buffer)? {
                    if let Some(value) = value.filter(|_| self.masks[*i].is_some()) {
                        changed.0 += 1;
                        changed.1 += u64::from(value == buffer.as_slice());
                    }
                    *slot = Some(buffer);
                }
            }
            let values = out.iter().map(Option::as_deref);
            sums.row.add(keys, values.clone());
            for (sum, value) in sums.columns.iter_mut().zip(values) {
                sum.add(keys, std::iter::once(value));
            }
        }
        Ok(sums)
    }

    /// What stands in the copy; `false` for null.
    fn masked(
        &self,
        field: usize,
        (value, row): (Option<&[u8]>, &Row<'_>),
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        match (&self.masks[field], value) {
            (Some(mask), value) if value.is_some() || mask.sees_nulls() => mask
                .apply(value, row, out)
                .map(|masked| masked == Masked::Value)
                .map_err(|why| {
                    Error::new(
                        Kind::MaskValue,
                        format!("field {}: {}", field + 1, why.reason),
                    )
                }),
            (None, Some(value)) => {
                out.extend_from_slice(value);
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
