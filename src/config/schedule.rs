//! `[[schedule]]` and `[control]`: what runs by itself, and where its records lie.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::environment::Source;
use super::file::File;
use super::masked::masked;
use super::span::{self, SecretRef};
use super::{Config, Environment, Target};
use crate::error::{Error, Kind, Place, Result};
use crate::job::Cadence;

/// How far back a due time may lie that is still run, when the schedule does not say.
pub(super) const GRACE: Duration = Duration::from_secs(3600);

/// One schedule, as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSchedule {
    /// Its name.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// When it runs: minute, hour, day, month, weekday; seconds may stand in front.
    #[schemars(with = "String")]
    pub(super) cron: Spanned<String>,
    /// The command line, without the program's name.
    #[schemars(with = "String")]
    pub(super) run: Spanned<String>,
    /// Time zone of the pattern [default: UTC].
    #[schemars(with = "Option<String>")]
    pub(super) timezone: Option<Spanned<String>>,
    /// How late it may still run after no daemon was there, and how long after its time it must
    /// have succeeded before it counts as overdue [default: 1h].
    pub(super) grace: Option<span::Duration>,
}

/// Where schedules and dispatched work are recorded, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawControl {
    /// The control database [default: the environment's own].
    pub(super) url: Option<SecretRef>,
    /// Who carries out what is dispatched [default: here].
    pub(super) dispatch: Option<DispatchTo>,
}

/// Who carries out what is dispatched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DispatchTo {
    /// This machine; nothing else needs to run.
    #[default]
    Here,
    /// The processes `tidegate worker` on any number of machines.
    Workers,
}

impl fmt::Display for DispatchTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Here => "here",
            Self::Workers => "workers",
        })
    }
}

impl FromStr for DispatchTo {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "here" => Ok(Self::Here),
            "workers" => Ok(Self::Workers),
            _ => Err("it is \"here\" or \"workers\"".to_owned()),
        }
    }
}

/// What was read of both, kept until a command asks for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Scheduling {
    pub(super) schedules: Vec<RawSchedule>,
    pub(super) control: RawControl,
    pub(super) text: Option<Arc<str>>,
}

impl Scheduling {
    pub(super) fn of(file: &File, text: Option<Arc<str>>) -> Self {
        Self {
            schedules: file.schedule.clone(),
            control: file.control.clone(),
            text,
        }
    }
}

/// One schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its name, unique in the project.
    pub name: String,
    /// When it is due.
    pub cadence: Cadence,
    /// The command line in words, without the program's name.
    pub words: Vec<String>,
    /// How late it may still run, and how late a success is before it counts as overdue.
    pub grace: Duration,
    /// Where its command line stands in the file.
    pub place: Place,
}

impl Config {
    /// The schedules, in the file's order. The command lines are only split into words.
    ///
    /// # Errors
    /// [`Kind::ConfigValue`] at its place: a pattern or zone that is none, a name that is empty or
    /// there twice, a command line with an open quote.
    pub fn schedules(&self) -> Result<Vec<Schedule>> {
        let mut schedules: Vec<Schedule> = Vec::new();
        for raw in &self.scheduling.schedules {
            let schedule = self.schedule_of(raw)?;
            if schedules.iter().any(|other| other.name == schedule.name) {
                return Err(Error::new(
                    Kind::ConfigValue,
                    format!("there are two schedules named \"{}\"", schedule.name),
                )
                .hint("give each a name of its own")
                .at(self.place(raw.name.span())));
            }
            schedules.push(schedule);
        }
        Ok(schedules)
    }

    fn schedule_of(&self, raw: &RawSchedule) -> Result<Schedule> {
        let name = raw.name.as_ref().trim();
        let named = |error: Error, span: Range<usize>| {
            let hint = error.hint_text().to_owned();
            Error::new(error.kind(), format!("schedule \"{name}\": {error}"))
                .hint(hint)
                .at(self.place(span))
        };
        if name.is_empty() {
            return Err(Error::new(Kind::ConfigValue, "a schedule without a name")
                .hint("give it a name, such as name = \"staging-refresh\"")
                .at(self.place(raw.name.span())));
        }
        let zone = raw.timezone.as_ref();
        let cadence = Cadence::parse(raw.cron.as_ref(), zone.map(|zone| zone.as_ref().as_str()))
            .map_err(|error| {
                let zone_is_wrong = Cadence::parse(raw.cron.as_ref(), None).is_ok();
                let wrong = zone.filter(|_| zone_is_wrong).unwrap_or(&raw.cron);
                named(error, wrong.span())
            })?;
        let words = shlex::split(raw.run.as_ref()).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| {
            let error = Error::new(Kind::ConfigValue, "its command line cannot be read")
                .hint("write it as in a shell, without the program's name");
            named(error, raw.run.span())
        })?;
        Ok(Schedule {
            name: name.to_owned(),
            cadence,
            words,
            grace: raw.grace.map_or(GRACE, |grace| grace.0),
            place: self.place(raw.run.span()),
        })
    }

    fn place(&self, span: Range<usize>) -> Place {
        let text = self.scheduling.text.as_deref().unwrap_or_default();
        let file = self.file.as_deref().unwrap_or(Path::new(super::FILE_NAME));
        Place::new(file, &masked(text), span)
    }

    /// Who carries out what is dispatched.
    #[must_use]
    pub fn dispatch_to(&self) -> DispatchTo {
        self.scheduling.control.dispatch.unwrap_or_default()
    }

    /// The control database: the one that `[control]` names, else the environment's own.
    ///
    /// # Errors
    /// Those of [`Environment::target`].
    pub async fn control_target(&self, environment: Option<&str>) -> Result<Target> {
        let environment = self.environment(environment)?;
        match &self.scheduling.control.url {
            None => environment.target(self).await,
            Some(url) => {
                let control = Environment {
                    name: "control".to_owned(),
                    source: Source::Url(url.clone(), None),
                    ..environment.clone()
                };
                control.target(self).await
            }
        }
    }

    /// A control database by its address, for a process that was handed one.
    ///
    /// # Errors
    /// A connection string that is not valid, or production over plain TCP.
    pub fn control_at(&self, url: &str, environment: Option<&str>) -> Result<Target> {
        let control = Environment {
            name: "control".to_owned(),
            ..self.environment(environment)?.clone()
        };
        Target::parse(url, &control, self)
    }
}
