# One Makefile for everything; `make help` lists the targets.
#
# Every folder that holds C is a room: its objects become one static archive,
# and what links is given only the archives of the rooms below (see ROOMS),
# so a call up the ladder does not link. All that is generated is in $(BUILD).

PREFIX  ?= /usr/local
BUILD   ?= build
VERSION := $(shell cat VERSION)

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	   -Wwrite-strings -Wformat=2 -Wimplicit-fallthrough -Wno-format-nonliteral
WERROR  ?=
PKGS    := libcurl libarchive jansson libssl libcrypto zlib libdeflate libzstd libseccomp yaml-0.1 libsodium
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
ifeq ($(strip $(PKG_LIBS)),)
ifneq ($(filter-out deps demo check help clean uninstall,$(or $(MAKECMDGOALS),all)),)
$(error libraries are missing ($(PKGS)); as root on Debian, 'make deps' installs them)
endif
endif

ALL_CPPFLAGS := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -DVERSION='"$(VERSION)"' $(CPPFLAGS)
ALL_CFLAGS   := -std=gnu17 -pthread $(WARN) $(WERROR) $(PKG_CFLAGS) $(CFLAGS)
# now: a fork that looks its functions up itself copies pages for each
ALL_LDFLAGS  := -pthread -Wl,-z,relro,-z,now $(LDFLAGS)

# From the top of the ladder to the bottom: also the link order.
ROOMS := cmd deploy oci/build registry oci/layer oci/dockerfile oci/run oci/image base
TOOLS := cbuild cpush cdeploy

lib = $(BUILD)/lib/$(subst /,_,$(1)).a
room_srcs = $(filter-out $(TOOLS:%=cmd/%.c),$(wildcard $(1)/*.c))

# What each room's tests may link: itself and what is below it.
BELOW_base       := base
BELOW_image      := oci/image base
BELOW_layer      := oci/layer oci/image base
BELOW_dockerfile := oci/dockerfile oci/image base
BELOW_run        := oci/run base
BELOW_build      := oci/build oci/layer oci/dockerfile oci/run oci/image base
BELOW_registry   := registry oci/image base
BELOW_deploy     := deploy registry oci/image base
BELOW_cmd        := $(ROOMS)

all: $(TOOLS:%=$(BUILD)/bin/%)	## build the three tools into build/bin

# -- objects, archives, tools ------------------------------------------------
define room_rules
OBJS_$(subst /,_,$(1)) := $$(patsubst %.c,$(BUILD)/obj/%.o,$$(call room_srcs,$(1)))
$(call lib,$(1)): $$(OBJS_$(subst /,_,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room_rules,$(r))))

V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-5s %s\n' $(1) $(2)
endif

$(BUILD)/obj/%.o: %.c VERSION Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/bin/%: $(BUILD)/obj/cmd/%.o $(foreach r,$(ROOMS),$(call lib,$(r)))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

# Hundreds of test programs are linked; gold takes half the time for each. The tools keep the usual linker.
TEST_LDFLAGS := $(if $(shell command -v ld.gold),-fuse-ld=gold)

# -- unit tests: tests/unit/<room>_<file>_test.c -----------------------------
UNIT_SRCS := $(wildcard tests/unit/*_test.c)
UNIT_BINS := $(UNIT_SRCS:tests/unit/%.c=$(BUILD)/unit/%)
FAKE_OBJS := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/fakes/*.c))

$(BUILD)/lib/fakes.a: $(FAKE_OBJS)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

room_of = $(firstword $(subst _, ,$(notdir $(1))))
.SECONDARY:
.SECONDEXPANSION:
$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/lib/fakes.a \
		$$(foreach r,$$(BELOW_$$(call room_of,$$*)),$$(call lib,$$(r)))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(TEST_LDFLAGS) -o $@ $^ -lcmocka $(PKG_LIBS)

check-unit: $(UNIT_BINS)	## run the unit tests (no network, milliseconds)
	$(Q)sh tests/tools/run-units $(UNIT_BINS)

# -- fuzz targets: tests/fuzz/<room>_<what>_fuzz.c, replayed on any compiler --
FUZZ_SRCS := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_BINS := $(FUZZ_SRCS:tests/fuzz/%.c=$(BUILD)/fuzz/%)

$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay.o \
		$$(foreach r,$$(BELOW_$$(call room_of,$$*)),$$(call lib,$$(r)))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(TEST_LDFLAGS) -o $@ $^ $(PKG_LIBS)

fuzz-replay: $(FUZZ_BINS)	## run every fuzz target over its committed corpus
	$(Q)sh tests/tools/fuzz-replay $(BUILD)/fuzz

# -- what only tests run: tests/tools/<name>.c -------------------------------
TOOL_SRCS := $(wildcard tests/tools/*.c)
TOOL_BINS := $(TOOL_SRCS:tests/tools/%.c=$(BUILD)/tools/%)

$(BUILD)/tools/%: $(BUILD)/obj/tests/tools/%.o
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

include tests/targets.mk
include image/image.mk

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
