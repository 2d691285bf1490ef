//! M14: each damage is found, by its own message, whatever the engine's program says and ends with.

use super::source::{Engine, Source, file_name, flip, with, without};
use crate::recovery::stage::{OTHER_KEY, run};

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
