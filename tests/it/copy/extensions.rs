//! Rows of users in an extension's own tables come along when the policy names them.

use std::fs;
use std::path::{Path, PathBuf};

use tidegate::error::Result;
use tidegate::service::copy::Outcome;

use super::stage::{Stage, client, judged, key, masks};
use crate::support::Database;

/// An extension like PostGIS: shipped rows, rows of users, a sequence.
const SCRIPT: &str = "
create table sites (id int primary key, name text, shipped boolean default false);
insert into sites values (1, 'shipped', true);
create table jobs (command text);
create sequence counter;
select pg_catalog.pg_extension_config_dump('sites', 'where not shipped');
select pg_catalog.pg_extension_config_dump('jobs', '');
select pg_catalog.pg_extension_config_dump('counter', '');
";

/// The files of an extension in the server's folder, as long as this lives.
struct Installed(Vec<PathBuf>);

impl Drop for Installed {
    fn drop(&mut self) {
        for file in &self.0 {
            let _ = fs::remove_file(file);
        }
    }
}

/// None when the folder cannot be written to.
fn install(name: &str) -> Option<Installed> {
    let share = Database::new()
        .rows("select setting from pg_config where name = 'SHAREDIR'")
        .pop()?;
    let folder = Path::new(&share).join("extension");
    let mut installed = Installed(Vec::new());
    for (file, text) in [
        (
            format!("{name}.control"),
            "default_version = '1'\nrelocatable = false\nschema = public\n",
        ),
        (format!("{name}--1.sql"), SCRIPT),
    ] {
        let path = folder.join(file);
        fs::write(&path, text).ok()?;
        installed.0.push(path);
    }
    Some(installed)
}

async fn copied(stage: &Stage, allowed: &[&str]) -> Result<Outcome> {
    let opened = stage.engine().await.open().await?;
    let mut plan = masks(&opened.gathered.catalog, &[]);
    plan.allow.extension_rows = allowed.iter().map(|name| (*name).to_owned()).collect();
    opened.run(&plan, &key()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_rows_of_an_extension_come_along_when_the_policy_names_their_table() {
    let name = format!("tidegate_sites_{}", std::process::id());
    let Some(_files) = install(&name) else {
        eprintln!("left out: the server's folder of extensions cannot be written to");
        return;
    };
    let stage = Stage::new(&format!(
        "create extension {name}; create table t (id int); insert into sites values (2, 'ours'); \
         insert into jobs values ('send everything'); select nextval('counter') from generate_series(1, 5)"
    ));
    let outcome = copied(&stage, &["sites", "counter"]).await.unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    let said: Vec<_> = outcome
        .remarks
        .iter()
        .filter(|said| said.contains("extension"))
        .collect();
    assert!(said.len() == 1 && said[0].contains("jobs"), "{said:?}");
    let rows = async |sql: &str| super::stage::rows(&outcome.database, sql).await;
    assert_eq!(
        rows("select * from sites order by id").await,
        ["1|shipped|t", "2|ours|f"]
    );
    assert_eq!(rows("select count(*) from jobs").await, ["0"]);
    assert_eq!(rows("select nextval('counter')").await, ["6"]);

    let engine = stage.engine().await;
    let gathered = engine.survey().await.unwrap();
    let mut plan = masks(&gathered.catalog, &[]);
    plan.allow.extension_rows = vec!["sites".to_owned()];
    let copy = client(&outcome.database).await;
    let harm = "update sites set name = 'theirs' where id = 2";
    copy.batch_execute(harm).await.unwrap();
    let report = judged(&engine, &outcome.database, (&gathered, &plan), None).await;
    let check = report
        .checks
        .iter()
        .find(|check| check.name == "extension rows")
        .unwrap();
    assert!(!check.passed && check.detail.contains("sites"), "{check:?}");
}
