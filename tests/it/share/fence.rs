//! A worker that is late cannot record what it loaded.

use std::path::PathBuf;
use std::sync::Arc;

use tidegate::clock::SystemClock;
use tidegate::config::{Config, Overrides};
use tidegate::control::copy as ledger;
use tidegate::copy::{CopyPlan, Range, RowSum};
use tidegate::error::Kind;
use tidegate::job::Silent;
use tidegate::service::copy::Engine;
use tidegate::service::masking;
use tidegate::sql::{Ident, QualifiedName};
use tokio_postgres::NoTls;
use tokio_util::sync::CancellationToken;

use super::project;
use crate::support::Database;

const SCHEMA: &str = "create table users (id int primary key, email text)";

async fn plan(file: PathBuf) -> CopyPlan {
    let config = Config::load(&Overrides {
        file: Some(file),
        ..Overrides::default()
    })
    .unwrap();
    let ends = (
        config.environment(Some("origin")).unwrap(),
        config.environment(Some("staging")).unwrap(),
    );
    let (clock, events) = (Arc::new(SystemClock::default()), Arc::new(Silent));
    let cancel = CancellationToken::new();
    let engine = Engine::between(&config, ends, clock, events, cancel)
        .await
        .unwrap();
    let gathered = engine.survey().await.unwrap();
    let (masks, key) = masking::load(&config, "staging", &gathered.catalog)
        .await
        .unwrap();
    engine.plan(&gathered, &masks, &key).unwrap()
}

async fn client(database: &Database) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn a_range_of_another_instant_is_not_recorded() {
    let (origin, built) = (Database::with_schema(SCHEMA), Database::new());
    let project = project(&origin.url(), &built.url(), &origin.url(), "");
    let plan = plan(project.path().join("tidegate.toml")).await;
    let table = QualifiedName::new(Ident::new("public").unwrap(), Ident::new("users").unwrap());
    let ranges = [
        (
            table.clone(),
            Range {
                from: 0,
                to: Some(8),
            },
        ),
        (table, Range { from: 8, to: None }),
    ];
    let coordinator = client(&built).await;
    ledger::create(&coordinator, "1", &plan, &ranges)
        .await
        .unwrap();
    ledger::announce(&coordinator, "one", "snapshot")
        .await
        .unwrap();
    let mut worker = client(&built).await;
    let sum = RowSum::default();

    let transaction = worker.transaction().await.unwrap();
    let chunk = ledger::lease(&transaction, "pending", "one")
        .await
        .unwrap()
        .unwrap();
    ledger::done(&transaction, chunk.id, "one", &sum, "a")
        .await
        .unwrap();
    // While a range is being recorded, no other instant can be announced.
    coordinator
        .batch_execute("set lock_timeout = '100ms'")
        .await
        .unwrap();
    ledger::announce(&coordinator, "two", "other")
        .await
        .unwrap_err();
    transaction.commit().await.unwrap();

    let transaction = worker.transaction().await.unwrap();
    let chunk = ledger::lease(&transaction, "pending", "one")
        .await
        .unwrap()
        .unwrap();
    ledger::announce(&coordinator, "two", "other")
        .await
        .unwrap();
    let late = ledger::done(&transaction, chunk.id, "one", &sum, "a").await;
    assert_eq!(late.unwrap_err().kind(), Kind::LeaseLost);
    transaction.rollback().await.unwrap();
    assert_eq!(ledger::left(&coordinator, "two").await.unwrap(), 2);
    assert_eq!(ledger::shares(&coordinator).await.unwrap()["a"], 1);
}
