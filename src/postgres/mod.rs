//! The data plane: connections, session settings, errors, catalogs, streams.

mod error;
mod introspect;
pub mod private;
mod search_path;
mod session;
mod tls;

pub use error::from_postgres;
pub use introspect::{introspect, introspect_in_transaction};
pub use search_path::{Scope, schema_list, search_path, search_path_of};
pub use session::Session;
pub(crate) use session::admit;
pub(crate) use tls::bring_cryptography;
