//! The copy: a new database is built beside the target from one instant of the source, masked on
//! the way, proven, and put in the target's place.

pub mod archive;
mod carry;
mod databases;
mod drift;
mod engine;
mod extensions;
mod finish;
pub mod gate;
mod gate_report;
mod gather;
mod load;
mod masks;
mod objects;
mod pick;
mod pipe;
mod promote;
mod refuse;
mod run;
mod schema;
mod settings;
mod share;
mod snapshot;
mod take_part;

pub(in crate::service) use carry::audit_log as carry_audit;
pub use databases::{Databases, Listed};
pub use engine::{Engine, Opened, Options, Outcome};
pub(in crate::service) use finish::views as refresh_views;
pub use gate_report::{Check, GateReport, Leak};
pub use gather::{Extent, Gathered, gather};
pub use pick::Picked;
pub use promote::{Swapped, promote, rollback};
pub(in crate::service) use promote::{alone, swap};
pub use refuse::{Side, refuse, refuse_control, refuse_target};
pub(in crate::service) use settings::like;
pub use take_part::{Helper, take_part};
