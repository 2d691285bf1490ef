//! Its folder and its configuration.

use std::path::Path;

use super::call::{Program, SERVER};
use crate::engines::local::Cluster;
use crate::error::{Error, Kind, Result};

/// Makes the folder of the program and writes its configuration; no password is in it.
pub(super) fn prepare(cluster: &Cluster, program: &Program, binaries: &Path) -> Result<()> {
    let root = program.root();
    cluster.passes(root.parent().unwrap_or(root))?;
    let folders = ["home", "lock", "log", "seals"].map(|name| root.join(name));
    let home = [program.home(), program.incoming()];
    for folder in std::iter::once(root.to_owned()).chain(folders).chain(home) {
        cluster.folder(&folder)?;
    }
    let text = configuration(cluster, program, binaries)?;
    cluster.write(&program.configuration(), text.as_bytes())
}

fn configuration(cluster: &Cluster, program: &Program, binaries: &Path) -> Result<String> {
    let root = program.root().display();
    let user = cluster.owner_name().ok_or_else(|| {
        Error::new(
            Kind::BackupTool,
            "the owner of the cluster has no name in /etc/passwd, and Barman wants one",
        )
    })?;
    // Barman and its programs take everything else from the variables of libpq.
    let connection = cluster
        .server
        .iter()
        .filter_map(|(name, value)| {
            let option = match *name {
                "PGHOST" => "host",
                "PGPORT" => "port",
                "PGUSER" => "user",
                "PGDATABASE" => "dbname",
                _ => return None,
            };
            let value = value.replace('\\', r"\\").replace('\'', r"\'");
            Some(format!("{option}='{value}'"))
        })
        .collect::<Vec<_>>()
        .join(" ");
    Ok(format!(
        "; Written by Tidegate with each backup. Which backups stay is Tidegate's to say.\n\
         [barman]\n\
         barman_user = {user}\n\
         barman_home = {root}/home\n\
         barman_lock_directory = {root}/lock\n\
         log_file = {root}/log/barman.log\n\
         log_level = WARNING\n\
         \n[{SERVER}]\n\
         description = The cluster of this repository\n\
         conninfo = {connection}\n\
         streaming_conninfo = {connection}\n\
         backup_method = postgres\n\
         archiver = on\n\
         immediate_checkpoint = true\n\
         path_prefix = {}\n",
        binaries.display()
    ))
}
