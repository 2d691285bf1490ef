//! The data plane: connections, session settings, errors, catalogs, streams.

mod error;
pub mod private;
mod session;

pub use error::from_postgres;
pub use session::Session;
