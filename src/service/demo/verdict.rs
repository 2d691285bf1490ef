//! The end of the story: what was written is compared with what is there.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::checks::{compare, items};
use super::record::{Compared, Record};
use super::story::Story;
use super::traffic::{Moment, Shared};
use crate::error::Result;
use crate::postgres::Session;

impl Story {
    /// Compares, adds up and judges.
    pub(super) async fn finish(&mut self, session: &Session, shared: &Shared) -> Result<()> {
        let started = self.begin("every acknowledged write is compared with the table");
        let record =
            std::mem::take(&mut *shared.record.lock().unwrap_or_else(PoisonError::into_inner));
        let compared = compare(session, &record).await?;
        self.end("comparison", started);
        self.traffic(shared, &compared);
        self.rows(session, &record, &compared, shared.rows).await?;
        for (name, arguments) in [
            ("the audit log's chain holds", ["audit", "verify"]),
            (
                "the database is what the ledger says",
                ["migrate", "verify"],
            ),
        ] {
            let ended = self.tidegate.call(&arguments).await?;
            let found = format!("exit code {}", ended.code);
            self.demo.check(name, ended.code == 0, found);
        }
        Ok(())
    }

    fn traffic(&mut self, shared: &Shared, compared: &Compared) {
        let traffic = &mut self.demo.traffic;
        traffic.old_statements = shared.old.load(Ordering::Relaxed);
        traffic.new_statements = shared.new.load(Ordering::Relaxed);
        traffic.errors = shared.errors.load(Ordering::Relaxed);
        traffic.writes = shared.writes.load(Ordering::Relaxed);
        traffic.lost_answers = shared.lost_answers.load(Ordering::Relaxed);
        traffic.error_texts.clone_from(
            &shared
                .error_texts
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        traffic.lost_writes = compared.lost();
        traffic.p50_before_ms = shared.quantile(Moment::Before, 0.5);
        traffic.p50_during_ms = shared.quantile(Moment::During, 0.5);
        traffic.p99_before_ms = shared.quantile(Moment::Before, 0.99);
        traffic.p99_during_ms = shared.quantile(Moment::During, 0.99);
        traffic.p99_ratio = traffic.p99_during_ms / traffic.p99_before_ms.max(0.001);
        traffic.longest_ms = [Moment::Before, Moment::During, Moment::Otherwise]
            .into_iter()
            .map(|moment| shared.quantile(moment, 1.0))
            .fold(0.0, f64::max);
    }

    async fn rows(
        &mut self,
        session: &Session,
        record: &Record,
        compared: &Compared,
        loaded: i64,
    ) -> Result<()> {
        let traffic = &self.demo.traffic;
        let (errors, lost) = (traffic.errors, traffic.lost_writes);
        let mut found = format!("{errors} errors");
        if let Some(first) = traffic.error_texts.first() {
            found = format!("{found}, the first: {first}");
        }
        self.demo.check("no statement failed", errors == 0, found);
        self.demo.check(
            "no write was lost",
            lost == 0,
            format!(
                "{} rows: {} wrong, {} missing, {} extra",
                compared.rows, compared.wrong, compared.missing, compared.extra
            ),
        );
        let (found, (fewest, most)) = items(session, record, loaded).await?;
        self.demo.check(
            "every item is still there",
            (fewest..=most).contains(&found),
            format!("{found} rows, {most} expected"),
        );
        Ok(())
    }
}
