/* Any word as an address: refused with words, or parts that no program can take for options. */
#include <assert.h>

#include "base/mem.h"
#include "oci/build/remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_file(const char *word)
{
	auto_remote_file struct remote_file f = { .user = NULL };
	struct err e = ERR_INIT;

	if (remote_file_parse(&f, word, &e) < 0) {
		assert(e.kind == ERR_INPUT && e.text[0]);
		return;
	}
	assert(f.shown &&
	       (!f.name || (f.name[0] && !strchr(f.name, '/') && strcmp(f.name, "..") != 0)));
}

static void check_git(const char *word)
{
	auto_remote_git struct remote_git g = { .address = NULL };
	struct err e = ERR_INIT;

	if (remote_git_parse(&g, word, &e) < 0) {
		assert(e.kind == ERR_INPUT && e.text[0]);
		return;
	}
	assert(g.address[0] && g.address[0] != '-');
	assert(!g.ref || (g.ref[0] && g.ref[0] != '-' && !strpbrk(g.ref, ": *\n")));
	assert(!g.checksum || remote_is_commit(g.checksum));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *word = mem_strndup((const char *)data, size);

	switch (remote_kind_of(word)) {
	case REMOTE_FILE:
		check_file(word);
		break;
	case REMOTE_GIT:
		check_git(word);
		break;
	case REMOTE_NONE:
		break;
	}
	return 0;
}
