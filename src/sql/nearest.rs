//! "Did you mean": the nearest of the known words.

/// serde lists the known fields between backticks: "unknown field `tabel`, expected one of ...".
/// This takes the unknown one and gives the nearest known one.
#[must_use]
pub fn did_you_mean(message: &str) -> Option<&str> {
    let mut words = message
        .strip_prefix("unknown field")?
        .split('`')
        .skip(1)
        .step_by(2);
    let unknown = words.next()?;
    let known: Vec<&str> = words.collect();
    nearest(unknown, &known)
}

/// The known word most like `word`, when one is like it at all.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(candidate, word), *candidate))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, near)| near)
}
