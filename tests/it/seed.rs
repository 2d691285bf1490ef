//! Seeding of real databases.

mod kills;
mod profile;
mod random;
mod refusals;
mod reset;
mod rules;
mod samples;
mod schemas;
mod stage;
