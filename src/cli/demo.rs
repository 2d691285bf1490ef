//! `tidegate demo`.

use std::fmt;
use std::path::PathBuf;

use super::App;
use super::render::{Output, Page, Report, Style};
use crate::error::{Error, Kind, Result};
use crate::service::demo::{self, Demo, Request};

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Transactions to load
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
    rows: u64,
    /// Keep the server and the project, to look at them
    #[arg(long)]
    keep: bool,
    /// Write the summary as Markdown into this file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let request = Request {
        rows: args.rows,
        keep: args.keep,
        install: app.globals.yes,
    };
    let demo = demo::run(
        &request,
        app.clock.clone(),
        app.events.clone(),
        app.cancel.clone(),
    )
    .await?;
    if let Some(file) = &args.report {
        let mut page = Page::new(false, 100);
        demo.human(&mut page)
            .map_err(|_| Error::new(Kind::Internal, "the report could not be written"))?;
        std::fs::write(
            file,
            format!("# Tidegate demo\n\n```text\n{}```\n", page.finish()),
        )
        .map_err(|error| {
            Error::new(
                Kind::Io,
                format!("cannot write {}: {error}", file.display()),
            )
        })?;
    }
    Ok(Output::report(demo))
}

impl Report for Demo {
    fn kind(&self) -> &'static str {
        "demo"
    }

    fn exit(&self) -> u8 {
        if self.passed {
            0
        } else {
            Kind::DemoFailed.policy().exit
        }
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let heading = format!(
            "Three releases under traffic, on a private PostgreSQL {}",
            self.server
        );
        page.line(page.styled(Style::Strong, heading))?;
        let (traffic, backfill) = (&self.traffic, &self.backfill);
        page.line(format!(
            "  traffic    old app {} and new app {} statements; errors {}; lost writes {} of {}",
            traffic.old_statements,
            traffic.new_statements,
            traffic.errors,
            traffic.lost_writes,
            traffic.writes
        ))?;
        page.line(format!(
            "  latency    p50 {:.1} -> {:.1} ms, p99 {:.1} -> {:.1} ms while {} rows were backfilled",
            traffic.p50_before_ms, traffic.p50_during_ms, traffic.p99_before_ms, traffic.p99_during_ms, backfill.rows
        ))?;
        page.line(format!(
            "  locks      longest ACCESS EXCLUSIVE {:.0} ms of {} seen; a sample every {:.1} ms, at worst {:.0} ms; longest statement of an app {:.0} ms",
            self.locks.longest_access_exclusive_ms,
            self.locks.holds,
            self.locks.resolution_ms,
            self.locks.largest_gap_ms,
            traffic.longest_ms
        ))?;
        let killed = if backfill.resumed {
            format!(
                "; killed at {:.0} % and resumed",
                backfill.killed_at_percent
            )
        } else {
            "; over before it could be killed".to_owned()
        };
        page.line(format!(
            "  backfill   {:.1} s, HOT {:.0} %, WAL {:.0} B a row (apps included), table {:+.0} %, indexes {:+.0} %{killed}",
            backfill.seconds, backfill.hot_percent, backfill.wal_bytes_per_row,
            backfill.heap_growth_percent, backfill.index_growth_percent
        ))?;
        page.line(format!("  duration   {}", durations(self)))?;
        page.line("  gate       contract, while an old app was connected:")?;
        for gate in &self.gates {
            page.line(format!("             {gate}"))?;
        }
        chapters(self, page)?;
        for check in &self.checks {
            let word = if check.passed {
                page.styled(Style::Good, "ok    ")
            } else {
                page.styled(Style::Bad, "FAILED")
            };
            page.line(format!(
                "  {word}     {} ({})",
                check.name,
                check.found.trim()
            ))?;
        }
        if let Some(kept) = &self.kept {
            page.line(format!("Kept:      {kept}"))?;
        }
        page.line("Try next:  tidegate server psql   |   tidegate migrate calendar   |   tidegate init myproject")
    }
}

fn durations(demo: &Demo) -> String {
    let times = demo.phases.iter();
    let times: Vec<String> = times
        .map(|phase| format!("{} {:.1} s", phase.name, phase.seconds))
        .collect();
    times.join(", ")
}

/// Copy, seed and drill.
fn chapters(demo: &Demo, page: &mut Page) -> fmt::Result {
    let (copy, seed, drill) = (&demo.copy, &demo.seed, &demo.drill);
    page.line(format!(
            "  copy       {} rows for staging in {:.1} s, {} columns masked; {} of {} e-mail addresses found again",
            copy.rows, copy.seconds, copy.masked_columns, copy.found, copy.sought
        ))?;
    for check in &copy.gate {
        page.line(format!("             {:<17}{}", check.name, check.found))?;
    }
    page.line(format!(
        "  seed       {} rows for dev in {:.1} s, twice, from seed {}",
        seed.rows, seed.seconds, seed.seed
    ))?;
    page.line(format!(
            "  drill      a primary was killed and lost: RTO {:.1} s, RPO {:.1} s; {} of {} acknowledged writes lost; {} tables compared; found when planted: {}",
            drill.rto_seconds,
            drill.rpo_seconds,
            drill.acknowledged_lost,
            drill.acknowledged,
            drill.tables,
            drill.controls.join(", ")
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_is_said_and_decides_the_exit_code() {
        let mut demo = Demo {
            passed: true,
            ..Demo::default()
        };
        assert_eq!(demo.exit(), 0);
        demo.passed = false;
        demo.check("no write was lost", false, "3 missing");
        assert_eq!(demo.exit(), 3);
        let mut page = Page::new(false, 100);
        demo.human(&mut page).unwrap();
        let text = page.finish();
        assert!(
            text.contains("FAILED     no write was lost (3 missing)"),
            "{text}"
        );
    }
}
