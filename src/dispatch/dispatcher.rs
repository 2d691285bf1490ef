//! The seam between those who want work done and those who do it.

use std::fmt;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::Order;
use crate::error::Result;

/// Carries out orders. Implemented by the services, which know how.
pub trait Execute: Send + Sync + fmt::Debug {
    /// Carries out one order to its end; stops at a safe point when `cancel` is set.
    ///
    /// # Errors
    /// Those of the work.
    fn execute<'a>(
        &'a self,
        order: &'a Order,
        cancel: CancellationToken,
    ) -> BoxFuture<'a, Result<()>>;
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It was carried out.
    Done,
    /// It waits for a worker, in so many shares.
    Queued(u16),
}

/// Sees to it that orders are carried out at least once.
pub trait Dispatcher: Send + Sync + fmt::Debug {
    /// Hands over one order. `shares` is the number of workers that may take part in it at once;
    /// whoever does it alone needs one.
    ///
    /// # Errors
    /// Those of the work, or of the queue.
    fn dispatch<'a>(&'a self, order: &'a Order, shares: u16) -> BoxFuture<'a, Result<Receipt>>;
}
