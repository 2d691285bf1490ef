//! Pairs of columns: correlations of ranks, and categories by each other.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;

use super::column::epoch;
use super::relation::{FEW, Relation, count};
use crate::catalog::Catalog;
use crate::error::Result;
use crate::generate::profile::{
    CaseProfile, GivenProfile, Guard, LEAST, RankProfile, TableProfile, Values, cramers_v,
    strongest,
};
use crate::generate::{ColumnType, PgType};
use crate::postgres::Session;
use crate::sql::Ident;

/// Columns of a table whose pairs are looked at, at most, of either kind.
const COLUMNS: usize = 8;
/// Share of a case's rows that its told categories must have.
const COVER: f64 = 0.8;
/// Groups that a pair must have rows for.
const GROUPS: u64 = 5;

/// Counts of rows by the values of two columns.
type Cells = BTreeMap<(String, String), u64>;

/// Looks at the pairs of a table.
pub(super) struct Pairs<'p> {
    pub(super) session: &'p Session,
    pub(super) catalog: &'p Catalog,
    pub(super) relation: &'p Relation<'p>,
}

impl Pairs<'_> {
    /// Adds to `profile` which of its columns go together. Dates that follow others are left out: they do
    /// so anyway.
    pub(super) async fn measure(
        &self,
        guard: &mut Guard<StdRng>,
        profile: &mut TableProfile,
    ) -> Result<()> {
        let from = self.relation.some(FEW);
        let numbers = self.columns(profile, |name, values| {
            matches!(values, Values::Histogram { .. }) && !profile.follows.contains_key(name)
        });
        for (at, one) in numbers.iter().enumerate() {
            for two in &numbers[at + 1..] {
                if let Some(pair) = self.rank(&from, (one, two), guard).await? {
                    profile.ranks.push(pair);
                }
            }
        }
        let labels = self.columns(
            profile,
            |_, values| matches!(values, Values::Categories { values, .. } if values.len() > 1),
        );
        let mut found = Vec::new();
        let mut cells = BTreeMap::new();
        for (at, one) in labels.iter().enumerate() {
            for two in &labels[at + 1..] {
                let mut table = self.cells(&from, (one, two), guard).await?;
                let told = |column: &Ident| told(profile, column);
                let (of_one, of_two) = (told(one), told(two));
                table.retain(|(a, b), _| of_one.contains(a) && of_two.contains(b));
                let effect = cramers_v(&table);
                let names = (one.as_str().to_owned(), two.as_str().to_owned());
                if effect >= LEAST && table.values().sum::<u64>() >= enough(guard) {
                    found.push((names.0.clone(), names.1.clone(), effect));
                    cells.insert(names, table);
                }
            }
        }
        for (one, two, effect) in strongest(found) {
            let Some(table) = cells.remove(&(one.clone(), two.clone())) else {
                continue;
            };
            let rows = table.values().sum();
            let cases = cases(&table, guard);
            if !cases.is_empty() {
                let effect = guard.correlation(effect, rows);
                let column = one;
                profile.given.insert(
                    two,
                    GivenProfile {
                        column,
                        effect,
                        cases,
                    },
                );
            }
        }
        Ok(())
    }

    /// The first columns whose values are told in some way.
    fn columns(&self, profile: &TableProfile, told: impl Fn(&str, &Values) -> bool) -> Vec<&Ident> {
        let columns = self
            .relation
            .table
            .columns
            .iter()
            .map(|column| &column.name);
        let told = columns.filter(|name| {
            let found = profile.columns.get(name.as_str());
            let values = found.and_then(|found| found.values.as_ref());
            values.is_some_and(|values| told(name.as_str(), values))
        });
        told.take(COLUMNS).collect()
    }

    /// A column as a number that has its order; null where it has none.
    fn number(&self, column: &Ident) -> String {
        let data_type = self.relation.table.column(column.as_str());
        let kind = data_type.map(|column| ColumnType::of(self.catalog, &column.data_type).base);
        match kind {
            Some(PgType::Date) => epoch(&format!("{column}::timestamp")),
            Some(PgType::Timestamp(_)) => epoch(&column.to_string()),
            Some(PgType::Time(_)) => format!("extract(epoch from {column})::float8"),
            Some(PgType::Money) => format!("{column}::numeric::float8"),
            _ => format!("nullif({column}::float8, 'NaN')"),
        }
    }

    async fn rank(
        &self,
        from: &str,
        (one, two): (&Ident, &Ident),
        guard: &mut Guard<StdRng>,
    ) -> Result<Option<RankProfile>> {
        // Values that are equal share the mean of their ranks.
        let rank = |of: &str| {
            format!(
                "pg_catalog.rank() over (order by {of}) + (pg_catalog.count(*) over (partition by {of}) - 1) / 2.0"
            )
        };
        let sql = format!(
            "select pg_catalog.count(*), pg_catalog.corr((a)::float8, (b)::float8) from \
               (select {} as a, {} as b from \
                 (select {} as x, {} as y from {from}) v where x is not null and y is not null) r",
            rank("x"),
            rank("y"),
            self.number(one),
            self.number(two)
        );
        let row = self.session.query_one(&sql, &[]).await?;
        let (rows, rho): (u64, Option<f64>) = (count(row.get(0)), row.get(1));
        let Some(rho) = rho.filter(|_| rows >= enough(guard)) else {
            return Ok(None);
        };
        let rho = guard.correlation(rho, rows);
        Ok((rho.abs() >= LEAST).then(|| RankProfile {
            one: one.as_str().to_owned(),
            two: two.as_str().to_owned(),
            rho,
        }))
    }

    /// Rows by two columns' values; groups of fewer rows than may be told are left out.
    async fn cells(
        &self,
        from: &str,
        (one, two): (&Ident, &Ident),
        guard: &Guard<StdRng>,
    ) -> Result<Cells> {
        let sql = format!(
            "select {one}::pg_catalog.text, {two}::pg_catalog.text, pg_catalog.count(*) from {from} \
             where {one} is not null and {two} is not null group by 1, 2 having pg_catalog.count(*) >= $1"
        );
        let least = i64::try_from(guard.protection().min_group).unwrap_or(i64::MAX);
        let found = self.session.query(&sql, &[&least]).await?;
        let cell = |row: &tokio_postgres::Row| ((row.get(0), row.get(1)), count(row.get(2)));
        Ok(found.iter().map(cell).collect())
    }
}

/// The values that a profile tells of a column: no other leaves the database.
fn told(profile: &TableProfile, column: &Ident) -> BTreeSet<String> {
    let found = profile.columns.get(column.as_str());
    match found.and_then(|found| found.values.as_ref()) {
        Some(Values::Categories { values, .. }) => values
            .iter()
            .map(|category| category.value.clone())
            .collect(),
        _ => BTreeSet::new(),
    }
}

/// Rows that a pair needs.
fn enough(guard: &Guard<StdRng>) -> u64 {
    guard.protection().min_group * GROUPS
}

/// The categories by the other column's values, as far as they may be told.
fn cases(cells: &Cells, guard: &mut Guard<StdRng>) -> Vec<CaseProfile> {
    let mut by_value: BTreeMap<&String, Vec<(String, u64)>> = BTreeMap::new();
    for ((one, two), rows) in cells {
        by_value.entry(one).or_default().push((two.clone(), *rows));
    }
    let mut cases = Vec::new();
    for (value, found) in by_value {
        let rows: u64 = found.iter().map(|(_, rows)| rows).sum();
        if !guard.enough(rows) {
            continue;
        }
        let (values, other) = guard.categories(found, rows);
        if 1.0 - other >= COVER && !values.is_empty() {
            let value = value.clone();
            cases.push(CaseProfile { value, values });
        }
    }
    cases
}
