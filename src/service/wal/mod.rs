//! WAL on its way into a repository and out of it.

mod audit;
mod fetch;
mod push;
mod receiver;
mod socket;

pub use audit::{Audit, Behind, audit};
pub use fetch::{Fetched, chain, fetch};
pub use push::{Pushed, push};
pub use receiver::{Drained, Receiver, ReceiverOptions};
pub use socket::{WalSocket, fetch_through, push_through};
