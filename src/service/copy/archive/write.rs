//! Writes a proven copy into a repository.

use std::io::Read;
use std::path::Path;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::index::{File, Index, Part, VERSION};
use crate::config::vars;
use crate::control::copy as ledger;
use crate::copy::Signed;
use crate::error::{Error, Kind, Result};
use crate::masking::MaskKey;
use crate::postgres::Session;
use crate::service::copy::databases::{Databases, Listed};
use crate::service::copy::settings::database_options;
use crate::service::programs::{Programs, option};
use crate::storage::Repository;

/// Bytes of a part before it is sealed: what one upload holds in memory.
const PART: u64 = 32 << 20;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Archived {
    /// Where.
    pub location: String,
    /// Parts of the copy.
    pub parts: usize,
    /// Parts that were there already, from a run that was interrupted or an earlier copy.
    pub kept: usize,
    /// Bytes before they were sealed.
    pub bytes: u64,
}

/// Writes the copy `ready`, which passed its gate, into the repository. What is there already is not
/// written again; the index comes last, signed with the key that signed the manifest. The data may be
/// loaded in `region` alone.
///
/// # Errors
/// [`Kind::CopyGate`] for a copy without a manifest; [`Kind::Storage`]; [`Kind::CopyTool`].
pub async fn archive(
    (databases, ready): (&Databases, &Listed),
    region: Option<String>,
    (repository, signer): (&Repository, &MaskKey),
    cancel: &CancellationToken,
) -> Result<Archived> {
    let target = databases.target.at_database(ready.name.as_str());
    let session = Session::connect(&target, "copy").await?;
    let record = ledger::record(&*session).await?;
    let manifest: Signed = record
        .and_then(|record| serde_json::from_str(&record.manifest?).ok())
        .ok_or_else(|| {
            let text = format!("the copy {} was not proven", ready.mark.run);
            Error::new(Kind::CopyGate, text)
        })?;
    let major = session.version() / 10_000;
    let database = database_options(&session, session.version()).await?;
    drop(session);
    let folder = tempfile::Builder::new()
        .prefix("tidegate-archive-")
        .tempdir_in(vars::temp_dir())?;
    let dump = folder.path().join("dump");
    let arguments = [
        "--format=directory".into(),
        "--jobs=2".into(),
        "--compress=0".into(),
        "--no-password".into(),
        option("file", &dump),
    ];
    let programs = Programs::find(major).await?;
    programs.run("pg_dump", &target, &arguments, cancel).await?;
    let mut archived = Archived {
        location: repository.location().to_string(),
        parts: 0,
        kept: 0,
        bytes: 0,
    };
    let mut files = Vec::new();
    for name in names(&dump)? {
        let parts = write_file(&dump.join(&name), repository, &mut archived, cancel).await?;
        files.push(File { name, parts });
    }
    let index = Index {
        version: VERSION,
        run: ready.mark.run.clone(),
        from: ready.mark.from.clone(),
        region,
        major,
        database,
        plan: ready.mark.plan.clone(),
        manifest,
        files,
    };
    let text = serde_json::to_vec(&Signed::sign(&index, signer)?)
        .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
    let name = Index::name(&index.run);
    repository.put(&name, text).await?;
    Ok(archived)
}

fn names(dump: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dump)? {
        let name = entry?.file_name();
        names.push(name.into_string().map_err(|name| {
            Error::new(Kind::CopyTool, format!("pg_dump wrote the file {name:?}"))
        })?);
    }
    names.sort();
    Ok(names)
}

async fn write_file(
    path: &Path,
    repository: &Repository,
    archived: &mut Archived,
    cancel: &CancellationToken,
) -> Result<Vec<Part>> {
    let mut file = std::fs::File::open(path)?;
    let mut parts = Vec::new();
    loop {
        if cancel.is_cancelled() {
            return Err(Error::new(Kind::Cancelled, "the archive was stopped")
                .hint("the same command goes on; parts that are written are kept"));
        }
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(PART).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(parts);
        }
        let part = Part::of(&bytes);
        archived.parts += 1;
        archived.bytes += part.bytes;
        let name = part.name(repository);
        if repository.exists(&name).await? {
            archived.kept += 1;
        } else {
            repository.put(&name, bytes).await?;
        }
        parts.push(part);
    }
}
