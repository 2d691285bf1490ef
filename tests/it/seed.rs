//! Seeding of real databases.

mod asked;
mod kills;
mod partitions;
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
mod uniques;
