//! A worker: leases a window, walks it stripe by stripe, takes the next.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::chunk::Walker;
use super::run::{Go, Run};
use super::trouble::{Trouble, connection_lost};
use crate::backfill::Window;
use crate::control::backfill::{self as ledger, Lease};
use crate::error::{Error, Kind, Result};
use crate::job::Event;

/// Tries for a chunk that other transactions keep from its rows: about two minutes with the
/// lock timeout and the growing rests.
const CONTENTION_TRIES: u32 = 40;

/// Time between two looks for work.
const STAND_BY: Duration = Duration::from_millis(100);

/// Works until nothing is left or the run ends. Broken connections are made anew for as long as
/// the options say.
pub(super) async fn work(run: Arc<Run>, index: usize) -> Result<()> {
    let mut lost_since: Option<Duration> = None;
    let mut rest = Duration::from_millis(50);
    loop {
        let mut progressed = false;
        match one_session(&run, index, &mut progressed).await {
            Err(error) if connection_lost(&error) => {
                run.check()?;
                if progressed {
                    lost_since = None;
                    rest = Duration::from_millis(50);
                }
                let now = run.clock.monotonic();
                let since = *lost_since.get_or_insert(now);
                if now.saturating_sub(since) >= run.options.reconnect_for {
                    return Err(Error::new(
                        Kind::ConnectionLost,
                        format!("{}: {error}", run.spec.title()),
                    ));
                }
                tracing::warn!(%error, "connection lost; trying again");
                run.sleep(rest).await;
                rest = (rest * 2).min(Duration::from_secs(5));
            }
            other => return other,
        }
    }
}

async fn one_session(run: &Arc<Run>, index: usize, progressed: &mut bool) -> Result<()> {
    let session = run.connect("backfill").await?;
    let pid = session.pid();
    run.joined(pid);
    run.working.fetch_add(1, Ordering::Relaxed);
    let mut walker = Walker::new(session, Arc::clone(run));
    let result = walk_all(&mut walker, index, progressed).await;
    run.working.fetch_sub(1, Ordering::Relaxed);
    run.left(pid);
    result
}

async fn walk_all(walker: &mut Walker, index: usize, progressed: &mut bool) -> Result<()> {
    let run = Arc::clone(&walker.run);
    let seconds = run.options.lease.as_secs_f64();
    loop {
        run.check()?;
        if index >= run.settings().workers.max(1) {
            return Ok(());
        }
        if run.finished.load(Ordering::Relaxed) {
            return Ok(());
        }
        if run.stands_by(index) {
            run.sleep(STAND_BY).await;
            continue;
        }
        let cut = |target: &ledger::TargetRecord| run.cut(target);
        match ledger::lease(&mut walker.session, run.job, seconds, &cut).await? {
            Lease::Finished => {
                run.finished.store(true, Ordering::Relaxed);
                return Ok(());
            }
            Lease::OthersWork => run.sleep(STAND_BY).await,
            Lease::Taken(mut window) => {
                *progressed = true;
                if let Err(error) = walk(walker, index, &mut window).await {
                    if !connection_lost(&error) {
                        ledger::release(&*walker.session, &window).await?;
                    }
                    return Err(error);
                }
            }
        }
    }
}

/// Walks one window to its end, or until somebody else has it.
async fn walk(walker: &mut Walker, index: usize, window: &mut Window) -> Result<()> {
    let run = Arc::clone(&walker.run);
    let span = window.to_block - window.from_block;
    let mut blocks = span;
    let mut tries = 0u32;
    let mut last = Duration::ZERO;
    let mut last_commit = None;
    let (mut rows, mut hot) = (0i64, 0i64);
    while !window.finished() {
        if run.before_chunk(index, last).await? == Go::Yield {
            return ledger::release(&*walker.session, window).await;
        }
        let chunk = window.chunk(blocks);
        let turn = run.turnstile.enter(last_commit).await;
        let attempt = walker.chunk(window, &chunk).await;
        let committed = turn.leave();
        let result = match attempt {
            Err(Trouble::Data(_) | Trouble::Timeout) if chunk.blocks() == 1 => {
                walker.row_by_row(window, &chunk).await
            }
            other => other,
        };
        match result {
            Ok(done) => {
                rows += done.rows;
                hot += done.hot_rows;
                last = done.took;
                tries = 0;
                last_commit = Some(committed);
                run.chunk_took(done.took);
                window.advance(&chunk);
                blocks = (blocks * 2).min(span);
            }
            Err(Trouble::Lease) => {
                tracing::info!(window = window.id, "another worker took the window over");
                return Ok(());
            }
            Err(Trouble::Timeout) => {
                run.smaller_chunks();
                blocks = (chunk.blocks() / 2).max(1);
            }
            Err(Trouble::Data(_)) => blocks = (chunk.blocks() / 2).max(1),
            Err(Trouble::Contention(message)) => {
                tries += 1;
                contended(&run, tries, message).await?;
            }
            Err(Trouble::Other(error)) => return Err(error),
        }
    }
    if rows > 0 {
        run.window_hot(window.ordinal, window.stripes, hot as f64 / rows as f64);
    }
    Ok(())
}

/// Rests before the next try, each time longer, with jitter.
async fn contended(run: &Run, tries: u32, message: String) -> Result<()> {
    if tries >= CONTENTION_TRIES {
        return Err(Error::new(
            Kind::LockTimeout,
            format!("{}: {message}", run.spec.title()),
        )
        .hint("a session keeps rows of the table locked; see pg_stat_activity"));
    }
    if tries == 3 {
        run.events.emit(Event::Note(format!(
            "{}: rows are locked by another session; trying again",
            run.spec.title()
        )));
    }
    let base = 50.0 * f64::from(tries.min(20));
    let jitter: f64 = rand::random();
    run.sleep(Duration::from_secs_f64(base * (0.5 + jitter) / 1e3))
        .await;
    Ok(())
}
