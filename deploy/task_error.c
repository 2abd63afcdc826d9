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

/* How runc's error came to the engine, which tells nobody what is wrong. */
static size_t frame_at(const char *text)
{
	static const char *const frames[] = {
		"failed to create shim task: ",
		"OCI runtime create failed: ",
		"runc create failed: ",
		"unable to start container process: ",
	};

	for (size_t i = 0; i < ARRAY_LEN(frames); i++)
		if (strncmp(text, frames[i], strlen(frames[i])) == 0)
			return strlen(frames[i]);
	return 0;
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
		buf_add(&out, at, id == ID_LONG ? ID_SHOW : skip);
	}
	return buf_steal(&out);
}
