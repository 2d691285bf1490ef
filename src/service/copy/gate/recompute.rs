//! Masked columns computed again from the source and compared with the copy.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::binary_rows::{Fields, without_header};
use crate::error::{Error, Kind, Result};
use crate::masking::leak::{MultisetSum, RunKey, identifies};
use crate::masking::{ColumnPlan, FieldMask, Mask, MaskPlan, Masked, Row, Rows, Rule, TablePlan};
use crate::postgres::Session;
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
    /// The rows that were carried, when that is not all.
    pub selection: Option<&'a Selection>,
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

/// The statements that give the rows of a table, one after the other.
type Statements<'a> = Box<dyn Iterator<Item = String> + Send + 'a>;

/// What a batch needs to be computed.
struct Work {
    keys: (RunKey, RunKey),
    /// For each field of a row: its mask; none for what is taken as it is.
    masks: Vec<Option<Arc<dyn FieldMask>>>,
    /// Fields that are summed.
    summed: Vec<usize>,
}

/// Masks the source's rows again, table by table, and compares with the copy: two checks, "masks
/// recomputed" and "must differ". Of tables that were carried in part the other columns are
/// compared, too, by their text: a third check, "kept in subset".
///
/// # Errors
/// A value cannot be masked; reading fails; [`Kind::Interrupted`] when cancelled.
pub async fn recompute(work: &Recompute<'_>) -> Result<Vec<Check>> {
    let (mut rows, mut tables, mut wrong, mut same) = (0, 0, Vec::new(), Vec::new());
    let (mut parts, mut picked, mut kept) = (0, 0, Vec::new());
    for table in &work.plan.tables {
        let in_part = work.picked(table).is_some();
        if !in_part && !table.is_masked() {
            continue;
        }
        let (source, target) = compare(work, table).await?;
        if table.is_masked() {
            tables += 1;
            rows += source.row.rows;
        }
        if in_part {
            parts += 1;
            picked += source.row.rows;
        }
        let before = wrong.len() + kept.len();
        for (i, column) in work.compared(table).enumerate() {
            let title = format!("{}.{}", table.name.plain(), column.column.as_str());
            let sum = |sums: &Sums| sums.columns.get(i).copied().unwrap_or_default();
            if sum(&source) != sum(&target) {
                let list = if column.rule.is_keep() {
                    &mut kept
                } else {
                    &mut wrong
                };
                list.push(title.clone());
            }
            let (values, unchanged) = source.changed.get(i).copied().unwrap_or_default();
            let differs = column.class.is_some_and(identifies) && changes_all(&column.rule);
            if differs && unchanged * 100 > values * UNCHANGED_PERCENT {
                same.push(format!("{title} ({unchanged} of {values})"));
            }
        }
        if source.row != target.row && wrong.len() + kept.len() == before {
            wrong.push(format!("{} (masks of different rows)", table.name.plain()));
        }
    }
    let recomputed = format!("equal to mask(source) in {rows} rows of {tables} tables");
    let mut checks = vec![
        check("masks recomputed", &wrong, recomputed),
        check(
            "must differ",
            &same,
            "no masked column kept its values".to_owned(),
        ),
    ];
    if parts > 0 {
        let equal = format!("equal in {picked} rows of {parts} tables");
        checks.push(check("kept in subset", &kept, equal));
    }
    Ok(checks)
}

impl<'a> Recompute<'a> {
    /// The rows of a table that was carried in part.
    fn picked(&self, table: &TablePlan) -> Option<&'a RowSet> {
        self.selection?.rows(&table.name)
    }

    /// The columns that are summed: the masked ones, and all when the table was carried in part.
    fn compared<'b>(&self, table: &'b TablePlan) -> impl Iterator<Item = &'b ColumnPlan> + use<'b> {
        let all = self.picked(table).is_some();
        let columns = table.columns.iter();
        columns.filter(move |column| all || !column.rule.is_keep())
    }

    /// The statements that read the rows that were carried.
    fn source_statements(&self, table: &TablePlan, list: &str) -> Statements<'a> {
        let (list, from) = (list.to_owned(), table.name.to_string());
        let copy = move |filter: &str| {
            format!("copy (select {list} from only {from}{filter}) to stdout (format binary)")
        };
        if let Some(rows) = self.picked(table) {
            let conditions = rows.conditions(0, None);
            return Box::new(conditions.map(move |rows| copy(&format!(" where {rows}"))));
        }
        let filter = match &table.rows {
            _ if self.selection.is_some() => String::new(),
            Rows::All => String::new(),
            Rows::None => " where false".to_owned(),
            Rows::Where(condition) => format!(" where ({condition}\n)"),
        };
        Box::new(std::iter::once(copy(&filter)))
    }
}

/// Whether a mask lets no value stay: texts and documents stay when nothing in them is personal,
/// and what is personal in them is sought by the leak scan.
fn changes_all(rule: &Rule) -> bool {
    !matches!(rule.mask, Mask::RedactText { .. } | Mask::Json { .. })
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
    let masks = table.columns.iter().map(|column| {
        let key = (table.name.clone(), column.column.clone());
        work.masks.get(&key).cloned()
    });
    let mut masks: Vec<_> = masks.collect();
    for (column, mask) in table.columns.iter().zip(&masks) {
        if mask.is_none() && column.rule.sql().is_none() && !column.rule.is_keep() {
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
    // Masks find the other columns of a row by their places; what is compared as text follows.
    let mut columns: Vec<String> = table.columns.iter().map(source_field).collect();
    let (mut names, mut summed) = (Vec::new(), Vec::new());
    for column in work.compared(table) {
        if column.rule.is_keep() {
            let text = format!("{}::pg_catalog.text", column.column);
            summed.push(columns.len());
            columns.push(text.clone());
            names.push(text);
        } else {
            summed.extend(table.columns.iter().position(|c| c.column == column.column));
            names.push(column.column.to_string());
        }
    }
    masks.resize(columns.len(), None);
    let copied = Arc::new(Work {
        keys: keys.clone(),
        masks: vec![None; names.len()],
        summed: (0..names.len()).collect(),
    });
    let raw = Arc::new(Work {
        keys,
        masks,
        summed,
    });
    let copied_sql = format!(
        "copy (select {} from only {}) to stdout (format binary)",
        names.join(", "),
        table.name
    );
    let path = work.search_path.join(", ");
    let statements = work.source_statements(table, &columns.join(", "));
    tokio::try_join!(
        under_path(work, work.source, &path, (statements, &raw)),
        under_path(
            work,
            work.target,
            &path,
            (Box::new(std::iter::once(copied_sql)), &copied)
        )
    )
}

/// Sums what a side holds. The text of a value depends on the schemas that are searched and on how
/// money is written, so both sides read in one way.
async fn under_path(
    work: &Recompute<'_>,
    session: &Session,
    path: &str,
    (statements, what): (Statements<'_>, &Arc<Work>),
) -> Result<Sums> {
    let own = "select pg_catalog.set_config('search_path', $1, false), \
               pg_catalog.set_config('lc_monetary', 'C', false)";
    session.query_one(own, &[&path]).await?;
    let sums = stream(work, session, statements, what).await;
    session.query_one(own, &[&"pg_catalog"]).await?;
    sums
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
                    // The empty text tells nothing and stays.
                    let told = |value: &&[u8]| self.masks[*i].is_some() && !value.is_empty();
                    if let Some(value) = value.filter(told) {
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
