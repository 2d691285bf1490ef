//! The backfill that is killed and goes on, and what it cost.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::Child;

use super::story::Story;
use super::traffic::{Moment, Shared};
use crate::backfill::JobId;
use crate::control::backfill::{Totals, jobs, totals};
use crate::error::{Error, Kind, Result};
use crate::job::{Event, JobState};
use crate::postgres::Session;

/// Share of the rows after which the backfill is killed.
const KILL_AT: f64 = 0.4;
/// Time between two looks at the ledger.
const LOOK: Duration = Duration::from_millis(20);
const SIGKILL: i32 = 9;

/// Bytes before the change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    heap: i64,
    indexes: i64,
}

/// Where the job stands.
#[derive(Debug, Clone, Copy)]
struct Stand {
    job: JobId,
    state: JobState,
    totals: Totals,
}

impl Stand {
    fn share(&self) -> f64 {
        if self.totals.rows_total > 0.0 {
            self.totals.rows_walked / self.totals.rows_total
        } else {
            0.0
        }
    }
}

/// Where the measurement began.
struct Start {
    at: Duration,
    wal: f64,
    sizes: Sizes,
}

impl Story {
    /// Release 2.1.0 again, killed in the middle of its backfill, and once more to its end.
    pub(super) async fn backfill(
        &mut self,
        session: &Session,
        shared: &Shared,
        sizes: Sizes,
    ) -> Result<()> {
        let arguments = ["migrate", "apply", "--release", "2.1.0"];
        let start = Start {
            at: self.begin("release 2.1.0: expand and backfill under traffic"),
            wal: wal(session).await?,
            sizes,
        };
        shared.set_moment(Moment::During);
        let killed = kill_half_way(session, self.tidegate.spawn(&arguments)?).await?;
        if let Some(stand) = killed {
            let percent = stand.share() * 100.0;
            self.events.emit(Event::Note(format!(
                "killed at {percent:.0} %; the same command again"
            )));
            self.demo.backfill.killed_at_percent = percent;
        }
        let mut child = self.tidegate.spawn(&arguments)?;
        let (status, fell) = self
            .follow(session, shared, (&mut child, killed), &start)
            .await?;
        shared.set_moment(Moment::Otherwise);
        self.end("expand and backfill", start.at);
        if !status.success() {
            let output = child.wait_with_output().await?;
            return Err(Error::new(
                Kind::DemoFailed,
                format!(
                    "the backfill ended with {status}: {}",
                    String::from_utf8_lossy(&output.stderr)
                ),
            ));
        }
        self.judge(session, killed, fell).await
    }

    /// Waits for the second run and measures when its backfill is done. True when the ledger ever
    /// showed fewer chunks than before.
    async fn follow(
        &mut self,
        session: &Session,
        shared: &Shared,
        (child, killed): (&mut Child, Option<Stand>),
        start: &Start,
    ) -> Result<(ExitStatus, bool)> {
        let mut chunks = killed.map_or(0, |stand| stand.totals.chunks);
        let (mut fell, mut measured) = (false, false);
        let status = loop {
            let status = child.try_wait()?;
            if let Some(now) = stand(session).await? {
                fell |= now.totals.chunks < chunks;
                chunks = chunks.max(now.totals.chunks);
                if !measured && now.state == JobState::Done {
                    shared.set_moment(Moment::Otherwise);
                    self.measure(session, start).await?;
                    measured = true;
                }
            }
            if let Some(status) = status {
                break status;
            }
            tokio::time::sleep(LOOK).await;
        };
        Ok((status, fell))
    }

    /// Whether the second run went on with the work of the first.
    async fn judge(&mut self, session: &Session, killed: Option<Stand>, fell: bool) -> Result<()> {
        let done = stand(session)
            .await?
            .filter(|stand| stand.state == JobState::Done);
        let Some(done) = done else {
            self.demo
                .check("the backfill is done", false, "no finished job");
            return Ok(());
        };
        let figures = &mut self.demo.backfill;
        figures.rows = u64::try_from(done.totals.rows_changed).unwrap_or(0);
        figures.hot_percent = done.totals.hot_percent();
        // A table so small that its backfill is over before the kill leaves nothing to judge.
        let Some(killed) = killed else {
            return Ok(());
        };
        figures.resumed = resumed(&killed, &done, fell);
        let passed = figures.resumed;
        self.demo.check(
            "the killed backfill went on where it stood",
            passed,
            format!(
                "job {} of {}, {} chunks at the kill, {} at the end{}",
                done.job,
                killed.job,
                killed.totals.chunks,
                done.totals.chunks,
                if fell { ", fewer in between" } else { "" }
            ),
        );
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    async fn measure(&mut self, session: &Session, start: &Start) -> Result<()> {
        let now = self.clock.monotonic();
        let written = wal(session).await? - start.wal;
        let sizes = sizes(session).await?;
        let growth = |now: i64, then: i64| (now - then) as f64 * 100.0 / then.max(1) as f64;
        let figures = &mut self.demo.backfill;
        figures.seconds = now.saturating_sub(start.at).as_secs_f64();
        figures.wal_bytes_per_row = written / self.rows as f64;
        figures.heap_growth_percent = growth(sizes.heap, start.sizes.heap);
        figures.index_growth_percent = growth(sizes.indexes, start.sizes.indexes);
        Ok(())
    }
}

/// The same job, with work from before the kill and work from after it.
fn resumed(killed: &Stand, done: &Stand, fell: bool) -> bool {
    killed.job == done.job
        && !fell
        && killed.totals.chunks > 0
        && done.totals.chunks > killed.totals.chunks
}

/// Kills the run with SIGKILL once it has done its share; none when it ended by itself.
async fn kill_half_way(session: &Session, mut child: Child) -> Result<Option<Stand>> {
    loop {
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        if let Some(stand) = stand(session).await?
            && stand.state == JobState::Running
            && stand.share() >= KILL_AT
        {
            child.start_kill()?;
            // It may have ended by itself at the last moment; only the signal is a kill.
            let signal = child.wait().await?.signal();
            return Ok((signal == Some(SIGKILL)).then_some(stand));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The newest job that was not given up; none before the ledger has one.
async fn stand(session: &Session) -> Result<Option<Stand>> {
    let job = jobs(&**session)
        .await?
        .into_iter()
        .rfind(|job| job.state != JobState::Cancelled);
    let Some(job) = job else {
        return Ok(None);
    };
    Ok(Some(Stand {
        job: job.id,
        state: job.state,
        totals: totals(&**session, job.id).await?,
    }))
}

/// Position in the WAL, in bytes.
async fn wal(session: &Session) -> Result<f64> {
    Ok(session
        .query_one(
            "select pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')::float8",
            &[],
        )
        .await?
        .get(0))
}

/// Bytes of the table, and of the indexes that it was loaded with.
pub(super) async fn sizes(session: &Session) -> Result<Sizes> {
    let row = session
        .query_one(
            "select pg_catalog.pg_relation_size('public.transactions'), \
             pg_catalog.pg_relation_size('public.transactions_pkey') \
             + pg_catalog.pg_relation_size('public.transactions_account_email_idx')",
            &[],
        )
        .await?;
    Ok(Sizes {
        heap: row.get(0),
        indexes: row.get(1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(job: i64, chunks: i64) -> Stand {
        Stand {
            job: JobId(job),
            state: JobState::Running,
            totals: Totals {
                chunks,
                ..Totals::default()
            },
        }
    }

    #[test]
    fn a_start_from_scratch_is_no_resume() {
        assert!(resumed(&at(3, 40), &at(3, 100), false));
        assert!(!resumed(&at(3, 40), &at(4, 100), false), "another job");
        assert!(!resumed(&at(3, 40), &at(3, 100), true), "chunks were lost");
        assert!(!resumed(&at(3, 40), &at(3, 40), false), "nothing was left");
        assert!(!resumed(&at(3, 0), &at(3, 100), false), "nothing was done");
    }
}
