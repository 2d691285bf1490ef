//! The data plane: connections, session settings, errors, catalogs, streams.

mod error;
mod introspect;
pub mod private;
mod session;
mod tls;

pub use error::from_postgres;
pub use introspect::{introspect, introspect_in_transaction};
pub use session::Session;
pub(crate) use session::admit;
