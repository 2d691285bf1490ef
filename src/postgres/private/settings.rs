//! The configuration files that a private server is started with.

use std::fmt::Write;

use super::layout::Layout;
use crate::error::{Error, Kind, Result};

/// Who may log in: anybody who can reach the socket, which is only the server's user and root
/// (see `docs/adr/0005-private-server.md`). There is no line for TCP.
pub(super) const HBA: &str = "# Written by Tidegate at each start.\n\
    local all         all trust\n\
    local replication all trust\n";

/// `postgresql.conf`: small, durable, reachable through the socket alone. `extra` comes last and
/// wins, but for the settings that keep the server private.
///
/// # Errors
/// [`Kind::ConfigValue`] for a name that is no setting's, or one that must stay as it is.
pub(super) fn render(layout: &Layout, lasting: bool, extra: &[(String, String)]) -> Result<String> {
    let mut text = String::from("# Written by Tidegate at each start; changes are lost.\n");
    let mut set = |name: &str, value: &str| {
        let _ = writeln!(text, "{name} = {}", quoted(value));
    };
    for (name, value) in DEFAULTS {
        set(name, value);
    }
    if lasting {
        for (name, value) in ROTATION {
            set(name, value);
        }
        set("log_directory", &layout.log.to_string_lossy());
    }
    for (name, value) in extra {
        check(name)?;
        set(name, value);
    }
    for (name, value) in FIXED {
        set(name, value);
    }
    set("cluster_name", &layout.title());
    set("unix_socket_directories", &layout.socket.to_string_lossy());
    set("hba_file", &layout.hba.to_string_lossy());
    Ok(text)
}

/// Durable as in production (fsync, full_page_writes and synchronous_commit keep their default
/// `on`), small as a guest on a developer's machine.
const DEFAULTS: &[(&str, &str)] = &[
    ("max_connections", "100"),
    ("shared_buffers", "128MB"),
    ("shared_preload_libraries", ""),
    ("track_io_timing", "on"),
    ("log_lock_waits", "on"),
    ("log_line_prefix", "%m [%p] %q%u@%d %a "),
    ("log_timezone", "UTC"),
    ("timezone", "UTC"),
    ("datestyle", "iso, ymd"),
    ("lc_messages", "C"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("default_text_search_config", "pg_catalog.english"),
];

/// One file per weekday, overwritten a week later: the log is bounded by a week.
const ROTATION: &[(&str, &str)] = &[
    ("logging_collector", "on"),
    ("log_filename", "server-%a.log"),
    ("log_rotation_age", "1d"),
    ("log_rotation_size", "0"),
    ("log_truncate_on_rotation", "on"),
];

const FIXED: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("port", "5432"),
    ("unix_socket_permissions", "0700"),
    ("update_process_title", "on"),
];

/// Settings that would open the server, move its data or make [`super::PrivateServer`] lose it.
const RESERVED: &[&str] = &[
    "cluster_name",
    "config_file",
    "data_directory",
    "external_pid_file",
    "hba_file",
    "ident_file",
    "include",
    "include_dir",
    "include_if_exists",
    "listen_addresses",
    "port",
    "unix_socket_directories",
    "unix_socket_group",
    "unix_socket_permissions",
    "update_process_title",
];

/// Refuses what is not the name of a setting, or must stay as it is.
///
/// # Errors
/// [`Kind::ConfigValue`].
pub fn check(name: &str) -> Result<()> {
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) {
        return Err(Error::new(
            Kind::ConfigValue,
            format!("the private server's setting {lower} cannot be changed"),
        )
        .hint("it keeps the server private; use a server of your own for that"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(plain) {
        return Ok(());
    }
    Err(Error::new(
        Kind::ConfigValue,
        format!("{name:?} is not the name of a setting"),
    )
    .hint("write it as NAME=VALUE, for example work_mem=64MB"))
}

/// A value as `postgresql.conf` reads it back (guc-file.l, `DeescapeQuotedString`).
fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('\'');
    for c in value.chars() {
        match c {
            '\'' => text.push_str("''"),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            // A zero byte would end the file early for the server's parser.
            '\0' => {}
            c => text.push(c),
        }
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn pair(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn extra_settings_come_after_the_defaults() {
        let layout = Layout::new(Path::new("/x/y"));
        let text = render(&layout, true, &pair("shared_buffers", "64MB")).unwrap();
        let at = |needle: &str| text.find(needle).unwrap();
        assert!(at("'128MB'") < at("'64MB'"));
        assert!(text.contains("listen_addresses = ''\n"));
        assert!(!text.contains("fsync"), "durability is never touched");
    }

    #[test]
    fn values_cannot_break_out_of_their_quotes() {
        assert_eq!(quoted("a'b\\c\nd"), r"'a''b\\c\nd'");
    }

    #[test]
    fn what_keeps_the_server_private_is_refused() {
        let layout = Layout::new(Path::new("/x/y"));
        for name in [
            "listen_addresses",
            "HBA_FILE",
            "include",
            "a b",
            "",
            "x=y",
            "9x",
        ] {
            let error = render(&layout, true, &pair(name, "*")).unwrap_err();
            assert_eq!(error.kind(), Kind::ConfigValue, "{name}");
        }
        assert!(render(&layout, true, &pair("pg_stat_statements.max", "100")).is_ok());
    }
}
