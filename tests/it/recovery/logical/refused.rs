//! What is refused, and that a logical backup is nowhere taken for a base.

use serde_json::json;

use super::super::stage::{KEY, run_at, value_at};
use super::{SHOP, Shop, command, ids};
use crate::support::{Cli, Project};

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_not_there_are_named_before_anything_is_written() {
    let shop = Shop::open(SHOP).await;
    let tables = ["app.order", "app.orders", "app.o*", "nowhere.users"];
    let told = shop.create_tables(&tables).exits(2).stderr;
    for name in ["app.order,", "app.o*", "nowhere.users"] {
        assert!(told.contains(name), "{name}: {told}");
    }
    assert!(told.contains("did you mean app.orders?"), "{told}");
    assert!(!shop.shelf.path().join("logical").exists());
    assert!(!shop.shelf.path().join("repository.tg").exists());
    for (args, words) in [
        (&["--max-rate", "1MB"][..], "--max-rate is for base backups"),
        (&["--incremental"], "--incremental is for base backups"),
        (&["--jobs", "9"], "9 is not in 1..=8"),
    ] {
        let told = shop.create(args).exits(2).stderr;
        assert!(told.contains(words), "{told}");
    }
    let url = shop.url();
    for option in [["--table", "app.users"], ["--jobs", "2"]] {
        let create = ["create", "--database-url", &url];
        let told = shop.shelf.backup(&[&create[..], &option].concat()).exits(2);
        assert!(told.stderr.contains("--engine logical"), "{}", told.stderr);
    }
    let told = command(&shop.shelf, &["restore", "--to", "x", "--no-owner"]).exits(2);
    assert!(told.stderr.contains("cannot be used"), "{}", told.stderr);
    let id = shop.create_tables(&["app.users"]).data()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let copy = shop.database("copy").await;
    let told = shop.restore(&copy, &["--backup", &id, "--table", "app.orders"]);
    let told = told.exits(3).stderr;
    assert!(told.contains("does not hold app.orders"), "{told}");
    assert!(told.contains("it is of app.users of shop"), "{told}");
    shop.server.stop().await;
}

/// What the server refuses is taken back as a whole, and no value of a row is shown.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_half_done() {
    let shop = Shop::open(SHOP).await;
    shop.create_tables(&["app.orders", "app.users"]).ok();
    let copy = shop.database("copy").await;
    let told = shop.restore_tables(&copy, &["app.orders"]).exits(3).stderr;
    assert!(
        told.contains("relation \"app.users\" does not exist"),
        "{told}"
    );
    let schemas = "select count(*)::text from pg_namespace where nspname = 'app'";
    assert_eq!(value_at(&copy, schemas).await, "0");

    // The first table is loaded when the second is refused.
    let sql = "create schema app; \
        create table app.orders (id bigserial primary key, user_id bigint, total numeric, note text); \
        create table app.users (id bigint generated always as identity primary key, email date)";
    run_at(&copy, sql).await;
    let told = shop.restore(&copy, &["--format", "json"]).exits(3);
    let error = told.error().to_string();
    assert!(error.contains("TG1023"), "{error}");
    assert!(
        !error.contains("marker.example"),
        "a value is shown: {error}"
    );
    let rows = "select (select count(*) from app.users) + (select count(*) from app.orders)";
    assert_eq!(
        value_at(&copy, &format!("select ({rows})::text")).await,
        "0"
    );
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logical_backup_is_never_taken_for_a_base() {
    let shop = Shop::open(SHOP).await;
    let users = shop.create_tables(&["app.users"]).data();
    let id = users["id"].as_str().unwrap().to_owned();
    let to = shop.shelf.temp().join("to").display().to_string();
    // Where there is none but it, nothing is recovered, drilled or promised.
    let restore = |more: &[&str]| command(&shop.shelf, &[&["restore", "--to", &to], more].concat());
    let none = restore(&["--format", "json"]).exits(3);
    assert_eq!(none.error()["code"], "TG1003", "{}", none.stderr);
    let told = restore(&["--backup", &id]).exits(2).stderr;
    assert!(told.contains("--engine logical"), "{told}");
    let drill = command(&shop.shelf, &["drill", "run", "--format", "json"]).exits(3);
    assert!(drill.error()["code"] == "TG1003", "{}", drill.stderr);
    let audit = command(&shop.shelf, &["wal", "audit", "--format", "json"]).run();
    assert!(!audit.stdout.contains(&id), "{}", audit.stdout);
    assert!(!std::path::Path::new(&to).exists());

    let url = shop.url();
    let base = shop
        .shelf
        .backup(&["create", "--database-url", &url])
        .data();
    let base = base["id"].as_str().unwrap();
    let orders = shop.create_tables(&["app.orders"]).data();
    let newer = shop.create_tables(&["app.users"]).data();
    let list = shop.shelf.backup(&["list"]).data();
    assert_eq!(ids(&list["backups"]), [base]);
    assert_eq!(list["logical"].as_array().unwrap().len(), 3);
    // The same rules, for each set of tables by itself.
    let expired = shop.shelf.backup(&["expire", "--keep-count", "1"]).data();
    assert_eq!(ids(&expired["kept"]), [base], "{expired:#}");
    assert_eq!(expired["expired"], json!([]));
    let logical = &expired["logical"];
    assert_eq!(ids(&logical["expired"]), [id.as_str()], "{expired:#}");
    let kept = ids(&logical["kept"]);
    for one in [&orders, &newer] {
        assert!(kept.contains(&one["id"].as_str().unwrap()), "{expired:#}");
    }
    let verified = shop.shelf.backup(&["verify"]).data();
    assert_eq!(verified["backups"].as_array().unwrap().len(), 3);
    let one = shop
        .shelf
        .backup(&["verify", "--backup", newer["id"].as_str().unwrap()])
        .data();
    assert_eq!(one["backups"], json!([newer["id"]]));
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_regions_and_production_are_heeded_and_reads_are_on_record() {
    let shop = Shop::open(SHOP).await;
    let copy = shop.database("copy").await;
    // Reading rows is all that the role has to be allowed.
    run_at(
        &shop.url(),
        "create role reader login; grant pg_read_all_data to reader",
    )
    .await;
    let reader = {
        let url = shop.url();
        let (rest, _) = url.rsplit_once("user=").unwrap();
        format!("{rest}user=reader")
    };
    let project = Project::with_config(&format!(
        "version = 1\nproject = \"shop\"\ndefault = \"live\"\n\
         [environments.live]\nurl = \"{}\"\nregion = \"eu\"\ntier = \"production\"\n\
         [environments.reader]\ntier = \"staging\"\nurl = \"{reader}\"\nregion = \"eu\"\n\
         [environments.copy]\ntier = \"staging\"\nurl = \"{copy}\"\nregion = \"eu\"\n\
         [environments.far]\ntier = \"staging\"\nurl = \"{copy}\"\nregion = \"us\"\n\
         [backup]\nrepository = \"file:{}\"\n",
        shop.url(),
        shop.shelf.path().display()
    ));
    let tidegate = |args: &[&str]| -> Cli {
        let cli = project.tidegate(args.iter().copied());
        cli.env("TIDEGATE_SEAL_KEY", KEY)
    };
    tidegate(&["audit", "show"]).ok();
    let create = [
        "backup",
        "create",
        "--engine",
        "logical",
        "--table",
        "app.users",
    ];
    tidegate(&create).ok();
    tidegate(&[&create[..], &["-e", "reader"]].concat()).ok();
    let told = tidegate(&[&create[..], &["-e", "far"]].concat())
        .exits(4)
        .stderr;
    assert!(told.contains("eu") && told.contains("us"), "{told}");

    let restore = ["restore", "--engine", "logical", "-e"];
    let into = |name: &str| tidegate(&[&restore[..], &[name]].concat());
    let told = into("far").exits(4).stderr;
    assert!(told.contains("eu") && told.contains("us"), "{told}");
    let told = into("live").exits(4).stderr;
    assert!(
        told.contains("production") && told.contains("--yes"),
        "{told}"
    );
    into("copy").ok();
    run_at(&shop.url(), "truncate app.users cascade").await;
    into("live").args(["--yes"]).ok();
    let users = "select count(*)::text from app.users";
    assert_eq!(value_at(&shop.url(), users).await, "500");
    let log = tidegate(&["audit", "show", "--format", "json"]).ok().stdout;
    let log = log.replace('\\', "");
    for words in [
        "backup.create",
        "restore.table",
        "\"engine\":\"logical\"",
        "app.users of shop",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    tidegate(&["audit", "verify"]).ok();
    shop.server.stop().await;
}
