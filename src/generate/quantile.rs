//! Distributions whose draws go up with the first number of their stream, as columns that go together
//! need them: the others are made of buckets in their order.

use super::distribution::{Bucket, Distribution};
use super::source::below;

/// Buckets of a normal distribution, each as likely as the others.
const BUCKETS: u32 = 256;
/// Values that have a bucket of their own; more share them.
const SINGLE: u64 = 128;
/// Standard deviations beyond which nothing is drawn: one in a billion.
const FAR: f64 = 6.0;
/// Mean above which a Poisson distribution is drawn as the normal one that it is close to.
const MANY: f64 = 2500.0;

impl Distribution {
    /// The same distribution, such that greater draws come of greater beginnings of their stream.
    pub(super) fn in_order(&self) -> Self {
        match self {
            Self::Constant(_) | Self::Uniform { .. } | Self::Empirical(_) => self.clone(),
            Self::Normal { mean, deviation } => Self::Empirical(normal(|z| mean + deviation * z)),
            Self::LogNormal { median, sigma } => {
                Self::Empirical(normal(|z| median * (sigma * z).exp()))
            }
            Self::Zipf { min, max, exponent } => Self::Empirical(zipf(*min, *max, *exponent)),
            Self::Poisson { mean } if *mean > MANY => {
                Self::Empirical(normal(|z| mean + mean.sqrt() * z))
            }
            Self::Poisson { mean } => Self::Empirical(poisson(*mean)),
        }
    }
}

/// The normal number below which `share` of all lie, by halving.
fn place(share: f64) -> f64 {
    let (mut low, mut high) = (-FAR, FAR);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if below(middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

fn normal(value: impl Fn(f64) -> f64) -> Vec<Bucket> {
    let bound = |at: u32| value(place(f64::from(at) / f64::from(BUCKETS)));
    let bucket = |at: u32| Bucket {
        min: bound(at),
        max: bound(at + 1),
        weight: 1.0,
    };
    // The outermost buckets are long and thin: most of what is in them is near the others.
    let tail = |from: f64, to: f64, weight: f64| Bucket {
        min: value(from.min(to)),
        max: value(from.max(to)),
        weight,
    };
    let edge = place(1.0 / f64::from(BUCKETS));
    let outer = |sign: f64| {
        let steps = [0.0, 0.2, 0.4, 0.7, 1.1, 1.7, FAR + edge];
        let share = |z: f64| below(edge - z) * f64::from(BUCKETS);
        let mut parts: Vec<Bucket> = steps
            .windows(2)
            .map(|pair| {
                let weight = share(pair[0]) - share(pair[1]);
                tail(sign * (pair[0] - edge), sign * (pair[1] - edge), weight)
            })
            .collect();
        if sign < 0.0 {
            parts.reverse();
        }
        parts
    };
    let mut buckets = outer(-1.0);
    buckets.extend((1..BUCKETS - 1).map(bucket));
    buckets.extend(outer(1.0));
    buckets
}

fn zipf(min: u64, max: u64, exponent: f64) -> Vec<Bucket> {
    let last = max - min;
    let single = (0..=last.min(SINGLE - 1)).map(|rank| Bucket {
        min: (min + rank) as f64,
        max: (min + rank) as f64,
        weight: ((rank + 1) as f64).powf(-exponent),
    });
    let mut buckets: Vec<Bucket> = single.collect();
    let mut from = SINGLE;
    while from <= last {
        let to = (from + from / 8).min(last);
        // The sum of the ranks' weights, by its middle.
        let middle = f64::midpoint(from as f64, to as f64) + 1.0;
        buckets.push(Bucket {
            min: (min + from) as f64 - 0.499,
            max: (min + to) as f64 + 0.499,
            weight: (to - from + 1) as f64 * middle.powf(-exponent),
        });
        from = to + 1;
    }
    buckets
}

fn poisson(mean: f64) -> Vec<Bucket> {
    let far = FAR * mean.sqrt() + 10.0;
    let (least, most) = ((mean - far).max(0.0).floor(), (mean + far).ceil());
    let mode = mean.floor();
    let mut buckets = Vec::with_capacity((most - least) as usize + 1);
    let at = |number: f64, weight: f64| Bucket {
        min: number,
        max: number,
        weight,
    };
    let (mut number, mut weight) = (mode, 1.0);
    while number > least {
        weight *= number / mean;
        number -= 1.0;
        buckets.push(at(number, weight));
    }
    buckets.reverse();
    (number, weight) = (mode, 1.0);
    while number <= most {
        buckets.push(at(number, weight));
        number += 1.0;
        weight *= mean / number;
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::stream::{Stream, StreamKey};

    #[test]
    fn the_same_numbers_come_in_order() {
        for spread in [
            Distribution::Normal {
                mean: 40.0,
                deviation: 12.0,
            },
            Distribution::LogNormal {
                median: 30.0,
                sigma: 0.8,
            },
            Distribution::Zipf {
                min: 3,
                max: 5000,
                exponent: 1.1,
            },
            Distribution::Poisson { mean: 0.4 },
            Distribution::Poisson { mean: 70.0 },
        ] {
            let ordered = spread.in_order();
            assert_eq!(ordered.problem(), None);
            let key = StreamKey::new(7, "t", "d");
            let draws = |of: &Distribution| {
                let draw = |row| of.draw_whole(&mut key.row(row, 0), i64::MIN, i64::MAX);
                let mut drawn: Vec<i64> = (0..30_000).map(draw).collect();
                drawn.sort_unstable();
                drawn
            };
            let (one, two) = (draws(&spread), draws(&ordered));
            let apart = one.iter().map(|value| {
                let share = |of: &[i64]| of.partition_point(|v| v <= value) as f64 / 30_000.0;
                (share(&one) - share(&two)).abs()
            });
            let far = apart.fold(0.0, f64::max);
            // Kolmogorov-Smirnov of two samples: 0.0159 is passed once in a thousand by chance.
            assert!(far < 0.0159, "{spread:?}: {far}");
            let at = |place: f64| ordered.draw(&mut Stream::beginning(place, 9));
            let places = (0..100).map(|place| at(f64::from(place) / 100.0));
            let places: Vec<f64> = places.collect();
            // Inside of a bucket the order is free.
            let ascends = |pair: &[f64]| pair[0] <= pair[1] + 1.0 + pair[1].abs() / 6.0;
            assert!(places.windows(2).all(ascends), "{spread:?}");
        }
    }
}
