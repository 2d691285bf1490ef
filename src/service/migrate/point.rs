//! The restore point before each phase.

use super::apply::{Applied, Request};
use super::runner::Runner;
use crate::job::Event;
use crate::migration::Entry;
use crate::service::restore::{Before, Marked, mark};

impl Runner {
    /// Marks the place in the WAL before a phase, when a repository is configured; the point's name.
    /// A phase that cannot be marked runs all the same, since backups allow every other moment to be
    /// named; what stood in the way is a remark.
    pub(super) async fn restore_point(
        &self,
        request: &Request,
        entry: &Entry,
        applied: &mut Applied,
    ) -> Option<String> {
        let repository = request.repository.as_ref()?;
        let release = entry.release.to_string();
        let before = Before {
            release: &release,
            change: &entry.change,
            phase: entry.phase.as_str(),
        };
        let why = match mark(&self.session, repository, before, &self.clock).await {
            Ok(Marked::Yes(point)) => return Some(point.name),
            Ok(Marked::Elsewhere) => return None,
            Ok(Marked::No(why)) => why,
            Err(error) => error.to_string(),
        };
        let remark = unmarked(&why);
        if !applied.remarks.contains(&remark) {
            self.events.emit(Event::Note(remark.clone()));
            applied.remarks.push(remark);
        }
        None
    }
}

/// What is remarked when phases have no restore point, for the reason `why`.
#[must_use]
pub fn unmarked(why: &str) -> String {
    format!("no restore point before this release's phases: {why}")
}
