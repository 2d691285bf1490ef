//! Keeps workers from spoiling each other's HOT updates.
//!
//! A row version that is dead can be pruned only when no running statement's snapshot is older than
//! the transaction that made it so. A worker's next stripe needs the dead rows of its last one to be
//! prunable; so it begins only when every statement of the other workers began after that commit.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// A moment in the order of statements.
pub(super) type Moment = u64;

/// Orders the statements of one process's workers.
#[derive(Debug, Default)]
pub(super) struct Turnstile {
    state: Mutex<State>,
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    now: Moment,
    running: BTreeSet<Moment>,
}

/// A statement under way.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turnstile: &'a Turnstile,
    began: Moment,
}

impl Turnstile {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for all statements that began before `commit`, then begins one. It cannot deadlock:
    /// who waits does not run, and whoever runs ends without waiting here.
    pub(super) async fn enter(&self, commit: Option<Moment>) -> Turn<'_> {
        loop {
            let left = self.left.notified();
            let began = self.with(|state| {
                let free = match (commit, state.running.first()) {
                    (Some(commit), Some(oldest)) => *oldest > commit,
                    _ => true,
                };
                free.then(|| {
                    state.now += 1;
                    state.running.insert(state.now);
                    state.now
                })
            });
            if let Some(began) = began {
                return Turn {
                    turnstile: self,
                    began,
                };
            }
            // A notification between the check and this line would be lost with a plain wait; the
            // timeout bounds what that costs.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(20), left).await;
        }
    }
}

impl Turn<'_> {
    /// The statement ended; gives the moment.
    pub(super) fn leave(self) -> Moment {
        self.turnstile.with(|state| {
            state.now += 1;
            state.now
        })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turnstile
            .with(|state| state.running.remove(&self.began));
        self.turnstile.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_worker_waits_for_statements_older_than_its_commit_only() {
        let turnstile = Turnstile::default();
        let other = turnstile.enter(None).await;
        let own = turnstile.enter(None).await;
        let commit = own.leave();
        let waiting =
            tokio::time::timeout(Duration::from_millis(60), turnstile.enter(Some(commit)));
        assert!(waiting.await.is_err(), "the other statement is older");
        other.leave();
        let younger = turnstile.enter(None).await;
        let own = turnstile.enter(Some(commit)).await;
        drop((own, younger));
    }
}
