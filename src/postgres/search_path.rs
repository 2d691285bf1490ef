//! SQL of the project (conditions, expressions, bodies) is read as the project reads it; everything
//! else under `pg_catalog`.

use crate::error::Result;
use crate::sql::Ident;

/// How long a search path holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Until the session is given another one.
    Session,
    /// Until the transaction ends.
    Transaction,
}

/// The statement that makes names resolve in these schemas, in this order; without any, in
/// `pg_catalog` alone.
///
/// # Errors
/// [`crate::error::Kind::NameInvalid`] for what is no name.
pub fn search_path(schemas: &[String], scope: Scope) -> Result<String> {
    Ok(search_path_of(&names(schemas)?, scope))
}

/// The same of names that were checked.
#[must_use]
pub fn search_path_of(schemas: &[Ident], scope: Scope) -> String {
    let local = match scope {
        Scope::Session => "",
        Scope::Transaction => "local ",
    };
    format!("set {local}search_path = {}", listed(schemas))
}

/// The value of such a search path, for `set_config`.
///
/// # Errors
/// As [`search_path`].
pub fn schema_list(schemas: &[String]) -> Result<String> {
    Ok(listed(&names(schemas)?))
}

fn names(schemas: &[String]) -> Result<Vec<Ident>> {
    schemas.iter().cloned().map(Ident::new).collect()
}

fn listed(schemas: &[Ident]) -> String {
    if schemas.is_empty() {
        return "pg_catalog".to_owned();
    }
    let names: Vec<String> = schemas.iter().map(Ident::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_no_schema_means_the_catalog() {
        let schemas = ["shop".to_owned(), "We \"ird".to_owned()];
        assert_eq!(
            search_path(&schemas, Scope::Transaction).unwrap(),
            "set local search_path = \"shop\", \"We \"\"ird\""
        );
        assert_eq!(
            search_path(&[], Scope::Session).unwrap(),
            "set search_path = pg_catalog"
        );
    }
}
