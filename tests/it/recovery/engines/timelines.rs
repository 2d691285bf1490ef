//! M11: after a recovery to the past a cluster goes on, on a timeline of its own. What it needs stays,
//! whatever the engine thinks of numbers; a backup of the timeline that was left is refused.

use tidegate::postgres::private::{Ephemeral, PrivateServer};

use super::source::{Engine, Source, file_name, files, settings, without};
use crate::recovery::stage::{run, value};

every_engine!(m11_a_cluster_goes_on_after_a_recovery_to_the_past);

async fn m11_a_cluster_goes_on_after_a_recovery_to_the_past(engine: Engine) {
    let source = Source::new(engine).await;
    let first = source.create().data()["id"].as_str().unwrap().to_owned();
    source.insert(1, "kept").await;
    run(&source.primary, "select pg_create_restore_point('fork')").await;
    source.insert(2, "left").await;
    run(&source.primary, "select pg_switch_wal()").await;
    // Of the timeline that is going to be left, with larger numbers than the other one will have.
    let left = source.create().data()["id"].as_str().unwrap().to_owned();
    source.archived().await;
    partial(&source).await;

    let source = back(source, &first).await;
    source.insert(3, "gone on").await;
    source.archived().await;
    let audit = source.command(&["wal", "audit", "--deep"]).data();
    let of = |id: &str| {
        let all = audit["backups"].as_array().unwrap().iter();
        all.clone().find(|one| one["id"] == id).unwrap().clone()
    };
    assert_eq!(
        (&of(&first)["timeline"], &of(&left)["left_by"]),
        (&2.into(), &2.into())
    );
    let to = source.folder("left").to_str().unwrap().to_owned();
    let args = [
        "restore", "--to", &to, "--backup", &left, "--format", "json",
    ];
    let error = source.command(&args).exits(3).error().to_string();
    assert!(error.contains("does not pass through"), "{error}");
    let on = ["kept", "gone on"];
    // The newer backup is passed over.
    assert_eq!(source.restored("on", &[]).await, on);
    lost_history(&source, &first);

    // The newest is of no use to the cluster that goes on: the one before the fork stays with it, and
    // so does the new timeline.
    let before = source.segments(2);
    assert!(!before.is_empty());
    let expire = ["backup", "expire", "--keep-count", "1"];
    let data = source.command(&expire).data();
    assert_eq!(data["kept"].as_array().unwrap().len(), 2, "{data:#}");
    assert_eq!(source.segments(2), before);
    let first_again = source.restored("still", &["--backup", &first]).await;
    assert_eq!(first_again, on);

    source.create().data();
    source.insert(4, "new backup").await;
    source.archived().await;
    let data = source.command(&expire).data();
    assert_eq!(data["kept"].as_array().unwrap().len(), 1, "{data:#}");
    assert_eq!(data["expired"].as_array().unwrap().len(), 2, "{data:#}");
    assert_eq!(source.backups().len(), 1);
    let needed = source.segments(2).len();
    assert!(needed > 0, "{data:#}");
    source.command(&["backup", "verify"]).ok();
    source.command(&["wal", "audit", "--deep"]).ok();
    let all = ["kept", "gone on", "new backup"];
    assert_eq!(source.restored("new", &[]).await, all);
}

/// Without the history the server would end where the timeline began, and be content.
fn lost_history(source: &Source, backup: &str) {
    let mut histories = files(&source.shelf.path());
    histories.retain(|file| {
        let name = file_name(file);
        let seal = file
            .components()
            .any(|folder| folder.as_os_str() == "seals");
        !seal && name.starts_with("00000002.history") || name == "00000002" && file.is_file()
    });
    let [history] = histories.as_slice() else {
        panic!("{histories:?}");
    };
    without(history, &source.shelf, || {
        let audit = source.command(&["wal", "audit", "--format", "json"]);
        let data = audit.exits(3).json()["data"].take();
        assert_eq!(data["lost_histories"], serde_json::json!([2]), "{data:#}");
        let history = "00000002.history is missing";
        source.restore_fails_from(backup, history);
        let expire = ["backup", "expire", "--keep-count", "1", "--dry-run"];
        let data = source.command(&expire).data();
        let kept = data["kept"].to_string();
        assert!(kept.contains(backup), "{data:#}");
    });
    if source.engine == Engine::Native {
        // Any segment of the timeline brings it along.
        std::fs::remove_file(history).unwrap();
        let name = file_name(&source.segments(2)[0]);
        let segment = source.folder("primary").join("data/pg_wal").join(name);
        source
            .command(&["wal", "push", segment.to_str().unwrap()])
            .ok();
        source.command(&["wal", "audit"]).ok();
    }
}

/// The rest of a timeline that is left, as a promoted server archives it.
async fn partial(source: &Source) {
    run(&source.primary, "create table rest (id int)").await;
    let sql = "select current_setting('data_directory') || '/pg_wal/' || pg_walfile_name(pg_current_wal_insert_lsn())";
    let segment = value(&source.primary, sql).await;
    let name = file_name(segment.as_ref());
    let rest = source.shelf.temp().join(format!("{name}.partial"));
    std::fs::copy(&segment, &rest).unwrap();
    let push = ["wal", "push", "--engine", source.engine.name()];
    let args = [&push[..], &[rest.to_str().unwrap()]].concat();
    source.command(&args).ok();
}

/// Goes back to the restore point, and on from there with an archive.
async fn back(source: Source, backup: &str) -> Source {
    let folder = source.folder("primary");
    source.restore(&folder, &["--target-name", "fork", "--backup", backup]);
    PrivateServer::open(&folder).unwrap().stop().await.unwrap();
    // The restore turned archiving off; what is to be archived of the new timeline waits for it.
    std::fs::write(folder.join("data/postgresql.auto.conf"), "").unwrap();
    let options = settings(&source.archive_command());
    let promoted = Ephemeral::start_in(&folder, &options).await.unwrap();
    source.replaced(promoted).await
}
