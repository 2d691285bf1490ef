//! `wal receive`: the daemon that carries the WAL of a server into the repository.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::cli::App;
use crate::cli::backup::{make_with, open_with};
use crate::cli::render::{Output, Page, Report};
use crate::config::vars;
use crate::error::{Error, Kind, Result};
use crate::job::Event;
use crate::postgres::Session;
use crate::postgres::private::{Search, discover};
use crate::recovery::{BackupManifest, SlotState, UNGUARDED_REMEDY, slot_name};
use crate::service::backup::{admit, sends_wal, system_identifier};
use crate::service::wal::{DEFAULT_SLOT, Receiver, ReceiverOptions, clusters_in, slot};

/// Time between two looks at the uploads.
const LOOK: Duration = Duration::from_secs(1);
/// The first pause before it is started again.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause before it is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Arguments of `wal receive`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repository [default: `[backup] repository`]
    #[arg(long, value_name = "LOCATION")]
    repository: Option<String>,
    /// The replication slot, made when it is missing; the server knows the receiver by its name
    #[arg(long, value_name = "NAME", default_value = DEFAULT_SLOT, value_parser = slot_name)]
    slot: String,
    /// A folder for WAL that is not uploaded yet [default: in Tidegate's own folder]
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
    /// Write and confirm at once, for a server whose commits wait for it
    /// (`synchronous_standby_names`)
    #[arg(long)]
    synchronous: bool,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let config = app.config()?;
    let target = app.target(&config).await?;
    let session = Session::connect(&target, "wal").await?;
    sends_wal(&session, &target).await?;
    // A slot was made by an earlier receiver, and its repository has been there since.
    let named = args.repository.as_deref();
    let state = slot(&session, &args.slot).await?;
    let (repository, engine) = match state.there {
        true => open_with(&config, named, None).await?,
        false => make_with(&config, named, None).await?,
    };
    if engine != BackupManifest::NATIVE {
        let text = format!("the engine {engine} takes whole segments, from archive_command only");
        return Err(Error::new(Kind::Unsupported, text)
            .hint("archive_command = 'tidegate wal push --engine ... %p'"));
    }
    let binaries = discover(&Search {
        major: u32::try_from(session.version() / 10_000).ok(),
        ..Search::default()
    })
    .await?;
    let region = &config.environment(app.globals.env.as_deref())?.region;
    let cluster = system_identifier(&session).await?;
    let whose = (region.as_deref(), engine.as_str());
    admit(&repository, cluster, whose, app.clock.now()).await?;
    let warnings = unguarded(state);
    drop(session);
    let spool = match &args.spool {
        Some(spool) => spool.clone(),
        None => default_spool(&target.environment, cluster, &args.slot)?,
    };
    let options = ReceiverOptions {
        target,
        binaries,
        repository,
        spool,
        slot: args.slot.clone(),
        synchronous: args.synchronous,
        clock: Arc::clone(&app.clock),
    };
    let restarts = follow(app, &options).await?;
    Ok(Output::report(Received { restarts, warnings }))
}

/// What may come of the slot, said before it is made: a server that keeps WAL without a limit fills its
/// disk when its receiver is away.
fn unguarded(state: SlotState) -> Vec<String> {
    let state = SlotState {
        there: true,
        ..state
    };
    let words = state.unguarded();
    let words = words.map(|words| format!("{words}; {UNGUARDED_REMEDY}"));
    if let Some(words) = &words {
        tracing::warn!("{words}");
    }
    words.into_iter().collect()
}

/// Receives until it is stopped, and begins again when the server was away; how often it did.
async fn follow(app: &App, options: &ReceiverOptions) -> Result<u32> {
    let mut restarts = 0;
    let mut pause = SHORTEST_PAUSE;
    let mut receiver = Receiver::start(options).await?;
    loop {
        let began = app.clock.monotonic();
        watch(app, &receiver).await;
        let gone = receiver.gone();
        // What it has is uploaded first. What is not stays in the spool, from which the next one goes on.
        match receiver.drain().await {
            Err(error) if app.cancel.is_cancelled() || Receiver::is_lasting(&error) => {
                return Err(error);
            }
            Err(error) => tracing::warn!(%error, "what was received is not uploaded yet"),
            Ok(_) if app.cancel.is_cancelled() => return Ok(restarts),
            Ok(_) => {}
        }
        match gone {
            Some(reason) if Receiver::is_lasting(&reason) => return Err(reason),
            Some(reason) => tracing::warn!(%reason, "the receiver has ended"),
            None => {}
        }
        if app.clock.monotonic().saturating_sub(began) > LONGEST_PAUSE {
            pause = SHORTEST_PAUSE;
        }
        receiver = loop {
            let seconds = pause.as_secs();
            app.events
                .emit(Event::Note(format!("receiving again in {seconds} s")));
            tokio::select! {
                () = app.cancel.cancelled() => return Ok(restarts),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            match Receiver::start(options).await {
                Ok(receiver) => break receiver,
                Err(error) if Receiver::is_lasting(&error) => return Err(error),
                Err(error) => tracing::warn!(%error, "the receiver did not start"),
            }
        };
        restarts += 1;
    }
}

/// Waits until it has stopped or is to stop; says when nothing can be uploaded, and when it can
/// again.
async fn watch(app: &App, receiver: &Receiver) {
    let mut known = None;
    loop {
        tokio::select! {
            () = app.cancel.cancelled() => return,
            () = receiver.stopped() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let trouble = receiver.trouble();
        if trouble != known {
            let text = trouble.as_deref().unwrap_or("uploads go on");
            app.events.emit(Event::Note(text.to_owned()));
            known = trouble;
        }
    }
}

/// A folder a cluster and a slot: two receivers never share one, whatever their environments are called.
/// Earlier versions left the cluster out for environments with a name: where its WAL lies there, which may
/// not be uploaded yet, it goes on.
fn default_spool(environment: &str, cluster: u64, slot: &str) -> Result<PathBuf> {
    let home = vars::tidegate_home().ok_or_else(|| {
        Error::new(
            Kind::ConfigValue,
            "no home directory for the receiver's spool",
        )
        .hint("name a folder with --spool")
    })?;
    let spools = home.join("spool").join(environment);
    let plain = spools.join(slot);
    if clusters_in(&plain).contains(&cluster) {
        return Ok(plain);
    }
    Ok(spools.join(cluster.to_string()).join(slot))
}

/// How it ended.
#[derive(Debug, Serialize)]
struct Received {
    /// How often the connection had to be made again.
    restarts: u32,
    /// What was said at its start.
    warnings: Vec<String>,
}

impl Report for Received {
    fn kind(&self) -> &'static str {
        "wal_receive"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!(
            "stopped; all that was received is uploaded ({} restarts)",
            self.restarts
        ))
    }
}
