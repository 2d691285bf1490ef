//! The filter while the source is read, by several streams at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::masking::leak::{Entry, Filter, RunKey};

/// Takes the values that are sought.
#[derive(Debug)]
pub(super) struct Collector {
    key: RunKey,
    filter: Mutex<Filter>,
    full: AtomicBool,
}

impl Collector {
    pub(super) fn new(key: &RunKey) -> Self {
        Self {
            key: key.clone(),
            filter: Mutex::new(Filter::new(key.clone(), (0, 1))),
            full: AtomicBool::new(false),
        }
    }

    /// The key that values are hashed under; `None` when no more fit, so that they must be read
    /// again in several passes.
    pub(super) fn open(&self) -> Option<&RunKey> {
        (!self.full.load(Ordering::Relaxed)).then_some(&self.key)
    }

    /// Takes values; `false` when it is full.
    pub(super) fn take(&self, entries: &[Entry]) -> bool {
        let mut filter = self.filter.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = entries
            .iter()
            .all(|entry| filter.insert_entry(entry).is_ok());
        if !fits {
            self.full.store(true, Ordering::Relaxed);
        }
        self.open().is_some()
    }

    /// Takes canaries, which are not counted.
    pub(super) fn plant(&self, entries: &[Entry]) {
        let mut filter = self.filter.lock().unwrap_or_else(PoisonError::into_inner);
        if !entries
            .iter()
            .all(|entry| filter.insert_always(entry).is_ok())
        {
            self.full.store(true, Ordering::Relaxed);
        }
    }

    /// Gives the filter of all values; `None` when they did not fit.
    pub(super) fn finish(&self) -> Option<Filter> {
        let mut filter = self.filter.lock().unwrap_or_else(PoisonError::into_inner);
        let empty = Filter::new(self.key.clone(), (0, 1));
        let filter = std::mem::replace(&mut *filter, empty);
        self.open().map(|_| filter)
    }
}
