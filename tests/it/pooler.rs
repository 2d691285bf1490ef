//! A pooler in between is refused before anything is done through it.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::migrate::{CHANGE, SHOP};
use crate::support::{Database, Project};

/// A real PgBouncer before a database, in transaction mode.
struct Pooler {
    child: Child,
    dir: tempfile::TempDir,
}

impl Pooler {
    /// None, said aloud, on a machine without the program.
    fn start(database: &Database, ignored: &str) -> Option<Self> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
            .into_iter()
            .map(PathBuf::from)
            .find(|path| path.exists());
        let Some(program) = program else {
            eprintln!("skipped: PgBouncer is not installed; .ci/setup does it");
            return None;
        };
        let dir = tempfile::Builder::new()
            .prefix("tgb")
            .tempdir_in("/tmp")
            .unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(dir.path(), mode).unwrap();
        let config: tokio_postgres::Config = database.url().parse().unwrap();
        let host = match &config.get_hosts()[0] {
            tokio_postgres::config::Host::Tcp(host) => host.clone(),
            tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
        };
        let path = dir.path().display();
        let ini = dir.path().join("pgbouncer.ini");
        std::fs::write(
            &ini,
            format!(
                "[databases]\nshop = host={host} port={} dbname={} user={}\n[pgbouncer]\n\
                 unix_socket_dir = {path}\nlisten_port = 6543\nauth_type = any\n\
                 pool_mode = transaction\nlogfile = {path}/log\n{ignored}",
                config.get_ports().first().unwrap_or(&5432),
                config.get_dbname().unwrap(),
                config.get_user().unwrap_or("postgres"),
            ),
        )
        .unwrap();
        let mut command = Command::new(program);
        command
            .arg(&ini)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // The server's own user: PgBouncer will not run as root either, and the socket is private.
        let owner = std::fs::metadata(&host).unwrap();
        if rustix::process::geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        let pooler = Self {
            child: command.spawn().unwrap(),
            dir,
        };
        let begin = Instant::now();
        while !pooler.dir.path().join(".s.PGSQL.6543").exists() {
            assert!(begin.elapsed() < Duration::from_secs(20), "no pooler");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(pooler)
    }

    fn project(&self) -> Project {
        let host = self.dir.path().display();
        let project = Project::with_config(&format!(
            "version = 1\nproject = \"shop\"\ndefault = \"dev\"\n\n[environments.dev]\ntier = \"dev\"\n\
             url = \"postgres:///shop?host={host}&port=6543&user=postgres\"\n"
        ));
        project.change("0007_user_id.toml", CHANGE);
        project
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_pooler_is_refused_by_every_command_and_nothing_was_done() {
    let database = Database::with_schema(SHOP);
    // One that refuses what it does not know, and one that drops it.
    for ignored in [
        "",
        "ignore_startup_parameters = options,extra_float_digits\n",
    ] {
        let Some(pooler) = Pooler::start(&database, ignored) else {
            return;
        };
        let project = pooler.project();
        for command in [
            &["migrate", "plan", "--release", "2.1.0"][..],
            &["migrate", "apply", "--release", "2.1.0"],
            &["migrate", "status"],
            &["backfill", "status"],
            &["audit", "verify"],
        ] {
            let outcome = project
                .tidegate(command.iter().copied())
                .args(["--format", "json"])
                .exits(4);
            assert_eq!(outcome.error()["code"], "TG0206", "{}", outcome.stderr);
        }
        let doctor = project.tidegate(["doctor"]).run();
        assert!(doctor.stdout.contains("pooler"), "{}", doctor.stdout);
    }
    assert!(
        !database.value::<bool>("select to_regnamespace('tidegate') is not null"),
        "the control schema was made through the pooler"
    );
}
