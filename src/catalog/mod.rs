//! What a database consists of: a pure model of tables and everything around them, its
//! fingerprint, the difference of two catalogs, the graph of foreign keys, and what depends on a
//! column. It is filled by `postgres::introspect`.

mod access;
mod column;
mod constraint;
mod dependency;
mod dependents;
mod diff;
mod facts;
mod fingerprint;
mod foreign_keys;
mod index;
mod mentions;
mod model;
mod object;
mod serial;
mod statistics;
mod table;
mod trigger;

pub use access::{Grant, Policy, PolicyCommand};
pub use column::{Column, Generated, GeneratedKind, Identity, Storage};
pub use constraint::{Action, Constraint, ConstraintKind, ForeignKey, Match};
pub use dependency::{Dependencies, Edge, ObjectId, ObjectInfo, ObjectSort, Strength};
pub use dependents::{Dependent, DependentKind, Effect};
pub use diff::{Difference, DifferenceKind, diff};
pub use fingerprint::Fingerprint;
pub use foreign_keys::ForeignKeyGraph;
pub use index::{Index, IndexColumn, IndexKey};
pub use mentions::{Mention, has_word};
pub use model::Catalog;
pub use object::{
    Attribute, Domain, DomainCheck, Extension, Function, FunctionKind, Publication,
    PublicationTable, Schema, Sequence, SequenceOwner, Type, TypeKind, Volatility,
};
pub use statistics::Statistics;
pub use table::{
    PartitionKey, PartitionStrategy, Persistence, ReplicaIdentity, Table, TableKind, View,
};
pub use trigger::{EventTrigger, Firing, Rule, Timing, Trigger};
