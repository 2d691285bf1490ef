//! Backups, and what is recovered from them.

mod backup;
mod backup_damage;
mod backup_expire;
mod backup_refused;
mod stage;
