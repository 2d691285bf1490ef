//! Where work is carried out: here, or by the worker processes that share a queue. What was done
//! is told by the work's own ledger, never by the queue (ADR 0006).

mod dispatcher;
mod in_process;
mod queue;
mod unit;

pub use dispatcher::{Dispatcher, Execute, Receipt};
pub use in_process::InProcess;
pub use queue::{Queue, QueueWorker};
pub use unit::{Order, Unit};
