//! Connection strings: URLs and `key=value` lists, with libpq's variables, password file and TLS
//! options. <https://www.postgresql.org/docs/current/libpq-connect.html>

use std::path::{Path, PathBuf};

use tokio_postgres::config::{Host, SslMode};

use super::vars;
use crate::error::{Error, Kind, Result};

/// How the server is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsMode {
    /// Plain text.
    Disable,
    /// TLS when the server has it, not verified.
    Prefer,
    /// TLS, not verified unless a root certificate is given.
    Require,
    /// TLS, the certificate's chain verified.
    VerifyCa,
    /// TLS, chain and host name verified.
    VerifyFull,
}

/// The TLS part of a connection string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// How the server is authenticated.
    pub mode: TlsMode,
    /// PEM file of the accepted authorities; the system's when there is none.
    pub root: Option<PathBuf>,
    /// PEM files of the client's certificate and key.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// Options that the driver does not know and that are taken out before it reads the rest.
const OWN: [&str; 4] = ["sslmode", "sslrootcert", "sslcert", "sslkey"];

/// Reads a connection string; what it leaves open comes from libpq's variables, the password file
/// and libpq's defaults.
pub(super) fn parse(text: &str) -> Result<(tokio_postgres::Config, Tls)> {
    let (rest, mut options) = if text.contains("://") {
        split_url(text)
    } else {
        split_list(text)
    };
    for (name, variable) in OWN
        .iter()
        .zip(["PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"])
    {
        if options.iter().all(|(key, _)| key != name)
            && let Some(value) = vars::libpq(variable)
        {
            options.push(((*name).to_owned(), value));
        }
    }
    let mut postgres: tokio_postgres::Config =
        rest.parse().map_err(|error: tokio_postgres::Error| {
            // The driver's own words may repeat a part of the string, and with it a password.
            let what = std::error::Error::source(&error).map_or_else(String::new, |cause| {
                let cause = cause.to_string();
                if cause.starts_with("unknown option") {
                    format!(": {cause}")
                } else {
                    String::new()
                }
            });
            Error::new(
                Kind::ConnectionString,
                format!("the connection string cannot be read{what}"),
            )
        })?;
    fill(&mut postgres)?;
    let tls = tls(&options)?;
    postgres.ssl_mode(match tls.mode {
        TlsMode::Disable => SslMode::Disable,
        TlsMode::Prefer => SslMode::Prefer,
        TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
    });
    Ok((postgres, tls))
}

/// Whether every host is a socket of this machine's file system.
pub(super) fn only_sockets(postgres: &tokio_postgres::Config) -> bool {
    postgres.get_hostaddrs().is_empty()
        && postgres
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Unix(_)))
}

fn split_url(text: &str) -> (String, Vec<(String, String)>) {
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    let (own, kept): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .partition(|pair| OWN.contains(&pair.split('=').next().unwrap_or_default()));
    let options = own
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), decode(value)))
        .collect();
    let rest = if kept.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{}", kept.join("&"))
    };
    (rest, options)
}

fn split_list(text: &str) -> (String, Vec<(String, String)>) {
    let (own, kept): (Vec<&str>, Vec<&str>) = text
        .split_whitespace()
        .partition(|pair| OWN.contains(&pair.split('=').next().unwrap_or_default()));
    let options = own
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.trim_matches('\'').to_owned()))
        .collect();
    (kept.join(" "), options)
}

/// Percent-decodes a value of a URL's query.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn tls(options: &[(String, String)]) -> Result<Tls> {
    let get = |name: &str| {
        options
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    let root = get("sslrootcert").map(PathBuf::from);
    let mode = match get("sslmode").as_deref() {
        None | Some("prefer" | "allow") => TlsMode::Prefer,
        Some("disable") => TlsMode::Disable,
        // As libpq has it: a root certificate turns `require` into `verify-ca`.
        Some("require") if root.is_some() => TlsMode::VerifyCa,
        Some("require") => TlsMode::Require,
        Some("verify-ca") => TlsMode::VerifyCa,
        Some("verify-full") => TlsMode::VerifyFull,
        Some(other) => {
            return Err(Error::new(
                Kind::ConnectionString,
                format!("unknown sslmode \"{other}\""),
            )
            .hint("disable, allow, prefer, require, verify-ca or verify-full"));
        }
    };
    Ok(Tls {
        mode,
        root,
        client: get("sslcert")
            .zip(get("sslkey"))
            .map(|(cert, key)| (cert.into(), key.into())),
    })
}

/// What the string leaves open.
fn fill(postgres: &mut tokio_postgres::Config) -> Result<()> {
    if postgres.get_hosts().is_empty() && postgres.get_hostaddrs().is_empty() {
        let host = vars::libpq("PGHOST").unwrap_or_else(|| {
            let socket = ["/var/run/postgresql", "/tmp"]
                .into_iter()
                .find(|folder| Path::new(folder).join(".s.PGSQL.5432").exists());
            socket.unwrap_or("localhost").to_owned()
        });
        postgres.host(&host);
    }
    if postgres.get_ports().is_empty()
        && let Some(port) = vars::libpq("PGPORT")
    {
        let port = port.parse().map_err(|_| {
            Error::new(
                Kind::ConnectionString,
                format!("PGPORT \"{port}\" is not a port"),
            )
        })?;
        postgres.port(port);
    }
    if postgres.get_user().is_none() {
        let user = vars::libpq("PGUSER")
            .unwrap_or_else(|| crate::control::Operator::of_process(None).os_user);
        postgres.user(user);
    }
    if postgres.get_dbname().is_none() {
        let name = vars::libpq("PGDATABASE").or_else(|| postgres.get_user().map(str::to_owned));
        postgres.dbname(name.unwrap_or_default());
    }
    if postgres.get_password().is_none()
        && let Some(password) = vars::libpq("PGPASSWORD").or_else(|| from_password_file(postgres))
    {
        postgres.password(password);
    }
    if postgres.get_connect_timeout().is_none() {
        postgres.connect_timeout(std::time::Duration::from_secs(10));
    }
    Ok(())
}

/// The first matching line of the password file; a file that others may read is ignored, as libpq
/// does. <https://www.postgresql.org/docs/current/libpq-pgpass.html>
fn from_password_file(postgres: &tokio_postgres::Config) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = vars::libpq("PGPASSFILE")
        .map(PathBuf::from)
        .or_else(|| vars::libpq("HOME").map(|home| Path::new(&home).join(".pgpass")))?;
    let mode = std::fs::metadata(&path).ok()?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "the password file is ignored: others may read it (chmod 600)");
        return None;
    }
    let host = match postgres.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        _ => "localhost".to_owned(),
    };
    let port = postgres
        .get_ports()
        .first()
        .copied()
        .unwrap_or(5432)
        .to_string();
    let wanted = [
        host.as_str(),
        &port,
        postgres.get_dbname()?,
        postgres.get_user()?,
    ];
    std::fs::read_to_string(&path)
        .ok()?
        .lines()
        .find_map(|line| password_of(line, &wanted))
}

fn password_of(line: &str, wanted: &[&str; 4]) -> Option<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => fields.last_mut()?.extend(characters.next()),
            ':' if fields.len() < 5 => fields.push(String::new()),
            other => fields.last_mut()?.push(other),
        }
    }
    let [host, port, database, user, password] = fields.as_slice() else {
        return None;
    };
    let matches = [host, port, database, user]
        .iter()
        .zip(wanted)
        .all(|(field, value)| *field == "*" || field.as_str() == *value);
    (matches && !line.starts_with('#')).then(|| password.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_options_of_both_forms() {
        let (_, tls) =
            parse("postgresql://u@h:5433/d?sslmode=verify-full&sslrootcert=%2Fca.pem").unwrap();
        assert_eq!(
            (tls.mode, tls.root),
            (TlsMode::VerifyFull, Some("/ca.pem".into()))
        );
        let (postgres, tls) = parse("host=h user=u dbname=d sslmode=require").unwrap();
        assert_eq!(
            (tls.mode, postgres.get_dbname()),
            (TlsMode::Require, Some("d"))
        );
        assert!(parse("host=h sslmode=always").is_err());
    }

    #[test]
    fn errors_never_hold_the_password() {
        let error = parse("postgresql://u:hunter2@h:notaport/d").unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
    }

    #[test]
    fn password_lines() {
        let wanted = ["db", "5432", "shop", "app"];
        assert_eq!(
            password_of("db:5432:shop:app:se\\:cret", &wanted),
            Some("se:cret".to_owned())
        );
        assert_eq!(
            password_of("*:*:*:app:x:y", &wanted),
            Some("x:y".to_owned())
        );
        assert_eq!(password_of("other:*:*:*:x", &wanted), None);
        assert_eq!(password_of("# db:5432:shop:app:x", &wanted), None);
    }
}
