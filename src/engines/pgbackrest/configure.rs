//! Its folder and its configuration.

use std::fmt::Write as _;

use super::program::{Program, STANZA};
use crate::engines::local::Cluster;
use crate::error::Result;

/// Processes that copy at most.
const PROCESSES: usize = 4;
/// Seconds that a segment may take into the archive.
const ARCHIVE_TIMEOUT: u32 = 60;

/// Makes the folder of the program and writes its configuration, in which there is no key.
pub(super) fn prepare(cluster: &Cluster, program: &Program) -> Result<()> {
    let root = program.root();
    cluster.passes(root.parent().unwrap_or(root))?;
    for folder in [
        root.to_owned(),
        program.repo(),
        root.join("lock"),
        root.join("spool"),
        program.identity(),
        program.identity().join("global"),
    ] {
        cluster.folder(&folder)?;
    }
    let text = configuration(cluster, program);
    cluster.write(&program.configuration(), text.as_bytes())?;
    let copy = program.identity().join("global/pg_control");
    cluster.write(&copy, &cluster.control_file()?)
}

fn configuration(cluster: &Cluster, program: &Program) -> String {
    let processes = std::thread::available_parallelism().map_or(1, |n| n.get().min(PROCESSES));
    let mut text = format!(
        "# Written by Tidegate with each backup. The key is in no file: it comes from the vault,\n\
             # in PGBACKREST_REPO1_CIPHER_PASS. Which backups stay is Tidegate's to say.\n\
             [global]\n\
             repo1-path={}\n\
             repo1-cipher-type=aes-256-cbc\n\
             lock-path={}\n\
             spool-path={}\n\
             log-level-file=off\n\
             compress-type=zst\n\
             process-max={processes}\n\
             start-fast=y\n\
             archive-copy=y\n\
             archive-timeout={ARCHIVE_TIMEOUT}\n\
             expire-auto=n\n\
             \n[{STANZA}]\n\
             pg1-path={}\n",
        program.repo().display(),
        program.root().join("lock").display(),
        program.root().join("spool").display(),
        cluster.data().display(),
    );
    for (name, value) in &cluster.server {
        let option = match *name {
            "PGPORT" => "pg1-port",
            "PGUSER" => "pg1-user",
            "PGDATABASE" => "pg1-database",
            // Else libpq takes the host from its variable.
            "PGHOST" if value.starts_with('/') => "pg1-socket-path",
            _ => continue,
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{option}={value}");
    }
    text
}
