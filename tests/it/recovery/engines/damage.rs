//! M14: each damage is found, by its own message, whatever the engine's program says and ends with.

use super::source::{Engine, Source, file_name, flip, without};
use crate::recovery::stage::with;
use crate::recovery::stage::{OTHER_KEY, run, server};

every_engine!(m14_each_damage_is_found_though_programs_end_with_0);

async fn m14_each_damage_is_found_though_programs_end_with_0(engine: Engine) {
    let source = Source::new(engine).await;
    let created = source.create().data();
    for number in 1..=4 {
        source.insert(number, "row").await;
        run(&source.primary, "select pg_switch_wal()").await;
    }
    source.archived().await;
    source.command(&["backup", "verify"]).ok();
    damaged_data(&source);
    damaged_manifests(&source, created["id"].as_str().unwrap());
    damaged_wal(&source);
    let to = source.folder("key").to_str().unwrap().to_owned();
    let other = source
        .command(&["restore", "--to", &to, "--format", "json"])
        .env("TIDEGATE_SEAL_KEY", OTHER_KEY);
    assert_eq!(other.exits(2).error()["code"], "TG0832");
    assert_eq!(source.restored("again", &[]).await.len(), 4);
}

/// A file that opens, but is another's.
#[tokio::test(flavor = "multi_thread")]
async fn a_segment_under_the_name_of_another_is_told() {
    let source = Source::new(Engine::Native).await;
    source.create().data();
    for number in 1..=4 {
        source.insert(number, "row").await;
        run(&source.primary, "select pg_switch_wal()").await;
    }
    source.archived().await;
    let segments = source.segments(1);
    let [.., one, other] = segments.as_slice() else {
        panic!("{segments:?}");
    };
    let stranger = std::fs::read(one).unwrap();
    with(
        other,
        |bytes| *bytes = stranger,
        || {
            let deep = source.command(&["wal", "audit", "--deep", "--format", "json"]);
            let damaged = deep.exits(3).json()["data"]["damaged"].to_string();
            let words = "is not what it is called: it says that it begins at";
            assert!(damaged.contains(words), "{damaged}");
        },
    );
    source.command(&["wal", "audit", "--deep"]).ok();
}

/// What the archive says of itself counts for nothing: the server knows what it has written.
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_nothing_comes_into_is_late() {
    let source = Source::new(Engine::Native).await;
    source.create().data();
    source.archived().await;
    let file = source.folder("tidegate.toml");
    let place = source.shelf.path();
    let settings = format!(
        "version = 1\nproject = \"shop\"\n[backup]\nrepository = \"file:{}\"\nrpo = \"2s\"\n",
        place.display()
    );
    std::fs::write(&file, settings).unwrap();
    let audit = |url: &str| {
        let live = ["wal", "audit", "--live", "--database-url", url];
        let more = ["--config", file.to_str().unwrap()];
        source.command(&[&live[..], &more[..]].concat())
    };
    let quiet = audit(&source.url).data();
    assert_eq!(quiet["behind"]["late"], false, "{quiet:#}");
    run(
        &source.primary,
        "alter system set archive_command = '/bin/true'",
    )
    .await;
    run(&source.primary, "select pg_reload_conf()").await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    source.insert(1, "never archived").await;
    run(&source.primary, "select pg_switch_wal()").await;
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let late = audit(&source.url)
        .args(["--format", "json"])
        .exits(3)
        .json()["data"]
        .take();
    assert_eq!(late["behind"]["late"], true, "{late:#}");
    assert!(
        late["behind"]["seconds"].as_f64().unwrap() > 2.0,
        "{late:#}"
    );
    let stranger = server().await;
    let error = audit(&stranger.url("postgres"))
        .args(["--format", "json"])
        .run()
        .error()
        .to_string();
    assert!(error.contains("system identifier"), "{error}");
    stranger.stop().await;
}

/// A file of the cluster that is changed, and one that is gone.
fn damaged_data(source: &Source) {
    let file = source.data_file();
    let name = file_name(&file);
    let check = || {
        let found = source.findings().join("\n");
        let words: &[&str] = match source.engine {
            Engine::Native => &["its seal does not hold"],
            Engine::PgBackRest => &["something else", "pgbackrest calls it invalid"],
            Engine::Barman => &["something else", "checksum mismatch"],
        };
        for word in [&[name.as_str()], words].concat() {
            assert!(found.contains(word), "{word}: {found}");
        }
        source.restore_fails("flipped", &name);
    };
    with(&file, |bytes| flip(bytes), check);
    without(&file, &source.shelf, || {
        let found = source.findings().join("\n");
        assert!(
            found.contains(&name) && found.contains("is not there"),
            "{found}"
        );
        let audit = source
            .command(&["wal", "audit", "--format", "json"])
            .exits(3);
        let damaged = audit.json()["data"]["damaged"].to_string();
        assert!(damaged.contains("not there"), "{damaged}");
        let to = source.folder("gone");
        let restore = ["restore", "--to", to.to_str().unwrap(), "--format", "json"];
        let failed = source.command(&restore).run();
        assert_ne!(failed.code(), Some(0));
        assert!(
            failed.error().to_string().contains(&name),
            "{}",
            failed.stderr
        );
        assert!(!to.exists(), "something is left");
    });
}

/// Tidegate's own manifest, and the engine's: pgBackRest takes the copy then, and calls all well.
fn damaged_manifests(source: &Source, id: &str) {
    let own = source.shelf.path().join(format!("backups/{id}/backup.tg"));
    with(
        &own,
        |bytes| flip(bytes),
        || {
            let found = source.findings();
            assert!(
                found.len() == 1 && found[0].contains("backup.tg"),
                "{found:?}"
            );
        },
    );
    let (inside, all) = match source.engine {
        Engine::Native => return,
        Engine::PgBackRest => ("backup.manifest", 1),
        Engine::Barman => ("data/backup_manifest", 2),
    };
    let manifest = source.backups().remove(0).join(inside);
    with(
        &manifest,
        |bytes| flip(bytes),
        || {
            let found = source.findings();
            assert_eq!(found.len(), all, "{found:?}");
            assert!(found.join(" ").contains("something else"), "{found:?}");
        },
    );
}

/// A segment that is changed, and one that is gone.
fn damaged_wal(source: &Source) {
    let segments = source.segments(1);
    let victim = &segments[segments.len() - 2];
    let segment = file_name(victim)[..24].to_owned();
    with(
        victim,
        |bytes| flip(bytes),
        || {
            let deep = source.command(&["wal", "audit", "--deep", "--format", "json"]);
            assert!(deep.exits(3).json().to_string().contains(&segment));
            if source.engine == Engine::PgBackRest {
                let found = source.findings().join("\n");
                assert!(found.contains("damaged WAL"), "{found}");
            }
            source.restore_fails("damaged", &segment);
        },
    );
    // The programs' own verification says ok to this one.
    without(victim, &source.shelf, || {
        let holed = source.command(&["wal", "audit", "--format", "json"]);
        let holed = holed.exits(3);
        assert_eq!(holed.json()["data"]["holes"][0]["first"], segment.as_str());
        source.restore_fails("missing", &segment);
    });
}
