//! The edge of the process: parse, run, print once, exit.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio_util::sync::CancellationToken;

use super::args::{Cli, Command, Globals};
use super::render::{self, Output};
use super::{
    App, audit, backfill, backup, config, copy, demo, diff, docs, doctor, drill, env, init, mask,
    migrate, restore, schedule, seed, serve, server, wal, worker,
};
use crate::clock::SystemClock;
use crate::config::vars;
use crate::error::{Error, Kind, Result};

/// Runs the command line `args` (the first is the program's name) and returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let json = asks_for_json(&args);
    let stops = wal::guards_recovery(&args);
    let failed = |code| if stops { wal::failed() } else { code };
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return failed(render::usage(&error, json)),
    };
    let globals = cli.globals.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(run(cli));
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Error::from(error)),
    };
    match result {
        Ok(mut output) => render::print(&mut output, &globals),
        Err(error) => failed(render::print_error(&error, &globals)),
    }
}

/// Whether a line that may not parse wants its error as JSON: the last `--format`, else the variable.
fn asks_for_json(args: &[OsString]) -> bool {
    let mut wanted = None;
    for (place, arg) in args.iter().enumerate() {
        let arg = arg.to_string_lossy();
        if arg == "--format" {
            wanted = args.get(place + 1).map(|value| value == "json");
        } else if let Some(value) = arg.strip_prefix("--format=") {
            wanted = Some(value == "json");
        }
    }
    wanted.unwrap_or_else(vars::json_is_the_default)
}

async fn run(cli: Cli) -> Result<Output> {
    crate::telemetry::init(cli.globals.verbose, cli.globals.quiet);
    let cancel = CancellationToken::new();
    watch_signals(cancel.clone())?;
    if vars::until_eof() {
        watch_stdin(cancel.clone());
    }
    let app = App {
        events: render::progress(&cli.globals),
        globals: cli.globals,
        clock: Arc::new(SystemClock::default()),
        cancel,
    };
    match cli.command {
        Command::Init(args) => init::run(&app, &args),
        Command::Demo(args) => demo::run(&app, &args).await,
        Command::Doctor(args) => doctor::run(&app, &args).await,
        Command::Server(command) => server::run(&app, &command).await,
        Command::Env(command) => env::run(&app, &command).await,
        Command::Config(command) => config::run(&app, &command),
        Command::Migrate(command) => migrate::run(&app, command).await,
        Command::Backfill(command) => backfill::run(&app, &command).await,
        Command::Diff(args) => diff::run(&app, &args).await,
        Command::Mask(command) => mask::run(&app, command).await,
        Command::Copy(command) => copy::run(&app, command).await,
        Command::Seed(command) => seed::run(&app, &command).await,
        Command::Backup(command) => backup::run(&app, &command).await,
        Command::Wal(command) => wal::run(&app, &command).await,
        Command::Restore(args) => restore::run(&app, &args).await,
        Command::Drill(command) => drill::run(&app, command).await,
        Command::Audit(command) => audit::run(&app, &command).await,
        Command::Schedule(command) => schedule::run(&app, &command).await,
        Command::Serve(args) => serve::run(&app, &args).await,
        Command::Worker(args) => worker::run(&app, &args).await,
        Command::Completions(args) => docs::completions(&args),
        Command::Man(args) => docs::man(&args),
        Command::Explain(args) => docs::explain(&args),
    }
}

/// The first SIGINT or SIGTERM asks for a clean stop; the second ends the process.
fn watch_signals(cancel: CancellationToken) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if cancel.is_cancelled() {
                std::process::exit(i32::from(Kind::Cancelled.policy().exit));
            }
            tracing::warn!("stopping at the next safe point; once more to stop at once");
            cancel.cancel();
        }
    });
    Ok(())
}

/// How long a process whose starter died may take to reach a safe point.
const ORPHAN_LIMIT: Duration = Duration::from_secs(60);

/// Stops this process when stdin ends: its starter died, or asks it to. A thread of its own, since
/// nothing else can wait for stdin without keeping the runtime from its end.
fn watch_stdin(cancel: CancellationToken) {
    std::thread::spawn(move || {
        // Nothing is logged: whoever read stderr may be gone, too.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        cancel.cancel();
        std::thread::sleep(ORPHAN_LIMIT);
        std::process::exit(i32::from(Kind::Cancelled.policy().exit));
    });
}

impl Globals {
    /// The part of the options that overrides the configuration.
    pub(super) fn overrides(&self) -> crate::config::Overrides {
        crate::config::Overrides {
            file: self.config.clone(),
            environment: self.env.clone(),
            database_url: self.database_url.clone(),
        }
    }
}
