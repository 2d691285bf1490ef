//! `mask(source)` at the instant of a copy, made without the engine: `pg_dump` under the copy's
//! snapshot gives the source, then each masked table is masked in place.

use std::process::{Command, Stdio};
use std::sync::Arc;

use futures_util::{SinkExt as _, TryStreamExt as _};
use tidegate::catalog::Table;
use tidegate::config::{Config, Overrides};
use tidegate::copy::{Form, HEADER, Rows, Splicer, TRAILER, Wire};
use tidegate::masking::{ColumnFacts, Columns, FieldMask, Mask, TablePlan, compile};
use tidegate::service::masking;

use super::KEY;
use super::moment::{hold, instant};
use crate::copy::stage::{Stage, client, rows};
use crate::support::{Cli, Outcome, Server};

/// A database that holds what a copy must hold.
#[derive(Debug)]
pub(super) struct Oracle {
    /// Dropped with the stage: its name begins like the target's.
    name: String,
}

impl Oracle {
    pub(super) fn url(&self) -> String {
        Server::shared().url(&self.name)
    }

    pub(super) async fn rows(&self, sql: &str) -> Vec<String> {
        rows(&self.name, sql).await
    }

    /// Lets a run go to its end and makes the oracle of its instant meanwhile.
    pub(super) async fn beside(stage: &Stage, command: Cli) -> (Outcome, Self) {
        let before = instant(&stage.target).await;
        let mut run = command.spawn();
        let (holder, snapshot) = loop {
            assert!(
                run.runs(),
                "the run ended before its snapshot was seen: {}",
                run.wait().stderr
            );
            let source = stage.source.name();
            if let Some(held) = hold(&stage.target, source, before.clone()).await {
                break held;
            }
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        };
        let oracle = Self::dump(stage, &snapshot).await;
        drop(holder);
        let outcome = run.wait();
        assert_eq!(
            outcome.code(),
            Some(0),
            "{} {}",
            outcome.stderr,
            outcome.stdout
        );
        oracle.mask(stage).await;
        (outcome, oracle)
    }

    async fn dump(stage: &Stage, snapshot: &str) -> Self {
        let name = format!("{}_oracle", stage.target);
        let admin = client("postgres").await;
        let create = format!("create database {name} template template0");
        admin.batch_execute(&create).await.unwrap();
        let server = Server::shared();
        let (source, target) = (server.url(stage.source.name()), server.url(&name));
        // Without indexes and triggers, which would stand in the way of masking in place.
        let dump = format!(
            "{bin}/pg_dump --snapshot={snapshot} --section=pre-data --section=data '{source}' | \
             {bin}/psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 '{target}'",
            bin = server.bin.display()
        );
        let mut piped = Command::new("sh");
        piped.args(["-c", &dump]).stdout(Stdio::null());
        let ended = tokio::task::spawn_blocking(move || piped.status().unwrap());
        assert!(ended.await.unwrap().success(), "pg_dump");
        Self { name }
    }

    async fn mask(&self, stage: &Stage) {
        let config = Config::load(&Overrides {
            file: Some(stage.project().path().join("tidegate.toml")),
            ..Overrides::default()
        })
        .unwrap();
        let engine = stage.engine().await;
        let catalog = engine.survey().await.unwrap().catalog;
        let changes = [];
        let resolved = masking::resolve(&config, &catalog, &changes, &Default::default()).unwrap();
        let key = tidegate::masking::MaskKey::parse(
            &KEY.to_owned().into(),
            "staging",
            resolved.policy.epoch(),
        )
        .unwrap();
        let plan = resolved.resolved.into_plan().unwrap();
        let mut masked = 0;
        for table in plan.tables.iter().filter(|table| table.is_masked()) {
            let facts = catalog.table(&table.name).unwrap();
            let names = table.columns.iter().map(|c| c.column.as_str());
            let columns = Arc::new(Columns::of(&catalog, facts, names));
            let masks = table.columns.iter().map(|column| {
                let column_facts = facts.column(column.column.as_str()).unwrap();
                let facts = ColumnFacts::of(&catalog, facts, column_facts, &columns);
                compile(&column.rule, &facts, &key).unwrap()
            });
            let masks: Vec<_> = masks.collect();
            self.mask_table(table, facts, masks).await;
            masked += 1;
        }
        assert!(masked > 5, "{masked} tables, partitions among them");
    }

    /// Reads the table whole, and writes it back.
    async fn mask_table(
        &self,
        plan: &TablePlan,
        table: &Table,
        masks: Vec<Option<Arc<dyn FieldMask>>>,
    ) {
        let client = client(&self.name).await;
        let fields: Vec<String> = plan
            .columns
            .iter()
            .map(|column| match &column.rule.mask {
                Mask::Null => "null".to_owned(),
                Mask::Sql { expression } => {
                    let kind = &table.column(column.column.as_str()).unwrap().data_type;
                    format!("({expression})::{kind}")
                }
                _ => column.column.to_string(),
            })
            .collect();
        let columns: Vec<String> = plan.columns.iter().map(|c| c.column.to_string()).collect();
        let by_source = |mask: &Mask| matches!(mask, Mask::Keep | Mask::Null | Mask::Sql { .. });
        let masks = plan.columns.iter().zip(masks);
        let masks: Vec<_> = masks
            .map(|(column, mask)| mask.filter(|_| !by_source(&column.rule.mask)))
            .collect();
        let splicer = Splicer::new(masks, vec![Form::Same; columns.len()]);
        let out = format!(
            "copy (select {} from only {}) to stdout (format binary)",
            fields.join(", "),
            plan.name
        );
        let mut new = HEADER.to_vec();
        let mut rows = Rows::new(Wire::Binary);
        let mut stream = std::pin::pin!(client.copy_out(&out).await.unwrap());
        while let Some(data) = stream.try_next().await.unwrap() {
            let mut whole = Vec::new();
            rows.push(&data, |row| whole.extend_from_slice(row))
                .unwrap();
            splicer.splice(&whole, &mut new).unwrap();
        }
        new.extend(TRAILER);
        client
            .batch_execute(&format!("truncate only {}", plan.name))
            .await
            .unwrap();
        let back = format!(
            "copy {} ({}) from stdin (format binary)",
            plan.name,
            columns.join(", ")
        );
        let mut sink = std::pin::pin!(client.copy_in::<_, bytes::Bytes>(&back).await.unwrap());
        sink.feed(new.into()).await.unwrap();
        sink.finish().await.unwrap();
    }
}
