//! Names of the databases around a target.

use crate::error::Result;
use crate::sql::Ident;

/// The database that a run builds: `<name>_tidegate_<run>`.
///
/// # Errors
/// None in practice: long names are shortened.
pub fn working_name(target: &str, run: &str) -> Result<Ident> {
    Ident::derived(target, &format!("tidegate_{run}"))
}

/// The target that a promoted run replaced: `<name>_before_<run>`.
///
/// # Errors
/// None in practice: long names are shortened.
pub fn before_name(target: &str, run: &str) -> Result<Ident> {
    Ident::derived(target, &format!("before_{run}"))
}
