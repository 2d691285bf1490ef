//! A database's own properties: how it is created, and what the target had been given.

use super::databases::Databases;
use crate::error::Result;
use crate::postgres::Session;
use crate::sql::{Ident, literal};

/// Settings whose stored value is a list of quoted names, which `ALTER DATABASE SET` must be given
/// item by item (`GUC_LIST_QUOTE` in PostgreSQL's `guc_tables.c`).
const LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// The statement that makes the copy's database: encoding and locale are those of the source.
pub(super) async fn create_database(
    source: &Session,
    databases: &Databases,
    name: &Ident,
) -> Result<String> {
    let options = database_options(source, databases.session.version()).await?;
    Ok(format!(
        "create database {name} template template0 {options}"
    ))
}

/// The options of `CREATE DATABASE` that give the encoding and locale of the session's database, on
/// a server of `version`.
pub(super) async fn database_options(session: &Session, version: i32) -> Result<String> {
    let (provider, locale) = match session.version() {
        ..150_000 => ("'c'", "null::text"),
        150_000..170_000 => ("datlocprovider::text", "daticulocale"),
        _ => ("datlocprovider::text", "datlocale"),
    };
    let row = session
        .query_one(
            &format!(
                "select pg_catalog.pg_encoding_to_char(encoding)::text, datcollate::text, datctype::text, \
                 {provider}, {locale}::text from pg_catalog.pg_database \
                 where datname = pg_catalog.current_database()"
            ),
            &[],
        )
        .await?;
    let text = |at: usize| row.get::<_, Option<String>>(at).unwrap_or_default();
    let mut sql = format!(
        "encoding {} lc_collate {} lc_ctype {}",
        literal(&text(0)),
        literal(&text(1)),
        literal(&text(2))
    );
    match (text(3).as_str(), version) {
        ("i", 150_000..) => {
            sql.push_str(&format!(
                " locale_provider icu icu_locale {}",
                literal(&text(4))
            ));
        }
        ("b", 170_000..) => {
            sql.push_str(&format!(
                " locale_provider builtin builtin_locale {}",
                literal(&text(4))
            ));
        }
        (_, 150_000..) => sql.push_str(" locale_provider libc"),
        _ => {}
    }
    Ok(sql)
}

/// The statements that give `to` what `from` has: owner, limit of connections, grants, settings.
/// They are run in the transaction that swaps the names.
pub(in crate::service) async fn like(
    databases: &Databases,
    from: &Ident,
    to: &Ident,
) -> Result<Vec<String>> {
    let session = &databases.session;
    let row = session
        .query_one(
            "select pg_catalog.pg_get_userbyid(datdba)::text, datconnlimit, datacl is null \
             from pg_catalog.pg_database where datname = $1",
            &[&from.as_str()],
        )
        .await?;
    let owner = Ident::new(row.get::<_, String>(0))?;
    let mut statements = vec![format!(
        "alter database {to} with connection limit {}",
        row.get::<_, i32>(1)
    )];
    statements.extend(grants(session, from, to, row.get(2)).await?);
    statements.extend(settings(session, from, to).await?);
    if owner.as_str() != databases.target.role() {
        statements.push(format!("alter database {to} owner to {owner}"));
    }
    Ok(statements)
}

async fn grants(session: &Session, from: &Ident, to: &Ident, default: bool) -> Result<Vec<String>> {
    if default {
        return Ok(vec![format!(
            "grant connect, temporary on database {to} to public"
        )]);
    }
    let rows = session
        .query(
            "select a.privilege_type, a.is_grantable, case when a.grantee = 0 then null \
             else pg_catalog.pg_get_userbyid(a.grantee)::text end \
             from pg_catalog.pg_database as d, pg_catalog.aclexplode(d.datacl) as a \
             where d.datname = $1 and a.grantee <> d.datdba",
            &[&from.as_str()],
        )
        .await?;
    // A clone begins with what everybody may by default.
    let mut statements = vec![format!("revoke all on database {to} from public")];
    for row in rows {
        let (privilege, grantable): (String, bool) = (row.get(0), row.get(1));
        let role = match row.get::<_, Option<String>>(2) {
            Some(role) => Ident::new(role)?.to_string(),
            None => "public".to_owned(),
        };
        let option = if grantable { " with grant option" } else { "" };
        statements.push(format!(
            "grant {privilege} on database {to} to {role}{option}"
        ));
    }
    Ok(statements)
}

async fn settings(session: &Session, from: &Ident, to: &Ident) -> Result<Vec<String>> {
    let rows = session
        .query(
            "select case when s.setrole = 0 then null else pg_catalog.pg_get_userbyid(s.setrole)::text end, \
             pg_catalog.unnest(s.setconfig) from pg_catalog.pg_db_role_setting as s \
             join pg_catalog.pg_database as d on d.oid = s.setdatabase where d.datname = $1",
            &[&from.as_str()],
        )
        .await?;
    let mut statements = Vec::new();
    for row in rows {
        let (role, entry): (Option<String>, String) = (row.get(0), row.get(1));
        let Some((name, value)) = entry.split_once('=') else {
            continue;
        };
        let whose = match role {
            Some(role) => format!("alter role {} in database {to}", Ident::new(role)?),
            None => format!("alter database {to}"),
        };
        // `namespace.name` is two names.
        let parts: Vec<String> = name
            .split('.')
            .map(|part| Ident::new(part).map(|part| part.to_string()))
            .collect::<Result<_>>()?;
        statements.push(format!(
            "{whose} set {} = {}",
            parts.join("."),
            setting(name, value)
        ));
    }
    Ok(statements)
}

fn setting(name: &str, value: &str) -> String {
    if !LISTS.contains(&name) {
        return literal(value);
    }
    let items: Vec<String> = items(value).iter().map(|item| literal(item)).collect();
    if items.is_empty() {
        literal("")
    } else {
        items.join(", ")
    }
}

/// The items of `"$user", public`.
fn items(list: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut item = String::new();
    let mut quoted = false;
    let mut letters = list.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                item.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => found.push(std::mem::take(&mut item)),
            blank if !quoted && blank.is_whitespace() => {}
            other => item.push(other),
        }
    }
    if !item.is_empty() || !found.is_empty() {
        found.push(item);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_given_item_by_item() {
        assert_eq!(
            setting("search_path", "\"$user\", public"),
            "'$user', 'public'"
        );
        assert_eq!(setting("search_path", "\"a, \"\"b\""), "'a, \"b'");
        assert_eq!(setting("search_path", ""), "''");
        assert_eq!(setting("work_mem", "64MB"), "'64MB'");
    }
}
