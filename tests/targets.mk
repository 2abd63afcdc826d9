# The checks and the rest of what users call; included by the Makefile.

CI_JOBS ?= 2

deps:	## install what is missing (Debian packages, as root)
	$(Q)sh .ci/deps

demo: deps	## the whole way: build, push, deploy, ask, change, again
	$(Q)$(MAKE) --no-print-directory -j$(CI_JOBS) all
	$(Q)BUILD=$(BUILD) sh tests/e2e/demo

# All of it. WERROR is on: a warning is an error here. What the lanes share is made first, so that no two make the
# same; then they go side by side, the long ones first: deploys mostly wait, so they start while lint and the
# units keep the processors busy.
check: deps	## lint, units, fuzz replay, the pipeline, end to end
	$(Q)$(MAKE) --no-print-directory -j$(CI_JOBS) WERROR=-Werror all static $(TOOL_BINS)
	$(Q)$(MAKE) --no-print-directory -j6 WERROR=-Werror e2e-deploy e2e-rollout e2e-push e2e-build check-pipeline check-quick

# In this order: the first one compiles what the second links.
check-quick:	## what needs no servers: lint, units, fuzz replay
	$(Q)$(MAKE) --no-print-directory lint
	$(Q)$(MAKE) --no-print-directory -j$(CI_JOBS) WERROR=-Werror check-unit fuzz-replay

check-pipeline: all static $(TOOL_BINS)	## the GitLab component: its structure, which job runs when, the jobs at work
	$(Q)BUILD=$(BUILD) BIN=$(E2E_BIN) sh tests/pipeline/run

check-chain: all static $(TOOL_BINS)	## the component in unprivileged containers, all of the way and what stops it (minutes)
	$(Q)BUILD=$(BUILD) BIN=$(E2E_BIN) sh tests/pipeline/run chain

# Runs side by side, each with a registry and an engine of its own, of about the same length: builds keep the
# processors busy, deploys mostly wait, so there are two runs of them; pushes have those builds with them that are about
# registries, or killed. What makes the image of the toolkit is in one of them.
E2E_FILES  := $(filter-out tests/e2e/pipeline_%,$(wildcard tests/e2e/*.bats))
E2E_ROLLOUT := $(filter %/cdeploy_up.bats %/cdeploy_history.bats %/cdeploy_rollout.bats %/cdeploy_migrating.bats \
	%/cdeploy_engine.bats,$(E2E_FILES))
E2E_DEPLOY := $(filter-out $(E2E_ROLLOUT),$(filter tests/e2e/cdeploy_%,$(E2E_FILES)))
E2E_BUILD  := $(filter-out %/cbuild_cache_remote.bats %/cbuild_killed.bats %/cbuild_pull_faults.bats %/cbuild_remote.bats, \
	$(filter tests/e2e/cbuild_% tests/e2e/tools_%,$(E2E_FILES)))
E2E_PUSH   := $(filter-out $(E2E_BUILD) $(E2E_DEPLOY) $(E2E_ROLLOUT),$(E2E_FILES))
# The programs that are tried are those of the toolkit's image: what jobs run, and a start of them takes a third of
# the time that the loader needs with forty libraries. (install.bats has the others.)
E2E_BIN ?= $(BUILD)/static/bin
check-e2e: all $(TOOLS:%=$(E2E_BIN)/%) $(TOOL_BINS)	## end to end: real registry, real engine, real containers
	$(Q)$(MAKE) --no-print-directory -j4 e2e-deploy e2e-rollout e2e-push e2e-build
e2e-build:
	$(Q)BUILD=$(BUILD) BIN=$(E2E_BIN) sh tests/e2e/run $(E2E_BUILD)
e2e-deploy:
	$(Q)BUILD=$(BUILD) BIN=$(E2E_BIN) sh tests/e2e/run $(E2E_DEPLOY)
e2e-rollout:
	$(Q)BUILD=$(BUILD) BIN=$(E2E_BIN) sh tests/e2e/run $(E2E_ROLLOUT)
e2e-push:
	$(Q)BUILD=$(BUILD) BIN=$(E2E_BIN) sh tests/e2e/run $(E2E_PUSH)

CASES ?=
golden:	## write the expectations of testdata/semantics anew, from a real engine (CASES="1.5 1.7/chown" for some)
	$(Q)sh tests/e2e/semantics/golden $(CASES)

SAN := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
check-asan:	## units, fuzz replay and end to end under AddressSanitizer and UBSan
	$(Q)$(MAKE) --no-print-directory -j$(CI_JOBS) BUILD=build/asan CFLAGS="$(SAN)" all check-unit fuzz-replay
	$(Q)$(MAKE) --no-print-directory BUILD=build/asan CFLAGS="$(SAN)" E2E_BIN=build/asan/bin check-e2e

# Both compilers, no warning; then what tests/lint knows about this house. The first one's objects are those of all
# else; the second's are only looked at, and what it warns of does not depend on how it optimizes.
lint:	## house rules, formatting, manual pages, both compilers without a warning
	$(Q)$(MAKE) --no-print-directory -j$(CI_JOBS) CC=gcc WERROR=-Werror all objects
	$(Q)$(MAKE) --no-print-directory -j$(CI_JOBS) CC=clang BUILD=build/clang CFLAGS=-O0 WERROR=-Werror objects
	$(Q)sh tests/lint/run $(BUILD)/bin

ALL_SRCS := $(foreach r,$(ROOMS),$(wildcard $(r)/*.c)) $(wildcard tests/fakes/*.c) $(UNIT_SRCS) $(TOOL_SRCS) $(wildcard tests/fuzz/*.c)
objects: $(ALL_SRCS:%.c=$(BUILD)/obj/%.o)

fmt:	## put every file into its shape
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

tidy:	## clang-tidy over everything
	$(Q)clang-tidy --quiet $(foreach r,$(ROOMS),$(wildcard $(r)/*.c)) -- $(ALL_CPPFLAGS) -std=gnu17 $(PKG_CFLAGS)

bench: static	## measure the programs of the toolkit image (figures, no verdict; BIN=build/bin for the others)
	$(Q)BIN=$${BIN:-$(STATIC_DIR)/bin} sh tests/bench/run

cover:	## line coverage of the unit tests, by file
	$(Q)$(MAKE) --no-print-directory -j$(CI_JOBS) CC=gcc BUILD=build/cover CFLAGS="-O0 -g --coverage" check-unit
	$(Q)sh tests/tools/cover build/cover/obj

FUZZ ?= $(notdir $(FUZZ_SRCS:%_fuzz.c=%))
T    ?= 60
fuzz:	## run the fuzzers for T seconds each (FUZZ=name for one)
	$(Q)sh tests/tools/fuzz $(T) $(FUZZ)

# Completions for three shells, made of the tools' own tables.
MADE := $(BUILD)/completions
COMPLETIONS := $(TOOLS:%=$(MADE)/bash/%) $(TOOLS:%=$(MADE)/zsh/_%) $(TOOLS:%=$(MADE)/fish/%.fish)
define completion_rules
$(MADE)/bash/$(1) $(MADE)/zsh/_$(1) $(MADE)/fish/$(1).fish: $(BUILD)/bin/$(1)
	@mkdir -p $$(@D)
	$$(Q)$$< --completion $$(notdir $$(@D)) >$$@.new && mv $$@.new $$@
endef
$(foreach t,$(TOOLS),$(eval $(call completion_rules,$(t))))

# A distribution may have its own folder for zsh
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
DOCS := README.md CHANGELOG.md $(addprefix docs/,MIGRATING.md ORCINUS.md COMPOSE.md PIPELINE.md)
install: all $(COMPLETIONS)	## into DESTDIR and PREFIX
	install -d $(addprefix $(DESTDIR),$(PREFIX)/bin $(PREFIX)/share/man/man1 $(PREFIX)/share/doc/cbuild $(BASHDIR) $(ZSHDIR) $(FISHDIR))
	install -m 755 $(TOOLS:%=$(BUILD)/bin/%) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(TOOLS:%=docs/%.1) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(DOCS) $(DESTDIR)$(PREFIX)/share/doc/cbuild
	install -m 644 $(TOOLS:%=$(MADE)/bash/%) $(DESTDIR)$(BASHDIR)
	install -m 644 $(TOOLS:%=$(MADE)/zsh/_%) $(DESTDIR)$(ZSHDIR)
	install -m 644 $(TOOLS:%=$(MADE)/fish/%.fish) $(DESTDIR)$(FISHDIR)

uninstall:	## take away what install put there
	rm -f $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/%) $(TOOLS:%=$(DESTDIR)$(PREFIX)/share/man/man1/%.1)
	rm -f $(TOOLS:%=$(DESTDIR)$(BASHDIR)/%) $(TOOLS:%=$(DESTDIR)$(ZSHDIR)/_%) $(TOOLS:%=$(DESTDIR)$(FISHDIR)/%.fish)
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/cbuild

clean:	## remove build/
	rm -rf build

help:	## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile tests/targets.mk image/image.mk | \
		awk -F'|' '{ printf "  make %-12s %s\n", substr($$1, 3), $$2 }'

.PHONY: all deps demo check check-unit check-pipeline check-chain check-quick check-e2e e2e-build e2e-deploy e2e-rollout e2e-push golden check-asan fuzz-replay fuzz lint objects fmt tidy bench cover \
	install uninstall clean help
