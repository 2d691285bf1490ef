//! Backfills, the pure part: what is to be filled, how a table is cut into windows and stripes,
//! how large a chunk may be, when to hold back, and the SQL text of it all.
//!
//! The idea: PostgreSQL updates a row in place of its dead neighbours (a heap-only tuple, HOT) when
//! its page has room. One pass over full pages finds none, so every index gets a new entry and the
//! table doubles. A *stripe* is every k-th row of a window of blocks: when one stripe is committed,
//! reading the pages for the next one prunes the dead versions, and the next rows fit in.

mod chunk_size;
mod job_id;
mod settings;
mod spec;
mod statement;
mod stripe;
mod take;
mod throttle;
mod verification;
mod window;

pub use chunk_size::ChunkSize;
pub use job_id::JobId;
pub use settings::Settings;
pub use spec::Spec;
pub use statement::{HashKind, Statements};
pub use stripe::{MAX_STRIPES, MIN_STRIPES, StripeCount, initial_stripes, stripe_of};
pub use take::Take;
pub use throttle::{Decision, Level, Limits, STALE_AFTER, Sample, ThrottleSignal, decide, signals};
pub use verification::Verification;
pub use window::{Chunk, Window, WindowSize};
