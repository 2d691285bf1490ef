//! M11: what is needed stays, and what was begun and never ended goes.

use std::time::{Duration, Instant};

use super::source::{Engine, Source, file_name, without};

every_engine!(
    what_is_needed_stays_and_what_is_lost_is_named,
    a_backup_that_is_killed_is_none_and_nothing_of_it_is_left,
);

/// One that somebody makes with the engine itself, under a name of his own or none, is his: no `expire`
/// of ours takes it for what a killed create left.
#[tokio::test(flavor = "multi_thread")]
async fn m11_a_backup_that_somebody_made_with_barman_itself_stays() {
    if !Engine::Barman.possible().await {
        return;
    }
    let source = Source::new(Engine::Barman).await;
    source.create().data();
    let root = source.shelf.path().join("barman");
    let config = format!("--config={}", root.join("barman.conf").display());
    for name in [&["--name", "before-the-move"][..], &[]] {
        let mut barman = std::process::Command::new("barman");
        barman.arg(&config).args(["backup", "tidegate"]).args(name);
        barman.env("HOME", &root).current_dir("/");
        if let Some((uid, gid)) = crate::support::unprivileged() {
            use std::os::unix::process::CommandExt as _;
            barman.uid(uid).gid(gid);
        }
        let made = barman.output().unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    assert_eq!(source.backups().len(), 3);
    let expire = [
        "backup",
        "expire",
        "--keep-count",
        "1",
        "--abandoned-after",
        "0s",
    ];
    let data = source.command(&expire).data();
    assert_eq!(data["expired"].as_array().unwrap().len(), 0, "{data:#}");
    assert_eq!(source.backups().len(), 3, "{:?}", source.backups());
    let list = source.command(&["backup", "list"]).data();
    assert_eq!(list["backups"].as_array().unwrap().len(), 1, "{list:#}");
}

async fn what_is_needed_stays_and_what_is_lost_is_named(engine: Engine) {
    let source = Source::new(engine).await;
    for number in 1..=3 {
        source.insert(number, "row").await;
        source.create().data();
    }
    source.insert(4, "row").await;
    source.archived().await;
    let before = source.segments(1);
    let expire = ["backup", "expire", "--keep-count", "2"];
    let dry = [&expire[..], &["--dry-run"]].concat();
    let dry = source.command(&dry).data();
    assert_eq!(dry["expired"].as_array().unwrap().len(), 1, "{dry:#}");
    assert_eq!(source.segments(1), before);
    assert_eq!(source.backups().len(), 3);
    let gone = source.command(&expire).data();
    let files = usize::try_from(gone["wal"]["files"].as_u64().unwrap()).unwrap();
    assert!(files > 0, "{gone:#}");
    assert_eq!(gone["wal"], dry["wal"]);
    // Those and no other, whatever the engine thinks is spent.
    let names = |files: &[std::path::PathBuf]| -> Vec<String> {
        files.iter().map(|file| file_name(file)).collect()
    };
    assert_eq!(names(&source.segments(1)), names(&before)[files..]);
    assert_eq!(source.backups().len(), 2);
    source.command(&["wal", "audit", "--deep"]).ok();
    source.command(&["backup", "verify"]).ok();
    let list = source.command(&["backup", "list"]).data();
    let kept = list["backups"].as_array().unwrap();
    assert_eq!(kept.len(), 2);
    let oldest = kept[0]["id"].as_str().unwrap().to_owned();
    let rows = source.restored("oldest", &["--backup", &oldest]).await;
    assert_eq!(rows.len(), 4);

    // A backup of which files are lost is none; it takes no good one's place, and no WAL goes.
    let lost = match engine {
        Engine::Native => source.backups().remove(0).join("data"),
        _ => source.backups().remove(0),
    };
    let before = source.segments(1);
    without(&lost, &source.shelf, || {
        let list = source.command(&["backup", "list"]).ok().stdout;
        assert!(list.contains("damaged"), "{list}");
        assert!(!source.findings().is_empty());
        let expire = ["backup", "expire", "--keep-count", "1"];
        let data = source.command(&expire).data();
        assert_eq!(data["damaged"][0]["id"], oldest.as_str(), "{data:#}");
        assert_eq!(data["expired"].as_array().unwrap().len(), 0, "{data:#}");
    });
    assert_eq!(source.segments(1), before);
    source.command(&["backup", "verify"]).ok();
    let rows = source.restored("again", &["--backup", &oldest]).await;
    assert_eq!(rows.len(), 4);
}

async fn a_backup_that_is_killed_is_none_and_nothing_of_it_is_left(engine: Engine) {
    let source = Source::new(engine).await;
    source.create().data();
    let own = source.shelf.path().join("backups");
    let begun = || own.read_dir().unwrap().count() == 2;
    let mut slow = source.create();
    if engine == Engine::Native {
        slow = slow.args(["--max-rate", "4MB"]);
    }
    let running = slow.spawn();
    let until = Instant::now() + Duration::from_secs(60);
    while !begun() || source.backups().len() < 2 {
        assert!(Instant::now() < until, "the second backup did not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(running.kill().signal(), Some(9));
    let list = source.command(&["backup", "list"]).data();
    assert_eq!(list["backups"].as_array().unwrap().len(), 1, "{list:#}");
    assert_eq!(list["unfinished"].as_array().unwrap().len(), 1, "{list:#}");
    // A program outlives the process that started it, and holds its lock until it ends.
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let again = source.create().run();
        if again.code() == Some(0) {
            break;
        }
        assert!(Instant::now() < until, "{}", again.stderr);
        std::thread::sleep(Duration::from_secs(1));
    }
    let expire = ["backup", "expire", "--keep-count", "5"];
    let data = source.command(&expire).data();
    assert_eq!(data["remains"].as_array().unwrap().len(), 0, "{data:#}");
    let soon = [&expire[..], &["--abandoned-after", "0s"]].concat();
    let data = source.command(&soon).data();
    assert_eq!(data["remains"].as_array().unwrap().len(), 1, "{data:#}");
    assert_eq!(own.read_dir().unwrap().count(), 2);
    assert_eq!(source.backups().len(), 2, "{:?}", source.backups());
    source.command(&["backup", "verify"]).ok();
}
