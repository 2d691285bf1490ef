//! Columns that go up and down together: a Gaussian copula.
//!
//! All columns of a group draw the same independent normal numbers; each adds them up by weights of its
//! own (a row of the Cholesky factor of their correlations), and takes the value of its distribution at
//! the place where the sum stands among normal numbers (Nelsen, "An Introduction to Copulas", 2006,
//! section 2.3; Cario and Nelson, "Modeling and generating random vectors with arbitrary marginal
//! distributions and correlation matrix", 1997). So every column keeps its own distribution.

use rand_distr::{Distribution as _, StandardNormal};

use super::{Make, RowView};
use crate::generate::stream::Stream;
use crate::generate::value::Value;

#[derive(Debug)]
struct Ranked {
    weights: Vec<f64>,
    of: Box<dyn Make>,
}

/// Values of `of`, at the places that the sum of normal numbers says; `None` when a weight is no number.
pub(super) fn ranked(weights: &[f64], of: Box<dyn Make>) -> Option<Box<dyn Make>> {
    let fine = !weights.is_empty() && weights.iter().all(|weight| weight.is_finite());
    fine.then(|| {
        Box::new(Ranked {
            weights: weights.to_vec(),
            of,
        }) as Box<dyn Make>
    })
}

/// The share of normal numbers below `z` (Abramowitz and Stegun, 26.2.17: to within 7.5e-8).
pub(in crate::generate) fn below(z: f64) -> f64 {
    const TERMS: [f64; 5] = [
        0.319_381_530,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ];
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let sum = TERMS.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let above = density * sum;
    if z < 0.0 { above } else { 1.0 - above }
}

impl Make for Ranked {
    fn size(&self) -> Option<u64> {
        self.of.size()
    }

    fn draw(&self, stream: &mut Stream, row: &dyn RowView) -> Value {
        let z = self.weights.iter().map(|weight| {
            let normal: f64 = StandardNormal.sample(stream);
            weight * normal
        });
        let place = below(z.sum());
        self.of
            .draw(&mut Stream::beginning(place, stream.word()), row)
    }

    fn nth(&self, index: u64, row: &dyn RowView) -> Value {
        self.of.nth(index, row)
    }

    fn needs(&self) -> Vec<usize> {
        self.of.needs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::distribution::Distribution;
    use crate::generate::pg_type::PgType;
    use crate::generate::source::Source;
    use crate::generate::source::tests_support::Nothing;
    use crate::generate::stream::StreamKey;

    #[test]
    fn shares_are_those_of_the_normal_distribution() {
        for (z, share) in [
            (0.0, 0.5),
            (1.0, 0.841_344_7),
            (-1.96, 0.024_997_9),
            (4.0, 0.999_968_3),
        ] {
            assert!((below(z) - share).abs() < 1e-6, "{z}: {}", below(z));
        }
    }

    #[test]
    fn two_columns_keep_their_spread_and_go_together() {
        let spread = Distribution::Uniform { min: 0.0, max: 1.0 };
        let of = Box::new(Source::Decimal {
            min: 0.0,
            max: 1.0,
            scale: 6,
            spread,
        });
        let column = |weights: &[f64]| {
            let source = Source::Ranked {
                on: "x".to_owned(),
                weights: weights.to_vec(),
                of: of.clone(),
            };
            let key = StreamKey::new(1, "t", source.shared().unwrap());
            let make = source.compile(&PgType::Float(8), key).unwrap();
            let draw = |row| match make.draw(&mut key.row(row, 0), &Nothing) {
                Value::Float(value) => value,
                other => panic!("{other:?}"),
            };
            (0..20_000).map(draw).collect::<Vec<f64>>()
        };
        // Normal numbers that correlate by 0.8 have ranks that do by 6 / pi * asin(0.4) = 0.786.
        let (one, two) = (column(&[1.0]), column(&[0.8, 0.6]));
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
        for column in [&one, &two] {
            assert!((mean(column) - 0.5).abs() < 0.01);
            let low = column.iter().filter(|value| **value < 0.1).count();
            assert!((1850..2150).contains(&low), "{low}");
        }
        let product: Vec<f64> = one
            .iter()
            .zip(&two)
            .map(|(a, b)| (a - 0.5) * (b - 0.5))
            .collect();
        let rho = mean(&product) * 12.0;
        assert!((rho - 0.786).abs() < 0.02, "{rho}");
    }
}
