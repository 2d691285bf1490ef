//! Rows for tests of sources.

use super::RowView;
use crate::generate::value::Value;

/// A row without columns.
pub(in crate::generate) struct Nothing;

impl RowView for Nothing {
    fn number(&self) -> u64 {
        0
    }

    fn column(&self, _: usize) -> &Value {
        &Value::Null
    }

    fn parent(&self, _: usize, _: usize) -> Value {
        Value::Null
    }
}
