//! `tidegate serve`.

use std::fmt;
use std::net::SocketAddr;

use serde::Serialize;
use tokio::net::TcpListener;

use super::App;
use super::render::{Output, Page, Report};
use super::schedule;
use crate::daemon::{self, Scheduler, Tally};
use crate::error::{Error, Kind, Result};
use crate::job::Event;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address of the pages /healthz and /metrics; they need no login
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7433")]
    listen: SocketAddr,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let config = app.config()?;
    let schedules = schedule::load(&config)?;
    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        Error::new(
            Kind::Io,
            format!("cannot listen on {}: {error}", args.listen),
        )
        .hint("choose another address with --listen")
    })?;
    if !args.listen.ip().is_loopback() {
        tracing::warn!(address = %args.listen, "the pages need no login and are open to the network");
    }
    let target = app.target(&config).await?;
    let count = schedules.len();
    let scheduler = Scheduler::new(schedule::keeper(app, &config).await?, schedules);
    app.events.emit(Event::Note(format!(
        "{count} schedules; health and metrics on http://{}",
        listener.local_addr()?
    )));
    let pages = daemon::serve(listener, scheduler.clone(), target, app.cancel.clone());
    let (tally, pages) = tokio::join!(scheduler.run(app.cancel.clone()), pages);
    pages?;
    Ok(Output::report(Served { runs: tally? }))
}

#[derive(Debug, Serialize)]
struct Served {
    runs: Tally,
}

impl Report for Served {
    fn kind(&self) -> &'static str {
        "serve"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!(
            "stopped; {} runs done, {} failed",
            self.runs.done, self.runs.failed
        ))
    }
}
