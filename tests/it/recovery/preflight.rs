//! M12: what a machine lacks of what a backup needs is said, and what would keep the server from
//! starting is refused before anything is fetched.

use serde_json::Value;
use tidegate::recovery::{BackupManifest, PRELOADED};

use super::pitr::command;
use super::stage::{Shelf, run, server, value};

/// An extension that no machine has, with a library that no machine has: what would be left of one whose
/// package is not installed here.
const STRANGE: &str = "create extension amcheck; \
    update pg_extension set extname = 'no_such_extension' where extname = 'amcheck'; \
    update pg_proc set probin = '$libdir/no_such_library' where probin = '$libdir/amcheck'";

fn restore(shelf: &Shelf, to: &str, more: &[&str]) -> crate::support::Cli {
    let to = shelf.path().with_file_name(to);
    let args = ["restore", "--to", to.to_str().unwrap()];
    command(shelf, &[&args[..], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_without_which_the_server_would_not_start_is_refused_before_anything_is_written()
{
    let (server, shelf) = (server().await, Shelf::new());
    let url = server.url("postgres");
    shelf.backup(&["create", "--database-url", &url]).data();
    server.stop().await;
    for name in [PRELOADED, "Session_Preload_Libraries"] {
        let setting = format!("{name}=plpgsql,no_such_library");
        let wrong = restore(&shelf, "wrong", &["--set", &setting, "--format", "json"]);
        let error = wrong.exits(2).error();
        assert_eq!(error["code"], "TG0103", "{error}");
        let text = error["message"].as_str().unwrap();
        assert!(text.contains("no_such_library"), "{text}");
        assert!(!shelf.path().with_file_name("wrong").exists());
    }
    let setting = format!("{PRELOADED}=plpgsql");
    let good = restore(&shelf, "good", &["--set", &setting]).data();
    assert_eq!(good["warnings"], Value::Array(Vec::new()), "{good:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_sorts_otherwise_is_a_warning() {
    let (server, shelf) = (server().await, Shelf::new());
    let url = server.url("postgres");
    run(&server, "create table t as select 1 as id").await;
    run(&server, STRANGE).await;
    let icu = "update pg_collation set collversion = '1.1' where collprovider = 'i'";
    run(&server, icu).await;
    let told = "select exists (select from pg_collation where collversion = '1.1')::text";
    let has_icu = value(&server, told).await == "true";
    let recent = "select (current_setting('server_version_num')::int >= 150000)::text";
    let recent = value(&server, recent).await == "true";
    if recent {
        let libc = "update pg_database set datcollversion = '0.1' where datname = 'template1'";
        run(&server, libc).await;
    }
    let id = shelf.backup(&["create", "--database-url", &url]).data()["id"].take();
    server.stop().await;
    // A library that was there when the source started.
    let mut manifest = shelf.manifest(id.as_str().unwrap()).await;
    let list = "no_such_preload".to_owned();
    manifest
        .settings
        .parameters
        .insert(PRELOADED.to_owned(), list);
    let (name, repository) = (BackupManifest::name(&manifest.id), shelf.repository());
    repository.remove(&name).await.unwrap();
    let text = manifest.to_bytes().unwrap();
    repository.put(&name, text).await.unwrap();

    let data = restore(&shelf, "back", &[]).data();
    let warnings = data["warnings"].as_array().unwrap();
    let told = |words: &[&str]| {
        let all = |one: &&Value| {
            words
                .iter()
                .all(|word| one.as_str().unwrap().contains(word))
        };
        warnings.iter().filter(all).count()
    };
    assert_eq!(
        told(&["no_such_preload", "does not start"]),
        1,
        "{warnings:#?}"
    );
    assert_eq!(told(&["no_such_extension", "postgres"]), 1, "{warnings:#?}");
    assert_eq!(told(&["$libdir/no_such_library"]), 1, "{warnings:#?}");
    let icu = told(&["icu", "1.1", "reindex"]);
    // ICU has more than one version, by language; a server that was built without it has none.
    assert_eq!(icu > 0, has_icu, "{warnings:#?}");
    let libc = told(&["libc", "0.1 and are of", "database template1"]);
    assert_eq!(libc, usize::from(recent), "{warnings:#?}");
    let page = restore(&shelf, "again", &[]).ok().stdout;
    assert!(
        page.contains("warning") && page.contains("no_such_extension"),
        "{page}"
    );
}
