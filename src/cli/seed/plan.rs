//! `seed plan` and `seed run`.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use serde_json::json;

use super::super::App;
use super::super::render::Output;
use super::command::{PlanArgs, RunArgs, Wanted};
use super::report::{Abandoned, Planned};
use crate::config::{Config, Target};
use crate::control::seed as ledger;
use crate::control::{Control, Operator};
use crate::error::{Error, Kind, Result};
use crate::generate::profile::Profile;
use crate::generate::{Options, SeedPlan, Spec, SpecText};
use crate::postgres::{Session, introspect};
use crate::service::seed::{
    Engine, Request, forecast, open, refuse, refuse_renumbered, standing, templates,
};

pub(super) async fn show(app: &App, args: &PlanArgs) -> Result<Output> {
    let config = app.config()?;
    let target = app.target(&config).await?;
    let inputs = inputs(app, &config, &target, &args.wanted)?;
    let mut plan = make(app, &target, &inputs).await?;
    let session = Session::connect(&target, "seed").await?;
    if let Some(run) = ledger::unfinished_number(&*session).await? {
        let note = format!(
            "run {run} is unfinished: the keys, constraints and indexes that it took off are not in this plan"
        );
        plan.notes.insert(0, note);
    }
    let forecast = forecast(&target, &plan).await?;
    Ok(Output::report(Planned::new(plan, forecast)?))
}

pub(super) async fn run(app: &App, args: &RunArgs) -> Result<Output> {
    let config = app.config()?;
    let environment = config.environment(app.globals.env.as_deref())?;
    refuse(&environment.name, environment.tier, app.globals.yes)?;
    let target = app.target(&config).await?;
    let mut engine = Engine {
        target: target.clone(),
        clock: Arc::clone(&app.clock),
        events: Arc::clone(&app.events),
        cancel: app.cancel.clone(),
        options: crate::service::seed::Options::default(),
        consent: app.globals.yes,
    };
    engine.options.workers = usize::from(args.workers);
    engine.options.chunk_rows = args.chunk_rows;
    if args.abandon {
        let abandoned = engine.abandon().await?;
        if abandoned.is_some() {
            audit(&target, "seed.abandon", json!({})).await?;
        }
        return Ok(Output::report(Abandoned::new(abandoned)));
    }
    let inputs = inputs(app, &config, &target, &args.wanted)?;
    let outcome = engine
        .run(&inputs.request(), || make(app, &target, &inputs))
        .await?;
    let detail = json!({ "run": outcome.run, "plan": outcome.plan, "seed": outcome.seed, "rows": outcome.rows, "already": outcome.already });
    audit(&target, "seed.run", detail).await?;
    Ok(Output::report(outcome))
}

pub(super) async fn audit(target: &Target, action: &str, detail: serde_json::Value) -> Result<()> {
    let control = Control::open(target).await?;
    let event = Operator::of_process(None).event(&target.environment, action, detail);
    control.append_audit(&event).await?;
    Ok(())
}

/// What a plan is made from, the database apart.
struct Inputs {
    options: Options,
    texts: Vec<SpecText>,
    profile: Option<SpecText>,
}

impl Inputs {
    fn request(&self) -> Request {
        let all: Vec<SpecText> = self.texts.iter().chain(&self.profile).cloned().collect();
        Request::new(&self.options, &all)
    }

    fn spec(&self) -> Result<Spec> {
        let spec = Spec::read(&self.texts)?;
        Ok(match &self.profile {
            None => spec,
            Some(file) => spec.over(Profile::read(&file.text)?.spec(&file.path)),
        })
    }
}

fn inputs(app: &App, config: &Config, target: &Target, wanted: &Wanted) -> Result<Inputs> {
    if wanted
        .scale
        .is_some_and(|scale| scale.is_nan() || scale <= 0.0)
    {
        return Err(Error::new(Kind::Usage, "--scale must be more than 0"));
    }
    let today = match wanted.today {
        Some(day) => Some(day),
        None => NaiveDate::from_ymd_opt(app.clock.now().year(), 1, 1),
    };
    let since = today.unwrap_or_default().signed_duration_since(epoch());
    let options = Options {
        seed: wanted.seed,
        rows: wanted.rows,
        scale: wanted.scale,
        tables: wanted.tables.clone(),
        today: since.num_microseconds().unwrap_or_default(),
        extend: wanted.extend,
        scenario: wanted.scenario.clone(),
        search_path: target.search_path.clone(),
    };
    let profile = wanted.profile.as_ref().map(|path| {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot read the profile {}: {error}", path.display());
            Error::new(Kind::Usage, message)
        })?;
        Ok::<_, Error>(SpecText {
            path: path.clone(),
            text: text.into(),
        })
    });
    Ok(Inputs {
        options,
        texts: spec_texts(config)?,
        profile: profile.transpose()?,
    })
}

/// 2000-01-01, from which PostgreSQL counts.
fn epoch() -> NaiveDate {
    NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default()
}

/// The files `seeds/*.toml`, by name; none is needed.
fn spec_texts(config: &Config) -> Result<Vec<SpecText>> {
    let folder = config.seeds_dir();
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| {
            let text = std::fs::read_to_string(&path).map_err(|error| {
                let message = format!("cannot read {}: {error}", path.display());
                Error::new(Kind::SeedSpec, message)
            })?;
            Ok(SpecText {
                path,
                text: text.into(),
            })
        })
        .collect()
}

/// Plans, and stops when that is asked for: the thread that plans is left behind, for it writes
/// nothing and ends with the process.
async fn make(app: &App, target: &Target, inputs: &Inputs) -> Result<SeedPlan> {
    tokio::select! {
        biased;
        () = app.cancel.cancelled() => Err(Error::new(
            Kind::Cancelled,
            "the planning was stopped; nothing was written",
        )),
        made = planned(target, inputs) => made,
    }
}

async fn planned(target: &Target, inputs: &Inputs) -> Result<SeedPlan> {
    let (spec, options) = (inputs.spec()?, inputs.options.clone());
    let catalog = introspect(&Session::connect(target, "seed").await?).await?;
    let seed = options.seed.or(spec.seed).unwrap_or_default();
    let session = open(target).await?;
    let mut standing = standing(&session, &catalog, seed).await?;
    if options.extend {
        templates(&session, &mut standing, seed).await?;
    }
    let thread = tokio::task::spawn_blocking(move || {
        crate::generate::plan(&catalog, &spec, &options, &standing)
    });
    let plan = thread.await.unwrap_or_else(|error| {
        let message = format!("the thread that plans has died: {error}");
        Err(Error::new(Kind::Internal, message))
    })?;
    refuse_renumbered(&session, &plan).await?;
    Ok(plan)
}
