//! M18: one copy that several machines share, and the schedule that makes it.

mod coordinator;
mod fence;
mod network;
mod partition;
mod weekly;

use std::time::{Duration, Instant};

use crate::support::Project;

const KEY: &str = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";

/// Every column of `users` that must be masked, and nothing else.
const RULES: &str = "version = 1\nkey = { file = \"mask.key\" }\n\n[columns]\n\"*\" = \"keep\"\n\n\
    [tables.users]\nemail = { mask = \"email\" }\n";

/// Waits for a state; two minutes are far more than any needs.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A project that copies `origin` to `staging`, with its control database.
fn project(origin: &str, staging: &str, control: &str, keys: &str) -> Project {
    let project = Project::with_config(&format!(
        "version = 1\nproject = \"shop\"\ndefault = \"origin\"\n\n\
         [environments.origin]\ntier = \"staging\"\nregion = \"eu\"\nurl = \"{origin}\"\n\n\
         [environments.staging]\ntier = \"staging\"\nregion = \"eu\"\nurl = \"{staging}\"\n\n\
         [control]\nurl = \"{control}\"\n{keys}"
    ));
    project.write("masking-rules/shop.toml", RULES);
    let key = project.write("mask.key", KEY);
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(key, private).unwrap();
    project
}

/// The only number of a query; none when it fails.
fn number(url: &str, sql: &str) -> Option<i64> {
    let (url, sql) = (url.to_owned(), sql.to_owned());
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
            tokio::spawn(connection);
            client.query_one(&sql, &[]).await
        })
    });
    Some(asked.join().unwrap().ok()?.get(0))
}
