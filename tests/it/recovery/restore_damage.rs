//! A file that is not the one that PostgreSQL backed up is found although every seal holds.

use sha2::{Digest, Sha256};
use tidegate::recovery::BackupManifest;
use tidegate::storage::Repository;

use super::pitr::command;
use super::stage::{KEY, Shelf, server};
use crate::support::Cli;

/// Where the content of a file begins in a tar file.
fn content(tar: &[u8], name: &str) -> usize {
    let mut at = 0;
    loop {
        let header = tar::Header::from_byte_slice(&tar[at..at + 512]);
        let size = usize::try_from(header.size().unwrap()).unwrap();
        if header.path().unwrap().to_str() == Some(name) {
            return at + 512;
        }
        at += 512 + size.next_multiple_of(512);
    }
}

/// Seals another text in a part's place, and a manifest of ours to match.
async fn forge(
    repository: &Repository,
    (name, part): (String, Vec<u8>),
    manifest: &BackupManifest,
) {
    let own = BackupManifest::name(&manifest.id);
    for (file, text) in [(name, part), (own, manifest.to_bytes().unwrap())] {
        repository.remove(&file).await.unwrap();
        repository.put(&file, text).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_file_that_differs_from_the_manifest_of_postgresql_is_named() {
    let (server, shelf) = (server().await, Shelf::new());
    let url = server.url("postgres");
    let data = shelf.backup(&["create", "--database-url", &url]).data();
    server.stop().await;
    let id = data["id"].as_str().unwrap();
    let repository = shelf.repository();
    let mut manifest = shelf.manifest(id).await;

    // The first part, sealed anew with one byte of a file changed, and a manifest of ours to match.
    let name = BackupManifest::part_name(id, "base", 0);
    let mut part = repository.get(&name).await.unwrap();
    let place = content(&part, "PG_VERSION");
    part[place] ^= 1;
    manifest.streams[0].parts[0].sha256 = hex::encode(Sha256::digest(&part));
    forge(&repository, (name, part), &manifest).await;
    shelf.backup(&["verify"]).ok();
    let to = shelf.path().with_file_name("back");
    let location = format!("file:{}", shelf.path().display());
    let to_text = to.to_str().unwrap();
    let failed = Cli::new(["restore", "--to", to_text, "--repository", &location])
        .args(["--format", "json"])
        .env("TIDEGATE_SEAL_KEY", KEY)
        .env("TMPDIR", shelf.temp())
        .exits(3);
    let error = failed.error().to_string();
    assert!(error.contains("PG_VERSION has another checksum"), "{error}");
    assert!(!to.exists(), "something is left");
}

/// An entry of a tar file without content: a link, or a file when it leads nowhere.
fn entry(name: &str, link: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).unwrap();
    header.set_entry_type(tar::EntryType::Regular);
    if !link.is_empty() {
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_link_name(link).unwrap();
    }
    header.set_mode(0o644);
    header.set_size(0);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// Who owns the server that is backed up owns its stream; root restores it elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn m14_nothing_is_written_through_a_link_of_a_backup() {
    let (server, shelf) = (server().await, Shelf::new());
    let url = server.url("postgres");
    let data = shelf.backup(&["create", "--database-url", &url]).data();
    server.stop().await;
    let id = data["id"].as_str().unwrap();
    let repository = shelf.repository();
    let mut manifest = shelf.manifest(id).await;
    let outside = shelf.path().with_file_name("outside");
    std::fs::create_dir(&outside).unwrap();

    let name = BackupManifest::part_name(id, "base", 0);
    let mut part = entry("lnk", outside.to_str().unwrap());
    part.extend(entry("lnk/planted", ""));
    manifest.bytes += part.len() as u64;
    part.extend(repository.get(&name).await.unwrap());
    manifest.streams[0].parts[0].bytes = part.len() as u64;
    manifest.streams[0].parts[0].sha256 = hex::encode(Sha256::digest(&part));
    forge(&repository, (name, part), &manifest).await;
    shelf.backup(&["verify"]).ok();
    let to = shelf.path().with_file_name("back");
    let args = ["restore", "--to", to.to_str().unwrap(), "--format", "json"];
    let error = command(&shelf, &args).exits(3).error().to_string();
    assert_eq!(outside.read_dir().unwrap().count(), 0, "{error}");
    assert!(error.contains("lnk is of the type Symlink"), "{error}");
    assert!(!to.exists(), "something is left");
}
