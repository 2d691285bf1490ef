//! Another cluster, another engine, an archive that is none.

use super::source::{Engine, Source, archiving, open};
use crate::recovery::stage::Shelf;

every_engine!(another_cluster_another_engine_and_an_archive_that_is_none_are_refused);

async fn another_cluster_another_engine_and_an_archive_that_is_none_are_refused(engine: Engine) {
    let source = Source::new(engine).await;
    source.create().data();
    let wrong = match engine {
        Engine::Native => "pgbackrest",
        _ => "native",
    };
    let args = ["backup", "create", "--engine", wrong, "--database-url"];
    let other = source.command(&[&args[..], &[&source.url]].concat());
    let other = other.exits(4);
    let words = format!("kept by the engine {}", engine.name());
    assert!(other.stderr.contains(&words), "{}", other.stderr);
    let none = ["backup", "create", "--engine", "wal-g", "--database-url"];
    let none = source.command(&[&none[..], &[&source.url]].concat());
    let none = none.exits(2).stderr;
    assert!(none.contains("no engine \"wal-g\""), "{none}");

    let other = archiving("/bin/true # pgbackrest").await;
    let stranger = source.create_of(&other.url("postgres")).exits(4);
    assert!(
        stranger.stderr.contains("system identifier"),
        "{}",
        stranger.stderr
    );
    if engine.keeps() {
        no_archive(engine).await;
        let receive = source.command(&["wal", "receive", "--database-url", &source.url]);
        assert!(receive.exits(4).stderr.contains("archive_command"));
    }
}

/// An engine that keeps WAL, too, is told by an empty archive that there is none.
async fn no_archive(engine: Engine) {
    let shelf = Shelf::new();
    open(&shelf);
    let truly = archiving("/bin/true").await;
    let url = truly.url("postgres");
    let args = ["create", "--engine", engine.name(), "--database-url", &url];
    if engine == Engine::Barman {
        let clear = shelf.backup(&args).exits(4);
        assert!(clear.stderr.contains("in the clear"), "{}", clear.stderr);
    }
    let args = [&args[..], &["--encrypted-volume"]].concat();
    let none = shelf.backup(&args).exits(1);
    assert!(
        none.stderr.contains("WAL does not arrive"),
        "{}",
        none.stderr
    );
}
