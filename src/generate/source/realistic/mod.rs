//! Values as people and machines write them: names, addresses, numbers with check digits. No value
//! reaches anybody: domains, phone numbers and networks are those set aside for examples.

mod check;
mod fixed;
mod grammar;
mod lists;
mod locale;
mod slug;
mod template;
mod topic;

pub use locale::Locale;
pub use template::Piece;
pub(super) use template::template;
pub use topic::Topic;
pub(super) use topic::known;
