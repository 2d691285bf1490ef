//! How numbers are spread.

use rand_distr::Distribution as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stream::Stream;

/// A distribution of numbers. Draws outside of what a column can hold are clamped by whoever draws.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Distribution {
    /// Always the same.
    Constant(f64),
    /// Each as likely as the others.
    Uniform {
        /// Least, included.
        min: f64,
        /// Greatest, included.
        max: f64,
    },
    /// Normal (Gaussian).
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation, 0 or more.
        deviation: f64,
    },
    /// The logarithm is normal.
    LogNormal {
        /// Median: half of the draws lie below.
        median: f64,
        /// Standard deviation of the natural logarithm, 0 or more.
        sigma: f64,
    },
    /// Zipf: `min` is the most frequent, `min + k` is `(k + 1)^exponent` times rarer.
    Zipf {
        /// Least, included.
        min: u64,
        /// Greatest, included.
        max: u64,
        /// 0 is uniform; 1 is Zipf's law.
        exponent: f64,
    },
    /// Poisson.
    Poisson {
        /// Mean, more than 0.
        mean: f64,
    },
    /// Measured: buckets with their weights; uniform inside a bucket.
    Empirical(Vec<Bucket>),
}

/// A bucket of a measured distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Least, included.
    pub min: f64,
    /// Greatest, included.
    pub max: f64,
    /// Its share, relative to the other buckets.
    pub weight: f64,
}

impl Distribution {
    /// A number of this distribution.
    pub fn draw(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { min, max } => min + (max - min) * stream.unit(),
            Self::Normal { mean, deviation } => rand_distr::Normal::new(*mean, *deviation)
                .map_or(*mean, |normal| normal.sample(stream)),
            Self::LogNormal { median, sigma } => rand_distr::LogNormal::new(median.ln(), *sigma)
                .map_or(*median, |normal| normal.sample(stream)),
            Self::Zipf { min, max, exponent } => {
                let steps = max.saturating_sub(*min) as f64 + 1.0;
                let rank =
                    rand_distr::Zipf::new(steps, *exponent).map_or(1.0, |zipf| zipf.sample(stream));
                *min as f64 + rank - 1.0
            }
            Self::Poisson { mean } => {
                rand_distr::Poisson::new(*mean).map_or(*mean, |poisson| poisson.sample(stream))
            }
            Self::Empirical(buckets) => empirical(buckets, stream),
        }
    }

    /// The same, rounded to a whole number and kept within bounds.
    pub fn draw_whole(&self, stream: &mut Stream, min: i64, max: i64) -> i64 {
        if let Self::Uniform {
            min: low,
            max: high,
        } = self
        {
            // Floats would skip numbers beyond 2^53.
            return stream.between((*low as i64).max(min), (*high as i64).min(max));
        }
        (self.draw(stream).round() as i64).clamp(min, max.max(min))
    }

    /// What is wrong with its parameters, in words; `None` when they are fine.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let wrong = |condition: bool, text: &str| condition.then(|| text.to_owned());
        match self {
            Self::Constant(value) => wrong(!value.is_finite(), "the constant is not a number"),
            Self::Uniform { min, max } => wrong(!at_most(*min, *max), "min is greater than max"),
            Self::Normal { mean, deviation } => wrong(
                !mean.is_finite() || !at_most(0.0, *deviation),
                "deviation must be 0 or more",
            ),
            Self::LogNormal { median, sigma } => wrong(
                !above_zero(*median) || !at_most(0.0, *sigma),
                "median must be more than 0, sigma 0 or more",
            ),
            Self::Zipf { min, max, exponent } => wrong(
                min > max || !at_most(0.0, *exponent),
                "min must not be greater than max, exponent must be 0 or more",
            ),
            Self::Poisson { mean } => wrong(!above_zero(*mean), "mean must be more than 0"),
            Self::Empirical(buckets) => wrong(
                !above_zero(buckets.iter().map(|b| b.weight).sum())
                    || buckets
                        .iter()
                        .any(|b| !at_most(0.0, b.weight) || !at_most(b.min, b.max)),
                "buckets need weights of 0 or more, one above 0, and min not above max",
            ),
        }
    }
}

/// Not so for what is not a number, like every comparison with it.
fn at_most(low: f64, high: f64) -> bool {
    low <= high
}

fn above_zero(value: f64) -> bool {
    value > 0.0
}

fn empirical(buckets: &[Bucket], stream: &mut Stream) -> f64 {
    let total: f64 = buckets.iter().map(|bucket| bucket.weight).sum();
    let mut left = stream.unit() * total;
    let share = stream.unit();
    let mut value = 0.0;
    for bucket in buckets {
        value = bucket.min + (bucket.max - bucket.min) * share;
        left -= bucket.weight;
        if left < 0.0 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::super::stream::StreamKey;
    use super::*;

    fn draws(distribution: &Distribution) -> Vec<f64> {
        let key = StreamKey::new(7, "t", "d");
        (0..20_000)
            .map(|row| distribution.draw(&mut key.row(row, 0)))
            .collect()
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn draws_have_the_moments_asked_for() {
        let normal = draws(&Distribution::Normal {
            mean: 10.0,
            deviation: 2.0,
        });
        assert!((mean(&normal) - 10.0).abs() < 0.1);
        let mut log = draws(&Distribution::LogNormal {
            median: 50.0,
            sigma: 1.0,
        });
        log.sort_by(f64::total_cmp);
        assert!((log[10_000] / 50.0 - 1.0).abs() < 0.05, "{}", log[10_000]);
        let poisson = draws(&Distribution::Poisson { mean: 3.0 });
        assert!((mean(&poisson) - 3.0).abs() < 0.1);
        let zipf = draws(&Distribution::Zipf {
            min: 0,
            max: 9,
            exponent: 1.0,
        });
        let share = |value: f64| zipf.iter().filter(|v| **v == value).count() as f64 / 20_000.0;
        // The harmonic number of 10 is 2.929.
        assert!((share(0.0) - 1.0 / 2.929).abs() < 0.02, "{}", share(0.0));
        assert!((share(9.0) - 0.1 / 2.929).abs() < 0.01, "{}", share(9.0));
        let buckets = [(0.0, 1.0), (10.0, 3.0)].map(|(at, weight)| Bucket {
            min: at,
            max: at,
            weight,
        });
        let measured = draws(&Distribution::Empirical(buckets.into()));
        assert!((mean(&measured) - 7.5).abs() < 0.2);
    }

    #[test]
    fn whole_numbers_stay_within_their_bounds() {
        let wide = Distribution::Normal {
            mean: 0.0,
            deviation: 1e6,
        };
        let key = StreamKey::new(7, "t", "d");
        for row in 0..1000 {
            assert!((-5..=5).contains(&wide.draw_whole(&mut key.row(row, 0), -5, 5)));
        }
        let exact = Distribution::Uniform { min: 3.0, max: 3.0 };
        assert_eq!(exact.draw_whole(&mut key.row(0, 0), i64::MIN, i64::MAX), 3);
        assert!(
            Distribution::Uniform { min: 2.0, max: 1.0 }
                .problem()
                .is_some()
        );
    }
}
