//! Databases that are never seeded.

use crate::catalog::Catalog;
use crate::config::Tier;
use crate::control::seed::{HookKind, Unhooked};
use crate::error::{Error, Kind, Result};
use crate::generate::SeedPlan;
use crate::postgres::Session;
use crate::sql::QualifiedName;

/// Refuses production whatever the flags say, and staging without consent.
///
/// # Errors
/// [`Kind::SeedRefused`].
pub fn refuse(environment: &str, tier: Tier, consent: bool) -> Result<()> {
    match tier {
        Tier::Production => Err(Error::new(
            Kind::SeedRefused,
            format!("{environment} is a production environment"),
        )
        .hint("no flag allows this: synthetic data never goes into production")),
        Tier::Staging if !consent => Err(Error::new(
            Kind::SeedRefused,
            format!("{environment} is a staging environment"),
        )
        .hint("say --yes when its data may be mixed with synthetic rows, or replaced")),
        Tier::Staging | Tier::Dev => Ok(()),
    }
}

/// Refuses a standby, and tables that the role does not own: their constraints could not be put back.
pub(super) async fn refuse_database(session: &Session, plan: &SeedPlan) -> Result<()> {
    refuse_standby(session).await?;
    let names: Vec<&QualifiedName> = plan.tables.iter().map(|table| &table.name).collect();
    refuse_lacking(session, (&names, &[], &[])).await
}

/// Refuses a role that could not put back what is to be taken off: on tables of others that refer to
/// the planned ones, in a schema where it may make no index, to a table that it may not refer to.
pub(super) async fn refuse_unable(
    session: &Session,
    catalog: &Catalog,
    hooks: &[Unhooked],
) -> Result<()> {
    let of = |kinds: &[HookKind]| {
        let kinds = kinds.to_vec();
        hooks.iter().filter(move |hook| kinds.contains(&hook.kind))
    };
    let altered: Vec<&QualifiedName> = hooks.iter().map(|hook| &hook.table).collect();
    let made = of(&[HookKind::Key, HookKind::Index]);
    let schemas: Vec<&str> = made.map(|hook| hook.table.schema.as_str()).collect();
    let referred = of(&[HookKind::ForeignKey]).filter_map(|hook| {
        let mut keys = catalog.table(&hook.table)?.foreign_keys();
        let key = keys.find(|key| key.name == hook.name)?.foreign_key()?;
        Some(&key.table)
    });
    let referred: Vec<&QualifiedName> = referred.collect();
    refuse_lacking(session, (&altered, &schemas, &referred)).await
}

async fn refuse_lacking(
    session: &Session,
    (altered, schemas, referred): (&[&QualifiedName], &[&str], &[&QualifiedName]),
) -> Result<()> {
    let ((in_altered, altered), (in_referred, referred)) = (split(altered), split(referred));
    let row = session
        .query_opt(
            LACKS,
            &[&in_altered, &altered, &schemas, &in_referred, &referred],
        )
        .await?;
    let Some(row) = row else {
        return Ok(());
    };
    let (role, lacks, hint): (String, String, String) = (row.get(0), row.get(1), row.get(2));
    Err(Error::new(Kind::Privilege, format!("{role} {lacks}")).hint(hint))
}

/// Schemas and names: a role may not even look a table up in a schema that it may not use.
fn split<'n>(names: &[&'n QualifiedName]) -> (Vec<&'n str>, Vec<&'n str>) {
    let parts = names
        .iter()
        .map(|name| (name.schema.as_str(), name.name.as_str()));
    parts.unzip()
}

/// What the role lacks to put back what is taken off, and the remedy.
const LACKS: &str = "with known(schema, name, oid, relowner) as ( \
      select n.nspname, c.relname, c.oid, c.relowner \
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace) \
    select current_user::text, lacks, hint from ( \
      select 'does not own ' || k.oid::pg_catalog.regclass, \
        'seed as the owner of the tables, whose constraints are dropped and made again' \
      from rows from (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) as u(schema, name) join known k using (schema, name) \
      where not pg_catalog.pg_has_role(k.relowner, 'USAGE') \
      union all select 'may make no index in the schema ' || name, \
        pg_catalog.format('indexes of its tables are dropped and made again: grant create on schema %I to %I', name, current_user) \
      from pg_catalog.unnest($3::text[]) as u(name) where not pg_catalog.has_schema_privilege(name, 'CREATE') \
      union all select 'may not refer to ' || k.oid::pg_catalog.regclass, \
        pg_catalog.format('foreign keys to it are dropped and made again: grant references on %s to %I', k.oid::pg_catalog.regclass, current_user) \
      from rows from (pg_catalog.unnest($4::text[]), pg_catalog.unnest($5::text[])) as u(schema, name) join known k using (schema, name) \
      where not pg_catalog.has_any_column_privilege(k.oid, 'REFERENCES')) as lacking(lacks, hint) limit 1";

pub(super) async fn refuse_standby(session: &Session) -> Result<()> {
    let row = session
        .query_one("select pg_catalog.pg_is_in_recovery()", &[])
        .await?;
    if row.get(0) {
        return Err(Error::new(
            Kind::SeedRefused,
            "the server is a standby, or is recovering",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_is_never_seeded() {
        for consent in [false, true] {
            let error = refuse("production", Tier::Production, consent).unwrap_err();
            assert_eq!(error.kind(), Kind::SeedRefused);
            assert!(refuse("dev", Tier::Dev, consent).is_ok());
            assert_eq!(refuse("staging", Tier::Staging, consent).is_ok(), consent);
        }
    }
}
