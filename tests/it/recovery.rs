//! Backups, what is recovered from them, and drills with a real disaster.

mod backup;
mod backup_damage;
mod backup_expire;
mod backup_refused;
mod drill;
mod drill_controls;
mod drill_passive;
mod drill_records;
mod engines;
mod pitr;
mod release;
mod rescue;
mod restore_damage;
mod stage;
mod wal;
