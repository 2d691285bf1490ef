//! Seeding of real databases.

mod kills;
mod profile;
mod random;
mod refusals;
mod reset;
mod samples;
mod schemas;
mod stage;
