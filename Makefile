# What a newcomer needs: `make demo` and `make test`. Each first installs what is missing (Debian, as root).
.PHONY: demo test lint bench chaos soak fuzz build-tools python-tools curl npm servers

demo: build-tools ## play one conversation against sandbox connections, then keep serving (ARGS=--once ends by itself)
	@cargo build --profile demo
	@target/demo/closeloop demo $(ARGS)

test: build-tools python-tools curl npm servers ## unit, golden, connector and integration tests, with real CalDAV, PostgreSQL and Redis servers
	@cargo test

lint: build-tools ## what CI demands beside the tests
	@cargo fmt --check
	@cargo clippy --all-targets -- -D warnings

bench: build-tools ## speed, CPU and memory beside a hand-written handler that does the same
	@cargo bench --bench calls --bench isolation

SEEDS = 1 2 3 4
chaos: build-tools servers ## kill it 1,000 times over SQLite, and 200 times one of three over PostgreSQL, while money moves (SEEDS=4: one of four runs)
	@for seed in $(SEEDS); do CHAOS_SEED=$$seed CHAOS_KILLS=250 cargo test --test it chaos::killed_at_any_moment -- --nocapture || exit; done
	@for seed in $(SEEDS); do CHAOS_SEED=$$seed CHAOS_KILLS=50 cargo test --test it chaos::whichever_replica_dies -- --nocapture || exit; done

FUZZ_TARGETS = answer command connector description path template yaml
fuzz: build-tools ## look for input that no reader can bear, guided by what the code does with it (FUZZ_SECONDS=n for each target)
	@cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz
	@for target in $(FUZZ_TARGETS); do FUZZ_TARGET=$$target RUSTC_BOOTSTRAP=1 cargo fuzz run any target/fuzz/$$target fuzz/corpus/$$target -- -max_total_time=$(or $(FUZZ_SECONDS),60) -max_len=65536 -timeout=20 || exit; done

soak: build-tools ## ten minutes of load: memory and tables (SOAK_SECONDS=n: another length)
	@cargo test --profile bench --test it chaos::soak -- --ignored --nocapture

build-tools:
	@command -v cc >/dev/null || (apt-get update -q && apt-get install -qy build-essential)

python-tools:
	@python3 -c 'import ensurepip, venv' 2>/dev/null || (apt-get update -q && apt-get install -qy python3 python3-venv)

curl: # runs the requests of docs/api.md
	@command -v curl >/dev/null || (apt-get update -q && apt-get install -qy curl)

npm: # brings the suites that others test their readers with
	@command -v npm >/dev/null || (apt-get update -q && apt-get install -qy --no-install-recommends npm)

servers: # tests start PostgreSQL, pgbouncer and Redis themselves; nothing that serves the machine is started or changed
	@command -v redis-server >/dev/null && test -x /usr/sbin/pgbouncer && ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || tests/support/install-servers
