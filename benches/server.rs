//! A private server that benchmarks run on, and psql against it.
#![allow(clippy::unwrap_used, reason = "part of benchmarks")]

use std::process::{Child, Command, Stdio};

use tidegate::postgres::private::{Ephemeral, Options, Running};

/// A server that checkpoints only when told to, with these settings besides.
pub(crate) async fn start(more: &[(&str, &str)]) -> Ephemeral {
    let usual = [("shared_buffers", "512MB"), ("checkpoint_timeout", "1h")];
    let settings = usual.iter().chain(more);
    let settings = settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = Options {
        settings: settings.collect(),
        ..Options::default()
    };
    Ephemeral::start(&options).await.unwrap()
}

/// Runs statements to their end.
pub(crate) fn psql(server: &Running, database: &str, sql: &str) {
    let status = spawn(server, database, sql).wait().unwrap();
    assert!(status.success(), "{sql}");
}

/// Begins to run statements.
pub(crate) fn spawn(server: &Running, database: &str, sql: &str) -> Child {
    Command::new(server.binaries.program("psql").unwrap())
        .args([
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            &server.url(database),
            "-c",
            sql,
        ])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
