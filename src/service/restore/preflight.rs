//! What a backup asks of the machine that it is restored on. Most of it is looked at before anything is
//! written; how ICU sorts here, only a server can be asked.

use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::private::{Binaries, Extensions};
use crate::recovery::{BackupManifest, OtherCollation, PRELOADED, libraries};

/// Settings that make a server, or each of its connections, load libraries.
const LOADING: [&str; 3] = [
    PRELOADED,
    "session_preload_libraries",
    "local_preload_libraries",
];
/// By it libraries are looked for elsewhere.
const ELSEWHERE: &str = "dynamic_library_path";
/// The provider whose version is that of the C library.
const LIBC: &str = "libc";

/// Collations of the restored cluster that sort in another version here. The versions of databases are
/// recorded since PostgreSQL 15; a name is bytes of any encoding, of which what is no ASCII is escaped.
const OTHER: &str = "select collname::text, collprovider::text, collversion, pg_catalog.pg_collation_actual_version(oid) \
     from pg_catalog.pg_collation where collversion is not null \
     and collversion is distinct from pg_catalog.pg_collation_actual_version(oid) order by 1";
const OTHER_DATABASES: &str = "select 'database ' || pg_catalog.encode(pg_catalog.decode(pg_catalog.replace(datname::text, \
     pg_catalog.chr(92), pg_catalog.repeat(pg_catalog.chr(92), 2)), 'escape'), 'escape'), datlocprovider::text, datcollversion, \
     pg_catalog.pg_database_collation_actual_version(oid) \
     from pg_catalog.pg_database where datcollversion is not null \
     and datcollversion is distinct from pg_catalog.pg_database_collation_actual_version(oid) order by 1";

/// Looks at the programs and at the C library; gives what is to be known, in sentences.
///
/// # Errors
/// [`Kind::ConfigValue`] for a library that `wanted` makes the server load and that is not there: it would
/// not start, after all was fetched.
pub(super) async fn preflight(
    binaries: &Binaries,
    backup: &BackupManifest,
    wanted: &[(String, String)],
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    match binaries.extensions().await {
        Some(here) => {
            loadable(&here, wanted)?;
            let settings = &backup.settings;
            found.extend(settings.missing(|name| here.holds(name), |name| here.knows(name)));
        }
        None => {
            let dir = binaries.dir.display();
            tracing::debug!("the extensions of the programs in {dir} are not known");
        }
    }
    if let Some(version) = libc_version().await {
        let other = OtherCollation::of(&backup.settings.collations, LIBC, &version);
        found.extend(other.iter().map(OtherCollation::warning));
    }
    for warning in &found {
        tracing::warn!("{warning}");
    }
    Ok(found)
}

/// Whether a setting is among those that were asked for.
pub(super) fn names(wanted: &[(String, String)], setting: &str) -> bool {
    let mut wanted = wanted.iter();
    wanted.any(|(name, _)| name.eq_ignore_ascii_case(setting))
}

fn loadable(here: &Extensions, wanted: &[(String, String)]) -> Result<()> {
    if names(wanted, ELSEWHERE) {
        return Ok(());
    }
    for (setting, list) in wanted {
        let loads = LOADING
            .iter()
            .any(|name| setting.eq_ignore_ascii_case(name));
        for name in libraries(list).into_iter().filter(|_| loads) {
            if !here.holds(&name) {
                let folder = here.libraries().display();
                return Err(Error::new(
                    Kind::ConfigValue,
                    format!("--set {setting} names the library {name}, which is not in {folder}: the server would not start"),
                )
                .hint("install the package that brings the library, or leave it out"));
            }
        }
    }
    Ok(())
}

/// The version of the C library, as a server reports it for its collations (`gnu_get_libc_version`); none
/// where it has none.
async fn libc_version() -> Option<String> {
    let mut told = tokio::process::Command::new("getconf");
    told.arg("GNU_LIBC_VERSION").kill_on_drop(true);
    let output = told.output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().strip_prefix("glibc ").map(str::to_owned)
}

/// What the restored server says of its collations, but for what was `told`. That they could not be compared
/// is no failure of the restore, but to be known.
pub(super) async fn collations(url: &str, told: &[String]) -> Vec<String> {
    let mut found = match enter(url).await {
        Ok(session) => {
            let mut found = compared(&session, OTHER).await;
            if session.version() >= 150_000 {
                found.extend(compared(&session, OTHER_DATABASES).await);
            }
            found
        }
        Err(error) => vec![uncompared(&error)],
    };
    found.retain(|words| !told.contains(words));
    for warning in &found {
        tracing::warn!("{warning}");
    }
    found
}

async fn enter(url: &str) -> Result<Session> {
    let target = crate::service::scratch::target(url, None).await?;
    Session::connect(&target, "restore").await
}

async fn compared(session: &Session, sql: &str) -> Vec<String> {
    match other(session, sql).await {
        Ok(other) => other.iter().map(OtherCollation::warning).collect(),
        Err(error) => vec![uncompared(&error)],
    }
}

fn uncompared(error: &Error) -> String {
    format!("collations were not compared with those of this machine: {error}")
}

async fn other(session: &Session, sql: &str) -> Result<Vec<OtherCollation>> {
    let rows = session.query(sql, &[]).await?;
    let mut found: Vec<OtherCollation> = Vec::new();
    for row in rows {
        let (name, provider): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let (recorded, actual): (String, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
        let provider = crate::recovery::provider_name(&provider);
        let same = found.iter_mut().find(|one| {
            one.provider == provider && one.recorded == recorded && one.actual == actual
        });
        match same {
            Some(same) => same.names.push(name),
            None => found.push(OtherCollation {
                provider: provider.to_owned(),
                recorded,
                actual,
                names: vec![name],
            }),
        }
    }
    Ok(found)
}
