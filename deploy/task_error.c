/*
 * An engine's error of a task is what all programs in between have put in front of each other's words. What is
 * wrong stands at its end.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "deploy/mask.h"
#include "deploy/state.h"

#define ID_LONG 64 /* digits of a container's id, and as many as docker shows */
#define ID_SHOW 12

/* How long text begins as frame does, in which '#' is any number; 0: it does not. */
static size_t match(const char *text, const char *frame)
{
	const char *at = text;

	for (; *frame; frame++) {
		size_t n = *frame == '#' ? strspn(at, "0123456789") : *at == *frame;

		if (!n)
			return 0;
		at += n;
	}
	return (size_t)(at - text);
}

/* How runc's error came to the engine, which tells nobody what is wrong: of several of their versions. */
static size_t frame_at(const char *text)
{
	static const char *const frames[] = {
		"failed to create shim task: ",
		"failed to create shim: ",
		"OCI runtime create failed: ",
		"runc create failed: ",
		"unable to start container process: ",
		"container_linux.go:#: starting container process caused: ",
		"process_linux.go:#: container init caused: ",
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(frames) && !n; i++)
		n = match(text, frames[i]);
	return n;
}

/* A digest says which image; it is of use only whole. */
static bool is_digest(const char *text, const char *at)
{
	static const char algorithm[] = "sha256:";
	size_t n = strlen(algorithm);

	return (size_t)(at - text) >= n && memcmp(at - n, algorithm, n) == 0;
}

char *task_error(const char *why)
{
	static const char unknown[] = ": unknown";
	auto_free char *text = mask_text(span_of_str(why));
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);
	size_t n = strlen(text), skip, id;

	if (n >= sizeof(unknown) && strcmp(text + n - strlen(unknown), unknown) == 0)
		text[n - strlen(unknown)] = '\0';
	for (const char *at = text; *at; at += skip) {
		skip = frame_at(at);
		if (skip)
			continue;
		id = strspn(at, "0123456789abcdef");
		skip = id ? id : 1;
		buf_add(&out, at, id == ID_LONG && !is_digest(text, at) ? ID_SHOW : skip);
	}
	return buf_steal(&out);
}
