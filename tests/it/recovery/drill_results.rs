//! A passive drill tells what it found, whatever that is, and whatever others do meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::drill::Place;
use super::stage::{ROWS, run, run_at, server};

/// Changes one bit in the middle of a file, where it is.
fn flip(file: &Path) {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(file)
        .unwrap();
    let middle = file.metadata().unwrap().len() / 2;
    let mut byte = [0];
    file.read_exact_at(&mut byte, middle).unwrap();
    file.write_all_at(&[byte[0] ^ 1], middle).unwrap();
}

fn part(place: &Place, id: &Value, number: usize) -> PathBuf {
    let id = id.as_str().unwrap();
    let name = format!("backups/{id}/data/{number:06}");
    place.repository().join(name)
}

fn check<'a>(drill: &'a Value, name: &str) -> &'a Value {
    let checks = drill["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no check {name} in {checks:#?}"))
}

/// A drill that fails; its data.
fn fails(place: &Place, more: &[&str]) -> Value {
    let drill = place.cli(["drill", "run", "--format", "json"]);
    let mut outcome = drill.args(more.iter().copied()).exits(3).json();
    assert_eq!(outcome["kind"], "drill_run", "a report, no error");
    let drill = outcome["data"].take();
    assert_eq!(drill["verdict"], "failed");
    drill
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_whose_restore_fails_is_on_record_and_red_everywhere() {
    let (place, server) = (Place::new(), server().await);
    run(&server, ROWS).await;
    let url = server.url("postgres");
    let backup = place
        .cli(["backup", "create", "--database-url", &url])
        .data();
    server.stop().await;
    let file = |name: &str| place.temp().join(name).display().to_string();
    let (junit, prometheus) = (file("d.xml"), file("d.prom"));
    let files = [
        "--controls",
        "1",
        "--junit",
        &junit,
        "--prometheus",
        &prometheus,
    ];
    let good = place.cli(["drill", "run"]).args(files).data();
    let text = |file: &str| std::fs::read_to_string(file).unwrap();
    assert!(text(&prometheus).contains("tidegate_drill_passed 1\n"));

    let damaged = part(&place, &backup["id"], 0);
    flip(&damaged);
    let bad = fails(&place, &files);
    assert!(
        bad["rto_seconds"].is_null() && bad["rpo_seconds"].is_null(),
        "{bad:#}"
    );
    assert_eq!(bad["source"]["backup"], backup["id"]);
    let restore = check(&bad, "restore");
    assert_eq!(restore["passed"], false);
    assert!(
        restore["found"].to_string().contains("data/000000"),
        "{restore}"
    );
    assert_eq!(
        check(&bad, "repository unchanged")["passed"],
        true,
        "{bad:#}"
    );
    let figures = text(&prometheus);
    assert!(figures.contains("tidegate_drill_passed 0\n"), "{figures}");
    assert!(
        !figures.contains("tidegate_drill_rto_seconds "),
        "{figures}"
    );
    assert!(text(&junit).contains("failures=\"2\""), "{}", text(&junit));

    // A part that is gone is no matter of the network.
    std::fs::remove_file(&damaged).unwrap();
    let gone = fails(&place, &["--controls", "none"]);
    let found = check(&gone, "restore")["found"].to_string();
    assert!(found.contains("of its parts are not there"), "{found}");

    let id = backup["id"].as_str().unwrap();
    flip(&place.repository().join(format!("backups/{id}/backup.tg")));
    let unopened = fails(&place, &[]);
    assert_eq!(unopened["source"]["backup"], backup["id"]);

    let history = place.cli(["drill", "history"]).data();
    let drills = history["drills"].as_array().unwrap();
    let verdicts: Vec<&Value> = drills.iter().map(|drill| &drill["verdict"]).collect();
    assert_eq!(verdicts, ["passed", "failed", "failed", "failed"]);
    assert_eq!(drills[0]["id"], good["id"]);
    let shown = place.cli(["drill", "history"]).ok().stdout;
    assert!(shown.contains("last proof"), "{shown}");
    assert!(place.left().is_empty(), "{:?}", place.left());
}

/// Writes until it is told to stop; at the beginning some segments end. A recovery follows the log to its
/// end, which must not go away faster than a slow machine comes.
fn load(url: String, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<()> {
    let stop = Arc::clone(stop);
    tokio::spawn(async move {
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let mut segments = 4;
        while !stop.load(Ordering::Relaxed) {
            let write =
                "insert into load select coalesce(max(id), 0) + 1, repeat('x', 2000) from load";
            client.batch_execute(write).await.unwrap();
            if segments > 0 {
                segments -= 1;
                let switch = "select pg_switch_wal()";
                client.batch_execute(switch).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn drills_at_once_over_a_repository_in_use_pass_and_are_one_chain() {
    let (place, server) = (Place::new(), server().await);
    run(&server, ROWS).await;
    let url = server.url("postgres");
    let create = ["backup", "create", "--database-url", &url];
    let older = place.cli(create).data();
    let spool = place.temp().join("spool").display().to_string();
    let receive = ["wal", "receive", "--database-url", &url, "--spool", &spool];
    let receiver = place.cli(receive).spawn();
    let stop = Arc::new(AtomicBool::new(false));
    let load = load(url.clone(), &stop);
    place.cli(create).data();

    let drill = || place.cli(["drill", "run", "--controls", "2", "--format", "json"]);
    let (first, second) = (drill().spawn(), drill().spawn());
    for drill in [first, second] {
        let outcome = drill.wait();
        assert_eq!(
            outcome.code(),
            Some(0),
            "{}\n{}",
            outcome.stdout,
            outcome.stderr
        );
        let data = outcome.json()["data"].take();
        let found = check(&data, "repository unchanged")["found"].to_string();
        assert!(found.contains("that others wrote"), "{found}");
    }
    let history = place.cli(["drill", "history"]).data();
    assert_eq!(history["drills"].as_array().unwrap().len(), 2);

    // Whoever changes what was there, were it what this drill does not need, is not overlooked.
    let third = drill().spawn();
    let until = Instant::now() + Duration::from_secs(60);
    let restoring = || {
        let works = |path: &PathBuf| path.join("latest").exists();
        place.left().iter().any(works)
    };
    while !restoring() {
        assert!(Instant::now() < until, "it never began");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    flip(&part(&place, &older["id"], 0));
    let outcome = third.wait();
    stop.store(true, Ordering::Relaxed);
    load.await.unwrap();
    receiver.interrupt();
    receiver.wait();
    server.stop().await;
    assert_eq!(outcome.code(), Some(3), "{}", outcome.stderr);
    let data = outcome.json()["data"].take();
    let found = check(&data, "repository unchanged")["found"].to_string();
    assert!(found.contains("1 changed: backups/"), "{found}");
}

/// Databases that their owners have made read only, and one whose name is no UTF-8.
#[tokio::test(flavor = "multi_thread")]
async fn every_database_that_can_be_entered_is_and_the_others_are_told() {
    let (place, server) = (Place::new(), server().await);
    let latin =
        "create database latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0";
    run(&server, latin).await;
    // A collation of a version, where a database may have one.
    let collation = match server.binaries.version.major >= 15 {
        true => "encoding 'UTF8' locale_provider icu icu_locale 'en' template template0",
        false => "",
    };
    let strange = format!("create database \"x\u{e9}\" {collation}");
    run_at(&server.url("latin"), &strange).await;
    // To psql's patterns they are other names.
    for database in ["MyApp", "a.b", "q\"*"] {
        let quoted = database.replace('"', "\"\"");
        run(&server, &format!("create database \"{quoted}\"")).await;
    }
    for database in ["latin", "postgres"] {
        let still = format!("alter database {database} set default_transaction_read_only = on");
        run(&server, &still).await;
    }
    let url = server.url("postgres");
    place
        .cli(["backup", "create", "--database-url", &url])
        .data();
    server.stop().await;
    let args = ["drill", "run", "--controls", "none"];
    let drill = place.cli(args).data();
    assert_eq!(drill["verdict"], "passed", "{drill:#}");
    for database in ["latin", "postgres", "MyApp", "a.b", "q\"*"] {
        let amcheck = check(&drill, &format!("pg_amcheck of {database}"));
        assert_eq!(amcheck["passed"], true, "{amcheck}");
    }
    let strange = check(&drill, "database x\\xe9");
    assert!(strange["passed"].is_null(), "{strange}");
    let warnings = drill["warnings"].to_string();
    assert!(
        warnings.contains("not done") && warnings.contains("xe9"),
        "{warnings}"
    );
}
