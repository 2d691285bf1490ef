//! The masking policy of a project: loads its files, what the change files say, the lock and the
//! key, and resolves them against a database.

mod declared;
mod fit;
mod load;
mod lock;
mod preview;
mod text;

pub use declared::declared;
pub use fit::{Unfit, unfit};
pub use load::{KeyChoice, Loaded, key_of, load, load_under, read_key, resolve};
pub use lock::{check_lock, read_lock, write_lock};
pub use preview::{
    From as PreviewFrom, Preview, PreviewColumn, PreviewValue, Request as PreviewRequest, preview,
};
