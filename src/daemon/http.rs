//! The daemon's pages. They show names and numbers, no data, and need no login: the default
//! address is reached from this machine alone.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::metrics;
use super::scheduler::Scheduler;
use crate::config::Target;
use crate::error::Result;

/// What the pages are made from.
#[derive(Debug, Clone)]
struct Pages {
    scheduler: Arc<Scheduler>,
    target: Target,
}

/// Serves `/healthz` and `/metrics` until `cancel` is set.
///
/// # Errors
/// Those of the network.
pub async fn serve(
    listener: TcpListener,
    scheduler: Arc<Scheduler>,
    target: Target,
    cancel: CancellationToken,
) -> Result<()> {
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(page))
        .with_state(Pages { scheduler, target });
    axum::serve(listener, router)
        .with_graceful_shutdown(cancel.cancelled_owned())
        .await?;
    Ok(())
}

/// 200 while the scheduler does its rounds, else 503; the body says why.
async fn healthz(State(pages): State<Pages>) -> Response {
    let scheduler = &pages.scheduler;
    let verdict = scheduler.health.verdict(scheduler.keeper.clock.monotonic());
    let status = if verdict.healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::to_string(&verdict).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn page(State(pages): State<Pages>) -> Response {
    match metrics::page(&pages.scheduler, &pages.target).await {
        Ok(text) => {
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{}: {error}\n", error.kind().policy().code),
        )
            .into_response(),
    }
}
