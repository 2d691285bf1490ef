//! Verification and repair. Both go through the table in ranges of blocks, each its own statement,
//! so that no snapshot is held for long.

use std::sync::Arc;

use super::engine::one_way;
use super::run::Run;
use super::trouble::Trouble;
use crate::backfill::{Take, Verification};
use crate::control::backfill::{self as ledger, TargetRecord};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;

/// Blocks of one statement: 4 MB, some ten milliseconds.
const RANGE: i64 = 512;

/// A connection that verifies one job.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) session: Session,
    run: Arc<Run>,
}

/// What one pass found.
#[derive(Debug, Default)]
struct Pass {
    counts: Counts,
    quarantined: u64,
    /// Ranges with rows to repair.
    bad: Vec<BadRange>,
    /// Names of some rows that are different.
    sample: Vec<String>,
}

/// Rows that are named at most.
const SAMPLE: usize = 5;

#[derive(Debug, Clone, Copy)]
struct BadRange {
    ordinal: i32,
    from: i64,
    to: i64,
    missing: bool,
    different: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    rows: i64,
    missing: i64,
    different: i64,
    null_with_source: i64,
    checksum: i128,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.missing += other.missing;
        self.different += other.different;
        self.null_with_source += other.null_with_source;
        self.checksum = self.checksum.wrapping_add(other.checksum);
    }
}

fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn bounds(from: i64, to: i64) -> (String, String) {
    (format!("({from},0)"), format!("({to},0)"))
}

impl Verifier {
    pub(super) async fn connect(run: &Arc<Run>) -> Result<Self> {
        let session = run.connect("verify").await?;
        // One core at most: the others are the application's.
        session
            .batch_execute("set max_parallel_workers_per_gather = 0")
            .await?;
        Ok(Self {
            session,
            run: Arc::clone(run),
        })
    }

    /// Counts, without changing a row.
    pub(super) async fn verify(&self) -> Result<Verification> {
        Ok(self.result(&self.pass().await?))
    }

    /// Counts and repairs until nothing is found or nothing gets better. Rows without a value are
    /// filled; those whose columns disagree are left as they are, unless a side is taken.
    pub(super) async fn sweep(&self, times: u32, take: Option<Take>) -> Result<Verification> {
        self.retry_quarantined().await?;
        let mut pass = self.pass().await?;
        for _ in 0..times {
            pass.bad
                .retain(|range| range.missing || range.different && take.is_some());
            if pass.bad.is_empty() {
                break;
            }
            for range in &pass.bad {
                self.mend(*range, take).await?;
            }
            let before = pass.counts.missing + pass.counts.different;
            pass = self.pass().await?;
            if pass.counts.missing + pass.counts.different >= before {
                break;
            }
        }
        Ok(self.result(&pass))
    }

    async fn mend(&self, range: BadRange, take: Option<Take>) -> Result<()> {
        let target = self.run.target(range.ordinal)?;
        let statements = self.run.statements(target);
        let blocks = (range.from, range.to);
        if range.missing {
            self.repair(target, blocks, &statements.fill_missing())
                .await?;
        }
        let Some(take) = take.filter(|_| range.different) else {
            return Ok(());
        };
        let sql = statements
            .settle(take)
            .ok_or_else(|| one_way(&self.run.spec))?;
        self.repair(target, blocks, &sql).await
    }

    fn result(&self, pass: &Pass) -> Verification {
        Verification {
            rows: count(pass.counts.rows) + pass.quarantined,
            missing: count(pass.counts.missing) + pass.quarantined,
            different: count(pass.counts.different),
            different_sample: pass.sample.clone(),
            null_with_source: count(pass.counts.null_with_source) + pass.quarantined,
            quarantined: pass.quarantined,
            checksum: pass.counts.checksum.to_string(),
            at: Some(self.run.clock.now()),
        }
    }

    async fn pass(&self) -> Result<Pass> {
        let mut pass = Pass::default();
        for target in &self.run.targets {
            let aside = ledger::quarantined(&*self.session, self.run.job, &target.name).await?;
            pass.quarantined += aside.len() as u64;
            let blocks = self.blocks(target).await?;
            let sql = self.run.statements(target).verify();
            let mut from = 0;
            let mut span = RANGE;
            while from < blocks {
                self.run.check()?;
                let to = blocks.min(from + span);
                let began = self.run.clock.monotonic();
                match self.range(&sql, (from, to), &aside).await {
                    Ok(counts) => {
                        pass.counts += counts;
                        self.note_bad(&mut pass, target, (from, to), (&counts, &aside))
                            .await?;
                        from = to;
                        span = (span * 2).min(RANGE);
                        let took = self.run.clock.monotonic().saturating_sub(began);
                        self.run.after_range(took).await?;
                    }
                    Err(Trouble::Timeout) if to - from > 1 => span = ((to - from) / 2).max(1),
                    Err(trouble) => return Err(self.failed(target, trouble)),
                }
            }
        }
        Ok(pass)
    }

    /// Remembers a range with rows to repair, and names some of those that are different.
    async fn note_bad(
        &self,
        pass: &mut Pass,
        target: &TargetRecord,
        (from, to): (i64, i64),
        (counts, aside): (&Counts, &[String]),
    ) -> Result<()> {
        let (missing, different) = (counts.missing > 0, counts.different > 0);
        if missing || different {
            pass.bad.push(BadRange {
                ordinal: target.ordinal,
                from,
                to,
                missing,
                different,
            });
        }
        let room = SAMPLE.saturating_sub(pass.sample.len());
        if different && room > 0 {
            let sql = self.run.statements(target).differing();
            let (low, high) = bounds(from, to);
            let limit = i64::try_from(room).unwrap_or(0);
            let rows = self
                .session
                .query(&sql, &[&low, &high, &aside, &limit])
                .await?;
            let table = target.name.plain();
            pass.sample.extend(
                rows.iter()
                    .map(|row| format!("{table} {}", row.get::<_, &str>(0))),
            );
        }
        Ok(())
    }

    async fn blocks(&self, target: &TargetRecord) -> Result<i64> {
        let row = self
            .session
            .query_one(
                "select pg_catalog.pg_relation_size(pg_catalog.to_regclass($1)) \
                   / pg_catalog.current_setting('block_size')::pg_catalog.int8",
                &[&target.name.to_string()],
            )
            .await?;
        row.get::<_, Option<i64>>(0).ok_or_else(|| {
            Error::new(
                Kind::UnknownObject,
                format!("no table {}", target.name.plain()),
            )
        })
    }

    async fn range(
        &self,
        sql: &str,
        (from, to): (i64, i64),
        aside: &[String],
    ) -> Result<Counts, Trouble> {
        let (from, to) = bounds(from, to);
        let row = self.session.query_one(sql, &[&from, &to, &aside]).await?;
        let checksum: String = row.get(4);
        Ok(Counts {
            rows: row.get(0),
            missing: row.get(1),
            different: row.get(2),
            null_with_source: row.get(3),
            checksum: checksum.parse().unwrap_or(0),
        })
    }

    /// Repairs a range; halves it when it takes too long.
    async fn repair(&self, target: &TargetRecord, (from, to): (i64, i64), sql: &str) -> Result<()> {
        let mut position = from;
        let mut span = to - from;
        let mut tries = 0;
        while position < to {
            self.run.check()?;
            let aside = ledger::quarantined(&*self.session, self.run.job, &target.name).await?;
            let end = to.min(position + span);
            let (low, high) = bounds(position, end);
            let result = self
                .session
                .execute(sql, &[&low, &high, &aside])
                .await
                .map_err(Trouble::from);
            match result {
                Ok(_) => {
                    position = end;
                    span = (span * 2).min(to - from);
                }
                Err(Trouble::Timeout) if end - position > 1 => span = ((end - position) / 2).max(1),
                Err(Trouble::Contention(_)) if tries < 10 => {
                    tries += 1;
                    self.run
                        .sleep(std::time::Duration::from_millis(100 * tries))
                        .await;
                }
                Err(trouble) => return Err(self.failed(target, trouble)),
            }
        }
        Ok(())
    }

    /// Rows set aside may have been mended, or be gone: each gets another try.
    async fn retry_quarantined(&self) -> Result<()> {
        for target in &self.run.targets {
            let aside = ledger::quarantined(&*self.session, self.run.job, &target.name).await?;
            let sql = self.run.statements(target).single();
            for tid in aside {
                let tried = self.session.execute(&sql, &[&tid]).await;
                match tried.map_err(Trouble::from) {
                    Ok(_) => {
                        ledger::acquit(&*self.session, self.run.job, &target.name, &tid).await?;
                    }
                    Err(Trouble::Data(_) | Trouble::Timeout | Trouble::Contention(_)) => {}
                    Err(trouble) => return Err(self.failed(target, trouble)),
                }
            }
        }
        Ok(())
    }

    fn failed(&self, target: &TargetRecord, trouble: Trouble) -> Error {
        let text = match trouble {
            Trouble::Other(error) => return error,
            Trouble::Data(message) | Trouble::Contention(message) => message,
            Trouble::Timeout => "a range takes longer than the limit".to_owned(),
            Trouble::Lease => "the lease was lost".to_owned(),
        };
        Error::new(
            Kind::VerifyFailed,
            format!("{}: {text}", target.name.plain()),
        )
    }
}
