//! M10: each phase of a migration is preceded by a restore point, and a cluster comes back as it was
//! before a release.

use std::time::{Duration, Instant};

use serde_json::Value;
use tidegate::postgres::private::{Ephemeral, PrivateServer};
use tidegate::recovery::Lsn;

use super::stage::{KEY, Shelf, run, server, value};
use crate::migrate::{CHANGE, SHOP};
use crate::support::{Cli, Project};

/// A project whose database is backed up.
struct Shop {
    server: Ephemeral,
    shelf: Shelf,
    project: Project,
}

impl Shop {
    async fn new() -> Self {
        let (server, shelf) = (server().await, Shelf::new());
        run(&server, SHOP).await;
        let project = Project::with_config(&format!(
            "version = 1\nproject = \"shop\"\ndefault = \"dev\"\n\n\
             [environments.dev]\ntier = \"dev\"\nurl = \"{}\"\n\n\
             [backup]\nrepository = \"file:{}\"\n",
            server.url("postgres"),
            shelf.path().display()
        ));
        project.change("0007_user_id.toml", CHANGE);
        Self {
            server,
            shelf,
            project,
        }
    }

    fn tidegate(&self, args: &[&str]) -> Cli {
        self.project
            .tidegate(args.iter().copied())
            .env("TIDEGATE_SEAL_KEY", KEY)
            .env("TMPDIR", self.shelf.temp())
    }

    fn receiver(&self) -> crate::support::Running {
        let spool = self.shelf.temp().join("spool");
        self.tidegate(&["wal", "receive", "--spool", spool.to_str().unwrap()])
            .spawn()
    }

    /// Waits until everything that was committed until now is in the repository.
    async fn uploaded(&self) {
        let now = value(&self.server, "select pg_current_wal_flush_lsn()::text").await;
        let now: Lsn = now.parse().unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let audit = self.tidegate(&["wal", "audit", "--format", "json"]).run();
            let to = &audit.json()["data"]["backups"][0]["to"];
            if to.as_str().unwrap_or("0/0").parse::<Lsn>().unwrap() >= now {
                return;
            }
            assert!(Instant::now() < until, "{now} did not arrive: {audit:?}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Restores; the backup that was taken, and what there is then.
    async fn restored(&self, name: &str, target: &[&str]) -> (Value, Vec<String>) {
        let folder = self.shelf.path().with_file_name(name);
        let to = folder.to_str().unwrap().to_owned();
        let args = [&["restore", "--to", &to, "--keep-running"][..], target].concat();
        let data = self.tidegate(&args).data();
        let columns = columns(data["url"].as_str().unwrap()).await;
        PrivateServer::open(&folder).unwrap().stop().await.unwrap();
        (data["backup"].clone(), columns)
    }

    fn phases(applied: &Value) -> Vec<(String, Option<String>)> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let phases = applied["phases"].as_array().unwrap();
        phases
            .iter()
            .map(|phase| {
                (
                    text(&phase["phase"]).unwrap(),
                    text(&phase["restore_point"]),
                )
            })
            .collect()
    }
}

pub(super) async fn columns(url: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let sql = "select attname::text from pg_attribute where attrelid = 'transactions'::regclass \
        and attnum > 0 and not attisdropped union all select note from transactions where note like 'here%' order by 1";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Whoever restores, or lets a drill do so, reads the data of production.
fn on_record(shop: &Shop) {
    let drill = shop
        .tidegate(&["drill", "run", "--controls", "none"])
        .data();
    let audit = shop.tidegate(&["audit", "show"]).data();
    let entries = audit["entries"].as_array().unwrap();
    let of = |action: &str| {
        let entries = entries.iter().filter(|entry| entry["action"] == action);
        let details = entries.map(|entry| entry["detail"].as_str().unwrap());
        let details = details.map(|text| serde_json::from_str(text).unwrap());
        details.collect::<Vec<Value>>()
    };
    let restores = of("restore");
    assert_eq!(restores.len(), 3, "{audit:#}");
    let target = restores[0]["target"]["recovery_target_name"].to_string();
    assert!(target.contains("tidegate_before_2.1.0"), "{audit:#}");
    let drills = of("drill.run");
    assert_eq!(drills.len(), 1, "{audit:#}");
    assert_eq!(drills[0]["drill"], drill["id"]);
    assert_eq!(drills[0]["verdict"], "passed");
}

/// A release that was never applied is named beside those that were.
fn unknown(shop: &Shop) {
    let to = shop.shelf.temp().join("never");
    let never = [
        "restore",
        "--to",
        to.to_str().unwrap(),
        "--before-release",
        "9.0.0",
        "--format",
        "json",
    ];
    let error = shop.tidegate(&never).run().error().to_string();
    assert!(
        error.contains("no restore point before release 9.0.0") && error.contains("2.1.0"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_cluster_comes_back_as_it_was_before_a_release() {
    let shop = Shop::new().await;
    let receiver = shop.receiver();
    let early = shop.tidegate(&["backup", "create"]).data();
    let insert =
        "insert into transactions (account_email, note) values ('u7@example.org', 'here 1')";
    run(&shop.server, insert).await;
    let applied = shop
        .tidegate(&["migrate", "apply", "--release", "2.1.0"])
        .data();
    let phases = Shop::phases(&applied);
    assert!(
        phases.len() >= 2 && applied["remarks"] == serde_json::json!([]),
        "{applied:#}"
    );
    for (phase, point) in &phases {
        let point = point.as_ref().expect("a restore point");
        let begins = format!("tidegate_before_2.1.0_0007_{phase}_");
        assert!(point.starts_with(&begins), "{point}");
    }
    // The backup that is newest cannot be taken back to what lies before it.
    run(
        &shop.server,
        "insert into transactions (user_id, note) values (7, 'here 2')",
    )
    .await;
    let late = shop.tidegate(&["backup", "create"]).data();
    assert_ne!(early["id"], late["id"]);
    shop.uploaded().await;

    let (backup, before) = shop
        .restored("before", &["--before-release", "2.1.0"])
        .await;
    assert_eq!(backup, early["id"]);
    assert_eq!(
        before,
        ["account_email", "amount_cents", "here 1", "id", "note"]
    );
    let (backup, after) = shop.restored("after", &[]).await;
    assert_eq!(backup, late["id"]);
    assert!(
        after.contains(&"user_id".to_owned()) && after.contains(&"here 2".to_owned()),
        "{after:?}"
    );

    // Taken back and applied again: what was committed between both is kept.
    shop.tidegate(&["migrate", "rollback", "--release", "2.1.0", "--yes"])
        .ok();
    let again = insert.replace("here 1", "here 3");
    run(&shop.server, &again).await;
    shop.tidegate(&["migrate", "apply", "--release", "2.1.0"])
        .ok();
    shop.uploaded().await;
    let (backup, second) = shop.restored("again", &["--before-release", "2.1.0"]).await;
    assert_eq!(backup, late["id"]);
    assert!(
        second.contains(&"here 3".to_owned()) && !second.contains(&"user_id".to_owned()),
        "{second:?}"
    );

    on_record(&shop);
    unknown(&shop);
    // The place of a point by its name is on record as well.
    let point = phases[0].1.as_deref().unwrap();
    let (backup, named) = shop.restored("named", &["--target-name", point]).await;
    assert_eq!((&backup, &named), (&early["id"], &before));
    receiver.interrupt();
    receiver.wait();
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phase_that_cannot_be_marked_runs_all_the_same_and_that_is_said() {
    let shop = Shop::new().await;
    // No backup was taken: nothing could be restored to a point.
    let applied = shop
        .tidegate(&["migrate", "apply", "--release", "2.1.0"])
        .data();
    let remarks = applied["remarks"].to_string();
    assert!(remarks.contains("there is no folder"), "{applied:#}");
    assert!(
        Shop::phases(&applied)
            .iter()
            .all(|(_, point)| point.is_none())
    );

    shop.tidegate(&["backup", "create"]).ok();
    run(&shop.server, "revoke execute on function pg_create_restore_point(text) from public; \
        create role deploy login nosuperuser; grant create on database postgres to deploy; \
        alter schema tidegate owner to deploy; alter table transactions owner to deploy; alter table users owner to deploy; \
        grant usage, create on schema public to deploy").await;
    let owned = "do $$ declare t record; begin \
        for t in select c.oid::regclass as name from pg_class c where relnamespace = 'tidegate'::regnamespace and relkind in ('r', 'p') loop \
        execute format('alter table %s owner to deploy', t.name); end loop; \
        for t in select p.oid::regprocedure as name from pg_proc p where pronamespace = 'tidegate'::regnamespace loop \
        execute format('alter routine %s owner to deploy', t.name); end loop; end $$";
    run(&shop.server, owned).await;
    let url = shop.server.url("postgres");
    let (socket, _) = url.split_once("&user=").unwrap();
    let url = format!("{socket}&user=deploy");
    let applied = shop
        .tidegate(&[
            "migrate",
            "apply",
            "--release",
            "2.2.0",
            "--database-url",
            &url,
        ])
        .data();
    let remarks = applied["remarks"].to_string();
    assert!(remarks.contains("grant execute on function"), "{applied:#}");
    assert!(
        !applied["phases"].as_array().unwrap().is_empty(),
        "{applied:#}"
    );
    shop.server.stop().await;
}
