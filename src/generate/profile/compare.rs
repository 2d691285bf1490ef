//! How far two profiles lie apart.

use serde::Serialize;

use super::model::{Category, ColumnProfile, Profile, TableProfile, Values};
use super::pairs::CaseProfile;
use crate::generate::distribution::Bucket;

/// Distance up to which two distributions are called alike. Rounded bounds, noise and buckets cost
/// some hundredths by themselves.
const ALIKE: f64 = 0.1;

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Difference of the shares of nulls.
    Nulls,
    /// The Kolmogorov-Smirnov statistic: the greatest distance of the distribution functions.
    KolmogorovSmirnov,
    /// Pearson's chi-squared; its effect (Cramér's V of two samples) is the distance.
    ChiSquared,
    /// The same for the number of children of a parent, by Kolmogorov-Smirnov.
    Children,
    /// Share of the rows that a table lacks which is about empty, while others are not.
    Rows,
    /// Relative difference of the rows by row of the parent: it does not hang on the scale.
    RowsByParent,
    /// Difference of Spearman's correlations of two columns.
    RankCorrelation,
    /// Of a column's categories by those of another: the mean, over the other's values, of the greatest
    /// differences of shares.
    Contingency,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Closeness {
    /// The table.
    pub table: String,
    /// The column, or the foreign key.
    pub column: String,
    /// What was measured.
    pub measure: Measure,
    /// From 0, alike, to 1.
    pub distance: f64,
    /// Chi-squared itself, for as many rows as the second profile has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chi_squared: Option<f64>,
    /// Its degrees of freedom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degrees: Option<usize>,
    /// Whether the distance is small enough.
    pub alike: bool,
}

/// Two profiles compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// By table and column.
    pub columns: Vec<Closeness>,
    /// Tables and columns that only one of both has, or that one tells too little of.
    pub missing: Vec<String>,
}

impl Comparison {
    /// Compares what `found` shows with what `wanted` said.
    #[must_use]
    pub fn new(wanted: &Profile, found: &Profile) -> Self {
        let mut comparison = Self {
            columns: Vec::new(),
            missing: Vec::new(),
        };
        let scale = scale(wanted, found);
        for (name, table) in &wanted.tables {
            let Some(other) = found.tables.get(name) else {
                comparison.missing.push(name.clone());
                continue;
            };
            let expected = table.rows as f64 / scale;
            if table.rows >= MANY && (other.rows as f64) < expected / EMPTY {
                let distance = 1.0 - other.rows as f64 / expected;
                comparison.push((name, "rows"), Measure::Rows, distance);
            }
            for (column, one) in &table.columns {
                let at = (name.as_str(), column.as_str());
                match other.columns.get(column) {
                    Some(two) => comparison.column(at, (one, two), other.rows),
                    None => comparison.missing.push(format!("{name}.{column}")),
                }
            }
            for (key, one) in &table.children {
                let at = (name.as_str(), key.as_str());
                match other.children.get(key) {
                    Some(two) => {
                        comparison.push(at, Measure::Children, ks(&one.counts, &two.counts))
                    }
                    None => comparison.missing.push(format!("{name} {key}")),
                }
                if let Some(distance) = by_parent((wanted, found), name, &one.parent) {
                    comparison.push(at, Measure::RowsByParent, distance);
                }
            }
            comparison.pairs(name, (table, other));
        }
        comparison
    }

    /// What goes together in the first profile. What the second does not tell of is too weak to be told.
    fn pairs(&mut self, name: &str, (one, two): (&TableProfile, &TableProfile)) {
        let both = |a: &str, b: &str| two.columns.contains_key(a) && two.columns.contains_key(b);
        for pair in one.ranks.iter().filter(|pair| both(&pair.one, &pair.two)) {
            let mut others = two.ranks.iter();
            let seen = others.find(|other| (&other.one, &other.two) == (&pair.one, &pair.two));
            let distance = (pair.rho - seen.map_or(0.0, |seen| seen.rho)).abs();
            let columns = format!("{} and {}", pair.one, pair.two);
            self.push((name, &columns), Measure::RankCorrelation, distance);
        }
        for (column, given) in one.given.iter().filter(|(c, of)| both(c, &of.column)) {
            let columns = format!("{column} by {}", given.column);
            let seen = two
                .given
                .get(column)
                .filter(|seen| seen.column == given.column);
            let distance = match seen {
                Some(seen) => apart(&given.cases, &seen.cases),
                // Too weak to be told, or it goes by another column now.
                None => given.effect,
            };
            self.push((name, &columns), Measure::Contingency, distance);
        }
    }

    /// Whether everything that was compared is alike.
    #[must_use]
    pub fn alike(&self) -> bool {
        self.columns.iter().all(|column| column.alike)
    }

    fn push(&mut self, (table, column): (&str, &str), measure: Measure, distance: f64) {
        let distance = (distance * 1000.0).round() / 1000.0;
        self.columns.push(Closeness {
            table: table.to_owned(),
            column: column.to_owned(),
            measure,
            distance,
            chi_squared: None,
            degrees: None,
            alike: distance <= ALIKE,
        });
    }

    fn column(
        &mut self,
        at: (&str, &str),
        (one, two): (&ColumnProfile, &ColumnProfile),
        rows: u64,
    ) {
        self.push(at, Measure::Nulls, (one.nulls - two.nulls).abs());
        match (&one.values, &two.values) {
            // How long texts without a common form are is told, and not reproduced.
            (None, _) => {}
            (Some(Values::Text { shapes, .. }), _) if shapes.is_empty() => {}
            (
                Some(Values::Categories { values, other }),
                Some(Values::Categories {
                    values: seen,
                    other: rest,
                }),
            ) => {
                let told = rows as f64 * (1.0 - two.nulls);
                let chi = chi_squared((values, *other), (seen, *rest), told);
                self.push(at, Measure::ChiSquared, chi.effect);
                if let Some(last) = self.columns.last_mut() {
                    last.chi_squared = Some((chi.statistic * 10.0).round() / 10.0);
                    last.degrees = Some(chi.degrees);
                }
            }
            (
                Some(Values::Histogram { buckets, .. }),
                Some(Values::Histogram { buckets: seen, .. }),
            )
            | (
                Some(Values::Text {
                    lengths: buckets, ..
                }),
                Some(Values::Text { lengths: seen, .. }),
            ) => {
                self.push(at, Measure::KolmogorovSmirnov, ks(buckets, seen));
            }
            _ => self.missing.push(format!("{}.{}", at.0, at.1)),
        }
    }
}

/// Rows of which the noise on their number does not matter.
const MANY: u64 = 400;
/// A table that has less than one in so many of its rows, as the others are scaled, is about empty.
const EMPTY: f64 = 10.0;

/// How far the rows of a table by row of another are apart; `None` when noise would decide.
fn by_parent((wanted, found): (&Profile, &Profile), table: &str, parent: &str) -> Option<f64> {
    let rows = |of: &Profile, name: &str| of.tables.get(name).map(|table| table.rows);
    let (children, parents) = (rows(wanted, table)?, rows(wanted, parent)?);
    let (seen, of) = (rows(found, table)?, rows(found, parent)?);
    if table == parent || children < MANY || parents < MANY || of < MANY {
        return None;
    }
    let expected = children as f64 / parents as f64 * of as f64;
    let told = seen.max(expected as u64) >= MANY;
    told.then(|| (seen as f64 / expected - 1.0).abs().min(1.0))
}

/// Of how many rows that the first profile has the second has one, by table: the least of all tables
/// with many. Less than one row is not asked for.
fn scale(wanted: &Profile, found: &Profile) -> f64 {
    let tables = wanted.tables.iter().filter(|(_, table)| table.rows >= MANY);
    let scales = tables.filter_map(|(name, table)| {
        let seen = found.tables.get(name)?.rows;
        Some(table.rows as f64 / seen.max(1) as f64)
    });
    scales.fold(f64::INFINITY, f64::min).max(1.0)
}

/// The mean, over the values that both tell of, of the greatest differences of shares.
fn apart(one: &[CaseProfile], two: &[CaseProfile]) -> f64 {
    let share = |of: &[Category], value: &str| {
        let found = of.iter().find(|category| category.value == value);
        found.map_or(0.0, |category| category.share)
    };
    let mut distances = Vec::new();
    for case in one {
        let Some(seen) = two.iter().find(|seen| seen.value == case.value) else {
            continue;
        };
        let values = case
            .values
            .iter()
            .chain(&seen.values)
            .map(|category| &category.value);
        let far =
            values.map(|value| (share(&case.values, value) - share(&seen.values, value)).abs());
        distances.push(far.fold(0.0, f64::max));
    }
    match distances.len() {
        0 => 1.0,
        count => distances.iter().sum::<f64>() / count as f64,
    }
}

struct Chi {
    statistic: f64,
    degrees: usize,
    effect: f64,
}

/// Pearson's chi-squared of the shares seen in `rows` rows against those wanted. The effect is the
/// root of chi-squared by rows, which does not grow with them (Cohen's w).
fn chi_squared(wanted: (&[Category], f64), seen: (&[Category], f64), rows: f64) -> Chi {
    let share = |of: &[Category], value: &str| {
        let found = of.iter().find(|category| category.value == value);
        found.map_or(0.0, |category| category.share)
    };
    let known = wanted.0.iter();
    let mut cells: Vec<(f64, f64)> = known
        .map(|category| (category.share, share(seen.0, &category.value)))
        .collect();
    let new = seen.0.iter().filter(|c| share(wanted.0, &c.value) == 0.0);
    let new = new.map(|category| category.share).sum::<f64>() + seen.1;
    // Values that were not told are not reproduced; only more of them than there were is a difference.
    if new > wanted.1 {
        cells.push((wanted.1, new));
    }
    let whole: (f64, f64) = cells
        .iter()
        .fold((0.0, 0.0), |sum, c| (sum.0 + c.0, sum.1 + c.1));
    let effect: f64 = cells
        .iter()
        .map(|(wanted, seen)| {
            let (wanted, seen) = (wanted / whole.0.max(1e-9), seen / whole.1.max(1e-9));
            // What was not wanted at all counts as one in a thousand.
            (seen - wanted).powi(2) / wanted.max(0.001)
        })
        .sum();
    Chi {
        statistic: effect * rows,
        degrees: cells.len().saturating_sub(1),
        effect: effect.sqrt(),
    }
}

/// The greatest distance of two distribution functions; 1 when one is empty and the other is not.
fn ks(one: &[Bucket], two: &[Bucket]) -> f64 {
    if one.is_empty() != two.is_empty() {
        return 1.0;
    }
    let bounds = one
        .iter()
        .chain(two)
        .flat_map(|bucket| [bucket.min, bucket.max]);
    bounds
        .flat_map(|bound| [(bound, true), (bound, false)])
        .map(|(bound, at)| (below(one, bound, at) - below(two, bound, at)).abs())
        .fold(0.0, f64::max)
}

/// Share below a value, or up to it.
fn below(buckets: &[Bucket], value: f64, included: bool) -> f64 {
    let all: f64 = buckets.iter().map(|bucket| bucket.weight).sum();
    let part = |bucket: &Bucket| {
        if bucket.max < value || bucket.max == value && included {
            bucket.weight
        } else if bucket.min >= value || bucket.max == bucket.min {
            0.0
        } else {
            bucket.weight * (value - bucket.min) / (bucket.max - bucket.min)
        }
    };
    buckets.iter().map(part).sum::<f64>() / all.max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(min: f64, max: f64, weight: f64) -> Bucket {
        Bucket { min, max, weight }
    }

    #[test]
    fn distances_are_those_of_the_distribution_functions() {
        let one = [bucket(0.0, 10.0, 1.0)];
        assert_eq!(ks(&one, &one), 0.0);
        assert!((ks(&one, &[bucket(5.0, 15.0, 1.0)]) - 0.5).abs() < 1e-9);
        assert!((ks(&one, &[bucket(0.0, 0.0, 1.0)]) - 1.0).abs() < 1e-9);
        assert_eq!(ks(&one, &[]), 1.0);
    }

    #[test]
    fn categories_are_compared_by_their_shares() {
        let of = |shares: &[(&str, f64)]| -> Vec<Category> {
            let shares = shares.iter();
            shares
                .map(|(value, share)| Category {
                    value: (*value).to_owned(),
                    share: *share,
                })
                .collect()
        };
        let wanted = of(&[("a", 0.5), ("b", 0.5)]);
        let same = chi_squared((&wanted, 0.0), (&wanted, 0.0), 1000.0);
        assert_eq!((same.statistic, same.degrees), (0.0, 1));
        let seen = of(&[("a", 0.6), ("b", 0.4)]);
        let other = chi_squared((&wanted, 0.0), (&seen, 0.0), 1000.0);
        // 1000 rows: (600 - 500)^2 / 500 * 2
        assert!((other.statistic - 40.0).abs() < 1e-6, "{}", other.statistic);
        assert!((other.effect - 0.2).abs() < 1e-6);
    }
}
