//! A base backup by `pg_basebackup`, as sealed parts.

use std::process::Stdio;

use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt as _;

use super::run::Drill;
use crate::config::{Target, vars};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::private::{Search, discover};
use crate::recovery::{BackupManifest, Lsn, MANIFEST_VERSION, Part, Settings, Stream};
use crate::storage::Repository;

/// Bytes of a part.
const PART: usize = 32 << 20;
/// Bytes at the end of the archive in which the manifest's end is.
const TAIL: usize = 64 << 10;

/// Takes a base backup of the whole cluster.
pub(super) async fn take(
    drill: &Drill<'_>,
    target: &Target,
    repository: &Repository,
) -> Result<BackupManifest> {
    let session = Session::connect(target, "backup").await?;
    let version = u32::try_from(session.version()).unwrap_or_default();
    let facts = session.query_one(FACTS, &[]).await?;
    let parameters = session.query(PARAMETERS, &[]).await?;
    let segment: String = facts.get(1);
    let started_at = drill.clock.now();
    let id = BackupManifest::id_at(started_at, rand::random());
    let mut child = start(target, version / 10_000).await?;
    let (parts, sealed_bytes, tail) = upload(&mut child, &id, repository).await?;
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let error = Error::new(Kind::CopyTool, "pg_basebackup failed");
        return Err(said.lines().take(5).fold(error, Error::detail));
    }
    let manifest = BackupManifest {
        version: MANIFEST_VERSION,
        id,
        engine: "native".to_owned(),
        system_identifier: facts.get::<_, i64>(0).cast_unsigned(),
        postgres: version,
        wal_segment_bytes: segment_bytes(&segment)?,
        timeline: facts.get::<_, i32>(2).unsigned_abs(),
        start: place(&tail, "Start-LSN")?,
        end: place(&tail, "End-LSN")?,
        started_at,
        ended_at: drill.clock.now(),
        wal_included: false,
        region: None,
        bytes: parts.iter().map(|part| part.bytes).sum(),
        streams: vec![Stream {
            name: "base".to_owned(),
            location: None,
            parts,
        }],
        sealed_bytes,
        settings: Settings {
            parameters: parameters
                .iter()
                .map(|row| (row.get(0), row.get(1)))
                .collect(),
            ..Settings::default()
        },
        parent: None,
    };
    let name = BackupManifest::name(&manifest.id);
    repository.put(&name, manifest.to_bytes()?).await?;
    Ok(manifest)
}

const FACTS: &str = "select s.system_identifier, pg_catalog.current_setting('wal_segment_size'), c.timeline_id \
     from pg_catalog.pg_control_system() as s, pg_catalog.pg_control_checkpoint() as c";

const PARAMETERS: &str = "select name, setting from pg_catalog.pg_settings where name in ('max_connections', \
     'max_locks_per_transaction', 'max_prepared_transactions', 'max_wal_senders', 'max_worker_processes')";

async fn start(target: &Target, major: u32) -> Result<tokio::process::Child> {
    let search = Search {
        major: Some(major),
        ..Search::default()
    };
    let program = discover(&search).await?.program("pg_basebackup");
    let program = program.ok_or_else(|| Error::new(Kind::PostgresMissing, "no pg_basebackup"))?;
    Ok(tokio::process::Command::new(program)
        .args(["-D", "-", "-Ft", "-X", "none", "-c", "fast"])
        .env_clear()
        .envs(vars::server_environment())
        .envs(target.libpq_environment("backup")?)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?)
}

/// The parts, their sealed bytes, and the end of the stream, which is that of PostgreSQL's own
/// manifest.
async fn upload(
    child: &mut tokio::process::Child,
    id: &str,
    repository: &Repository,
) -> Result<(Vec<Part>, u64, String)> {
    let out = child.stdout.take();
    let mut out = out.ok_or_else(|| Error::new(Kind::Internal, "no pipe to pg_basebackup"))?;
    let (mut parts, mut sealed, mut tail) = (Vec::new(), 0, Vec::new());
    loop {
        let mut part = Vec::with_capacity(PART);
        (&mut out).take(PART as u64).read_to_end(&mut part).await?;
        if part.is_empty() {
            return Ok((parts, sealed, String::from_utf8_lossy(&tail).into_owned()));
        }
        tail.extend_from_slice(&part[part.len().saturating_sub(TAIL)..]);
        tail.drain(..tail.len().saturating_sub(TAIL));
        let name = BackupManifest::part_name(id, "base", parts.len());
        parts.push(Part {
            bytes: part.len() as u64,
            sha256: hex::encode(Sha256::digest(&part)),
        });
        sealed += repository.put(&name, part).await?;
    }
}

fn place(text: &str, name: &str) -> Result<Lsn> {
    let wanted = format!("\"{name}\": \"");
    let found = text
        .rsplit_once(&wanted)
        .and_then(|(_, rest)| rest.split('"').next());
    found
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::new(Kind::Internal, format!("the backup names no {name}")))
}

/// `16MB` or `1GB`.
fn segment_bytes(text: &str) -> Result<u32> {
    let number = text
        .trim_end_matches(|c: char| c.is_ascii_alphabetic())
        .parse::<u32>()
        .ok();
    let unit = if text.ends_with("GB") {
        1 << 30
    } else {
        1 << 20
    };
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| Error::new(Kind::Internal, format!("segments of {text}")))
}
