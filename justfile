# Recipes for daily work: `just` lists them. Each is a cargo command that can be typed as well.

# List the recipes
default:
    @just --list --unsorted

# Every test, in the profile of the program
test:
    cargo test --release

# The program in the quick profile: seconds after an edit. `just quick report data/wti.csv`
quick *args:
    cargo run --profile quick -- {{ args }}

# What continuous integration runs
ci:
    .ci/run

# Format, then lint with warnings as errors
lint:
    cargo fmt --all
    cargo clippy --release --all-targets -- -D warnings

# The documentation, with warnings as errors
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps

# Licences, advisories, duplicates and sources of all dependencies (needs cargo-deny)
deny:
    cargo deny check

# The bill of materials of the lock file; writes sbom.cdx.json
sbom:
    .ci/sbom

# Build the crate from its own tarball
package:
    .ci/package

# The least Rust that is promised, for the program and for the mathematics alone
msrv:
    rustup toolchain install 1.95.0 1.89.0 --profile minimal --no-self-update
    cargo +1.95.0 check --locked --target-dir target/msrv
    cargo +1.89.0 check --locked --no-default-features --ignore-rust-version --target-dir target/msrv

# The unsafe code under Miri, with and without wider vectors (needs the component miri of a nightly toolchain)
miri:
    cargo +nightly miri test --no-default-features --lib --target-dir target/miri base::dispatch
    RUSTFLAGS="-C target-feature=+avx2,+avx512f,+avx512dq,+avx512vl" cargo +nightly miri test --no-default-features --lib --target-dir target/miri base::dispatch

# The answers shown in README and guide, written anew by running every command
pages:
    cargo test --release --test it -- --ignored --nocapture pages_written_anew

# Fifty starts of every reference fit (minutes); writes reports/validation/starts.md
starts:
    cargo test --release --test it -- --ignored --nocapture fifty_starts

# Fits of records with half or three quarters of their rows dropped; writes reports/validation/gaps.md
gaps: (study "study_of_gaps" "reports/validation/gaps.md" "Gaps, unequal steps, half the points dropped")

# Formal orders of every transition density, and the expansion against closed laws; writes reports/validation/densities.md
densities: (study "expansion::study::tables" "reports/validation/densities.md" "Transition densities: orders, and the expansion against closed laws")

# The NIST problems from both starts; writes reports/validation/nist.md
nist: (study "study_of_the_certified_problems" "reports/validation/nist.md" "NIST nonlinear regressions from both starts")

# Coverage of 95 % intervals and bias before and after correction (a quarter of an hour); writes reports/validation/coverage.md
coverage: (study "study_of_coverage" "reports/validation/coverage.md" "Coverage of 95 % intervals, and bias")

# Laws found in twenty records each; writes reports/validation/discover.md
discover: (study "right_terms_and_honest_errors_over_twenty_seeds" "reports/validation/discover.md" "Laws found in data")

# The equation and the spectrum, transition by transition; writes reports/validation/exact-likelihoods.md
exact-likelihoods: (study "agreement_at_days_weeks_and_months" "reports/validation/exact-likelihoods.md" "Two exact log densities of one transition")

# Log-volatility simulated and forecast over twenty seeds, beside GJR-GARCH (an hour or less); writes reports/validation/latent-volatility.md
latent-volatility: (study "study_of_latent_volatility" "reports/validation/latent-volatility.md" "A volatility that nobody sees")
# Coverage of forecasts from thirty rows, at the estimate and over draws of the parameters (minutes); writes reports/validation/folded.md
folded: (study "coverage_of_short_records_study" "reports/validation/folded.md" "Forecasts of an Ornstein-Uhlenbeck process from thirty rows")

[private]
study name file title:
    printf '# {{title}}\n\n' > {{file}}
    cargo test --release --no-default-features --lib -q -- --ignored --nocapture {{name}} 2>&1 | sed -n '/^[|#]/,$p' | sed '/^test /d' >> {{file}}

# All forms against each other on several models; writes reports/validation/forms.md
agreement:
    cargo test --release --test it -- --ignored --nocapture forms

# The committed sample report. Its picture, report.png, is a browser's: open index.html, take the head and the first fan chart
sample:
    cargo run --release -- report data/eurusd.csv -o reports/sample
    rm -f reports/sample/backtest.csv

# Every model held to its contract, all forms against each other; writes reports/validation/contract.md
contract:
    cargo test --release --test it -- --ignored --nocapture table_of_contracts

# Ten typical mistakes in model files and what the user sees; writes reports/validation/mistakes.md
mistakes:
    cargo test --release --test it -- --ignored --nocapture transcript_of_mistakes

# Mistakes of a stranger's first hour, and the hints that mend them; writes reports/validation/newcomer.md
newcomer:
    cargo test --release --test it -- --ignored --nocapture transcript_of_the_first_hour

# Master equation, Langevin and Fokker-Planck of one network at growing size (a minute and a half); writes reports/validation/kramers-moyal.md
kramers-moyal:
    cargo test --release --test it -- --ignored --nocapture kramers_moyal

# Every reference value by every form that applies (minutes; needs ../shared); writes reports/validation/reference-values.md
reference-values:
    cargo test --release --test it -- --ignored --nocapture table_of_reference_values

# The eight bars beside numpy, scipy, numba, py-pde and QuantLib in one run; writes reports/validation/bars.md
bars:
    python3 -m venv target/peers && target/peers/bin/pip install -q -r benches/peers/requirements.txt
    target/peers/bin/python benches/peers/run.py > reports/validation/bars.md

# Whole fits beside pymle in one run; writes reports/validation/fits.md
fits:
    python3 -m venv target/peers && target/peers/bin/pip install -q -r benches/peers/requirements.txt
    target/peers/bin/python benches/peers/fits.py data/dgs10.csv > reports/validation/fits.md

# Every score beside scoringrules to 1e-12, and the time of a CRPS, in one run; writes reports/validation/scores.md
scores-peer:
    python3 -m venv target/peers && target/peers/bin/pip install -q -r benches/peers/requirements.txt
    target/peers/bin/python benches/peers/scores.py > reports/validation/scores.md

# Simulated truth: calibration of models with their true and with fitted parameters over 100 seeds (some minutes); writes reports/validation/calibration.md
calibration: (study "study_of_calibration" "reports/validation/calibration.md" "Simulated truth: calibration when the model is right")

# A thousand series, twenty windows, beside statsforecast in one run (minutes); writes reports/validation/panel.md
panel-peer:
    cargo build --release
    python3 -m venv target/peers && target/peers/bin/pip install -q -r benches/peers/requirements.txt
    target/peers/bin/python benches/peers/panel.py > reports/validation/panel.md

# GJR-t fitted again at every origin beside arch in one run (minutes); writes reports/validation/garch.md
garch-peer:
    python3 -m venv target/peers && target/peers/bin/pip install -q -r benches/peers/requirements.txt
    target/peers/bin/python benches/peers/garch.py > reports/validation/garch.md

# Parquet in and out, which the ordinary tests leave out (builds 21 more crates)
parquet:
    cargo test --release --features parquet parquet

# Exact simulation beside rebop, and large networks, in one run (needs ../shared); writes reports/validation/reactions.md
reactions:
    cargo run --release --manifest-path benches/peers/rebop/Cargo.toml > reports/validation/reactions.md

# Orders of convergence of every scheme, strong and weak, in space and in time (some minutes); writes reports/validation/orders.md
orders:
    cargo test --release --no-default-features --lib -- --ignored --nocapture study_of_orders

# What a model as text costs: from TOML against hand-written Rust, parsing, gradients
bench:
    cargo bench --bench language

# A quarter of an hour of random input at every reader (needs cargo-fuzz; a stable compiler will do). What is found goes into fuzz/corpus
fuzz:
    cd fuzz && for reader in expression model_file network; do RUSTC_BOOTSTRAP=1 cargo fuzz run -s none $reader corpus/$reader -- -max_total_time=900 -timeout=10 -max_len=8000; done
    cd fuzz && for reader in table run_document checkpoint; do RUSTC_BOOTSTRAP=1 cargo fuzz run -s none --features whole $reader corpus/$reader -- -max_total_time=900 -timeout=10 -max_len=8000; done

# A thousand runs killed at random moments, each gone on with to the same bytes (minutes)
kills:
    cargo test --release --test it -- --ignored --nocapture killed_at_a_thousand

# Time and peak memory over three decades of rows, series and path-steps, and the exponents (half an hour): tables of reports/validation/trust.md
load:
    cargo build --release
    python3 benches/load.py target/release/kramers

# Twenty minutes of small jobs in one process: memory, descriptors and threads stay (KRAMERS_SOAK=SECONDS for another time)
soak:
    cargo test --release --test it -- --ignored --nocapture soak
