//! Carries out orders in this process: nothing else needs to run.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Dispatcher, Execute, Order, Receipt};
use crate::error::Result;

/// The dispatcher of this process.
#[derive(Debug, Clone)]
pub struct InProcess {
    execute: Arc<dyn Execute>,
    cancel: CancellationToken,
}

impl InProcess {
    /// A dispatcher that carries out orders with `execute` until `cancel` is set.
    #[must_use]
    pub fn new(execute: Arc<dyn Execute>, cancel: CancellationToken) -> Self {
        Self { execute, cancel }
    }
}

impl Dispatcher for InProcess {
    fn dispatch<'a>(&'a self, order: &'a Order, _shares: u16) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(async move {
            self.execute.execute(order, self.cancel.clone()).await?;
            Ok(Receipt::Done)
        })
    }
}
