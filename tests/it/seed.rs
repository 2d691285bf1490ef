//! Seeding of real databases.

mod kills;
mod profile;
mod random;
mod refusals;
mod related;
mod reset;
mod rules;
mod samples;
mod schemas;
mod stage;
mod tenants;
