//! How well a copy protects against re-identification, over declared quasi-identifiers: columns
//! that together may single somebody out (postal code, year of birth, sex).
//!
//! Terms as in El Emam, *Guide to the De-Identification of Personal Health Information* (2013):
//! rows with equal quasi-identifiers form an equivalence class. Sweeney (2002) for k-anonymity,
//! Machanavajjhala et al. (2007) for l-diversity.

use serde::{Deserialize, Serialize};

use crate::sql::{Ident, QualifiedName};

/// What a policy declares about one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskRule {
    /// The table.
    pub table: QualifiedName,
    /// Its quasi-identifiers.
    pub columns: Vec<Ident>,
    /// What nobody shall learn about a person: l-diversity is measured on it.
    #[serde(default)]
    pub sensitive: Option<Ident>,
    /// A key that the copy keeps: by it the linkage attack knows whether it has found the person.
    #[serde(default)]
    pub subject: Option<Ident>,
    /// What the copy must keep within.
    #[serde(default)]
    pub limits: RiskLimits,
}

/// Limits; a copy beyond one of them does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskLimits {
    /// Rows of the smallest equivalence class, at least.
    pub k: u64,
    /// Distinct sensitive values in each class, at least.
    pub l: u64,
    /// Share of rows that are alone in their class, at most; 0 to 1.
    pub unique: f64,
    /// Share of subjects that the linkage attack finds, at most; 0 to 1.
    pub linked: f64,
}

impl Default for RiskLimits {
    /// k of 5 and l of 2, as the guide proposes for data with few readers; 1 % linked.
    fn default() -> Self {
        Self {
            k: 5,
            l: 2,
            unique: 0.0,
            linked: 0.01,
        }
    }
}

/// Equivalence classes of one table, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCounts {
    /// Rows.
    pub rows: u64,
    /// Equivalence classes.
    pub classes: u64,
    /// Rows of the smallest class; 0 without rows.
    pub smallest: u64,
    /// Classes of one row.
    pub singletons: u64,
    /// Fewest distinct sensitive values in a class; `None` when no sensitive column is declared.
    pub fewest_sensitive: Option<u64>,
}

/// What the linkage attack came to: somebody who knows the quasi-identifiers of a person in the
/// source looks for the one row of the copy that has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkageCounts {
    /// Subjects of the source that were tried.
    pub tried: u64,
    /// Those with exactly one match in the copy.
    pub matched: u64,
    /// Those whose one match is their own row.
    pub found: u64,
}

/// The risk of one table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// k-anonymity: the size of the smallest class; `u64::MAX` without rows.
    pub k: u64,
    /// l-diversity, when a sensitive column is declared.
    pub l: Option<u64>,
    /// Share of rows that are alone in their class.
    pub unique: f64,
    /// Prosecutor risk at most: the chance to be right about a person who is known to be in the
    /// copy, for the worst placed person: 1 / k.
    pub prosecutor_max: f64,
    /// Prosecutor risk on average: classes / rows.
    pub prosecutor_average: f64,
    /// Share of tried subjects that the linkage attack finds, when a subject is declared.
    pub linked: Option<f64>,
}

impl Risk {
    /// The formulas.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "shares")]
    pub fn of(counts: &ClassCounts, linkage: Option<&LinkageCounts>) -> Self {
        let share = |part: u64, whole: u64| {
            if whole == 0 {
                0.0
            } else {
                part as f64 / whole as f64
            }
        };
        Self {
            k: if counts.rows == 0 {
                u64::MAX
            } else {
                counts.smallest
            },
            l: counts.fewest_sensitive.filter(|_| counts.rows > 0),
            unique: share(counts.singletons, counts.rows),
            prosecutor_max: share(1, counts.smallest),
            prosecutor_average: share(counts.classes, counts.rows),
            linked: linkage.map(|linkage| share(linkage.found, linkage.tried)),
        }
    }

    /// The limits that are broken, in words.
    #[must_use]
    pub fn broken(&self, limits: &RiskLimits) -> Vec<String> {
        let mut broken = Vec::new();
        if self.k < limits.k {
            broken.push(format!("k = {} (limit {})", self.k, limits.k));
        }
        if let Some(l) = self.l.filter(|l| *l < limits.l) {
            broken.push(format!("l = {l} (limit {})", limits.l));
        }
        if self.unique > limits.unique {
            broken.push(format!(
                "{:.2} % of rows are unique (limit {:.2} %)",
                self.unique * 100.0,
                limits.unique * 100.0
            ));
        }
        if let Some(linked) = self.linked.filter(|linked| *linked > limits.linked) {
            broken.push(format!(
                "linkage attack {:.2} % (limit {:.2} %)",
                linked * 100.0,
                limits.linked * 100.0
            ));
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Classes of 4, 3, 2 and 1 rows; the class of 2 has one sensitive value.
    const COUNTS: ClassCounts = ClassCounts {
        rows: 10,
        classes: 4,
        smallest: 1,
        singletons: 1,
        fewest_sensitive: Some(1),
    };

    #[test]
    fn formulas_by_hand() {
        let linkage = LinkageCounts {
            tried: 8,
            matched: 2,
            found: 1,
        };
        let risk = Risk::of(&COUNTS, Some(&linkage));
        assert_eq!((risk.k, risk.l), (1, Some(1)));
        assert!((risk.unique - 0.1).abs() < 1e-12);
        assert!((risk.prosecutor_max - 1.0).abs() < 1e-12);
        assert!((risk.prosecutor_average - 0.4).abs() < 1e-12);
        assert_eq!(risk.linked, Some(0.125));
        assert_eq!(
            risk.broken(&RiskLimits::default()),
            [
                "k = 1 (limit 5)",
                "l = 1 (limit 2)",
                "10.00 % of rows are unique (limit 0.00 %)",
                "linkage attack 12.50 % (limit 1.00 %)"
            ]
        );
    }

    #[test]
    fn a_safe_table_and_an_empty_one_pass() {
        let safe = ClassCounts {
            rows: 12,
            classes: 2,
            smallest: 5,
            singletons: 0,
            fewest_sensitive: Some(2),
        };
        let risk = Risk::of(&safe, None);
        assert!((risk.prosecutor_max - 0.2).abs() < 1e-12);
        assert!(risk.broken(&RiskLimits::default()).is_empty());
        let empty = Risk::of(&ClassCounts::default(), Some(&LinkageCounts::default()));
        assert!(empty.broken(&RiskLimits::default()).is_empty());
    }
}
