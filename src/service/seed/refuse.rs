//! Databases that are never seeded.

use crate::config::Tier;
use crate::error::{Error, Kind, Result};
use crate::generate::SeedPlan;
use crate::postgres::Session;

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
    let names: Vec<String> = plan.tables.iter().map(|t| t.name.to_string()).collect();
    let row = session
        .query_opt(
            "select c.oid::pg_catalog.regclass::text, current_user::text from pg_catalog.unnest($1::text[]) as n(name) \
             join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(n.name) \
             where not pg_catalog.pg_has_role(c.relowner, 'USAGE') limit 1",
            &[&names],
        )
        .await?;
    let Some(row) = row else {
        return Ok(());
    };
    let (table, role): (String, String) = (row.get(0), row.get(1));
    Err(
        Error::new(Kind::Privilege, format!("{role} does not own {table}"))
            .hint("seed as the owner of the tables, whose constraints are dropped and made again"),
    )
}

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
