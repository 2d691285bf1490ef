//! Masked columns computed again from the source and compared with the copy.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::comparison::{Compared, Comparison};
use super::reading::ColumnTypes;
use super::sums::{Changed, Sums};
use crate::error::Result;
use crate::masking::leak::identifies;
use crate::masking::{FieldMask, MaskPlan, Rule};
use crate::postgres::Session;
use crate::service::copy::Check;
use crate::service::subset::Selection;
use crate::sql::{Ident, QualifiedName};

/// Unchanged values of a hundred that are an accident: a mask may map a value to itself.
const UNCHANGED_PERCENT: u64 = 1;

/// The functions of all masked columns that are not computed by SQL.
pub type Masks = BTreeMap<(QualifiedName, Ident), Arc<dyn FieldMask>>;

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub struct Recompute<'a> {
    /// Sessions of the target, at rest; at least one.
    pub target: &'a [Session],
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
    /// Rows of the target.
    pub rows: BTreeMap<QualifiedName, u64>,
}

/// What is written down about all tables.
#[derive(Debug, Default)]
struct Notes {
    rows: u64,
    tables: u64,
    wrong: Vec<String>,
    same: Vec<String>,
    silent: u64,
    empty: u64,
    kept: BTreeMap<(QualifiedName, Ident), bool>,
}

/// Masks the source's rows again, table by table, and compares with the copy; kept columns of known
/// types are compared in the same pass, and all columns of tables that were carried in part. The
/// sessions of the source are in transactions with the copy's snapshot; there is one at least.
///
/// # Errors
/// A value cannot be masked; reading fails; [`Kind::Interrupted`] when cancelled.
pub async fn recompute(source: &[Session], work: &Recompute<'_>) -> Result<Recomputed> {
    let comparison = Comparison::new(work, false)?;
    tokio::try_join!(
        comparison.read_source(source, None),
        comparison.read_target()
    )?;
    Ok(judge(&comparison))
}

/// What a comparison has shown after both sides were read.
pub(super) fn judge(comparison: &Comparison<'_>) -> Recomputed {
    let mut notes = Notes::default();
    let mut targets = BTreeMap::new();
    for table in &comparison.tables {
        let (source, target) = table.sums();
        targets.insert(table.plan.name.clone(), target.row.rows);
        notes.judge(table, (source, target));
    }
    let Notes { rows, tables, .. } = notes;
    let mut differs = "no masked column kept its values".to_owned();
    if notes.silent + notes.empty > 0 {
        let (silent, empty) = (notes.silent, notes.empty);
        let stay =
            format!("; {silent} texts without anything to replace and {empty} empty ones stay");
        differs.push_str(&stay);
    }
    let recomputed = format!("equal to mask(source) in {rows} rows of {tables} tables");
    Recomputed {
        checks: vec![
            check("masks recomputed", &notes.wrong, recomputed),
            check("must differ", &notes.same, differs),
        ],
        kept: notes.kept,
        rows: targets,
    }
}

impl Notes {
    fn judge(&mut self, compared: &Compared<'_>, (source, target): (Sums, Sums)) {
        let Compared {
            plan: table,
            reading,
            ..
        } = compared;
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
            let changed = source.changed.get(i).copied().unwrap_or_default();
            if column.class.is_some_and(identifies) {
                self.silent += changed.silent;
                self.empty += changed.empty;
                let Changed {
                    values, unchanged, ..
                } = changed;
                if unchanged * 100 > values * accidents(&column.rule) {
                    self.same.push(format!("{title} ({unchanged} of {values})"));
                }
            }
        }
        if source.row != target.row && all_equal {
            self.wrong
                .push(format!("{} (masks of different rows)", table.name.plain()));
        }
    }
}

/// Values of a hundred that a mask may map to themselves. Of what has to be replaced inside of a text
/// nothing may stay.
fn accidents(rule: &Rule) -> u64 {
    if rule.mask.keeps_parts() {
        0
    } else {
        UNCHANGED_PERCENT
    }
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
