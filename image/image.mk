# The tools with all libraries in them, and the container image made of those; included by the Makefile.
# The objects are the same as everywhere, only what they are linked with differs.

STATIC_DIR  := $(BUILD)/static
STATIC_LIBS := $(STATIC_DIR)/libs
IMAGE       := $(BUILD)/image

# Debian's own libcurl.a and libarchive.a cannot be linked, see there
$(STATIC_LIBS)/libcurl.a: image/libs
	$(call say,LIBS,'libcurl.a and libarchive.a (from their sources, once)')
	$(Q)sh image/libs $(STATIC_LIBS)

$(STATIC_DIR)/bin/%: $(BUILD)/obj/cmd/%.o $(BUILD)/obj/image/closed.o $(foreach r,$(ROOMS),$(call lib,$(r))) \
		$(STATIC_LIBS)/libcurl.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -static-pie -Wl,--no-warnings -Wl,--build-id=none -o $@ $(filter %.o,$^) \
		$(filter $(BUILD)/lib/%,$^) $(STATIC_LIBS)/libcurl.a $(STATIC_LIBS)/libarchive.a \
		-lcares -lssl -lcrypto -ljansson -lyaml -lseccomp -lsodium -ldeflate -lzstd -lz -llzma -lbz2

static: $(TOOLS:%=$(STATIC_DIR)/bin/%)	## the three tools as static programs, into build/static/bin

EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),0)
image: $(IMAGE)/index.json	## the toolkit's own container image, an OCI layout in build/image
	@echo $(IMAGE)

$(IMAGE)/index.json: $(TOOLS:%=$(STATIC_DIR)/bin/%) image/tree Dockerfile VERSION $(STATIC_DIR)/epoch
	$(Q)sh image/tree $(STATIC_DIR)/bin $(STATIC_DIR)/tree
	$(Q)rm -rf $(IMAGE)
	$(Q)$(STATIC_DIR)/bin/cbuild --root $(STATIC_DIR)/root -f Dockerfile --build-arg VERSION=$(VERSION) \
		--source-date-epoch $(EPOCH) -t cbuild:$(VERSION) -o type=oci,dest=$(IMAGE),tar=false $(STATIC_DIR)/tree

# what changes without a file that does
$(STATIC_DIR)/epoch: FORCE
	@mkdir -p $(@D)
	@echo $(EPOCH) | cmp -s - $@ || echo $(EPOCH) >$@
FORCE:

DEB := $(BUILD)/deb
deb: all $(COMPLETIONS)	## a Debian package of the three tools, into build/deb
	$(Q)rm -rf $(DEB)
	$(Q)$(MAKE) --no-print-directory -s install DESTDIR=$(DEB)/stage PREFIX=/usr \
		ZSHDIR=/usr/share/zsh/vendor-completions >/dev/null
	$(Q)SOURCE_DATE_EPOCH=$(EPOCH) sh image/deb $(DEB)/stage $(DEB)

.PHONY: static image deb
