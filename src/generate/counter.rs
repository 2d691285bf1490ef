//! The counters that unique keys are read from.

use super::permutation::Permutation;
use super::plan::{Group, Take};
use super::stream::StreamKey;

/// A group's counter.
#[derive(Debug)]
pub(super) struct Counter {
    order: Permutation,
    stride: u64,
    ordered: bool,
}

impl Counter {
    pub(super) fn new(group: &Group, key: StreamKey) -> Self {
        Self {
            order: Permutation::new(key.word(), group.bound),
            stride: group.stride,
            ordered: group.ordered,
        }
    }

    pub(super) fn at(&self, number: u64, attempt: u32) -> u64 {
        // Tries beyond the last place begin again at the first: the row is as stuck as it was.
        let tries = self.order.bound().checked_div(self.stride).unwrap_or(1);
        let attempt = u64::from(attempt) % tries.max(1);
        let place = number.wrapping_add(attempt.wrapping_mul(self.stride));
        if self.ordered {
            place
        } else {
            self.order.at(place)
        }
    }
}

/// Whether another try of the row takes the same.
pub(super) fn is_steady(take: &Take, groups: &[Counter]) -> bool {
    match take {
        Take::Draw => false,
        Take::Sibling { .. } | Take::Among { .. } => true,
        Take::Digit { group, .. } => groups.get(*group).is_some_and(|group| group.stride == 0),
    }
}
