//! Seeding of real databases.

mod kills;
mod random;
mod refusals;
mod reset;
mod samples;
mod schemas;
mod stage;
