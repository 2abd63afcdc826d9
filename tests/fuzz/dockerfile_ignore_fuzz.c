/*
 * The first line is a path, the rest a .dockerignore. What excludes must have a
 * line, and a path below an included one is never unreachable: if it is not
 * excluded, no parent of it may claim to hold nothing.
 */
#include <assert.h>

#include "oci/dockerfile/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct ignore *ig, char *path)
{
	bool excluded = ignore_is_excluded(ig, path);

	assert(excluded == (ignore_line_of(ig, path) != 0));
	for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
		*slash = '\0';
		assert(excluded || ignore_may_hold_included(ig, path));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_ignore struct ignore *ig = NULL;
	struct span text = span_of(data, size), line = { 0 }, pattern, rest;
	auto_free char *path = NULL;
	struct err e = ERR_INIT;

	span_line(&text, &line);
	rest = text;
	while (span_line(&rest, &pattern))
		assert(glob_match(pattern, line) >= -1);
	if (ignore_parse(&ig, ".dockerignore", text, &e) < 0) {
		assert(e.kind == ERR_INPUT && e.text[0]);
		return 0;
	}
	if (!span_has_nul(line)) {
		path = span_dup(line);
		ask(ig, path);
	}
	return 0;
}
