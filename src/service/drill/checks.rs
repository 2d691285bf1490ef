//! What a restored cluster must be besides equal: sound, consistent, and at home on this machine.

use std::time::Duration;

use crate::config::Target;
use crate::error::Result;
use crate::postgres::Session;
use crate::postgres::private::Binaries;
use crate::recovery::DrillCheck;
use crate::sql::{Ident, QualifiedName};

/// How a restored cluster is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// Tables and indexes that `pg_amcheck` looks at at once.
    pub jobs: u16,
    /// How long it may look at one database. What it did not come to in that time is not done.
    pub patience: Duration,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            jobs: 1,
            patience: Duration::from_secs(4 * 60 * 60),
        }
    }
}

/// Foreign keys that hold: name, both tables, their columns, the operators that compare them.
const FOREIGN_KEYS: &str = "select k.conname, cn.nspname, c.relname, pn.nspname, p.relname, \
     (select pg_catalog.array_agg(a.attname::text order by u.n) from pg_catalog.unnest(k.conkey) with ordinality as u (c, n) \
       join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = u.c), \
     (select pg_catalog.array_agg(a.attname::text order by u.n) from pg_catalog.unnest(k.confkey) with ordinality as u (c, n) \
       join pg_catalog.pg_attribute as a on a.attrelid = k.confrelid and a.attnum = u.c), \
     (select pg_catalog.array_agg(pg_catalog.format('operator(%I.%s)', n.nspname, o.oprname) order by u.n) \
       from pg_catalog.unnest(k.conpfeqop) with ordinality as u (o, n) \
       join pg_catalog.pg_operator as o on o.oid = u.o join pg_catalog.pg_namespace as n on n.oid = o.oprnamespace) \
     from pg_catalog.pg_constraint as k \
     join pg_catalog.pg_class as c on c.oid = k.conrelid join pg_catalog.pg_namespace as cn on cn.oid = c.relnamespace \
     join pg_catalog.pg_class as p on p.oid = k.confrelid join pg_catalog.pg_namespace as pn on pn.oid = p.relnamespace \
     where k.contype = 'f' and k.convalidated and k.conparentid = 0 and c.relpersistence = 'p' order by 1, 2, 3";

const INVALID_INDEXES: &str = "select n.nspname || '.' || c.relname \
     from pg_catalog.pg_index as i join pg_catalog.pg_class as c on c.oid = i.indexrelid \
     join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
     where not (i.indisvalid and i.indisready and i.indislive) order by 1";

const COLLATIONS: &str = "select collname::text from pg_catalog.pg_collation \
     where collversion is not null and collversion <> pg_catalog.pg_collation_actual_version(oid) order by 1";

/// Since PostgreSQL 15.
const DATABASE_COLLATIONS: &str = "select pg_catalog.encode(pg_catalog.decode(pg_catalog.replace(datname::text, \
     pg_catalog.chr(92), pg_catalog.repeat(pg_catalog.chr(92), 2)), 'escape'), 'escape') from pg_catalog.pg_database \
     where datcollversion is not null and datcollversion <> pg_catalog.pg_database_collation_actual_version(oid) order by 1";

/// The newest release whose phases are all done.
const LEDGER: &str = "select release from tidegate.phase where state = 'done' \
     order by pg_catalog.string_to_array(pg_catalog.regexp_replace(release, '[^0-9.].*', ''), '.')::int[] desc limit 1";

impl Checks {
    /// All checks of the database that `session` is in.
    pub(super) async fn all(
        &self,
        session: &Session,
        target: &Target,
        binaries: &Binaries,
    ) -> Result<Vec<DrillCheck>> {
        let mut checks = vec![
            self.amcheck(target, binaries).await?,
            names("invalid indexes", "none", session, &[INVALID_INDEXES]).await?,
            foreign_keys(session).await?,
            collations(session).await?,
        ];
        checks.extend(ledger(session).await?);
        Ok(checks)
    }

    /// Structure of every table and B-tree of the database, by PostgreSQL's own program.
    async fn amcheck(&self, target: &Target, binaries: &Binaries) -> Result<DrillCheck> {
        const NAME: &str = "pg_amcheck";
        let Some(program) = binaries.program(NAME) else {
            return Ok(check(NAME, None, "the program is not installed"));
        };
        let mut command = tokio::process::Command::new(program);
        command
            .args(["--install-missing", "--no-password", "--jobs"])
            .arg(self.jobs.to_string())
            .arg("--database")
            .arg(pattern(target.database()))
            .env_clear()
            .envs(binaries.environment())
            .envs(target.libpq_environment("drill")?)
            // The extension is installed in a database that its owner may have made read only.
            .env("PGOPTIONS", "-c default_transaction_read_only=off")
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        match tokio::time::timeout(self.patience, command.output()).await {
            Ok(output) => Ok(amchecked(NAME, &output?)),
            Err(_) => {
                let words = format!("did not come to an end in {:?}", self.patience);
                Ok(check(NAME, None, words))
            }
        }
    }
}

/// The pattern of psql that a database's name alone fits: between quotes nothing is folded, no dot
/// separates and no star stands for more.
fn pattern(database: &str) -> String {
    format!("\"{}\"", database.replace('"', "\"\""))
}

fn check(name: &str, passed: Option<bool>, found: impl Into<String>) -> DrillCheck {
    DrillCheck {
        name: name.to_owned(),
        passed,
        found: found.into(),
    }
}

fn amchecked(name: &str, output: &std::process::Output) -> DrillCheck {
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return check(name, Some(true), "every table and B-tree is sound");
    }
    // The extension is a package of its own on some systems.
    if complaint.contains("amcheck.control") || complaint.contains("\"amcheck\" is not available") {
        return check(name, None, "the extension amcheck is not installed");
    }
    let words: Vec<&str> = said.lines().chain(complaint.lines()).take(3).collect();
    check(name, Some(false), words.join("; "))
}

/// A check that passes when queries give no names.
async fn names(name: &str, good: &str, session: &Session, queries: &[&str]) -> Result<DrillCheck> {
    let mut found: Vec<String> = Vec::new();
    for sql in queries {
        for row in session.query(*sql, &[]).await? {
            found.push(row.try_get(0)?);
        }
    }
    let words = if found.is_empty() {
        good.to_owned()
    } else {
        found.join(", ")
    };
    Ok(check(name, Some(found.is_empty()), words))
}

async fn collations(session: &Session) -> Result<DrillCheck> {
    let both = [COLLATIONS, DATABASE_COLLATIONS];
    let queries = if session.version() >= 150_000 {
        &both[..]
    } else {
        &both[..1]
    };
    let good = "as this machine sorts";
    names("collation versions", good, session, queries).await
}

async fn foreign_keys(session: &Session) -> Result<DrillCheck> {
    const NAME: &str = "foreign keys";
    let keys = session.query(FOREIGN_KEYS, &[]).await?;
    let mut broken = Vec::new();
    for key in &keys {
        let orphans: i64 = session.query_one(&orphans(key)?, &[]).await?.try_get(0)?;
        if orphans > 0 {
            let (name, table): (String, String) = (key.try_get(0)?, key.try_get(2)?);
            broken.push(format!(
                "{name} of {table}: {orphans} rows without a parent"
            ));
        }
    }
    let words = if broken.is_empty() {
        format!("{} hold", keys.len())
    } else {
        broken.join("; ")
    };
    Ok(check(NAME, Some(broken.is_empty()), words))
}

/// The statement that counts rows without the row that they refer to.
fn orphans(key: &tokio_postgres::Row) -> Result<String> {
    let name = |schema: usize| -> Result<QualifiedName> {
        Ok(QualifiedName::new(
            Ident::new(key.try_get::<_, String>(schema)?)?,
            Ident::new(key.try_get::<_, String>(schema + 1)?)?,
        ))
    };
    let columns = |at: usize| -> Result<Vec<Ident>> {
        let names: Vec<String> = key.try_get(at)?;
        names.into_iter().map(Ident::new).collect()
    };
    let (child, parent) = (name(1)?, name(3)?);
    let (own, theirs) = (columns(5)?, columns(6)?);
    let operators: Vec<String> = key.try_get(7)?;
    let filled: Vec<String> = own.iter().map(|c| format!("c.{c} is not null")).collect();
    let equal: Vec<String> = own
        .iter()
        .zip(&theirs)
        .zip(&operators)
        .map(|((own, theirs), operator)| format!("p.{theirs} {operator} c.{own}"))
        .collect();
    Ok(format!(
        "select pg_catalog.count(*) from {child} as c where {} and not exists (select from {parent} as p where {})",
        filled.join(" and "),
        equal.join(" and ")
    ))
}

/// None when the database has no ledger, which is no fault.
async fn ledger(session: &Session) -> Result<Option<DrillCheck>> {
    let there = "select pg_catalog.to_regclass('tidegate.phase') is not null";
    if !session.query_one(there, &[]).await?.try_get(0)? {
        return Ok(None);
    }
    let words = match session.query_opt(LEDGER, &[]).await? {
        None => "no release yet".to_owned(),
        Some(row) => format!("at {}", row.try_get::<_, String>(0)?),
    };
    Ok(Some(check("ledger", Some(true), words)))
}
