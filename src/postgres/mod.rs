//! The data plane: connections, session settings, errors, catalogs, streams.

mod error;
mod session;

pub use error::from_postgres;
pub use session::Session;
