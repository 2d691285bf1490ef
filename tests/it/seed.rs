//! Seeding of real databases.

mod kills;
mod profile;
mod refusals;
mod reset;
mod samples;
mod schemas;
mod stage;
