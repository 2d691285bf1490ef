//! Everything that writes to stdout or stderr for the user.

mod diagnostic;
mod page;
mod print;
mod progress;

pub use page::{Page, Style};
pub use print::{Output, Report, print, print_error, usage};
pub use progress::progress;
