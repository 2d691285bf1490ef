//! All tables, under one snapshot.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::classes::Classes;
use super::column::{Measured, epoch};
use super::pairs::Pairs;
use super::plans;
use super::relation::{FEW, Relation, count};
use crate::catalog::{Catalog, Constraint, ConstraintKind, Table, TableKind};
use crate::error::{Error, Kind, Result};
use crate::generate::profile::{
    ChildrenProfile, GapProfile, Grid, Guard, Profile, Protection, TableProfile, Values,
};
use crate::generate::{Bucket, ColumnType, PgType};
use crate::job::Event;
use crate::postgres::{Session, introspect};
use crate::service::scan::Tools;
use crate::service::seed::standing::only;
use crate::sql::Ident;

/// Columns of a table whose dates are compared with each other, at most.
const DATES: usize = 6;
/// Share of rows in which a date must follow another.
const IN_ORDER: f64 = 0.99;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Measuring {
    /// How numbers are protected.
    pub protection: Protection,
    /// Rows of a table that are read, about; it is counted whole.
    pub sample: u64,
}

struct Tables<'m> {
    session: &'m Session,
    catalog: &'m Catalog,
    classes: &'m Classes,
    guard: Guard<StdRng>,
    sample: u64,
}

/// Measures every table of the database. Reads only.
///
/// # Errors
/// Those of the database; [`Kind::Cancelled`].
pub async fn measure(
    session: &Session,
    classes: &Classes,
    asked: Measuring,
    tools: &Tools,
) -> Result<Profile> {
    let catalog = introspect(session).await?;
    session
        .batch_execute("begin transaction isolation level repeatable read read only")
        .await?;
    let mut tables = Tables {
        session,
        catalog: &catalog,
        classes,
        guard: Guard::new(asked.protection, StdRng::from_seed(rand::random())),
        sample: asked.sample,
    };
    let mut found = BTreeMap::new();
    for table in catalog.tables.values().filter(|table| is_measured(table)) {
        if tools.cancel.is_cancelled() {
            return Err(Error::new(Kind::Cancelled, "the profile was not finished"));
        }
        let name = table.name.plain();
        tools.events.emit(Event::Note(name.clone()));
        found.insert(name, tables.table(table).await?);
    }
    let mut profile = Profile {
        version: Profile::VERSION,
        protection: asked.protection,
        tables: found,
        plans: Vec::new(),
    };
    profile.plans = plans::learn(session, &catalog, &profile).await?;
    session.batch_execute("commit").await?;
    Ok(profile)
}

pub(super) fn is_measured(table: &Table) -> bool {
    table.partition_of.is_none()
        && table.kind != TableKind::Foreign
        && table.name.schema.as_str() != "tidegate"
}

impl Tables<'_> {
    async fn table(&mut self, table: &Table) -> Result<TableProfile> {
        let relation = Relation::new(self.session, table, self.sample).await?;
        let mut profile = TableProfile {
            rows: self.guard.rows(relation.rows),
            columns: BTreeMap::new(),
            children: BTreeMap::new(),
            follows: BTreeMap::new(),
            ranks: Vec::new(),
            given: BTreeMap::new(),
        };
        if !self.guard.enough(relation.rows) {
            return Ok(profile);
        }
        for column in table.columns.iter().filter(|c| c.generated.is_none()) {
            let name = column.name.as_str();
            let measured = Measured {
                session: self.session,
                relation: &relation,
                column: &column.name,
                kind: &ColumnType::of(self.catalog, &column.data_type),
                personal: self.classes.name(&relation.name, name),
                is_key: is_key(table, &column.name),
            };
            let found = measured.profile(&mut self.guard).await?;
            profile.columns.insert(name.to_owned(), found);
        }
        for key in table.foreign_keys() {
            if let Some(children) = self.children(table, key).await? {
                let name = key.name.as_str().to_owned();
                profile.children.insert(name, children);
            }
        }
        self.follows(&relation, &mut profile).await?;
        let pairs = Pairs {
            session: self.session,
            catalog: self.catalog,
            relation: &relation,
        };
        pairs.measure(&mut self.guard, &mut profile).await?;
        Ok(profile)
    }

    /// How many rows each row of the parent has.
    async fn children(
        &mut self,
        table: &Table,
        key: &Constraint,
    ) -> Result<Option<ChildrenProfile>> {
        let parent = key
            .foreign_key()
            .and_then(|key| self.catalog.table(&key.table));
        let Some(parent) = parent else {
            return Ok(None);
        };
        let columns: Vec<String> = key.columns.iter().map(Ident::to_string).collect();
        let groups = format!(
            "select pg_catalog.count(*)::float8 as n from {}{} where {} group by {}",
            only(table),
            table.name,
            columns
                .iter()
                .map(|c| format!("{c} is not null"))
                .collect::<Vec<_>>()
                .join(" and "),
            columns.join(", ")
        );
        let sql = format!(
            "select (select pg_catalog.count(*) from {}{}), (select pg_catalog.count(*) from ({groups}) g)",
            only(parent),
            parent.name
        );
        let row = self.session.query_one(&sql, &[]).await?;
        let (parents, with) = (count(row.get(0)), count(row.get(1)));
        if !self.guard.enough(parents) {
            return Ok(None);
        }
        let sql = format!(
            "select pg_catalog.percentile_disc($1::float8[]) within group (order by n) from (select n from \
             (select n from ({groups}) g union all \
              select 0 from pg_catalog.generate_series(1, {})) a) b",
            parents.saturating_sub(with)
        );
        let cuts = self.guard.cuts(parents);
        let values = Relation::cut(self.session, &sql, &cuts).await?;
        let grid = Grid {
            parts: 10.0,
            step: 1.0,
        };
        let counts = self
            .guard
            .histogram(&values.unwrap_or_default(), parents, grid);
        Ok((!counts.is_empty()).then(|| ChildrenProfile {
            parent: parent.name.plain(),
            counts,
        }))
    }

    /// Which dates follow which, and how soon.
    async fn follows(&mut self, relation: &Relation<'_>, profile: &mut TableProfile) -> Result<()> {
        let times = |data_type: &str| {
            let kind = ColumnType::of(self.catalog, data_type).base;
            matches!(kind, PgType::Date | PgType::Timestamp(_))
        };
        let columns = relation.table.columns.iter();
        let columns: Vec<&Ident> = columns
            .filter(|column| column.generated.is_none() && times(&column.data_type))
            .map(|column| &column.name)
            .take(DATES)
            .collect();
        for (at, later) in columns.iter().enumerate() {
            for (place, earlier) in columns.iter().enumerate() {
                // Nobody follows himself, or one that follows him.
                let turned = profile
                    .follows
                    .get(earlier.as_str())
                    .is_some_and(|gap| gap.after == later.as_str());
                if place == at || turned || profile.follows.contains_key(later.as_str()) {
                    continue;
                }
                if let Some(gap) = self.gap(relation, earlier, later).await? {
                    if !tells(&gap, later.as_str(), profile)
                        || chained(profile, earlier.as_str(), later.as_str())
                    {
                        continue;
                    }
                    profile.follows.insert(later.as_str().to_owned(), gap);
                }
            }
        }
        Ok(())
    }

    async fn gap(
        &mut self,
        relation: &Relation<'_>,
        earlier: &Ident,
        later: &Ident,
    ) -> Result<Option<GapProfile>> {
        let day = |column: &Ident| epoch(&format!("{column}::timestamp"));
        let gaps = format!(
            "select v from (select {} - {} as v from {}) s where v is not null",
            day(later),
            day(earlier),
            relation.some(FEW)
        );
        let sql = format!(
            "select pg_catalog.count(*), pg_catalog.count(*) filter (where v >= 0), \
               pg_catalog.count(*) filter (where v > 0) from ({gaps}) g"
        );
        let row = self.session.query_one(&sql, &[]).await?;
        let [all, ordered, after] = [0, 1, 2].map(|at| count(row.get(at)));
        if !self.guard.enough(all) || (ordered as f64) < all as f64 * IN_ORDER || after == 0 {
            return Ok(None);
        }
        let sql = format!(
            "select pg_catalog.percentile_disc($1::float8[]) within group (order by v) from ({gaps}) g"
        );
        let cuts = self.guard.cuts(all);
        let values = Relation::cut(self.session, &sql, &cuts).await?;
        let grid = Grid {
            parts: 3.0,
            step: 0.001,
        };
        let days = self.guard.histogram(&values.unwrap_or_default(), all, grid);
        Ok((!days.is_empty()).then(|| GapProfile {
            after: earlier.as_str().to_owned(),
            days,
        }))
    }
}

/// Whether a column is part of a key: such values are made by number, not by how they are spread.
fn is_key(table: &Table, column: &Ident) -> bool {
    let keys = table.constraints.iter().filter(|constraint| {
        matches!(
            constraint.kind,
            ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::ForeignKey(_)
        )
    });
    keys.flat_map(|key| &key.columns).any(|key| key == column)
}

/// From the lowest to the highest bound.
fn width(buckets: &[Bucket]) -> f64 {
    match (buckets.first(), buckets.last()) {
        (Some(first), Some(last)) => last.max - first.min,
        _ => 0.0,
    }
}

/// Whether the gap tells more of a date than the date alone: a birthday is before everything, and
/// nothing follows it.
fn tells(gap: &GapProfile, later: &str, profile: &TableProfile) -> bool {
    let column = profile.columns.get(later);
    let Some(Values::Histogram { buckets, .. }) = column.and_then(|c| c.values.as_ref()) else {
        return false;
    };
    width(&gap.days) <= width(buckets) / 2.0
}

/// Whether `earlier` already follows `later`, by way of others.
fn chained(profile: &TableProfile, earlier: &str, later: &str) -> bool {
    let mut at = earlier;
    for _ in 0..DATES {
        match profile.follows.get(at) {
            Some(gap) if gap.after == later => return true,
            Some(gap) => at = &gap.after,
            None => return false,
        }
    }
    true
}
