//! Backups, what is recovered from them, and drills with a real disaster.

mod backup;
mod backup_damage;
mod backup_expire;
mod backup_refused;
mod bucket_restore;
mod bucket_storm;
mod drill;
mod drill_controls;
mod drill_incremental;
mod drill_passive;
mod drill_records;
mod drill_results;
mod engines;
mod folder;
mod incremental;
mod incremental_damage;
mod pitr;
mod release;
mod rescue;
mod restore_damage;
mod restored;
mod rotate_key;
mod small_records;
mod stage;
mod standby;
mod wal;
