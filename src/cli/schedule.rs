//! `tidegate schedule`.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Parser as _;
use serde::Serialize;

use super::App;
use super::args::{Cli, Command as AnyCommand};
use super::render::{Output, Page, Report, Style};
use crate::config::{Config, Schedule};
use crate::control::schedule::{Ending, Presence, RunState};
use crate::control::{Control, Operator};
use crate::error::{Error, Kind, Result};
use crate::service::process::Caller;
use crate::service::schedule::{Keeper, ScheduleStatus};

/// How often a run in the foreground gives a sign of life.
const HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(2);

/// Commands of `schedule`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// What runs by itself, when next, and how it went last
    List,
    /// Run a schedule's command now
    Run {
        /// The schedule's name
        name: String,
    },
}

pub(super) async fn run(app: &App, command: &Command) -> Result<Output> {
    let config = app.config()?;
    let schedules = load(&config)?;
    match command {
        Command::List => list(app, &config, &schedules).await,
        Command::Run { name } => run_now(app, &config, find(&schedules, name)?).await,
    }
}

/// The schedules, each with a command line that this binary understands.
pub(super) fn load(config: &Config) -> Result<Vec<Schedule>> {
    let schedules = config.schedules()?;
    for schedule in &schedules {
        check(schedule)?;
    }
    Ok(schedules)
}

fn check(schedule: &Schedule) -> Result<()> {
    let refuse = |reason: String, hint: &str| {
        let message = format!("schedule \"{}\": {reason}", schedule.name);
        Err(Error::new(Kind::ConfigValue, message)
            .hint(hint.to_owned())
            .at(schedule.place.clone()))
    };
    let line = std::iter::once("tidegate").chain(schedule.words.iter().map(String::as_str));
    match Cli::try_parse_from(line) {
        Ok(cli) => match cli.command {
            AnyCommand::Schedule(_) | AnyCommand::Serve(_) | AnyCommand::Worker(_) => refuse(
                format!(
                    "\"{}\" never ends or calls itself",
                    schedule.words.join(" ")
                ),
                "schedule a command that does something and ends",
            ),
            _ => Ok(()),
        },
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            refuse(
                format!(
                    "its command line is wrong: {}",
                    first.trim_start_matches("error: ")
                ),
                "write it as you would after `tidegate` in a shell; `tidegate help` lists the commands",
            )
        }
    }
}

fn find<'a>(schedules: &'a [Schedule], name: &str) -> Result<&'a Schedule> {
    schedules
        .iter()
        .find(|schedule| schedule.name == name)
        .ok_or_else(|| {
            let names: Vec<&str> = schedules.iter().map(|s| s.name.as_str()).collect();
            let hint = match crate::sql::nearest(name, &names) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => "`tidegate schedule list` shows them".to_owned(),
            };
            Error::new(Kind::Usage, format!("there is no schedule \"{name}\"")).hint(hint)
        })
}

/// What keeps the schedules of this project.
pub(super) async fn keeper(app: &App, config: &Config) -> Result<Keeper> {
    let environment = config.environment(app.globals.env.as_deref())?;
    let control = config.control_target(app.globals.env.as_deref()).await?;
    let operator = Operator::of_process(None);
    Ok(Keeper {
        project: config.project.clone(),
        environment: environment.name.clone(),
        control: Control::open(&control).await?,
        presence: Presence::enter(&control, &operator).await?,
        operator,
        clock: Arc::clone(&app.clock),
        caller: Caller::new(
            config,
            app.globals.env.as_deref(),
            app.globals.database_url.as_deref(),
        )?,
    })
}

async fn list(app: &App, config: &Config, schedules: &[Schedule]) -> Result<Output> {
    let now = app.clock.now();
    let mut report = List {
        schedules: Vec::new(),
    };
    if schedules.is_empty() {
        return Ok(Output::report(report));
    }
    let control = config.control_target(app.globals.env.as_deref()).await?;
    let control = Control::open(&control).await?;
    for schedule in schedules {
        let standing = control
            .schedule_standing(&config.project, &schedule.name)
            .await?;
        report
            .schedules
            .push(ScheduleStatus::new(schedule, &standing, now));
    }
    Ok(Output::report(report))
}

async fn run_now(app: &App, config: &Config, schedule: &Schedule) -> Result<Output> {
    let keeper = keeper(app, config).await?;
    let occasion = keeper.take_now(schedule).await?;
    let work = keeper.perform(schedule, occasion, &app.cancel);
    let signs = async {
        loop {
            if let Err(error) = keeper.presence.beat(&keeper.control).await {
                tracing::warn!(%error, "no sign of life arrives");
            }
            tokio::time::sleep(HEARTBEAT).await;
        }
    };
    let ending = tokio::select! {
        ending = work => ending?,
        () = signs => return Err(Error::new(Kind::Internal, "the signs of life ended")),
    };
    Ok(Output::report(Ran {
        name: schedule.name.clone(),
        command: schedule.words.clone(),
        due_at: occasion.due_at,
        ending,
    }))
}

#[derive(Debug, Serialize)]
struct List {
    schedules: Vec<ScheduleStatus>,
}

#[derive(Debug, Serialize)]
struct Ran {
    name: String,
    command: Vec<String>,
    due_at: DateTime<Utc>,
    #[serde(flatten)]
    ending: Ending,
}

impl Report for List {
    fn kind(&self) -> &'static str {
        "schedule_list"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        if self.schedules.is_empty() {
            return page
                .line("No schedules. Add [[schedule]] with name, cron and run to tidegate.toml.");
        }
        let time = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%S").to_string();
        let rows = self
            .schedules
            .iter()
            .map(|schedule| {
                let last = schedule.last.as_ref().map_or_else(
                    || page.styled(Style::Waiting, "never ran"),
                    |run| {
                        let style = match run.state {
                            RunState::Done => Style::Good,
                            RunState::Intent | RunState::Running => Style::Waiting,
                            _ => Style::Bad,
                        };
                        format!(
                            "{} {}",
                            page.styled(style, run.state.as_str()),
                            time(run.due_at)
                        )
                    },
                );
                let punctual = match (schedule.watched, schedule.late_since) {
                    (false, _) => page.styled(Style::Waiting, "not watched yet"),
                    (true, None) => page.styled(Style::Good, "in time"),
                    (true, Some(since)) => {
                        page.styled(Style::Bad, format!("late since {}", time(since)))
                    }
                };
                vec![
                    schedule.name.clone(),
                    schedule.when.clone(),
                    schedule.next_due.map_or_else(|| "-".to_owned(), time),
                    last,
                    punctual,
                ]
            })
            .collect();
        page.table(
            &["Schedule", "When", "Next (UTC)", "Last (UTC)", "Punctual"],
            rows,
        )?;
        for schedule in &self.schedules {
            let reason = schedule.last.as_ref().and_then(|run| run.reason.as_deref());
            if let Some(reason) = reason {
                page.line(format!("{}: {reason}", schedule.name))?;
            }
        }
        Ok(())
    }
}

impl Report for Ran {
    fn kind(&self) -> &'static str {
        "schedule_run"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let style = if self.exit() == 0 {
            Style::Good
        } else {
            Style::Bad
        };
        page.line(format!(
            "{} {}: tidegate {}",
            page.styled(style, self.ending.state.as_str()),
            self.name,
            self.command.join(" ")
        ))?;
        match &self.ending.reason {
            Some(reason) => page.line(reason),
            None => Ok(()),
        }
    }

    fn exit(&self) -> u8 {
        match self.ending.exit_code {
            Some(code) => u8::try_from(code).unwrap_or(1),
            None => 1,
        }
    }
}
