//! Keys of rows that are referred to.

use super::{Make, RowView};
use crate::generate::stream::Stream;
use crate::generate::value::Value;

#[derive(Debug)]
struct Reference {
    pick: usize,
    column: usize,
}

pub(super) fn reference(pick: usize, column: usize) -> Box<dyn Make> {
    Box::new(Reference { pick, column })
}

impl Make for Reference {
    /// Which row is referred to is the pick's choice, not this column's.
    fn size(&self) -> Option<u64> {
        None
    }

    fn draw(&self, _: &mut Stream, row: &dyn RowView) -> Value {
        row.parent(self.pick, self.column)
    }

    fn nth(&self, _: u64, row: &dyn RowView) -> Value {
        row.parent(self.pick, self.column)
    }
}
