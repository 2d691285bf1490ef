//! A policy and a catalog become a plan.

use super::decide::{AtOpt, Decider, Decision, Source, same};
use super::declared::Fate;
use super::format::Unclassified;
use super::merge::Policy;
use super::targets::{Context, Targets};
use super::uncovered::{Uncovered, refusal};
use super::{extras, pending, unique};
use crate::catalog::{Catalog, Column, Table, TableKind};
use crate::error::{Error, Kind, Result};
use crate::masking::{ColumnPlan, Mask, MaskPlan, Rows, TablePlan};

/// A policy resolved against a catalog.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The plan.
    pub plan: MaskPlan,
    /// Columns of the catalog that no rule covers; partitions are not listed beside their parent.
    pub uncovered: Vec<Uncovered>,
    /// Columns that pending changes will add and that nothing covers.
    pub pending: Vec<Uncovered>,
    deny: bool,
}

impl Resolved {
    /// The plan, unless the policy refuses columns without a rule and there are some.
    ///
    /// # Errors
    /// [`Kind::MaskUnclassified`] with the lines to write.
    pub fn into_plan(self) -> Result<MaskPlan> {
        if self.deny && !self.uncovered.is_empty() {
            return Err(refusal(&self.uncovered));
        }
        Ok(self.plan)
    }

    /// Whether a copy may run, now and after the pending changes.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.deny || self.uncovered.is_empty() && self.pending.is_empty()
    }
}

impl Policy {
    /// Decides every column of `catalog`.
    ///
    /// # Errors
    /// [`Kind::MaskRule`] with its place: a rule for what is gone, rules that contradict each
    /// other, keys that would no longer join.
    pub fn resolve(&self, catalog: &Catalog, context: Context<'_>) -> Result<Resolved> {
        let targets = Targets::find(self, catalog, context)?;
        let mut decider = Decider::new(self, catalog, targets);
        let mut plan = MaskPlan {
            policy_hash: self.hash.clone(),
            epoch: self.epoch.clone(),
            ..MaskPlan::default()
        };
        let mut uncovered = Vec::new();
        for table in catalog
            .tables
            .values()
            .filter(|t| t.kind != TableKind::Foreign)
        {
            let rows = decider.targets.rows_of(table, catalog);
            let mut columns = Vec::new();
            for column in table.columns.iter().filter(|c| c.generated.is_none()) {
                let mut decision = decider.decide(table, column)?;
                if !decision.is_covered() && rows == Rows::None {
                    "no rows are carried".clone_into(&mut decision.origin);
                    decision.source = Source::Other;
                }
                if !decision.is_covered() && !decision.inherited {
                    uncovered.push(found(table, column));
                }
                columns.push((column, decision));
            }
            if table.stores_rows() {
                note_unclassified(&mut plan, table, &columns);
                plan.tables.push(of_table(table, rows, columns));
            }
        }
        joins(&mut decider)?;
        unique::spread(&mut plan);
        extras::add(&mut plan, self, catalog, context.search_path)?;
        let pending = pending::find(&mut decider, context)?;
        Ok(Resolved {
            plan,
            uncovered,
            pending,
            deny: self.unclassified == Unclassified::Deny,
        })
    }
}

fn found(table: &Table, column: &Column) -> Uncovered {
    Uncovered::new(
        table.name.plain(),
        column.name.as_str(),
        column.data_type.clone(),
        column.not_null,
    )
}

fn note_unclassified(plan: &mut MaskPlan, table: &Table, columns: &[(&Column, Decision)]) {
    let open = columns
        .iter()
        .filter(|(_, decision)| !decision.is_covered());
    plan.unclassified
        .extend(open.map(|(column, _)| (table.name.clone(), column.name.clone())));
}

fn of_table(table: &Table, rows: Rows, columns: Vec<(&Column, Decision)>) -> TablePlan {
    TablePlan {
        name: table.name.clone(),
        rows,
        columns: columns
            .into_iter()
            .map(|(column, decision)| ColumnPlan {
                column: column.name.clone(),
                rule: decision.rule,
                class: decision.class,
                origin: decision.origin,
            })
            .collect(),
    }
}

/// Checks that every foreign key still joins after masking.
fn joins(decider: &mut Decider<'_>) -> Result<()> {
    let catalog = decider.catalog;
    for table in catalog
        .tables
        .values()
        .filter(|t| t.kind != TableKind::Foreign)
    {
        if decider.targets.rows_of(table, catalog) == Rows::None {
            continue;
        }
        for column in table.columns.iter().filter(|c| c.generated.is_none()) {
            for (other, key) in Decider::referenced(catalog, table, &column.name) {
                joins_one(decider, (table, column), (other, key))?;
            }
        }
    }
    Ok(())
}

fn joins_one<'a>(
    decider: &mut Decider<'a>,
    own: (&'a Table, &'a Column),
    other: (&'a Table, &'a Column),
) -> Result<()> {
    let (from, to) = (
        decider.decide(own.0, own.1)?,
        decider.decide(other.0, other.1)?,
    );
    if !from.is_covered() || from.rule.mask == Mask::Null {
        return Ok(());
    }
    let title =
        |side: (&Table, &Column)| format!("{}.{}", side.0.name.plain(), side.1.name.as_str());
    let (child, parent) = (title(own), title(other));
    if decider.targets.rows_of(other.0, decider.catalog) == Rows::None && own.0.name != other.0.name
    {
        return Err(Error::new(
            Kind::MaskRule,
            format!("{child} refers to {parent}, whose rows are not carried"),
        )
        .hint(format!(
            "carry no rows of {} either, or set {child} to null",
            own.0.name.plain()
        )));
    }
    if !to.is_covered() || same(&from.rule, &to.rule) {
        return Ok(());
    }
    let both_sql = from.rule.sql().is_some() && to.rule.sql().is_some();
    if both_sql {
        // Whether two expressions agree, only the loaded copy can tell: its keys are validated.
        return Ok(());
    }
    Err(Error::new(
        Kind::MaskRule,
        format!(
            "{child} refers to {parent}, but their rules differ ({} and {}): the keys would no longer join",
            from.origin, to.origin
        ),
    )
    .hint(format!("remove the rule of {child}: it follows {parent}"))
    .at_opt(from.place.or(to.place)))
}

/// Columns that the last change drops again.
pub(super) fn dropped_later(context: Context<'_>, index: usize) -> bool {
    let declared = &context.declared[index];
    context.declared[index + 1..].iter().any(|later| {
        later.fate == Fate::Dropped
            && later.column == declared.column
            && later.table == declared.table
    })
}
