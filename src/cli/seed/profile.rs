//! `seed profile`.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::super::App;
use super::super::render::{Output, Page, Report, Style};
use super::command::ProfileArgs;
use crate::error::{Error, Kind, Result};
use crate::generate::profile::{Comparison, Measure, PlanCloseness, Profile, Protection};
use crate::postgres::Session;
use crate::service::backup::{Recorded, record};
use crate::service::scan::Tools;
use crate::service::seed::profile::{Classes, Measuring, measure, plans_of, search};

/// Scale of the noise on every count: a person more or less is lost in it.
const NOISE: f64 = 2.0;

/// What was learned, and where it is.
#[derive(Debug, Serialize)]
struct Learned {
    file: PathBuf,
    min_group: u64,
    tables: Vec<LearnedTable>,
    /// Places of the file that were searched for values of the database: all of it.
    searched_bytes: usize,
    /// Whether the audit log of the database says that it was read.
    recorded: bool,
}

#[derive(Debug, Serialize)]
struct LearnedTable {
    table: String,
    rows: u64,
    columns: usize,
    personal: usize,
    told: usize,
}

/// `--compare`
#[derive(Debug, Serialize)]
struct Compared {
    alike: bool,
    recorded: bool,
    #[serde(flatten)]
    comparison: Comparison,
    /// What the planner makes of the same queries; told, not judged.
    plans: Vec<PlanCloseness>,
}

/// `--check`
#[derive(Debug, Serialize)]
struct Checked {
    file: PathBuf,
    searched_bytes: usize,
    leaks: usize,
    recorded: bool,
}

pub(super) async fn run(app: &App, args: &ProfileArgs) -> Result<Output> {
    let config = app.config()?;
    let environment = config.environment(app.globals.env.as_deref())?;
    let name = args.name.as_deref().unwrap_or(&environment.name);
    if name.contains(['/', '\\']) {
        let message = format!("\"{name}\" is a path, not a name");
        return Err(Error::new(Kind::Usage, message).hint("profiles are in seeds/"));
    }
    let file = config.seeds_dir().join(format!("{name}.profile.json"));
    let writes = args.compare.is_none() && args.check.is_none();
    if writes && file.exists() && !app.globals.yes {
        let message = format!("{} is there already", file.display());
        return Err(Error::new(Kind::Usage, message)
            .hint("give the profile another name, or replace it with --yes"));
    }
    let target = app.target(&config).await?;
    let session = Session::connect(&target, "profile").await?;
    // Personal data is read from here on, and that is on record before anything is.
    let what = json!({ "for": purpose(args), "database": session_database(&session).await? });
    let recorded = record(&session, &target, "seed.profile", what).await? == Recorded::Yes;
    let tools = Tools {
        events: app.events.clone(),
        cancel: app.cancel.clone(),
    };
    let classes = Classes::read(&session, &config, &tools).await?;
    if let Some(file) = &args.check {
        let text = read(file)?;
        refuse_leaks((&session, &classes), (file, &text)).await?;
        return Ok(Output::report(Checked {
            file: file.clone(),
            searched_bytes: text.len(),
            leaks: 0,
            recorded,
        }));
    }
    let asked = Measuring {
        protection: Protection {
            min_group: args.min_group,
            noise: NOISE,
        },
        sample: args.sample,
    };
    if let Some(file) = &args.compare {
        let wanted = Profile::read(&read(file)?)?;
        let found = measure(&session, &classes, asked, &tools).await?;
        let comparison = Comparison::new(&wanted, &found);
        let plans = plans_of(&session, &wanted).await?;
        let plans = wanted.plans.iter().zip(&plans);
        let alike = comparison.alike();
        return Ok(Output::report(Compared {
            alike,
            recorded,
            comparison,
            plans: plans
                .map(|(wanted, found)| wanted.compare(found.as_ref()))
                .collect(),
        }));
    }
    let profile = measure(&session, &classes, asked, &tools).await?;
    let text = profile.text()?;
    refuse_leaks((&session, &classes), (&file, &text)).await?;
    write(&file, &text)?;
    let searched = text.len();
    Ok(Output::report(Learned {
        recorded,
        ..learned(file, &profile, searched)
    }))
}

/// The text of a profile.
fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|error| {
        let message = format!("cannot read the profile {}: {error}", file.display());
        Error::new(Kind::Usage, message)
    })
}

/// What the database is read for.
fn purpose(args: &ProfileArgs) -> &'static str {
    match (&args.compare, &args.check) {
        (Some(_), _) => "compare",
        (_, Some(_)) => "check",
        _ => "learn",
    }
}

async fn session_database(session: &Session) -> Result<String> {
    let sql = "select pg_catalog.current_database()::pg_catalog.text";
    Ok(session.query_one(sql, &[]).await?.get(0))
}

async fn refuse_leaks(
    (session, classes): (&Session, &Classes),
    (file, text): (&Path, &str),
) -> Result<()> {
    let leaks = search(session, classes, text).await?;
    let Some(first) = leaks.first() else {
        return Ok(());
    };
    let message = format!(
        "{}: {} values of the database, the first in what is told of {}, line {} ({})",
        file.display(),
        leaks.len(),
        first.of,
        first.line,
        first.class
    );
    Err(Error::new(Kind::SeedLeak, message))
}

fn write(file: &Path, text: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Whole or not at all: nobody reads half of a profile.
    let part = file.with_extension("part");
    let mut out = std::fs::File::create(&part)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    std::fs::rename(&part, file)?;
    Ok(())
}

fn learned(file: PathBuf, profile: &Profile, searched_bytes: usize) -> Learned {
    let tables = profile.tables.iter().map(|(name, table)| LearnedTable {
        table: name.clone(),
        rows: table.rows,
        columns: table.columns.len(),
        personal: table
            .columns
            .values()
            .filter(|c| c.personal.is_some())
            .count(),
        told: table
            .columns
            .values()
            .filter(|c| c.values.is_some())
            .count(),
    });
    Learned {
        file,
        min_group: profile.protection.min_group,
        tables: tables.collect(),
        searched_bytes,
        recorded: false,
    }
}

impl Report for Learned {
    fn kind(&self) -> &'static str {
        "seed_profile"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let rows = self.tables.iter().map(|table| {
            vec![
                table.table.clone(),
                table.rows.to_string(),
                table.columns.to_string(),
                table.personal.to_string(),
                table.told.to_string(),
            ]
        });
        page.table(
            &["Table", "Rows", "Columns", "Personal", "Told"],
            rows.collect(),
        )?;
        page.line(format!(
            "{}: groups of {} rows and more, none of its {} bytes is a value that was sought",
            self.file.display(),
            self.min_group,
            self.searched_bytes
        ))?;
        on_record(page, self.recorded)
    }
}

/// Says so when nothing does that personal data was read.
fn on_record(page: &mut Page, recorded: bool) -> fmt::Result {
    if recorded {
        return Ok(());
    }
    page.line(format!(
        "{}  the database has no audit log, or takes no writes: nothing there says that it was read",
        page.styled(Style::Waiting, "note")
    ))
}

impl Report for Compared {
    fn kind(&self) -> &'static str {
        "seed_profile_comparison"
    }

    fn exit(&self) -> u8 {
        if self.alike {
            0
        } else {
            Kind::DataDiffers.policy().exit
        }
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let rows = self.comparison.columns.iter().map(|column| {
            let measure = match column.measure {
                Measure::Nulls => "nulls".to_owned(),
                Measure::KolmogorovSmirnov => "Kolmogorov-Smirnov".to_owned(),
                Measure::Children => "children, Kolmogorov-Smirnov".to_owned(),
                Measure::Rows => "rows".to_owned(),
                Measure::RowsByParent => "rows by row of the parent".to_owned(),
                Measure::RankCorrelation => "rank correlation".to_owned(),
                Measure::Contingency => "shares by the other's value".to_owned(),
                Measure::ChiSquared => format!(
                    "chi-squared {:.1} of {} degrees",
                    column.chi_squared.unwrap_or_default(),
                    column.degrees.unwrap_or_default()
                ),
            };
            vec![
                format!("{}.{}", column.table, column.column),
                measure,
                format!("{:.3}", column.distance),
                if column.alike { "" } else { "differs" }.to_owned(),
            ]
        });
        page.table(&["Column", "Measure", "Distance", ""], rows.collect())?;
        for missing in &self.comparison.missing {
            page.line(format!(
                "{}  {missing}",
                page.styled(Style::Waiting, "not compared")
            ))?;
        }
        self.plans(page)?;
        on_record(page, self.recorded)?;
        page.line(if self.alike {
            "everything that was compared is alike"
        } else {
            "some distributions differ"
        })
    }
}

impl Compared {
    /// The plans that differ, and how many do not.
    fn plans(&self, page: &mut Page) -> fmt::Result {
        let differ = self.plans.iter().filter(|plan| !plan.same);
        let rows: Vec<Vec<String>> = differ
            .map(|plan| {
                vec![
                    plan.query.clone(),
                    plan.wanted.join(", "),
                    plan.found.join(", "),
                    plan.rows_ratio
                        .map_or_else(String::new, |ratio| format!("{ratio:.2}")),
                ]
            })
            .collect();
        let same = self.plans.len() - rows.len();
        if !rows.is_empty() {
            page.table(&["Query", "Plan there", "Plan here", "Rows"], rows)?;
        }
        if !self.plans.is_empty() {
            page.line(format!(
                "{same} of {} queries have the same plan",
                self.plans.len()
            ))?;
        }
        Ok(())
    }
}

impl Report for Checked {
    fn kind(&self) -> &'static str {
        "seed_profile_check"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!(
            "{}: none of its {} bytes is a value that was sought",
            self.file.display(),
            self.searched_bytes
        ))?;
        on_record(page, self.recorded)
    }
}
