//! Files outside the database: where they lie (a folder, S3, Azure, Google Cloud) and how they are
//! sealed. Whatever Tidegate writes there is compressed, encrypted and authenticated, because it
//! may hold personal data; nothing that was written is ever overwritten.

mod files;
mod frame;
mod key;
mod level;
mod location;
mod reader;
mod repository;
mod ring;
mod root;
mod seal;
mod store;

pub use files::{Entry, Files};
pub use key::SealKey;
pub use location::Location;
pub use reader::{Sealed, Text, reclaimed, room};
pub use repository::Repository;
pub use ring::Rotated;
pub use seal::{Opener, Sealer};
pub use store::Store;
