//! Grants as `pg_restore` writes them, and which of them another server can take.

use std::collections::BTreeSet;

/// The grants of a schema that fit another server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// The statements, in their order.
    pub statements: Vec<String>,
    /// Roles that the others name and the server does not have.
    pub absent: BTreeSet<String>,
    /// Whether privileges that new objects get by default were left out: only a superuser may set
    /// those of another role.
    pub defaults_left_out: bool,
}

impl Grants {
    /// Reads a script of `GRANT`, `REVOKE` and `ALTER DEFAULT PRIVILEGES`, one statement a line, as
    /// PostgreSQL's programs write them. A statement is carried when it is certain that its role is
    /// one of `roles` or `PUBLIC`. Who granted something is not carried: the owner did.
    #[must_use]
    pub fn fitting(script: &str, roles: &BTreeSet<String>, superuser: bool) -> Self {
        let mut this = Self::default();
        for line in script.lines() {
            let Some(statement) = line.strip_suffix(';') else {
                continue;
            };
            let (to, default) = if statement.starts_with("GRANT ") {
                (" TO ", false)
            } else if statement.starts_with("REVOKE ") {
                (" FROM ", false)
            } else if statement.starts_with("ALTER DEFAULT PRIVILEGES ") {
                (
                    if statement.contains(" GRANT ") {
                        " TO "
                    } else {
                        " FROM "
                    },
                    true,
                )
            } else {
                continue;
            };
            let whole = statement
                .strip_suffix(" WITH GRANT OPTION")
                .unwrap_or(statement);
            let Some((_, role)) = whole.rsplit_once(to) else {
                continue;
            };
            if default && !superuser {
                this.defaults_left_out = true;
                continue;
            }
            let owner = if default {
                owner_of_defaults(statement)
            } else {
                Some("PUBLIC")
            };
            let missing = |role: &str| {
                let name = unquoted(role);
                (role != "PUBLIC" && !roles.contains(&name)).then_some(name)
            };
            let absent: Vec<String> = [Some(role), owner]
                .into_iter()
                .flatten()
                .filter_map(missing)
                .collect();
            if absent.is_empty() {
                this.statements.push(line.to_owned());
            }
            this.absent.extend(absent);
        }
        this
    }
}

/// The role between `FOR ROLE` and what follows it.
fn owner_of_defaults(statement: &str) -> Option<&str> {
    let (_, rest) = statement.split_once(" FOR ROLE ")?;
    let ends = [" IN SCHEMA ", " GRANT ", " REVOKE "];
    let end = ends.iter().filter_map(|end| rest.find(end)).min()?;
    rest.get(..end)
}

/// The name that an identifier stands for.
fn unquoted(role: &str) -> String {
    let inner = role
        .strip_prefix('"')
        .and_then(|role| role.strip_suffix('"'));
    inner.map_or_else(|| role.to_owned(), |inner| inner.replace("\"\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "--\n\
        SET SESSION AUTHORIZATION other;\n\
        GRANT SELECT ON TABLE public.\"a TO b\" TO reader;\n\
        RESET SESSION AUTHORIZATION;\n\
        REVOKE ALL ON FUNCTION public.f() FROM PUBLIC;\n\
        GRANT ALL ON FUNCTION public.f() TO \"App \"\"x\" WITH GRANT OPTION;\n\
        GRANT SELECT(id) ON TABLE public.t TO gone;\n\
        GRANT SELECT ON TABLE public.t TO \"x TO reader\";\n\
        ALTER DEFAULT PRIVILEGES FOR ROLE reader IN SCHEMA public GRANT SELECT ON TABLES TO reader;\n\
        ALTER DEFAULT PRIVILEGES FOR ROLE lost REVOKE ALL ON FUNCTIONS FROM PUBLIC;\n";

    #[test]
    fn only_grants_of_missing_roles_are_dropped() {
        let roles = ["reader", "App \"x"].map(str::to_owned).into();
        let grants = Grants::fitting(SCRIPT, &roles, true);
        assert_eq!(
            grants.statements,
            [
                "GRANT SELECT ON TABLE public.\"a TO b\" TO reader;",
                "REVOKE ALL ON FUNCTION public.f() FROM PUBLIC;",
                "GRANT ALL ON FUNCTION public.f() TO \"App \"\"x\" WITH GRANT OPTION;",
                "ALTER DEFAULT PRIVILEGES FOR ROLE reader IN SCHEMA public GRANT SELECT ON TABLES TO reader;",
            ]
        );
        assert_eq!(
            grants.absent,
            ["gone", "lost", "reader\""].map(str::to_owned).into()
        );
        let without = Grants::fitting(SCRIPT, &roles, false);
        assert!(without.defaults_left_out && without.statements.len() == 3);
    }
}
