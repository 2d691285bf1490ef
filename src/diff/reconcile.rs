//! Matches the rows of both sides, which come sorted, and counts what differs.

/// A row as the servers give it: the hashes of its key and of its whole content. Without a key the
/// hashes of the content take its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowDigest {
    /// Two hashes of the key.
    pub key: (i64, i64),
    /// Two hashes of the compared columns.
    pub row: (i64, i64),
}

/// How many rows differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Same key, other content.
    pub different: u64,
    /// In the source, not in the target.
    pub missing: u64,
    /// In the target, not in the source.
    pub extra: u64,
}

/// How a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// Same key, other content.
    Different,
    /// In the source, not in the target.
    Missing,
    /// In the target, not in the source.
    Extra,
}

/// A key whose rows differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// How.
    pub difference: Difference,
    /// Two hashes of the key.
    pub key: (i64, i64),
}

/// Which side is to give its next row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// The source.
    Source,
    /// The target.
    Target,
    /// Both; these two rows were equal.
    Both,
    /// There is nothing left.
    Done,
}

/// Walks two sorted lists side by side. Needs no memory beyond the findings it was asked to keep,
/// however many rows share a key.
#[derive(Debug)]
pub struct Reconciler {
    counts: Counts,
    findings: Vec<Finding>,
    keep: usize,
    key: Option<(i64, i64)>,
    /// Rows with this key that only the source, and only the target, has.
    alone: (u64, u64),
}

impl Reconciler {
    /// Keeps the first `keep` findings.
    #[must_use]
    pub fn new(keep: usize) -> Self {
        Self {
            counts: Counts::default(),
            findings: Vec::new(),
            keep,
            key: None,
            alone: (0, 0),
        }
    }

    /// Looks at the next row of each side, `None` at its end.
    pub fn step(&mut self, source: Option<&RowDigest>, target: Option<&RowDigest>) -> Advance {
        let (advance, key) = match (source, target) {
            (None, None) => return Advance::Done,
            (Some(a), Some(b)) if a == b => (Advance::Both, a.key),
            (Some(a), Some(b)) if a > b => (Advance::Target, b.key),
            (Some(a), _) => (Advance::Source, a.key),
            (None, Some(b)) => (Advance::Target, b.key),
        };
        if self.key != Some(key) {
            self.close();
            self.key = Some(key);
        }
        match advance {
            Advance::Source => self.alone.0 += 1,
            Advance::Target => self.alone.1 += 1,
            Advance::Both | Advance::Done => {}
        }
        advance
    }

    /// What was counted and kept.
    #[must_use]
    pub fn finish(mut self) -> (Counts, Vec<Finding>) {
        self.close();
        (self.counts, self.findings)
    }

    /// Rows that both sides have alone under one key are the same rows with other content.
    fn close(&mut self) {
        let (source, target) = std::mem::take(&mut self.alone);
        let both = source.min(target);
        self.counts.different += both;
        self.counts.missing += source - both;
        self.counts.extra += target - both;
        let Some(key) = self.key else { return };
        for (difference, count) in [
            (Difference::Different, both),
            (Difference::Missing, source - both),
            (Difference::Extra, target - both),
        ] {
            if count > 0 && self.findings.len() < self.keep {
                self.findings.push(Finding { difference, key });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: i64, content: i64) -> RowDigest {
        RowDigest {
            key: (key, 0),
            row: (content, 0),
        }
    }

    fn reconcile(source: &[RowDigest], target: &[RowDigest]) -> (Counts, Vec<Finding>) {
        let mut reconciler = Reconciler::new(10);
        let (mut i, mut j) = (0, 0);
        loop {
            match reconciler.step(source.get(i), target.get(j)) {
                Advance::Source => i += 1,
                Advance::Target => j += 1,
                Advance::Both => (i, j) = (i + 1, j + 1),
                Advance::Done => return reconciler.finish(),
            }
        }
    }

    #[test]
    fn each_kind_is_counted_and_named() {
        let (counts, findings) = reconcile(
            &[row(1, 1), row(2, 1), row(3, 1), row(4, 9)],
            &[row(1, 1), row(2, 2), row(4, 9), row(5, 1)],
        );
        let expected = Counts {
            different: 1,
            missing: 1,
            extra: 1,
        };
        assert_eq!(counts, expected);
        let named: Vec<_> = findings
            .iter()
            .map(|finding| (finding.difference, finding.key.0))
            .collect();
        assert_eq!(
            named,
            [
                (Difference::Different, 2),
                (Difference::Missing, 3),
                (Difference::Extra, 5)
            ]
        );
    }

    #[test]
    fn copies_of_one_row_are_counted_as_such() {
        let (counts, _) = reconcile(&[row(1, 1), row(1, 1)], &[row(1, 1)]);
        assert_eq!((counts.different, counts.missing, counts.extra), (0, 1, 0));
    }
}
