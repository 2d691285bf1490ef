//! Seeding of real databases.

mod asked;
mod calculated;
mod kills;
mod partitions;
mod profile;
mod random;
mod realism;
mod refusals;
mod related;
mod reset;
mod rules;
mod samples;
mod schemas;
mod small_servers;
mod stage;
mod tenants;
mod uniques;
mod written;
