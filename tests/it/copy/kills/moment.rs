//! When a run is killed: a state that is waited for, and a share of what follows it.

use std::time::{Duration, Instant};

use crate::copy::stage::{client, rows};
use crate::support::{Cli, Running, Server};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(3);

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before a row is there.
    Begin,
    /// While rows are compared and loaded: a share of the ranges.
    Load,
    /// While indexes and constraints are made: a share of the indexes.
    Indexes,
    /// While the gate reads.
    Gate,
    /// When the gate has passed: the manifest, the audit log, the names.
    Swap,
}

impl Moment {
    pub(super) const ALL: [Self; 5] = [
        Self::Begin,
        Self::Load,
        Self::Indexes,
        Self::Gate,
        Self::Swap,
    ];
}

/// Where a run stands.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    instant: Option<String>,
    phase: String,
    /// Of the ranges, as of this instant.
    loaded: f64,
    indexes: i64,
    /// Whether the gate is connected.
    gate: bool,
}

const SEEN: &str = "select instant, phase,
    (select avg((c.state = 'done' and c.instant = r.instant)::int)::float8 from tidegate_copy.chunk c),
    (select count(*) from pg_index where indrelid >= 16384),
    exists (select from pg_stat_activity where datname = current_database() and application_name = 'tidegate/gate')
    from tidegate_copy.run r";

/// What an undisturbed run takes.
#[derive(Debug)]
pub(super) struct Watched {
    target: String,
    begin: Duration,
    gate: Duration,
    swap: Duration,
    indexes: i64,
}

impl Watched {
    /// Lets a first run go to its end.
    pub(super) async fn first(target: &str, command: Cli) -> Self {
        let mut this = Self {
            target: target.to_owned(),
            begin: Duration::ZERO,
            gate: Duration::ZERO,
            swap: Duration::ZERO,
            indexes: 0,
        };
        let began = Instant::now();
        let mut run = command.spawn();
        let (mut gate, mut swap) = (None, None);
        while run.runs() {
            let seen = this.seen().await;
            if seen.instant.is_some() && this.begin.is_zero() {
                this.begin = began.elapsed();
            }
            this.indexes = this.indexes.max(seen.indexes);
            if seen.gate {
                gate.get_or_insert_with(Instant::now);
            }
            if seen.phase == "complete" {
                swap.get_or_insert_with(Instant::now);
            }
            tokio::time::sleep(LOOK).await;
        }
        let outcome = run.wait();
        assert_eq!(
            outcome.code(),
            Some(0),
            "{} {}",
            outcome.stderr,
            outcome.stdout
        );
        this.gate = gate.expect("a gate").elapsed();
        this.swap = swap.map_or(Duration::from_millis(100), |then| then.elapsed());
        this
    }

    /// Starts a run and kills it; whether it was still at work.
    pub(super) async fn kill(&self, command: Cli, moment: Moment, share: f64) -> bool {
        let before = self.seen().await.instant;
        let mut run = command.spawn();
        let after = |usual: Duration| tokio::time::sleep(usual.mul_f64(share));
        if moment == Moment::Begin {
            after(self.begin).await;
        } else {
            while run.runs() {
                let seen = self.seen().await;
                let now = seen.instant.is_some() && seen.instant != before;
                if now && self.reached(&seen, moment, share) {
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        match moment {
            Moment::Gate => after(self.gate.mul_f64(0.9)).await,
            Moment::Swap => after(self.swap).await,
            _ => {}
        }
        let working = run.runs();
        let outcome = stop(run);
        if !working {
            assert_eq!(
                outcome.code(),
                Some(0),
                "{} {}",
                outcome.stderr,
                outcome.stdout
            );
        }
        working
    }

    #[allow(clippy::cast_precision_loss, reason = "some hundred indexes")]
    fn reached(&self, seen: &Seen, moment: Moment, share: f64) -> bool {
        match moment {
            Moment::Begin => true,
            Moment::Load => seen.loaded >= share || seen.phase != "loading",
            Moment::Indexes => {
                let made = seen.indexes as f64 >= self.indexes as f64 * share;
                seen.phase == "loaded" && (made || seen.gate) || seen.phase == "complete"
            }
            Moment::Gate => seen.gate,
            Moment::Swap => seen.phase == "complete",
        }
    }

    /// The newest unfinished copy; nothing when there is none.
    async fn seen(&self) -> Seen {
        let names = format!(
            "select datname from pg_database where starts_with(datname, '{}_tidegate_') and datallowconn \
             order by datname desc limit 1",
            self.target
        );
        let Some(name) = rows("postgres", &names).await.pop() else {
            return Seen::default();
        };
        ledger(&name).await.unwrap_or_default()
    }
}

fn stop(run: Running) -> crate::support::Outcome {
    run.kill()
}

/// The ledger, unless it is not there yet, or not any more.
async fn ledger(database: &str) -> Option<Seen> {
    let client = Server::shared().connect(database).await.ok()?;
    let row = client.query_opt(SEEN, &[]).await.ok()??;
    Some(Seen {
        instant: row.get(0),
        phase: row.get(1),
        loaded: row.get::<_, Option<f64>>(2).unwrap_or_default(),
        indexes: row.get(3),
        gate: row.get(4),
    })
}

/// The instant and the snapshot that a run other than that of `before` loads from, held open by a
/// session of our own.
pub(super) async fn hold(
    target: &str,
    source: &str,
    before: Option<String>,
) -> Option<(tokio_postgres::Client, String)> {
    let names = format!(
        "select datname from pg_database where starts_with(datname, '{target}_tidegate_') and datallowconn \
         order by datname desc limit 1"
    );
    let name = rows("postgres", &names).await.pop()?;
    let copy = Server::shared().connect(&name).await.ok()?;
    let sql = "select instant, snapshot from tidegate_copy.run where instant is distinct from $1";
    let row = copy.query_opt(sql, &[&before]).await.ok()??;
    let snapshot: String = row.get::<_, Option<String>>(1)?;
    let holder = client(source).await;
    let join = format!(
        "begin transaction isolation level repeatable read, read only; set transaction snapshot '{snapshot}'"
    );
    holder.batch_execute(&join).await.ok()?;
    let export = "select pg_export_snapshot()";
    let id = holder.query_one(export, &[]).await.ok()?.get(0);
    Some((holder, id))
}

/// The instant of the newest unfinished copy.
pub(super) async fn instant(target: &str) -> Option<String> {
    let watched = Watched {
        target: target.to_owned(),
        begin: Duration::ZERO,
        gate: Duration::ZERO,
        swap: Duration::ZERO,
        indexes: 0,
    };
    watched.seen().await.instant
}
