//! The reader of conditions, as planning uses it.

use super::draft::Draft;
use crate::generate::condition::{self, Expression};
use crate::generate::fact::Says;
use crate::generate::pg_type::PgType;

/// A condition that is understood.
pub(super) struct Understood {
    pub(super) expression: Expression,
    /// What it says of single columns.
    pub(super) facts: Vec<(usize, Says)>,
    /// Columns of which the first is at most the second; `true` when it is less.
    pub(super) orders: Vec<(usize, usize, bool)>,
}

/// Reads a condition of a table, or of the domain of one of its columns.
pub(super) fn read(
    draft: &Draft<'_>,
    text: &str,
    domain_of: Option<usize>,
    today: i64,
) -> Option<Understood> {
    let resolve = |name: &str| -> Option<(usize, PgType)> {
        let column = match domain_of {
            Some(column) if name == "VALUE" => column,
            Some(_) => return None,
            None => draft.column(name)?,
        };
        // Letter case means nothing in it, which its plan does not tell.
        let kind = if draft.slots[column].column.data_type.ends_with("citext") {
            PgType::Other("citext".to_owned())
        } else {
            draft.kind(column).clone()
        };
        Some((column, kind))
    };
    let expression = condition::read(text, &resolve, today)?;
    Some(Understood {
        facts: expression.facts().0,
        orders: expression.orders(),
        expression,
    })
}

/// Whether all that a condition says is in its facts.
pub(super) fn says_all(expression: &Expression) -> bool {
    expression.facts().1.is_none()
}
