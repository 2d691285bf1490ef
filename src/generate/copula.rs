//! Weights of a Gaussian copula: what columns that go together add up.

/// The coefficient of two normal numbers whose ranks correlate by `rho` (Kruskal, "Ordinal Measures of
/// Association", 1958).
#[must_use]
pub(super) fn normal(rho: f64) -> f64 {
    2.0 * (std::f64::consts::PI * rho.clamp(-1.0, 1.0) / 6.0).sin()
}

/// For each of `size` columns the weights of independent normal numbers whose sums correlate as `at`
/// says: the lower triangle of Cholesky's factor. `None` when no numbers correlate like that.
pub(super) fn weights(size: usize, at: impl Fn(usize, usize) -> f64) -> Option<Vec<Vec<f64>>> {
    let mut lower: Vec<Vec<f64>> = Vec::with_capacity(size);
    for row in 0..size {
        let mut weights: Vec<f64> = Vec::with_capacity(row + 1);
        for (column, above) in lower.iter().enumerate() {
            let known: f64 = weights.iter().zip(above).map(|(a, b)| a * b).sum();
            weights.push((at(row, column) - known) / above[column]);
        }
        let rest = at(row, row) - weights.iter().map(|weight| weight * weight).sum::<f64>();
        if rest <= 1e-9 {
            return None;
        }
        weights.push(rest.sqrt());
        lower.push(weights);
    }
    Some(lower)
}
