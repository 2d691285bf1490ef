//! What becomes of a run that fails after its tables' constraints were taken off.

use serde_json::json;

use super::abandon::abandon;
use super::engine::Engine;
use crate::control::seed::RunRecord;
use crate::control::{Control, Operator};
use crate::error::{Error, Kind, Result};

/// Takes a run back when its failure would come again with the same rows, so that no database is left
/// without its constraints for an error that going on cannot mend; says of any other failure how the
/// run is gone on with.
pub(super) async fn give_up(engine: &Engine, run: &RunRecord, error: Error) -> Error {
    let id = run.id;
    if engine.cancel.is_cancelled() || matches!(error.kind(), Kind::Cancelled | Kind::Drift) {
        return error;
    }
    if !comes_again(error.kind()) {
        return error.hint(open(id));
    }
    engine.note("the server refuses what the plan makes: the run is taken back");
    match taken_back(engine, run).await {
        Ok(remark) => {
            let remedy = error.kind().policy().hint;
            let error = error
                .detail(format!(
                    "run {id} is taken back: its rows are out, indexes, constraints and triggers are in place"
                ))
                .hint(remedy);
            match remark {
                Some(remark) => error.detail(remark),
                None => error,
            }
        }
        Err(_) => error.hint(open(id)),
    }
}

/// Takes a run back that fails before its first row, whatever the failure: what was taken off is put
/// back at once.
pub(super) async fn nothing_loaded(engine: &Engine, run: &RunRecord, error: Error) -> Error {
    if engine.cancel.is_cancelled() {
        return error;
    }
    match taken_back(engine, run).await {
        Ok(_) => error,
        Err(_) => error.hint(open(run.id)),
    }
}

fn open(run: i64) -> String {
    format!(
        "run {run} is unfinished, and indexes, constraints and triggers are off: the same command goes on with it, \
         tidegate seed run --abandon takes it back"
    )
}

async fn taken_back(engine: &Engine, run: &RunRecord) -> Result<Option<String>> {
    let remark = abandon(engine, run).await?;
    let control = Control::open(&engine.target).await?;
    let environment = &engine.target.environment;
    let detail = json!({ "run": run.id, "refused": true });
    let event = Operator::of_process(None).event(environment, "seed.abandon", detail);
    control.append_audit(&event).await?;
    Ok(remark)
}

/// Whether the failure lies in the rows or in the schema, not in the connection or the server's state.
const fn comes_again(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::SeedPlan
            | Kind::SeedSpec
            | Kind::SeedStuck
            | Kind::SqlSyntax
            | Kind::UnknownObject
            | Kind::Internal
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_forgets_is_gone_on_with() {
        for kind in [
            Kind::ConnectionLost,
            Kind::DiskFull,
            Kind::LockTimeout,
            Kind::Sql,
        ] {
            assert!(!comes_again(kind), "{kind:?}");
        }
        assert!(comes_again(Kind::SeedPlan));
    }
}
