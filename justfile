# `just` lists the recipes. Each is one command that also works without just.

default:
    @just --list

# The whole suite on the newest PostgreSQL that is found.
test *args:
    cargo test --locked {{ args }}

# What CI does.
ci:
    .ci/run

# The suite on several major versions: folders that hold <major>/bin.
matrix root="/usr/lib/postgresql" versions="14 15 16 17 18":
    PG_MATRIX_ROOT={{ root }} PG_MATRIX="{{ versions }}" .ci/matrix

# Write the snapshots and the generated pages anew; look at the diff before you commit it.
bless:
    TIDEGATE_BLESS=1 INSTA_UPDATE=always cargo test --locked --test it

lint:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings

bench:
    cargo bench --locked
