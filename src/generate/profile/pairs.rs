//! Columns that go together: numbers and times by the correlation of their ranks, categories by each
//! other.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::model::{Category, TableProfile};
use crate::generate::copula;
use crate::generate::source::Weighted;
use crate::generate::spec::{ColumnRule, ColumnSpec};

/// Correlations and effects below it are not told: noise and chance make some hundredths.
pub const LEAST: f64 = 0.1;

/// Two columns of numbers or times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankProfile {
    /// The earlier column.
    pub one: String,
    /// The later column.
    pub two: String,
    /// Spearman's correlation of their ranks, -1 to 1, with noise, to hundredths.
    pub rho: f64,
}

/// A column's categories by those of another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenProfile {
    /// The other column.
    pub column: String,
    /// Cramer's V, 0 to 1: how much the one tells of the other.
    pub effect: f64,
    /// By the other column's value; those with too few rows are not here.
    pub cases: Vec<CaseProfile>,
}

/// The categories of the rows that have one value in another column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseProfile {
    /// The other column's value.
    pub value: String,
    /// The categories and their shares of these rows.
    pub values: Vec<Category>,
}

/// Cramer's V of a table of counts (Cramer, "Mathematical Methods of Statistics", 1946): the root of
/// chi-squared by rows and the smaller number of values less one.
#[must_use]
pub fn cramers_v(cells: &BTreeMap<(String, String), u64>) -> f64 {
    let (mut rows, mut columns, mut all) = (BTreeMap::new(), BTreeMap::new(), 0.0);
    for ((one, two), count) in cells {
        let count = *count as f64;
        *rows.entry(one).or_insert(0.0) += count;
        *columns.entry(two).or_insert(0.0) += count;
        all += count;
    }
    let mut chi = 0.0;
    for (one, row) in &rows {
        for (two, column) in &columns {
            let wanted: f64 = row * column / all;
            let seen = cells.get(&((*one).clone(), (*two).clone()));
            chi += (seen.copied().unwrap_or_default() as f64 - wanted).powi(2) / wanted.max(1e-9);
        }
    }
    let ranks = rows.len().min(columns.len()).saturating_sub(1);
    if ranks == 0 || all <= 0.0 {
        return 0.0;
    }
    (chi / (all * ranks as f64)).sqrt().min(1.0)
}

/// Of pairs of categorical columns (earlier, later, effect) those that are kept, the strongest first: a
/// column goes by one other at most, and that one by none.
#[must_use]
pub fn strongest(mut pairs: Vec<(String, String, f64)>) -> Vec<(String, String, f64)> {
    pairs.sort_by(|a, b| {
        b.2.total_cmp(&a.2)
            .then_with(|| (&a.0, &a.1).cmp(&(&b.0, &b.1)))
    });
    let (mut roots, mut led) = (BTreeSet::new(), BTreeSet::new());
    pairs.retain(|(one, two, _)| {
        let free = !led.contains(one) && !led.contains(two) && !roots.contains(two);
        if free {
            roots.insert(one.clone());
            led.insert(two.clone());
        }
        free
    });
    pairs
}

/// Makes the rules of a table's columns go together as its profile says.
pub(super) fn relate(table: &TableProfile, columns: &mut BTreeMap<String, ColumnSpec>) {
    let plain = |spec: Option<&ColumnSpec>| match spec.and_then(|spec| spec.rule.as_ref()) {
        Some(rule @ ColumnRule::Distribution(..)) => Some(rule.clone()),
        _ => None,
    };
    let mut names: Vec<&String> = Vec::new();
    for pair in &table.ranks {
        for name in [&pair.one, &pair.two] {
            if !names.contains(&name) && plain(columns.get(name)).is_some() {
                names.push(name);
            }
        }
    }
    let weights = factor(&names, &table.ranks);
    for (name, weights) in names.into_iter().zip(weights) {
        let of = plain(columns.get(name));
        if let (Some(of), Some(spec)) = (of, columns.get_mut(name)) {
            let of = Box::new(of);
            spec.rule = Some(ColumnRule::Ranked { weights, of });
        }
    }
    for (name, given) in &table.given {
        let Some(spec) = columns.get_mut(name) else {
            continue;
        };
        let Some(ColumnRule::Choice(otherwise)) = &spec.rule else {
            continue;
        };
        let cases = given.cases.iter().map(|case| {
            let weighted = case.values.iter().map(|category| Weighted {
                value: category.value.clone(),
                weight: category.share,
            });
            (case.value.clone(), weighted.collect())
        });
        spec.rule = Some(ColumnRule::Given {
            column: given.column.clone(),
            cases: cases.collect(),
            otherwise: otherwise.clone(),
        });
    }
}

/// For each column the weights of independent normal numbers whose sums correlate as `pairs` say.
/// Correlations that contradict each other are drawn towards none until they do not.
fn factor(names: &[&String], pairs: &[RankProfile]) -> Vec<Vec<f64>> {
    let correlation = |one: usize, two: usize| {
        let is = |pair: &&RankProfile| {
            (&pair.one, &pair.two) == (names[one], names[two])
                || (&pair.one, &pair.two) == (names[two], names[one])
        };
        let rho = pairs.iter().find(is).map_or(0.0, |pair| pair.rho);
        copula::normal(rho)
    };
    for step in 0..20 {
        let keep = 1.0 - f64::from(step) * 0.05;
        let at = |one: usize, two: usize| {
            if one == two {
                1.0
            } else {
                // A correlation of 1 leaves nothing to the second column.
                (correlation(one, two) * keep).clamp(-0.999, 0.999)
            }
        };
        if let Some(found) = copula::weights(names.len(), at) {
            return found;
        }
    }
    (0..names.len())
        .map(|column| (0..=column).map(|at| f64::from(at == column)).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(one: &str, two: &str, rho: f64) -> RankProfile {
        RankProfile {
            one: one.to_owned(),
            two: two.to_owned(),
            rho,
        }
    }

    #[test]
    fn weights_give_the_correlations_back() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let names: Vec<&String> = names.iter().collect();
        let pairs = [
            pair("a", "b", 0.7),
            pair("c", "b", -0.4),
            pair("a", "c", 0.1),
        ];
        let lower = factor(&names, &pairs);
        let product = |one: usize, two: usize| -> f64 {
            lower[one].iter().zip(&lower[two]).map(|(a, b)| a * b).sum()
        };
        for at in 0..3 {
            assert!((product(at, at) - 1.0).abs() < 1e-9);
        }
        for (one, two, rho) in [(0, 1, 0.7), (1, 2, -0.4), (0, 2, 0.1)] {
            let back = 6.0 / std::f64::consts::PI * (product(one, two) / 2.0).asin();
            assert!((back - rho).abs() < 1e-9, "{back}");
        }
        // a with b, b with c, and a against c: no numbers do that, and some weaker ones do.
        let pairs = [
            pair("a", "b", 0.9),
            pair("b", "c", 0.9),
            pair("a", "c", -0.9),
        ];
        let lower = factor(&names, &pairs);
        let all = lower.iter().flatten().all(|weight| weight.is_finite());
        assert!(all && lower[1][0] > 0.3 && lower[2][0] < -0.3, "{lower:?}");
    }

    #[test]
    fn an_effect_is_from_nothing_to_all() {
        let cells = |counts: [(&str, &str, u64); 4]| {
            let cells = counts.into_iter();
            cells
                .map(|(a, b, n)| ((a.to_owned(), b.to_owned()), n))
                .collect()
        };
        let none = cells([
            ("x", "p", 10),
            ("x", "q", 20),
            ("y", "p", 30),
            ("y", "q", 60),
        ]);
        assert!(cramers_v(&none) < 1e-9);
        let all = cells([("x", "p", 10), ("x", "q", 0), ("y", "p", 0), ("y", "q", 60)]);
        assert!((cramers_v(&all) - 1.0).abs() < 1e-9);
        let some = cells([
            ("x", "p", 30),
            ("x", "q", 10),
            ("y", "p", 10),
            ("y", "q", 30),
        ]);
        assert!((cramers_v(&some) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_column_goes_by_one_other_that_goes_by_none() {
        let of = |a: &str, b: &str, v| (a.to_owned(), b.to_owned(), v);
        let kept = strongest(vec![
            of("a", "b", 0.3),
            of("b", "c", 0.9),
            of("a", "c", 0.2),
            of("a", "d", 0.4),
        ]);
        assert_eq!(kept, [of("b", "c", 0.9), of("a", "d", 0.4)]);
    }
}
