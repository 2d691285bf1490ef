//! The story, step by step.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::chapters::Places;
use super::checks;
use super::child::Tidegate;
use super::interruption::{Sizes, sizes};
use super::outcome::{Demo, PhaseTime};
use super::traffic::{App, Client, Moment, Shared};
use super::{locks, shop};
use crate::clock::Clock;
use crate::config::{FILE_NAME, Target};
use crate::error::{Error, Kind, Result};
use crate::job::{Event, EventSink};
use crate::postgres::Session;
use crate::postgres::private::{Ephemeral, Options, PrivateServer, Running};
use crate::service::scratch::target;

/// How the demo is told.
#[derive(Debug, Clone)]
pub struct Request {
    /// Transactions to load, at least 1,000.
    pub rows: u64,
    /// Whether server and project stay, to look at them.
    pub keep: bool,
    /// Consent to install PostgreSQL when it is missing.
    pub install: bool,
}

/// Tells the whole story.
///
/// # Errors
/// A server that does not start; a command of the story that fails. Failed checks are part of the
/// result, not errors.
pub async fn run(
    request: &Request,
    clock: Arc<dyn Clock>,
    events: Arc<dyn EventSink>,
    cancel: CancellationToken,
) -> Result<Demo> {
    let options = Options {
        install: request.install,
        settings: vec![("max_wal_size".to_owned(), "2GB".to_owned())],
        ..Options::default()
    };
    let folder = Folder::make()?;
    let project = folder.0.join("shop");
    shop::write(&project)?;
    let server = if request.keep {
        let home = crate::config::vars::tidegate_home()
            .unwrap_or_else(|| folder.0.clone())
            .join("demo");
        let server = PrivateServer::open(&home)?;
        let running = server.reset(&options).await?;
        Server::Kept(Box::new((server, running)))
    } else {
        tokio::select! {
            started = Ephemeral::start(&options) => Server::Ephemeral(Box::new(started?)),
            () = cancel.cancelled() => return Err(interrupted()),
        }
    };
    let told = tokio::select! {
        told = tell(request, &server, project.clone(), (clock, events)) => told,
        () = cancel.cancelled() => Err(interrupted()),
    };
    match server {
        Server::Ephemeral(server) => {
            server.stop().await;
            told
        }
        Server::Kept(kept) => {
            let (server, running) = *kept;
            let look = format!(
                "cd {} && tidegate --database-url '{}' migrate status",
                project.display(),
                running.url("shop")
            );
            match told {
                Err(error) if error.kind() == Kind::Cancelled => {
                    server.stop().await?;
                    Err(error)
                }
                // What went wrong is worth a look more than anything.
                Err(error) => {
                    folder.keep();
                    Err(error.detail(format!("kept: {look}")))
                }
                Ok(mut demo) => {
                    folder.keep();
                    demo.kept = Some(look);
                    Ok(demo)
                }
            }
        }
    }
}

fn interrupted() -> Error {
    Error::new(Kind::Cancelled, "the demo was interrupted").hint("run it again")
}

/// The project's folder, which goes away with its value. Nobody else can write into it: the file in
/// it names commands that Tidegate runs.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self> {
        let name = format!("tidegate-demo-{:016x}", rand::random::<u64>());
        let path = crate::config::vars::temp_dir().join(name);
        // Fails when there is anything of this name, a link included.
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, dir = %self.0.display(), "the demo's folder stays");
        }
    }
}

enum Server {
    Ephemeral(Box<Ephemeral>),
    Kept(Box<(PrivateServer, Running)>),
}

impl Server {
    fn running(&self) -> &Running {
        match self {
            Self::Ephemeral(server) => server,
            Self::Kept(kept) => &kept.1,
        }
    }
}

async fn tell(
    request: &Request,
    server: &Server,
    project: PathBuf,
    (clock, events): (Arc<dyn Clock>, Arc<dyn EventSink>),
) -> Result<Demo> {
    let running = server.running();
    let names = ["shop", "shop_staging", "shop_dev", "shop_dev_again"];
    for name in names {
        running.ensure_database(name).await?;
    }
    let [url, staging, dev, again] = names.map(|name| running.url(name));
    let target = target(&url, Some(project.join(FILE_NAME))).await?;
    let mut tidegate = Tidegate::new(&project, &url)?;
    tidegate.variables = vec![
        ("STAGING_DATABASE_URL", staging.clone()),
        ("TIDEGATE_MASK_KEY", hex::encode(rand::random::<[u8; 32]>())),
    ];
    let mut story = Story {
        rows: request.rows.max(1000),
        tidegate,
        project,
        clock,
        events,
        target,
        demo: Demo {
            server: running.version().to_string(),
            rows: request.rows.max(1000),
            ..Demo::default()
        },
    };
    story
        .tell(&Places {
            staging,
            dev: [dev, again],
        })
        .await?;
    Ok(story.demo)
}

/// What the steps share.
pub(super) struct Story {
    pub(super) rows: u64,
    pub(super) tidegate: Tidegate,
    project: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) events: Arc<dyn EventSink>,
    target: Target,
    pub(super) demo: Demo,
}

impl Story {
    async fn tell(&mut self, places: &Places) -> Result<()> {
        let session = self.releases().await?;
        self.copy(&session, places).await?;
        self.seed(places).await?;
        self.drill().await?;
        self.demo.passed = self.demo.checks.iter().all(|check| check.passed);
        Ok(())
    }

    pub(super) async fn target_at(&self, url: &str) -> Result<Target> {
        target(url, Some(self.project.join(FILE_NAME))).await
    }

    /// The change in three releases, under traffic.
    async fn releases(&mut self) -> Result<Session> {
        let started = self.begin("release 2.0.0 and the shop's rows");
        self.tidegate
            .must(&["migrate", "apply", "--release", "2.0.0"])
            .await?;
        let session = Session::connect(&self.target, "demo").await?;
        shop::load(&session, self.rows).await?;
        self.end("load", started);

        let stop = CancellationToken::new();
        let watcher = tokio::spawn(locks::watch(
            self.target.clone(),
            Arc::clone(&self.clock),
            stop.clone(),
        ));
        let rows = i64::try_from(self.rows).unwrap_or(i64::MAX);
        let shared = Shared::new(self.target.clone(), Arc::clone(&self.clock), rows)?;
        let shared = Arc::new(shared);
        let mut old = Vec::new();
        for slot in 0..2 {
            old.push(Client::start(&shared, App::Old, "shop/2.0.0", slot).await?);
        }
        let sizes = self.calm(&session, &shared).await?;
        self.rollback(&session, &shared).await?;
        self.backfill(&session, &shared, sizes).await?;

        let mut both = Vec::new();
        for slot in 2..4 {
            both.push(Client::start(&shared, App::Both, "shop/2.1.0", slot).await?);
        }
        self.watch_a_while().await;
        let started = self.begin("release 2.2.0: enforce");
        self.tidegate
            .must(&["migrate", "apply", "--release", "2.2.0"])
            .await?;
        self.end("enforce", started);

        let mut new = Vec::new();
        for slot in 4..6 {
            new.push(Client::start(&shared, App::New, "shop/2.2.0", slot).await?);
        }
        self.watch_a_while().await;
        self.contract(&session, old, both).await?;
        self.watch_a_while().await;
        for client in new {
            client.stop().await;
        }
        stop.cancel();
        self.demo.locks = watcher
            .await
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))??;
        self.finish(&session, &shared).await?;
        Ok(session)
    }

    pub(super) fn begin(&self, what: &str) -> Duration {
        self.events.emit(Event::Note(what.to_owned()));
        self.clock.monotonic()
    }

    pub(super) fn end(&mut self, name: &str, started: Duration) {
        let seconds = self.clock.monotonic().saturating_sub(started).as_secs_f64();
        self.demo.phases.push(PhaseTime {
            name: name.to_owned(),
            seconds,
        });
    }

    async fn watch_a_while(&self) {
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }

    /// The old app alone: what is normal, and what it writes.
    async fn calm(&mut self, session: &Session, shared: &Shared) -> Result<Sizes> {
        let started = self.begin("the old app alone, to know what is normal");
        tokio::time::sleep(Duration::from_millis(500)).await;
        shared.set_moment(Moment::Before);
        tokio::time::sleep(Duration::from_secs(5)).await;
        shared.set_moment(Moment::Otherwise);
        self.end("baseline", started);
        sizes(session).await
    }

    /// Release 2.1.0 is applied, taken back and (in the next step) applied again.
    async fn rollback(&mut self, session: &Session, shared: &Shared) -> Result<()> {
        shared.set_moment(Moment::Otherwise);
        let started = self.begin("release 2.1.0: expand, then taken back");
        self.tidegate
            .must(&[
                "migrate",
                "apply",
                "--release",
                "2.1.0",
                "--backfill",
                "skip",
            ])
            .await?;
        self.tidegate
            .must(&["migrate", "rollback", "--release", "2.1.0"])
            .await?;
        self.end("rollback", started);
        let left = checks::traces(session).await?;
        self.demo.check(
            "rollback leaves no trace",
            left == 0,
            format!("{left} columns and triggers of 2.1.0 left on transactions"),
        );
        Ok(())
    }

    /// Contract is refused while an older app is connected, and done when the last one has gone.
    async fn contract(
        &mut self,
        session: &Session,
        old: Vec<Client>,
        both: Vec<Client>,
    ) -> Result<()> {
        let started = self.begin("release 2.3.0: contract, refused while old apps run");
        let refused = self
            .tidegate
            .call(&["migrate", "apply", "--release", "2.3.0"])
            .await?;
        let error: serde_json::Value =
            serde_json::from_str(refused.stderr.lines().last().unwrap_or_default())
                .unwrap_or_default();
        self.demo.gates = error["details"]
            .as_array()
            .map(|lines| {
                lines
                    .iter()
                    .filter_map(|line| line.as_str().map(str::to_owned))
                    .collect()
            })
            .unwrap_or_default();
        let by_gate = self
            .demo
            .gates
            .iter()
            .any(|gate| gate.starts_with("closed") && gate.contains("app versions"));
        self.demo.check(
            "contract waits for the old app",
            refused.code == i32::from(Kind::GateClosed.policy().exit) && by_gate,
            format!("exit code {}", refused.code),
        );
        let differ = checks::columns_differ(session).await?;
        self.demo.check(
            "old and new column agree in every row before contract",
            differ == 0,
            format!("{differ} rows differ"),
        );
        for client in old.into_iter().chain(both) {
            client.stop().await;
        }
        self.tidegate
            .must(&["migrate", "apply", "--release", "2.3.0", "--wait", "10s"])
            .await?;
        self.end("contract", started);
        Ok(())
    }
}
