# The loops of everyday work; `just` alone lists them. Each is one command that can be
# typed as well: https://just.systems or `pip install rust-just` brings the tool.

# Lists the recipes.
[private]
default:
    @just --list --unsorted

# Everything that a change must pass, as CI runs it.
ci:
    .ci/run

# Type-checks everything.
check:
    cargo check --workspace --all-targets

# Runs all tests of the Rust crates.
test:
    cargo test --workspace

# Runs the tests of one crate whose name contains NAME: `just one whippy-mock replayed`.
one crate name:
    cargo test --package {{ crate }} -- {{ name }}

# Runs the tests of the Python plugin against the mock of this tree.
python *arguments:
    cargo build --package whippy-mock
    WHIPPY_MOCK_BINARY=target/debug/whippy-mock clients/python/test {{ arguments }}

# Runs the tests of the npm packages against the mock of this tree.
node *arguments:
    cargo build --package whippy-mock
    WHIPPY_MOCK_BINARY=target/debug/whippy-mock clients/node/test {{ arguments }}

# Runs the campaigns at full length: kills, full files, worlds at once, admin requests.
campaigns:
    mock-server/tests/campaigns/run

# Formats the Rust code.
fmt:
    cargo fmt --all

# Reports lints, warnings denied.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- --deny warnings

# Checks the licence and origin of every crate, and asks for known holes.
deny:
    .ci/tools
    target/ci/tools/bin/cargo-deny check

# Writes the snapshots anew; read the difference before you commit it.
snapshots:
    INSTA_UPDATE=always cargo test --workspace
    git diff --stat

# Runs one benchmark: `just bench whippy-mock throughput`.
bench crate name:
    cargo bench --package {{ crate }} --bench {{ name }}

# Builds and opens the documentation of the crates.
docs:
    cargo doc --workspace --no-deps --document-private-items --open

# Builds the book, documents and contract in one site, into target/book/html.
book:
    .ci/tools
    PATH="$PWD/target/ci/tools/bin:$PATH" docs/book/test

# Runs the mock: `just mock --world demo`.
mock *arguments:
    cargo run --package whippy-mock -- {{ arguments }}

# Runs the conformance suite against a mock of its own.
conformance *arguments:
    cargo run --package whippy-conformance -- run {{ arguments }}

# Builds what a release holds into target/dist, for all targets or for some.
dist *targets:
    .ci/dist {{ targets }}

# Tries what `just dist` built, as somebody without Rust uses it.
try-dist:
    .ci/try-dist

# Tries the scripts of the GitHub Action and the template of GitLab.
action:
    cargo build --workspace --bins
    WHIPPY_MOCK_BINARY=target/debug/whippy-mock clients/github/test
