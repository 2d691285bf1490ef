//! `tidegate env`.

use std::fmt;

use serde::Serialize;

use super::App;
use super::render::{Output, Page, Report, Style};
use crate::config::Environment;
use crate::error::{Kind, Result};
use crate::postgres::Session;

/// Commands of `env`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The environments of the project
    List,
    /// One environment, without its secrets
    Show {
        /// Its name [default: the selected one]
        name: Option<String>,
    },
    /// Connect to an environment and say what is there
    Check {
        /// Its name [default: the selected one]
        name: Option<String>,
    },
}

#[derive(Debug, Serialize)]
struct List {
    environments: Vec<Shown>,
}

#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    tier: String,
    region: Option<String>,
    source: String,
    pool: u32,
    log_level: String,
    approvals: u32,
    soak_seconds: u64,
    selected: bool,
}

#[derive(Debug, Serialize)]
struct Checked {
    name: String,
    reachable: bool,
    server_version: Option<String>,
    role: Option<String>,
    database: Option<String>,
    read_only: Option<bool>,
    problem: Option<String>,
}

pub(super) async fn run(app: &App, command: &Command) -> Result<Output> {
    let config = app.config()?;
    let shown = |environment: &Environment| Shown {
        name: environment.name.clone(),
        tier: environment.tier.to_string(),
        region: environment.region.clone(),
        source: environment.source(),
        pool: environment.pool,
        log_level: environment.log_level.clone(),
        approvals: environment.policy.approvals,
        soak_seconds: environment.policy.soak.as_secs(),
        selected: environment.name == config.selected(),
    };
    match command {
        Command::List => Ok(Output::report(List {
            environments: config.environments().iter().map(shown).collect(),
        })),
        Command::Show { name } => Ok(Output::report(List {
            environments: vec![shown(
                config.environment(name.as_deref().or(app.globals.env.as_deref()))?,
            )],
        })),
        Command::Check { name } => {
            let environment = config.environment(name.as_deref().or(app.globals.env.as_deref()))?;
            let result = async {
                let target = environment.target(&config).await?;
                check(
                    &Session::connect(&target, "check").await?,
                    &environment.name,
                )
                .await
            };
            Ok(Output::report(result.await.unwrap_or_else(
                |error: crate::error::Error| Checked {
                    name: environment.name.clone(),
                    reachable: false,
                    server_version: None,
                    role: None,
                    database: None,
                    read_only: None,
                    problem: Some(error.to_string()),
                },
            )))
        }
    }
}

async fn check(session: &Session, name: &str) -> Result<Checked> {
    let row = session
        .query_one(
            "select pg_catalog.current_setting('server_version'), current_user::text, \
             pg_catalog.current_database()::text, \
             pg_catalog.pg_is_in_recovery() or pg_catalog.current_setting('transaction_read_only') = 'on'",
            &[],
        )
        .await?;
    Ok(Checked {
        name: name.to_owned(),
        reachable: true,
        server_version: row.get(0),
        role: row.get(1),
        database: row.get(2),
        read_only: row.get(3),
        problem: None,
    })
}

impl Report for List {
    fn kind(&self) -> &'static str {
        "env_list"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let rows = self
            .environments
            .iter()
            .map(|environment| {
                vec![
                    if environment.selected { "*" } else { "" }.to_owned(),
                    environment.name.clone(),
                    environment.tier.clone(),
                    environment.region.clone().unwrap_or_else(|| "-".to_owned()),
                    environment.pool.to_string(),
                    environment.log_level.clone(),
                    environment.source.clone(),
                ]
            })
            .collect();
        page.table(
            &[
                "",
                "environment",
                "tier",
                "region",
                "pool",
                "log",
                "database",
            ],
            rows,
        )
    }
}

impl Report for Checked {
    fn kind(&self) -> &'static str {
        "env_check"
    }

    fn exit(&self) -> u8 {
        if self.reachable {
            0
        } else {
            Kind::Unreachable.policy().exit
        }
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let Some(problem) = &self.problem else {
            return page.line(format!(
                "{}  {}: PostgreSQL {}, database {}, role {}{}",
                page.styled(Style::Good, "ok"),
                self.name,
                self.server_version.as_deref().unwrap_or_default(),
                self.database.as_deref().unwrap_or_default(),
                self.role.as_deref().unwrap_or_default(),
                if self.read_only == Some(true) {
                    ", read-only"
                } else {
                    ""
                }
            ));
        };
        page.line(format!(
            "{}  {}: {problem}",
            page.styled(Style::Bad, "failed"),
            self.name
        ))
    }
}
