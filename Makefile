# `make demo` and `make test` work on a fresh Debian 12 with a Swift toolchain: whatever else is missing is installed.

PYTHON := .venv/bin/python
SWIFT_SOURCES := Sources Tests Package.swift
# Tests that compute take both of the two threads that tests share; those that wait for something run after them.
COMPUTING := ^(TensorEngineTests|ModelFormatsTests)\.
# The node cases of the ONNX specification, for the engine's tests.
ONNX_CASES := .build-onnx/cases/cases.txt
# Arguments of `make bench`, for example BENCH_ARGUMENTS="codec --output json".
BENCH_ARGUMENTS ?= codec
# `make fuzz TARGET=codec|bundle|numpy|keras|hdf5 RUNS=n SECONDS=n SEED=n`; the first limit that is reached ends it.
TARGET ?= codec
# Of `make soak`: real brokers, how long, the binary, and what Tests/Soak/soak.py --help lists.
BOOTSTRAP ?=
MINUTES ?= 15
RATE ?= 400
MILLRACE ?= .build/release/millrace
SOAK_ARGUMENTS ?=
# Of `make soak-training`: kill, folds, reproduce, accuracy, latency or all; `soak_training.py <scenario> --help` lists the rest.
SCENARIO ?= all
# Of `make compare`: with what, and what its --help lists.
WITH ?= python
COMPARE_ARGUMENTS ?=
COMPARISON_python := compare_with_python.py
COMPARISON_mlserver := compare_with_mlserver.py
COMPARISON_bare-copy := compare_with_bare_copy.py
COMPARISON_latency := compare_latency.py
COMPARISON_recovery := measure_recovery.py

.DEFAULT_GOAL := help
.PHONY: help demo test sanitize soak soak-training check check-schemas build bench compare compare-engine compare-training clients fuzz format generate dependencies tools clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: dependencies ## Build for release and run a model on an embedded broker
	swift build -c release --product millrace
	.build/release/millrace demo

test: dependencies tools check check-schemas sanitize $(ONNX_CASES) ## Run every check and every test
	swift test --filter '$(COMPUTING)'
	MILLRACE_PYTHON=$(CURDIR)/$(PYTHON) swift test --skip '$(COMPUTING)'

# The suites in which threads meet. Real Kafka clients are left out: librdkafka's threads end the sanitizer.
sanitize: dependencies ## Run the engine's and the pipeline's concurrent tests with the thread sanitizer
	MILLRACE_SANITIZING=1 swift test --sanitize=thread --scratch-path .build-tsan \
	  --filter 'ConcurrentPipelineTests|CrashJournalTests'
	MILLRACE_SANITIZING=1 swift test --sanitize=thread --scratch-path .build-tsan \
	  --filter 'ComputePoolTests|BatchIndependenceTests/threadsGiveTheSameBits'

soak: tools $(if $(filter .build/release/millrace,$(MILLRACE)),build) ## Kill instances under load, then audit every record (BOOTSTRAP, MINUTES)
	@test -n "$(BOOTSTRAP)" || { echo "usage: make soak BOOTSTRAP=host:port [MINUTES=15] [RATE=400]" >&2; exit 2; }
	$(PYTHON) -m unittest discover -s Tests/Soak -p '*_test.py'
	$(PYTHON) Tests/Soak/soak.py --bootstrap $(BOOTSTRAP) --minutes $(MINUTES) --rate $(RATE) --millrace $(MILLRACE) \
	  $(SOAK_ARGUMENTS)

soak-training: tools $(if $(filter .build/release/millrace,$(MILLRACE)),build) ## Prove that training is exactly once and reproducible (BOOTSTRAP, SCENARIO)
	@test -n "$(BOOTSTRAP)" || { \
	  echo "usage: make soak-training BOOTSTRAP=host:port [SCENARIO=all|kill|folds|reproduce|accuracy|latency]" >&2; exit 2; }
	$(PYTHON) -m unittest discover -s Tests/Soak -p '*_test.py'
	$(PYTHON) Tests/Soak/soak_training.py $(SCENARIO) --bootstrap $(BOOTSTRAP) --millrace $(MILLRACE) $(SOAK_ARGUMENTS)

check: ## Check format, imports and files
	swift format lint --strict --parallel -r $(SWIFT_SOURCES)
	.ci/check-imports --self-test
	.ci/check-imports
	.ci/check-files --self-test
	.ci/check-files
	python3 -m unittest discover -s Tests/Soak -p '*_test.py'
	python3 -m unittest discover -s Tests/Benchmarks -p '*_test.py'

check-schemas: tools ## Validate the schemas and their examples
	$(PYTHON) .ci/check-schemas

build: dependencies ## Build for release
	swift build -c release --product millrace

bench: build ## Run the benchmarks (BENCH_ARGUMENTS)
	.build/release/millrace bench $(BENCH_ARGUMENTS)

compare: $(if $(filter .build/release/millrace,$(MILLRACE)),build) .venv-compare/.$(WITH) ## Compare on a real broker (BOOTSTRAP, WITH=python|mlserver|bare-copy|latency|recovery)
	@test -n "$(BOOTSTRAP)" -a -n "$(COMPARISON_$(WITH))" || { \
	  echo "usage: make compare BOOTSTRAP=host:port WITH=python|mlserver|bare-copy|latency|recovery" >&2; exit 2; }
	.venv-compare/bin/python Tests/Benchmarks/$(COMPARISON_$(WITH)) --bootstrap $(BOOTSTRAP) --millrace $(MILLRACE) \
	  $(COMPARE_ARGUMENTS)

compare-engine: $(if $(filter .build/release/millrace,$(MILLRACE)),build) .venv-compare/.python ## Compare the engine with ONNX Runtime (COMPARE_ARGUMENTS)
	.venv-compare/bin/python Tests/Benchmarks/compare_engine.py --millrace $(MILLRACE) $(COMPARE_ARGUMENTS)

compare-training: $(if $(filter .build/release/millrace,$(MILLRACE)),build) .venv-compare/.training ## Compare training with PyTorch and Keras (COMPARE_ARGUMENTS)
	.venv-compare/bin/python Tests/Benchmarks/compare_training.py --millrace $(MILLRACE) $(COMPARE_ARGUMENTS)

clients: build tools ## Check the service with independent clients against a broker (BOOTSTRAP=host:port)
	@test -n "$(BOOTSTRAP)" || { echo "BOOTSTRAP=host:port names the broker" >&2; exit 2; }
	$(PYTHON) Tests/Clients/check_digits.py $(BOOTSTRAP) .build/release/millrace

fuzz: dependencies ## Fuzz a reader of outside bytes (TARGET, RUNS, SECONDS, SEED)
	Tests/Fuzzing/run $(TARGET) $(if $(RUNS),--runs $(RUNS)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

format: ## Format the Swift code in place
	swift format -i --parallel -r $(SWIFT_SOURCES)

# The generated code is committed: only a change of schemas/open_inference.proto or of swift-protobuf needs this.
generate: ## Write the Swift code of schemas/open_inference.proto (needs protoc, Debian's protobuf-compiler)
	@command -v protoc >/dev/null || { echo "generate: no protoc in PATH: apt-get install protobuf-compiler" >&2; exit 1; }
	swift package resolve
	swift build -c release --package-path .build/checkouts/swift-protobuf --scratch-path .build/generator \
		--product protoc-gen-swift
	protoc --proto_path=schemas --plugin=.build/generator/release/protoc-gen-swift \
		--swift_opt=Visibility=Package --swift_opt=UseAccessLevelOnImports=true \
		--swift_out=Sources/Serving/Codec/Generated open_inference.proto

dependencies: ## Install the system libraries that are missing
	@.ci/install-dependencies

tools: .venv/.complete ## Make .venv with the tests' Python packages

.venv/.complete: .ci/requirements.txt | dependencies
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -r .ci/requirements.txt
	@touch $@

$(ONNX_CASES): Tests/ONNX/node_cases.py | tools
	$(PYTHON) Tests/ONNX/node_cases.py $(dir $@)

.venv-compare/.training: Tests/Benchmarks/requirements-training.txt
	python3 -m venv .venv-compare
	.venv-compare/bin/pip install --quiet --disable-pip-version-check -r Tests/Benchmarks/requirements-training.txt
	@touch $@

.venv-compare/.$(WITH): Tests/Benchmarks/requirements.txt Tests/Benchmarks/requirements-mlserver.txt | dependencies
	python3 -m venv .venv-compare
	.venv-compare/bin/pip install --quiet --disable-pip-version-check -r Tests/Benchmarks/requirements.txt \
	  $(if $(filter mlserver,$(WITH)),-r Tests/Benchmarks/requirements-mlserver.txt)
	@touch $@

clean: ## Remove what was built
	rm -rf .build .build-fuzz .build-onnx .build-tsan .venv .venv-compare
