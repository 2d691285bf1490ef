//! A database of its own for every test.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::types::FromSqlOwned;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::Server;

const TEMPLATE: &str = "tidegate_template";

/// A database that only this test uses; dropped at the end of its life, whoever is connected.
/// `TIDEGATE_TEST_KEEP=1` keeps it until the server goes.
#[derive(Debug)]
pub(crate) struct Database {
    server: &'static Server,
    name: String,
}

impl Database {
    /// An empty database.
    pub(crate) fn new() -> Self {
        Self::clone_of(TEMPLATE)
    }

    /// A database in which `sql` was run. The first call with this text makes a template of it;
    /// later ones clone the template, which is far quicker than running the text again.
    pub(crate) fn with_schema(sql: &str) -> Self {
        let server = Server::shared();
        let mut hasher = DefaultHasher::new();
        sql.hash(&mut hasher);
        let template = format!("template_{:016x}", hasher.finish());
        let sql = sql.to_owned();
        let name = template.clone();
        blocking(async move {
            let admin = client(&server.url("postgres")).await;
            // One builder at a time, over all processes; the lock ends with the session.
            run(&admin, "select pg_advisory_lock(7117)").await;
            let known = admin
                .query_opt(
                    "select from pg_database where datname = $1 and not datallowconn",
                    &[&name],
                )
                .await
                .unwrap();
            if known.is_none() {
                run(
                    &admin,
                    &format!("drop database if exists {name} with (force)"),
                )
                .await;
                run(&admin, &create(server, &name, TEMPLATE)).await;
                run(&client(&server.url(&name)).await, &sql).await;
                run(&admin, &lock(&name)).await;
            }
        });
        Self::clone_of(&template)
    }

    /// A database with the statements of a file, run by psql.
    pub(crate) fn of_file(file: &Path) -> Self {
        let database = Self::new();
        let psql = Command::new(database.server.bin.join("psql"))
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d"])
            .arg(database.url())
            .arg("-f")
            .arg(file)
            .envs(super::server::programs().environment())
            .output()
            .expect("psql");
        let said = String::from_utf8_lossy(&psql.stderr);
        assert!(psql.status.success(), "{}: {said}", file.display());
        database
    }

    /// A well-known sample database (`pagila`, `chinook`, `northwind`): `NAME.sql` in the folder
    /// `TIDEGATE_TEST_SAMPLES`, else in `../shared/data/samples`; none where that is not there.
    pub(crate) fn sample(name: &str) -> Option<Self> {
        let folder = std::env::var_os("TIDEGATE_TEST_SAMPLES").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/samples"),
            PathBuf::from,
        );
        let file = folder.join(format!("{name}.sql"));
        if !file.exists() {
            eprintln!("skipped: {} is not there", file.display());
            return None;
        }
        Some(Self::of_file(&file))
    }

    fn clone_of(template: &str) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let server = Server::shared();
        let name = format!(
            "t{}_{}",
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        );
        let statement = create(server, &name, template);
        blocking(async move { run(&client(&server.url("postgres")).await, &statement).await });
        Self { server, name }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The server it lies on.
    pub(crate) fn server(&self) -> &'static Server {
        self.server
    }

    /// Its connection string, as superuser.
    pub(crate) fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Its connection string as another role, which must exist.
    pub(crate) fn url_as(&self, role: &str) -> String {
        self.url().replace("user=postgres", &format!("user={role}"))
    }

    /// A new connection, driven by a task of the caller's runtime.
    pub(crate) async fn connect(&self) -> Client {
        client(&self.url()).await
    }

    /// Runs statements, separated by semicolons. Blocks; works inside and outside of a runtime.
    pub(crate) fn execute(&self, sql: &str) {
        let (url, sql) = (self.url(), sql.to_owned());
        blocking(async move { run(&client(&url).await, &sql).await });
    }

    /// The error that a statement ends with.
    pub(crate) fn execute_err(&self, sql: &str) -> tokio_postgres::Error {
        let (url, sql) = (self.url(), sql.to_owned());
        blocking(async move { client(&url).await.batch_execute(&sql).await })
            .expect_err("the statement should have failed")
    }

    /// The single value of a query.
    pub(crate) fn value<T: FromSqlOwned + Send + 'static>(&self, sql: &str) -> T {
        let (url, text) = (self.url(), sql.to_owned());
        blocking(async move {
            let row = client(&url).await.query_one(&text, &[]).await;
            row.unwrap_or_else(|error| panic!("{}: {text}", words(&error)))
                .get(0)
        })
    }

    /// The rows of a query as text, like `psql -A` prints them; null is an empty string.
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        let (url, text) = (self.url(), sql.to_owned());
        blocking(async move {
            let messages = client(&url).await.simple_query(&text).await;
            messages
                .unwrap_or_else(|error| panic!("{}: {text}", words(&error)))
                .iter()
                .filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(
                        (0..row.len())
                            .map(|i| row.get(i).unwrap_or_default())
                            .collect::<Vec<_>>()
                            .join("|"),
                    ),
                    _ => None,
                })
                .collect()
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if std::env::var_os("TIDEGATE_TEST_KEEP").is_some() {
            return;
        }
        let url = self.server.url("postgres");
        let statement = format!("drop database if exists {} with (force)", self.name);
        let dropped = std::thread::spawn(move || {
            runtime().block_on(async {
                if let Ok(client) = connect(&url).await {
                    let _ = client.batch_execute(&statement).await;
                }
            });
        });
        let _ = dropped.join();
    }
}

/// Makes the template of empty databases; called once, by whoever started the server.
pub(super) fn prepare(server: &Server) {
    let url = server.url("postgres");
    let major = server.major;
    blocking(async move {
        let admin = client(&url).await;
        let strategy = strategy(major);
        run(
            &admin,
            &format!("create database {TEMPLATE} template template0 {strategy}"),
        )
        .await;
        run(&admin, &lock(TEMPLATE)).await;
    });
}

fn create(server: &Server, name: &str, template: &str) -> String {
    format!(
        "create database {name} template {template} {}",
        strategy(server.major)
    )
}

/// Copying files beats writing them through the log, the default since 15.
fn strategy(major: u32) -> &'static str {
    if major >= 15 {
        "strategy file_copy"
    } else {
        ""
    }
}

/// Nobody can connect to a locked template, so cloning never waits for a session.
fn lock(template: &str) -> String {
    format!("alter database {template} with is_template true allow_connections false")
}

impl Server {
    /// A connection to the database of that name, driven by a task of the caller's runtime.
    pub(crate) async fn connect(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        connect(&self.url(database)).await
    }
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn client(url: &str) -> Client {
    connect(url)
        .await
        .unwrap_or_else(|error| panic!("{}: {url}", words(&error)))
}

async fn run(client: &Client, sql: &str) {
    if let Err(error) = client.batch_execute(sql).await {
        panic!("{}: {sql}", words(&error));
    }
}

fn words(error: &tokio_postgres::Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

/// Runs a future on a thread of its own, so that callers may or may not be in a runtime.
pub(super) fn blocking<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    std::thread::spawn(move || runtime().block_on(future))
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime")
}
