//! How far the rows of a subset are distributed like those they were picked from.

use std::collections::BTreeMap;

use serde::Serialize;

/// Columns with at most so many different values are compared value by value.
const FEW: usize = 64;
/// The quantiles that are compared, in percent.
const QUANTILES: [usize; 5] = [5, 25, 50, 75, 95];

/// The difference between the distributions of one column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// `public.users`, without the schema when that is `public`.
    pub table: String,
    /// The column.
    pub column: String,
    /// How it was measured.
    pub measure: Measure,
    /// 0 for equal distributions. Total variation: the share of rows that would have to change, up
    /// to 1. Quantiles: the largest of `shifts`, without its sign.
    pub distance: f64,
    /// For quantiles of 5, 25, 50, 75 and 95 %: copy minus source, in units of the source's
    /// distance from 5 to 95 %. No value of a row can be told from it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shifts: Vec<f64>,
    /// Share of nulls in the copy minus that in the source, -1 to 1.
    pub nulls: f64,
}

/// A measure of distance between two distributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Half the sum of the differences between the frequencies of each value.
    TotalVariation,
    /// Differences between quantiles.
    Quantiles,
}

/// What is remembered of the values of one column: [`FEW`] different ones with their counts, and
/// all numbers.
#[derive(Debug, Clone, Default)]
pub struct Sketch {
    rows: u64,
    nulls: u64,
    values: BTreeMap<String, u64>,
    numbers: Vec<f64>,
}

impl Sketch {
    /// Takes in one value.
    pub fn add(&mut self, value: Option<&str>) {
        self.rows += 1;
        let Some(value) = value else {
            self.nulls += 1;
            return;
        };
        if let Some(count) = self.values.get_mut(value) {
            *count += 1;
        } else if self.values.len() <= FEW {
            self.values.insert(value.to_owned(), 1);
        }
        if let Some(number) = value.parse().ok().filter(|number: &f64| number.is_finite()) {
            self.numbers.push(number);
        }
    }

    fn share_of_nulls(&self) -> f64 {
        ratio(self.nulls, self.rows)
    }

    /// What stands at each of [`QUANTILES`].
    fn quantiles(&self) -> Option<[f64; 5]> {
        let mut sorted = self.numbers.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        Some(QUANTILES.map(|percent| sorted[last * percent / 100]))
    }
}

/// Compares two sketches of one column; `None` when it is neither of few values nor of numbers, or
/// when a side has no value. Returns the measure, the distance and, for quantiles, their shifts.
fn compare(source: &Sketch, copy: &Sketch) -> Option<(Measure, f64, Vec<f64>)> {
    let (of, among) = (source.rows - source.nulls, copy.rows - copy.nulls);
    if of == 0 || among == 0 {
        return None;
    }
    if source.values.len() <= FEW && copy.values.len() <= FEW {
        let frequency = |sketch: &Sketch, value: &String, all| {
            ratio(sketch.values.get(value).copied().unwrap_or_default(), all)
        };
        let mut values: Vec<&String> = source.values.keys().chain(copy.values.keys()).collect();
        values.sort();
        values.dedup();
        let differences = values
            .into_iter()
            .map(|value| (frequency(source, value, of) - frequency(copy, value, among)).abs());
        return Some((
            Measure::TotalVariation,
            differences.sum::<f64>() / 2.0,
            Vec::new(),
        ));
    }
    // Texts that happen to hold some numbers are no numbers.
    if source.numbers.len() as u64 != of || copy.numbers.len() as u64 != among {
        return None;
    }
    let (of, among) = (source.quantiles()?, copy.quantiles()?);
    let spread = of[4] - of[0];
    if spread <= 0.0 {
        return None;
    }
    let shifts: Vec<f64> = (of.iter().zip(&among))
        .map(|(source, copy)| (copy - source) / spread)
        .collect();
    let distance = shifts.iter().map(|shift| shift.abs()).fold(0.0, f64::max);
    Some((Measure::Quantiles, distance, shifts))
}

impl Drift {
    /// The difference of one column; `None` when it is neither of few values nor of numbers, or when
    /// a side has no value.
    #[must_use]
    pub fn of(table: &str, column: &str, source: &Sketch, copy: &Sketch) -> Option<Self> {
        let (measure, distance, shifts) = compare(source, copy)?;
        Some(Self {
            table: table.to_owned(),
            column: column.to_owned(),
            measure,
            distance,
            shifts,
            nulls: copy.share_of_nulls() - source.share_of_nulls(),
        })
    }
}

#[allow(clippy::cast_precision_loss, reason = "a share")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(values: impl IntoIterator<Item = Option<String>>) -> Sketch {
        let mut sketch = Sketch::default();
        for value in values {
            sketch.add(value.as_deref());
        }
        sketch
    }

    #[test]
    fn few_values_are_compared_one_by_one() {
        let side = |paid: usize, all: usize| {
            sketch((0..all).map(|i| Some(if i < paid { "paid" } else { "open" }.to_owned())))
        };
        let (measure, distance, shifts) = compare(&side(80, 100), &side(12, 20)).unwrap();
        assert_eq!(measure, Measure::TotalVariation);
        assert!((distance - 0.2).abs() < 1e-9, "{distance}");
        assert!(shifts.is_empty());
        assert!(compare(&side(80, 100), &side(8, 10)).unwrap().1 < 1e-9);
        assert_eq!(compare(&side(80, 100), &side(0, 0)), None);
    }

    #[test]
    fn numbers_are_compared_by_quantiles_and_nulls_apart() {
        let side =
            |from: u32, to: u32| sketch((from..to).map(|i| Some(i.to_string())).chain([None]));
        let drift = Drift::of("t", "c", &side(0, 1000), &side(450, 1450)).unwrap();
        assert_eq!(drift.measure, Measure::Quantiles);
        assert!((drift.distance - 0.5).abs() < 0.01, "{drift:?}");
        assert_eq!(drift.shifts.len(), 5);
        assert!(drift.nulls.abs() < 1e-9);
        let texts = sketch((0..100).map(|i| Some(format!("n{i}"))));
        assert_eq!(compare(&texts, &texts), None);
    }
}
