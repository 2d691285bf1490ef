//! Brings a copy from a repository into a database beside the target, ready to be promoted.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::index::Index;
use crate::config::vars;
use crate::copy::{Manifest, Mark, Stage, working_name};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::service::copy::databases::Databases;
use crate::service::copy::schema::connection_word;
use crate::service::programs::Programs;
use crate::sql::Ident;
use crate::storage::Repository;

/// Where a copy is loaded from, and who must have signed it.
#[derive(Debug, Clone, Copy)]
pub struct From<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The public keys of those who are trusted, in hexadecimal digits: one of them must have signed
    /// the archive.
    pub signers: &'a [String],
}

/// What was loaded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Loaded {
    /// The run that the archive is of.
    pub run: String,
    /// The database that was built.
    pub database: Ident,
    /// What was proven before the archive was written.
    pub manifest: Manifest,
}

/// Loads the newest copy of a repository beside the target, which lies in `region`.
///
/// # Errors
/// [`Kind::CopyRefused`] when the target lies in another region than the data may be in, or when
/// nobody who is trusted has signed the archive; [`Kind::CopyGate`] when the signature does not hold;
/// [`Kind::SealBroken`], [`Kind::Storage`], [`Kind::CopyTool`]. Nothing is left then.
pub async fn load(
    from: From<'_>,
    databases: &Databases,
    region: Option<&str>,
    cancel: &CancellationToken,
) -> Result<Loaded> {
    let index = Index::newest(from.repository, from.signers).await?;
    if index.region.is_some() && index.region.as_deref() != region {
        return Err(Error::new(
            Kind::CopyRefused,
            format!(
                "the data of {} is in {}, {} in {}",
                from.repository.location(),
                index.region.unwrap_or_default(),
                databases.target.environment,
                region.unwrap_or("a region not named")
            ),
        )
        .hint("data stays in its region; name `region` of the environment"));
    }
    let manifest = index.manifest.verify_by(from.signers)?;
    databases.require_createdb().await?;
    databases.lock().await?;
    let name = working_name(databases.name.as_str(), &index.run)?;
    databases.discard(&name).await?;
    let folder = tempfile::Builder::new()
        .prefix("tidegate-archive-")
        .tempdir_in(vars::temp_dir())?;
    fetch(&index, from, folder.path(), cancel).await?;
    let options = &index.database;
    let sql = format!("create database {name} template template0 {options}");
    databases.session.batch_execute(&sql).await?;
    let mut mark = Mark {
        run: index.run.clone(),
        from: index.from.clone(),
        to: databases.target.environment.clone(),
        database: databases.name.as_str().to_owned(),
        stage: Stage::Failed,
        plan: index.plan.clone(),
        comment: None,
    };
    databases.mark(&name, &mark).await?;
    let restored = restore(&index, databases, &name, folder.path(), cancel).await;
    if let Err(error) = restored {
        databases.discard(&name).await?;
        return Err(error);
    }
    mark.stage = Stage::Ready;
    databases.mark(&name, &mark).await?;
    Ok(Loaded {
        run: index.run,
        database: name,
        manifest,
    })
}

async fn fetch(
    index: &Index,
    from: From<'_>,
    folder: &Path,
    cancel: &CancellationToken,
) -> Result<()> {
    for file in &index.files {
        if file.name.contains('/') || file.name.starts_with('.') {
            return Err(Error::new(
                Kind::SealBroken,
                format!("the index names the file {:?}", file.name),
            ));
        }
        let mut out = std::fs::File::create(folder.join(&file.name))?;
        for part in &file.parts {
            if cancel.is_cancelled() {
                return Err(Error::new(Kind::Cancelled, "the load was stopped"));
            }
            out.write_all(&part.read(from.repository).await?)?;
        }
    }
    Ok(())
}

async fn restore(
    index: &Index,
    databases: &Databases,
    name: &Ident,
    dump: &Path,
    cancel: &CancellationToken,
) -> Result<()> {
    let target = databases.target.at_database(name.as_str());
    let arguments: Vec<OsString> = vec![
        "--format=directory".into(),
        "--exit-on-error".into(),
        "--no-password".into(),
        // Roles of the server that wrote it mean nothing here; the target's grants follow when the
        // copy takes its place.
        "--no-owner".into(),
        "--no-privileges".into(),
        "--jobs=2".into(),
        format!("--dbname={}", connection_word(name.as_str())).into(),
        dump.into(),
    ];
    let major = index.major.max(databases.session.version() / 10_000);
    let programs = Programs::find(major).await?;
    programs
        .run("pg_restore", &target, &arguments, cancel)
        .await?;
    let session = Session::connect(&target, "copy").await?;
    Ok(session.batch_execute("analyze").await?)
}
