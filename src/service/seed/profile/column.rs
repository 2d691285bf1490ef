//! One column: nulls, distinct values, and how the values are spread.

use rand::rngs::StdRng;

use super::relation::{Relation, count};
use crate::error::Result;
use crate::generate::profile::{Category, ColumnProfile, Grid, Guard, Unit, Values, plain_shape};
use crate::generate::{ColumnType, PgType};
use crate::masking::classifier::looks_personal;
use crate::postgres::Session;
use crate::sql::Ident;

/// Categories of a column, at most.
const CATEGORIES: i64 = 64;
/// Forms of a column's texts, at most.
const SHAPES: i64 = 6;
/// Share that the forms must have together.
const COVER: f64 = 0.8;
/// Days from 1970, from which PostgreSQL's epoch counts, to 2000.
const THIRTY_YEARS: f64 = 10_957.0;

/// A column that is measured.
pub(super) struct Measured<'m> {
    pub(super) session: &'m Session,
    pub(super) relation: &'m Relation<'m>,
    pub(super) column: &'m Ident,
    pub(super) kind: &'m ColumnType<'m>,
    /// What kind of personal data it holds.
    pub(super) personal: Option<String>,
    /// Whether it is part of a key: how its values are spread tells nothing.
    pub(super) is_key: bool,
}

/// Steps of bounds: fewer where somebody could be singled out.
fn grid(personal: bool, step: f64) -> Grid {
    let parts = if personal { 3.0 } else { 10.0 };
    Grid { parts, step }
}

impl Measured<'_> {
    pub(super) async fn profile(&self, guard: &mut Guard<StdRng>) -> Result<ColumnProfile> {
        let (column, from) = (self.column, &self.relation.from);
        // What is equal is the same bytes, and a sort by them costs less than half of one by a language's rules.
        let sql = format!(
            "select pg_catalog.count(*), pg_catalog.count({column}), pg_catalog.count(distinct \
               {column}::pg_catalog.text collate pg_catalog.\"C\") from {from}"
        );
        let row = self.session.query_one(&sql, &[]).await?;
        let [rows, told, distinct] = [0, 1, 2].map(|at| count(row.get(at)));
        let values = if self.is_key || !guard.enough(told) {
            None
        } else {
            self.values((told, distinct), guard).await?
        };
        Ok(ColumnProfile {
            nulls: guard.share(rows - told, rows),
            distinct: guard.share(distinct, told),
            personal: self.personal.clone(),
            values,
        })
    }

    async fn values(
        &self,
        (told, distinct): (u64, u64),
        guard: &mut Guard<StdRng>,
    ) -> Result<Option<Values>> {
        let column = self.column;
        let (sql, unit, decimals, step) = match &self.kind.base {
            PgType::Bool | PgType::Enum(_) => return self.categories(told, guard).await,
            PgType::Text(_) | PgType::Char(_) => return self.text((told, distinct), guard).await,
            PgType::Int(_) => (format!("{column}::float8"), Unit::Number, 0, 1.0),
            PgType::Float(_) => (format!("{column}::float8"), Unit::Number, 3, 0.0),
            PgType::Numeric(limits) => {
                let scale = limits.map_or(3, |(_, scale)| scale.max(0).unsigned_abs());
                (format!("{column}::float8"), Unit::Number, scale, 0.0)
            }
            PgType::Money => (format!("{column}::numeric::float8"), Unit::Number, 2, 0.0),
            PgType::Date => (epoch(&format!("{column}::timestamp")), Unit::Days, 0, 1.0),
            PgType::Timestamp(_) => (epoch(&column.to_string()), Unit::Days, 0, 0.01),
            PgType::Time(false) => {
                let sql = format!("extract(epoch from {column})::float8 / 86400");
                (sql, Unit::DayTime, 0, 0.01)
            }
            _ => return Ok(None),
        };
        let personal = self.personal.is_some();
        let year = personal && unit == Unit::Days;
        let grid = grid(personal, if year { 365.25 } else { step });
        let buckets = self.spread(&sql, told, grid, guard).await?;
        Ok((!buckets.is_empty()).then_some(Values::Histogram {
            unit,
            decimals,
            buckets,
        }))
    }

    /// A histogram of what an expression gives for each value.
    async fn spread(
        &self,
        expression: &str,
        told: u64,
        grid: Grid,
        guard: &mut Guard<StdRng>,
    ) -> Result<Vec<crate::generate::Bucket>> {
        let (column, from) = (self.column, &self.relation.from);
        let sql = format!(
            "select pg_catalog.percentile_disc($1::float8[]) within group (order by v) from \
               (select {expression} as v from {from} where {column} is not null) s \
             where v not in ('NaN', 'Infinity', '-Infinity')"
        );
        let cuts = guard.cuts(told);
        let values = Relation::cut(self.session, &sql, &cuts).await?;
        Ok(guard.histogram(&values.unwrap_or_default(), told, grid))
    }

    async fn text(
        &self,
        (told, distinct): (u64, u64),
        guard: &mut Guard<StdRng>,
    ) -> Result<Option<Values>> {
        let open = self.personal.is_none();
        if open && distinct <= CATEGORIES.unsigned_abs() {
            let found = self.categories(told, guard).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        let length = format!(
            "pg_catalog.length({}::pg_catalog.text)::float8",
            self.column
        );
        let lengths = self.spread(&length, told, grid(true, 1.0), guard).await?;
        let shapes = if open {
            self.shapes(told, guard).await?
        } else {
            Vec::new()
        };
        Ok((!lengths.is_empty()).then_some(Values::Text { lengths, shapes }))
    }

    /// Values that come again and again. Labels and truth values are the schema's; of texts those
    /// that look like a person's are left out, however often they come.
    async fn categories(&self, told: u64, guard: &mut Guard<StdRng>) -> Result<Option<Values>> {
        let schema = matches!(self.kind.base, PgType::Bool | PgType::Enum(_));
        let text = format!("{}::pg_catalog.text", self.column);
        let found = self.groups(&text, CATEGORIES, guard).await?;
        let found = found
            .into_iter()
            .filter(|(value, _)| schema || !looks_personal(value));
        let (values, other) = guard.categories(found, told);
        Ok((!values.is_empty()).then_some(Values::Categories { values, other }))
    }

    async fn shapes(&self, told: u64, guard: &mut Guard<StdRng>) -> Result<Vec<Category>> {
        let replace = |text: String, class: &str, sign: &str| {
            format!("pg_catalog.regexp_replace({text}, '[[:{class}:]]', '{sign}', 'g')")
        };
        let text = format!("{}::pg_catalog.text", self.column);
        let shape = replace(
            replace(replace(text, "digit", "9"), "upper", "A"),
            "lower",
            "a",
        );
        let found = self.groups(&shape, SHAPES, guard).await?;
        let found = found.into_iter().filter(|(shape, _)| plain_shape(shape));
        let (shapes, _) = guard.categories(found, told);
        let told: f64 = shapes.iter().map(|shape| shape.share).sum();
        Ok(if told >= COVER { shapes } else { Vec::new() })
    }

    /// The most frequent values of an expression that enough rows have.
    async fn groups(
        &self,
        expression: &str,
        most: i64,
        guard: &Guard<StdRng>,
    ) -> Result<Vec<(String, u64)>> {
        let (column, from) = (self.column, &self.relation.from);
        let sql = format!(
            "select {expression}, pg_catalog.count(*) from {from} where {column} is not null \
             group by 1 having pg_catalog.count(*) >= $1 order by 2 desc, 1 limit $2"
        );
        let least = i64::try_from(guard.protection().min_group).unwrap_or(i64::MAX);
        let found = self.session.query(&sql, &[&least, &most]).await?;
        Ok(found
            .iter()
            .map(|row| (row.get(0), count(row.get(1))))
            .collect())
    }
}

/// Days since 2000 of a time; null for the infinite ones.
pub(super) fn epoch(time: &str) -> String {
    format!(
        "(case when pg_catalog.isfinite({time}) then extract(epoch from {time})::float8 / 86400 - {THIRTY_YEARS} end)"
    )
}
