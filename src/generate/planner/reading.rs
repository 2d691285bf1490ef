//! The reader of conditions, as planning uses it.

use super::draft::Draft;
use crate::generate::condition::{self, Expression};
use crate::generate::fact::Says;

/// A condition that is understood.
pub(super) struct Understood {
    pub(super) expression: Expression,
    /// What it says of single columns.
    pub(super) facts: Vec<(usize, Says)>,
    /// Columns of which the first is at most the second; `true` when it is less.
    pub(super) orders: Vec<(usize, usize, bool)>,
}

/// Reads a condition of a table, or of the domain of one of its columns.
pub(super) fn read(draft: &Draft<'_>, text: &str, of: Option<usize>) -> Option<Understood> {
    let column = |name: &str| match of {
        Some(column) if name.eq_ignore_ascii_case("value") => {
            Some((column, draft.kind(column).clone()))
        }
        Some(_) => None,
        None => draft
            .column(name)
            .map(|column| (column, draft.kind(column).clone())),
    };
    let expression = condition::read(text, &column).ok()?;
    Some(Understood {
        facts: expression.facts().0,
        orders: expression.orders(),
        expression,
    })
}

/// Whether all that a condition says is in facts that a generator can follow.
pub(super) fn says_all(expression: &Expression) -> bool {
    let (facts, rest) = expression.facts();
    rest.is_none()
        && !facts
            .iter()
            .any(|(_, says)| matches!(says, Says::Matches(..)))
}
