//! A PostgreSQL of our own: finds or installs the programs, makes clusters, starts and stops
//! servers that only their owner can reach. Works as root and as any user.
//!
//! [`PrivateServer`] is the lasting one of the environment `local`; [`Ephemeral`] lives in a
//! temporary folder and vanishes with its value. Both are real: fsync stays on, nothing is faked.
//! Why it is safe without passwords is told in `docs/adr/0005-private-server.md`.

mod binaries;
mod cluster;
mod control_file;
mod database;
mod disaster;
mod discover;
mod ephemeral;
mod extensions;
mod folder;
mod identity;
mod install;
mod layout;
mod leash;
mod lock;
mod log;
mod postmaster;
#[cfg(target_os = "linux")]
mod process;
mod pypi;
mod running;
mod server;
mod settings;
mod state;
mod wheel;

pub use binaries::{Binaries, Version};
pub use database::url;
pub use discover::{Search, discover};
pub use ephemeral::Ephemeral;
pub use extensions::Extensions;
pub use folder::clear as clear_folder;
pub use identity::Identity;
pub use install::{Installed, install};
pub use layout::socket_path;
pub use leash::Leash;
#[cfg(target_os = "linux")]
pub use process::Process;
pub use running::{Running, Status};
pub use server::{Options, PrivateServer};
pub use settings::check as check_setting;
