//! A profile read as a spec: what it says of a table holds where nobody says otherwise.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::model::{ChildrenProfile, ColumnProfile, GapProfile, Profile, TableProfile, Values};
use super::pairs::relate;
use super::shape::pattern;
use crate::error::Place;
use crate::generate::distribution::{Bucket, Distribution};
use crate::generate::source::Weighted;
use crate::generate::spec::{ColumnRule, ColumnSpec, PerParent, Spec, TableSpec};

/// Microseconds of a day.
const DAY: f64 = 86_400_000_000.0;
/// Share of values that told categories, or forms, must have to stand for all.
const COVER: f64 = 0.8;

impl Profile {
    /// The spec that reproduces the profile; `file` is named in errors.
    #[must_use]
    pub fn spec(&self, file: &Path) -> Spec {
        let place = Place::new(file, &Arc::from(""), 0..0);
        let tables = self.tables.iter();
        let tables = tables.map(|(name, table)| (name.clone(), self.table(name, table, &place)));
        Spec {
            tables: tables.collect(),
            ..Spec::default()
        }
    }

    fn table(&self, name: &str, table: &TableProfile, place: &Place) -> TableSpec {
        let columns = table.columns.iter().map(|(column, found)| {
            let gap = table.follows.get(column);
            let spec = ColumnSpec {
                place: place.clone(),
                rule: gap.and_then(after).or_else(|| rule(found)),
                nulls: Some(found.nulls),
                locale: None,
                correlates: BTreeMap::new(),
                learned: true,
            };
            (column.clone(), spec)
        });
        let mut columns = columns.collect();
        relate(table, &mut columns);
        TableSpec {
            name: name.to_owned(),
            place: place.clone(),
            rows: Some(table.rows),
            per: self.per(name, table, place),
            locale: None,
            columns,
            learned: true,
        }
    }

    /// Rows are counted by the parent that has most rows: an order's lines by order, not by product.
    fn per(&self, name: &str, table: &TableProfile, place: &Place) -> Option<PerParent> {
        let rows = |of: &&ChildrenProfile| self.tables.get(&of.parent).map_or(0, |t| t.rows);
        let others = table.children.values().filter(|of| of.parent != name);
        let of = others.max_by_key(rows).filter(|of| !of.counts.is_empty())?;
        let twice = table
            .children
            .values()
            .filter(|other| other.parent == of.parent);
        (twice.count() == 1).then(|| PerParent {
            parent: of.parent.clone(),
            place: place.clone(),
            count: Distribution::Empirical(self.counts(name, of)),
        })
    }

    /// How many children parents have, with as many in all as there are: bounds are rounded and the
    /// greatest numbers cut off, which costs most of those parents that have many.
    fn counts(&self, name: &str, of: &ChildrenProfile) -> Vec<Bucket> {
        let rows = |name: &str| self.tables.get(name).map_or(0, |table| table.rows) as f64;
        let mut counts = of.counts.clone();
        let weight: f64 = counts.iter().map(|bucket| bucket.weight).sum();
        let sum: f64 = counts
            .iter()
            .map(|b| b.weight * (b.min + b.max) / 2.0)
            .sum();
        let parents = rows(&of.parent);
        if parents < 1.0 || weight <= 0.0 {
            return counts;
        }
        let missing = rows(name) / parents * weight - sum;
        if let Some(last) = counts.last_mut().filter(|last| last.weight > 0.0) {
            last.max = (last.max + 2.0 * missing / last.weight).max(last.min);
        }
        counts
    }
}

fn after(gap: &GapProfile) -> Option<ColumnRule> {
    let (first, last) = (gap.days.first()?, gap.days.last()?);
    Some(ColumnRule::After {
        of: gap.after.clone(),
        least: (first.min.max(0.0) * DAY) as i64,
        most: (last.max.max(0.0) * DAY) as i64,
    })
}

fn rule(column: &ColumnProfile) -> Option<ColumnRule> {
    match column.values.as_ref()? {
        Values::Categories { values, other } => {
            let told = 1.0 - other;
            let weighted = values.iter().map(|category| Weighted {
                value: category.value.clone(),
                weight: category.share,
            });
            (told >= COVER && !values.is_empty()).then(|| ColumnRule::Choice(weighted.collect()))
        }
        Values::Histogram {
            decimals, buckets, ..
        } => {
            let spread = Distribution::Empirical(buckets.clone());
            usable(buckets).then_some(ColumnRule::Distribution(spread, Some(*decimals)))
        }
        Values::Text { shapes, .. } => {
            let told: f64 = shapes.iter().map(|shape| shape.share).sum();
            let shapes = shapes.iter().map(|shape| shape.value.as_str());
            (told >= COVER).then(|| pattern(shapes).map(ColumnRule::Pattern))?
        }
    }
}

fn usable(buckets: &[Bucket]) -> bool {
    buckets.iter().any(|bucket| bucket.weight > 0.0)
}
