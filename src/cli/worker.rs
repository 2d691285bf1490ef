//! `tidegate worker`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::App;
use super::render::{Output, Page, Report};
use crate::config::parse_duration;
use crate::dispatch::QueueWorker;
use crate::error::Result;
use crate::job::Event;
use crate::service::unit::Hands;

/// Arguments of `worker`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Control database with the queue [default: the configuration's]
    #[arg(
        long,
        value_name = "URL",
        env = "TIDEGATE_CONTROL_URL",
        hide_env_values = true
    )]
    control: Option<String>,
    /// Orders at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    concurrency: u16,
    /// A sign of life is given this often; a worker silent for three times as long is dead
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    heartbeat: Duration,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let config = app.config()?;
    let environment = app.globals.env.as_deref();
    let control = match &args.control {
        Some(url) => config.control_at(url, environment)?,
        None => config.control_target(environment).await?,
    };
    app.events.emit(Event::Note(format!(
        "waiting for work in {}",
        control.label()
    )));
    let worker = QueueWorker {
        concurrency: usize::from(args.concurrency),
        heartbeat: args.heartbeat.max(Duration::from_millis(100)),
    };
    worker
        .run(&control, Arc::new(hands(app, config)), app.cancel.clone())
        .await?;
    Ok(Output::report(Stopped {}))
}

/// What carries out orders in this process.
pub(super) fn hands(app: &App, config: crate::config::Config) -> Hands {
    Hands {
        config,
        database_url: app.globals.database_url.clone(),
        clock: Arc::clone(&app.clock),
        events: Arc::clone(&app.events),
    }
}

#[derive(Debug, Serialize)]
struct Stopped {}

impl Report for Stopped {
    fn kind(&self) -> &'static str {
        "worker"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line("stopped; work in hand went back to the queue")
    }
}
