//! Integration tests on real PostgreSQL.

mod backfill;
