//! Synthetic data: what to write into each table, and the values themselves. Pure: a value is a
//! function of seed, table, column and row, so any number of workers, batches and machines write the
//! same.
//!
//! Catalog and spec become a [`SeedPlan`]; [`Rows`] makes the rows of a plan.

mod children;
mod choice;
mod circle;
mod condition;
mod copula;
mod counter;
mod deal;
mod distribution;
mod document;
mod encode;
mod extends;
mod fact;
mod infer;
mod knots;
mod parse;
mod partition;
mod permutation;
mod pg_type;
mod plan;
mod planner;
pub mod profile;
mod quantile;
mod rows;
mod source;
mod spec;
mod stream;
mod touched;
mod tree;
mod value;
mod wished;

pub use children::{Children, Family};
pub use condition::{
    Comparison, Condition, Expression, Function, Operator, Pattern, Truth, Way, Wish,
};
pub use distribution::{Bucket, Distribution};
pub use document::{Field, Shape};
pub use encode::{Misfit, literal_text, write_binary, write_text};
pub use fact::{Fact, Says};
pub use parse::parse;
pub use partition::called;
pub use permutation::Permutation;
pub use pg_type::{ColumnType, IntervalField, PgType};
pub use plan::{Ask, ColumnPlan, Derived, Group, How, Parent, Pick, SeedPlan, TablePlan, Take};
pub use planner::{Options, Standing, StandingTable, plan, rehearse};
pub use rows::{Keys, Rows, Stuck, Worker};
pub use source::{Agreed, Locale, Make, Piece, RowView, Season, Source, Topic, Weighted};
pub use spec::{
    ColumnRule, ColumnSpec, FixedRow, PerParent, Spec, SpecText, TableSpec, TenancySpec, TreeRule,
    schema as spec_schema,
};
pub use stream::{Stream, StreamKey};
pub use value::Value;
