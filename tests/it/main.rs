//! The integration tests: one binary, one module a capability, real PostgreSQL throughout.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets the unexpected shall fail loudly"
)]

mod private_server;
