//! The two apps: paced clients that log every acknowledged write with its value.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use super::record::{Expected, Record};
use super::shop::users;
use crate::clock::Clock;
use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;

/// Clients that may exist at once; each owns the rows whose id leaves its slot as remainder.
pub(super) const SLOTS: i64 = 16;
type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Time between two statements of one client.
const PACE: Duration = Duration::from_millis(10);

/// Which columns an app writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum App {
    /// 2.0.0: only the e-mail.
    Old,
    /// 2.1.0: both columns, or only the user id, in turns.
    Both,
    /// 2.2.0: only the user id.
    New,
}

/// What is going on, for the latencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Before = 0,
    During = 1,
    Otherwise = 2,
}

/// What all clients share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) target: Target,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rows: i64,
    pub(super) users: i64,
    pub(super) moment: AtomicU8,
    pub(super) old: AtomicU64,
    pub(super) new: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) latencies: Mutex<Vec<Histogram<u64>>>,
    pub(super) error_texts: Mutex<Vec<String>>,
    pub(super) lost_answers: AtomicU64,
    pub(super) record: Mutex<Record>,
}

impl Shared {
    /// Nothing done yet, on so many loaded transactions.
    pub(super) fn new(target: Target, clock: Arc<dyn Clock>, rows: i64) -> Result<Self> {
        let histogram = || {
            Histogram::new_with_bounds(1, 60_000_000, 3)
                .map_err(|error| Error::new(Kind::Internal, error.to_string()))
        };
        let users = users(rows.unsigned_abs());
        Ok(Self {
            target,
            clock,
            rows,
            users,
            moment: AtomicU8::new(Moment::Otherwise as u8),
            old: AtomicU64::new(0),
            new: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            latencies: Mutex::new(vec![histogram()?, histogram()?, histogram()?]),
            error_texts: Mutex::new(Vec::new()),
            lost_answers: AtomicU64::new(0),
            record: Mutex::new(Record::new(rows, users)),
        })
    }

    pub(super) fn set_moment(&self, moment: Moment) {
        self.moment.store(moment as u8, Ordering::Relaxed);
    }

    /// The quantile of the latencies at this moment, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "microseconds fit")]
    pub(super) fn quantile(&self, moment: Moment, quantile: f64) -> f64 {
        let all = self
            .latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.get(moment as usize).map_or(0.0, |histogram| {
            histogram.value_at_quantile(quantile) as f64 / 1000.0
        })
    }

    fn note_error(&self, error: &Error) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        let mut texts = self
            .error_texts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if texts.len() < 5 {
            texts.push(error.to_string());
        }
    }
}

/// A running client.
#[derive(Debug)]
pub(super) struct Client {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
    name: String,
    shared: Arc<Shared>,
}

impl Client {
    /// Starts a client of `app`; it calls itself `name`.
    pub(super) async fn start(
        shared: &Arc<Shared>,
        app: App,
        name: &str,
        slot: i64,
    ) -> Result<Self> {
        let session = Session::connect(&shared.target, "demo-app").await?;
        session
            .execute(
                "select pg_catalog.set_config('application_name', $1, false)",
                &[&name],
            )
            .await?;
        session.batch_execute("set search_path = public").await?;
        let statements = Statements::prepare(&session, app).await?;
        let other = match app {
            App::Both => Statements::prepare(&session, App::New).await?,
            App::Old | App::New => statements.clone(),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let (all, flag) = (Arc::clone(shared), Arc::clone(&stop));
        let seed = u64::try_from(slot).unwrap_or(0) + 1000 * app as u64;
        let task = tokio::spawn(async move {
            let mut worker = Worker {
                session,
                statements: [statements, other],
                app,
                slot,
                random: StdRng::seed_from_u64(seed),
                shared: all,
            };
            while !flag.load(Ordering::Relaxed) && !worker.session.is_closed() {
                worker.turn().await;
                tokio::time::sleep(PACE).await;
            }
        });
        Ok(Self {
            stop,
            task,
            name: name.to_owned(),
            shared: Arc::clone(shared),
        })
    }

    /// Stops it and waits until its session is closed. An app that ended before it was told to did
    /// not see the story to its end, which is an error like a failed statement.
    pub(super) async fn stop(self) {
        let early = self.task.is_finished();
        self.stop.store(true, Ordering::Relaxed);
        if self.task.await.is_err() || early {
            self.shared.note_error(&Error::new(
                Kind::ConnectionLost,
                format!("a session of {} ended before its time", self.name),
            ));
        }
    }
}

#[derive(Clone)]
struct Statements {
    read: Statement,
    insert: Statement,
    upsert: Statement,
    owner: Statement,
    amount: Statement,
    delete: Statement,
}

impl Statements {
    async fn prepare(session: &Session, app: App) -> Result<Self> {
        let email = "'u' || $2::bigint || '@example.org'";
        let (columns, values, set) = match app {
            App::Old => (
                "account_email",
                email.to_owned(),
                format!("account_email = {email}"),
            ),
            App::Both => (
                "account_email, user_id",
                format!("{email}, $2::bigint"),
                format!("account_email = {email}, user_id = $2::bigint"),
            ),
            App::New => (
                "user_id",
                "$2::bigint".to_owned(),
                "user_id = $2::bigint".to_owned(),
            ),
        };
        let read = match app {
            App::Old => {
                "select pg_catalog.substring(account_email, 2, pg_catalog.strpos(account_email, '@') - 2)::bigint, amount_cents from transactions where id = $1"
            }
            App::Both | App::New => "select user_id, amount_cents from transactions where id = $1",
        };
        let insert = format!(
            "insert into transactions ({columns}, amount_cents, note) values ({values}, $1, pg_catalog.rpad('new', 70, '.')) returning id"
        );
        let upsert = format!(
            "insert into transactions (id, {columns}, amount_cents, note) values ($1, {values}, $3, pg_catalog.rpad('upsert', 70, '.')) \
             on conflict (id) do update set {}, amount_cents = excluded.amount_cents",
            columns
                .split(", ")
                .map(|column| format!("{column} = excluded.{column}"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        Ok(Self {
            read: session.prepare(read).await?,
            insert: session.prepare(&insert).await?,
            upsert: session.prepare(&upsert).await?,
            owner: session
                .prepare(&format!("update transactions set {set} where id = $1"))
                .await?,
            amount: session
                .prepare("update transactions set amount_cents = $2 where id = $1")
                .await?,
            delete: session
                .prepare("delete from transactions where id = $1")
                .await?,
        })
    }
}

struct Worker {
    session: Session,
    /// The app's statements; the app of 2.1.0 uses them in turns.
    statements: [Statements; 2],
    app: App,
    slot: i64,
    random: StdRng,
    shared: Arc<Shared>,
}

impl Worker {
    /// One statement: chosen, timed, logged.
    async fn turn(&mut self) {
        let id = self
            .random
            .random_range(0..(self.shared.rows / SLOTS).max(1))
            * SLOTS
            + self.slot
            + 1;
        let user = self.random.random_range(1..=self.shared.users);
        let amount = self.random.random_range(0..1_000_000_i64);
        let choice = self.random.random_range(0..100);
        let started = self.shared.clock.monotonic();
        let result = self.act(choice, id, user, amount).await;
        let took = self.shared.clock.monotonic().saturating_sub(started);
        let counter = if self.app == App::Old {
            &self.shared.old
        } else {
            &self.shared.new
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = result {
            self.shared.note_error(&error);
            return;
        }
        let moment = usize::from(self.shared.moment.load(Ordering::Relaxed));
        let mut all = self
            .shared
            .latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(histogram) = all.get_mut(moment) {
            histogram.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
    }

    async fn act(&mut self, choice: u32, id: i64, user: i64, amount: i64) -> Result<()> {
        self.statements.swap(0, 1);
        // Nobody can say what a row holds after an answer was lost; it is left alone.
        let Some(known) = self.record(|record| record.known(id)) else {
            return Ok(());
        };
        let new = Expected::Row { user, amount };
        let statements = self.statements[0].clone();
        match (choice, known) {
            (0..45, _) => self.read(id, known).await,
            (45..60, _) => {
                let inserted = self
                    .session
                    .query_one(&statements.insert, &[&amount, &user])
                    .await
                    .map_err(|error| self.unanswered(error, None, new))?
                    .get(0);
                self.acknowledged(inserted, new);
                Ok(())
            }
            (60..70, _) => {
                let parameters: Parameters<'_> = &[&id, &user, &amount];
                self.write(&statements.upsert, parameters, (id, 1), new)
                    .await
            }
            (70..83, Expected::Row { amount, .. }) => {
                let value = Expected::Row { user, amount };
                self.write(&statements.owner, &[&id, &user], (id, 1), value)
                    .await
            }
            (83..97, Expected::Row { user, .. }) => {
                let value = Expected::Row { user, amount };
                self.write(&statements.amount, &[&id, &amount], (id, 1), value)
                    .await
            }
            (70..83, Expected::Deleted) => {
                self.write(&statements.owner, &[&id, &user], (id, 0), known)
                    .await
            }
            (83..97, Expected::Deleted) => {
                self.write(&statements.amount, &[&id, &amount], (id, 0), known)
                    .await
            }
            (_, known) => {
                let rows = u64::from(known != Expected::Deleted);
                self.write(&statements.delete, &[&id], (id, rows), Expected::Deleted)
                    .await
            }
        }
    }

    /// One write of a known row; it must find as many rows as there were.
    async fn write(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
        (id, wanted): (i64, u64),
        value: Expected,
    ) -> Result<()> {
        let found = self
            .session
            .execute(statement, parameters)
            .await
            .map_err(|error| self.unanswered(error, Some(id), value))?;
        self.acknowledged(id, value);
        if found == wanted {
            return Ok(());
        }
        Err(Error::new(
            Kind::DemoFailed,
            format!("a write of row {id} found {found} rows, there were {wanted}"),
        ))
    }

    /// A statement that the server refused was not done. Without an answer it may have been.
    fn unanswered(&self, error: tokio_postgres::Error, id: Option<i64>, value: Expected) -> Error {
        if error.as_db_error().is_none() {
            self.shared.lost_answers.fetch_add(1, Ordering::Relaxed);
            self.record(|record| record.lost_answer(id, value));
        }
        Error::from(error)
    }

    /// Reads a row of its own; what it reads must be what was written last. The new app may see
    /// NULL in a row that the backfill has not reached only while it still reads the old column.
    async fn read(&self, id: i64, known: Expected) -> Result<()> {
        let row = self
            .session
            .query_opt(&self.statements[0].read, &[&id])
            .await?;
        let seen = row.map(|row| (row.get::<_, Option<i64>>(0), row.get::<_, i64>(1)));
        let wanted = match known {
            Expected::Deleted => None,
            Expected::Row { user, amount } => Some((Some(user), amount)),
        };
        if seen != wanted {
            return Err(Error::new(
                Kind::DemoFailed,
                format!("row {id} reads {seen:?}, written was {wanted:?}"),
            ));
        }
        Ok(())
    }

    fn acknowledged(&self, id: i64, value: Expected) {
        self.shared.writes.fetch_add(1, Ordering::Relaxed);
        self.record(|record| record.acknowledged(id, value));
    }

    fn record<T>(&self, act: impl FnOnce(&mut Record) -> T) -> T {
        let mut record = self
            .shared
            .record
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        act(&mut record)
    }
}
