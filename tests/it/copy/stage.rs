//! Two databases as two environments, and a copy between them.

use std::path::PathBuf;
use std::sync::Arc;

use tidegate::clock::SystemClock;
use tidegate::config::{Config, Overrides};
use tidegate::control::copy as ledger;
use tidegate::job::Silent;
use tidegate::masking::MaskPlan;
use tidegate::postgres::Session;
use tidegate::service::copy::gate::{self, Subject};
use tidegate::service::copy::{Databases, Engine, GateReport, Gathered, Outcome};
use tidegate::service::diff::Watch;
use tidegate::service::subset::Selection;
use tidegate::sql::Ident;
use tokio_postgres::error::SqlState;
use tokio_util::sync::CancellationToken;

pub(super) use super::rules::{Rules, key, masks};
use crate::support::{Database, Project, Server};

/// A source and a target whose database does not exist yet.
pub(super) struct Stage {
    pub(super) source: Database,
    pub(super) target: String,
    project: Project,
}

impl Stage {
    pub(super) fn new(schema: &str) -> Self {
        let source = Database::new();
        source.execute(schema);
        Self::of(source)
    }

    pub(super) fn of(source: Database) -> Self {
        let target = format!("{}_staging", source.name());
        let project = Project::with_config(&format!(
            "version = 1\nproject = \"shop\"\n\n\
             [environments.production]\nregion = \"eu\"\nurl = \"{}\"\n\
             [environments.staging]\nregion = \"eu\"\nurl = \"{}\"\n",
            source.url(),
            Server::shared().url(&target)
        ));
        Self {
            source,
            target,
            project,
        }
    }

    pub(super) fn project(&self) -> &Project {
        &self.project
    }

    fn config_file(&self) -> PathBuf {
        self.project.path().join("tidegate.toml")
    }

    pub(super) async fn engine(&self) -> Engine {
        engine(self.config_file()).await
    }

    pub(super) async fn databases(&self) -> Databases {
        Databases::open(&self.engine().await.target).await.unwrap()
    }

    /// One run under these rules; every other column is kept.
    pub(super) async fn copy(&self, rules: Rules<'_>, promote: bool) -> tidegate::Result<Outcome> {
        let mut engine = self.engine().await;
        engine.options.promote = promote;
        engine.options.chunk_bytes = 64 << 10;
        run(engine, rules).await
    }

    /// The rows of a query in the target.
    pub(super) async fn rows(&self, sql: &str) -> Vec<String> {
        rows(&self.target, sql).await
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let prefix = self.target.clone();
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let client = Server::shared().connect("postgres").await?;
                let names = client
                    .query(
                        "select datname::text from pg_database where starts_with(datname, $1)",
                        &[&prefix],
                    )
                    .await?;
                for row in names {
                    let name = Ident::new(row.get::<_, String>(0)).unwrap();
                    client
                        .batch_execute(&format!("drop database {name} with (force)"))
                        .await?;
                }
                Ok::<_, tokio_postgres::Error>(())
            })
        });
        let _ = dropped.join();
    }
}

pub(super) async fn engine(config: PathBuf) -> Engine {
    let config = Config::load(&Overrides {
        file: Some(config),
        ..Overrides::default()
    })
    .unwrap();
    let ends = (
        config.environment(Some("production")).unwrap(),
        config.environment(Some("staging")).unwrap(),
    );
    Engine::between(
        &config,
        ends,
        Arc::new(SystemClock::default()),
        Arc::new(Silent),
        CancellationToken::new(),
    )
    .await
    .unwrap()
}

pub(super) async fn run(engine: Engine, rules: Rules<'_>) -> tidegate::Result<Outcome> {
    let opened = engine.open().await?;
    let masks = masks(&opened.gathered.catalog, rules);
    opened.run(&masks, &key()).await
}

pub(super) async fn client(database: &str) -> tokio_postgres::Client {
    let server = Server::shared();
    match server.connect(database).await {
        // The server lets nobody into a database that is renamed in this very moment: a swap.
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_DATABASE) => {
            server.connect(database).await.unwrap()
        }
        connected => connected.unwrap(),
    }
}

pub(super) async fn rows(database: &str, sql: &str) -> Vec<String> {
    let client = client(database).await;
    let messages = client.simple_query(sql).await;
    let messages = messages.unwrap_or_else(|error| panic!("{:?}: {sql}", error.as_db_error()));
    messages
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(
                (0..row.len())
                    .map(|at| row.get(at).unwrap_or("~"))
                    .collect::<Vec<_>>()
                    .join("|"),
            ),
            _ => None,
        })
        .collect()
}

/// The gate over a copy as it is now, against the source as it is now.
pub(super) async fn judged(
    engine: &Engine,
    database: &str,
    (gathered, masks): (&Gathered, &MaskPlan),
    selection: Option<&Selection>,
) -> GateReport {
    let key = key();
    let copy = engine.target.at_database(database);
    let session = Session::connect(&copy, "test").await.unwrap();
    let holder = Session::connect(&engine.source, "test").await.unwrap();
    let begin = "begin transaction isolation level repeatable read, read only";
    holder.batch_execute(begin).await.unwrap();
    let export = "select pg_catalog.pg_export_snapshot()";
    let snapshot: String = holder.query_one(export, &[]).await.unwrap().get(0);
    let subject = Subject {
        source: &engine.source,
        snapshot: &snapshot,
        copy: &copy,
        catalog: &gathered.catalog,
        plan: &engine.plan(gathered, masks, &key).unwrap(),
        masks,
        key: &key,
        selection,
        sums: &ledger::sums(&*session).await.unwrap(),
    };
    let watch = Watch {
        clock: engine.clock.clone(),
        events: engine.events.clone(),
        cancel: engine.cancel.clone(),
    };
    gate::run(&subject, &watch).await.unwrap()
}
