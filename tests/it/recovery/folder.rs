//! The folder of a restore, and what a restore does around it.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use tidegate::postgres::private::{PrivateServer, Search, discover};

use super::pitr::{command, stop};
use super::stage::{KEY, Shelf, run, server, value_at};

/// What `path` is: its mode, its owner, and how much is in it.
fn facts(path: &std::path::Path) -> (u32, u32, u32, usize) {
    use std::os::unix::fs::MetadataExt as _;
    let facts = path.metadata().unwrap();
    let count = path.read_dir().unwrap().count();
    (facts.mode(), facts.uid(), facts.gid(), count)
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_restore_leaves_its_surroundings_as_they_were() {
    let (source, shelf) = (server().await, Shelf::new());
    run(&source, "create table t as select 1 as id").await;
    let url = source.url("postgres");
    shelf.backup(&["create", "--database-url", &url]).data();
    source.stop().await;
    let root = shelf.path().with_file_name("places");
    std::fs::create_dir(&root).unwrap();
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open(root.parent().unwrap(), 0o711);
    open(&root, 0o711);

    // A folder that was there stays, whether a server began in it or not.
    let own = root.join("own");
    std::fs::create_dir(&own).unwrap();
    open(&own, 0o2770);
    let before = facts(&own);
    let failing = ["restore", "--to", own.to_str().unwrap(), "--target-name"];
    command(&shelf, &[&failing[..], &["nowhere"]].concat()).exits(3);
    assert_eq!(facts(&own), before);
    let args = [
        "restore",
        "--to",
        own.to_str().unwrap(),
        "--deadline",
        "fetch=1ms",
    ];
    command(&shelf, &args).exits(3);
    assert_eq!(facts(&own), before);

    // However long its path is, there is a place for a socket.
    let long = root.join("l".repeat(120));
    let to = long.to_str().unwrap();
    let args = ["restore", "--to", to, "--keep-running"];
    let args = [&args[..], &["--set", "work_mem=12MB"]].concat();
    let data = command(&shelf, &args).data();
    let url = data["url"].as_str().unwrap();
    assert_eq!(value_at(url, "show work_mem").await, "12MB");
    assert_eq!(value_at(url, "select count(*)::text from t").await, "1");
    stop(&long).await;
    let socket = PrivateServer::open(&long).unwrap().status().unwrap().socket;
    assert!(!socket.starts_with(&long));
    std::fs::remove_dir_all(socket).unwrap();

    let never = root.join("never");
    for wrong in ["archive_mode=on", "recovery_target_xid=7", "a b=c", "x"] {
        let args = ["restore", "--to", never.to_str().unwrap(), "--set", wrong];
        command(&shelf, &args).exits(2);
    }
    assert!(!never.exists());

    // The programs that look at what a server sent do not get the key.
    let real = discover(&Search::default()).await.unwrap().dir;
    let bin = root.join("bin");
    std::fs::create_dir(&bin).unwrap();
    open(&bin, 0o755);
    for program in real.read_dir().unwrap().flatten() {
        symlink(program.path(), bin.join(program.file_name())).unwrap();
    }
    if real.with_file_name("lib").exists() {
        symlink(real.with_file_name("lib"), root.join("lib")).unwrap();
    }
    let (program, seen) = (bin.join("pg_verifybackup"), root.join("seen"));
    std::fs::remove_file(&program).unwrap();
    let text = format!(
        "#!/bin/sh\nenv > {}\nexec {}/pg_verifybackup \"$@\"\n",
        seen.display(),
        real.display()
    );
    std::fs::write(&program, text).unwrap();
    open(&program, 0o755);
    let to = root.join("watched");
    let args = ["restore", "--to", to.to_str().unwrap()];
    command(&shelf, &args).env("PG_BIN", &bin).ok();
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.contains("LC_ALL=C") && !seen.contains(KEY), "{seen}");
}
