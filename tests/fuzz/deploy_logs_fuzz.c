/*
 * A log stream of the engine. The first byte: terminal or frames, and in what pieces the rest comes.
 * Lines are bounded, what is kept is, and pieces make no difference.
 */
#include <assert.h>

#include "deploy/logs.h"

#define KEPT_MAX 5000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_pieces(struct deploy_logs *l, struct span in, size_t step, bool tty)
{
	struct err e = ERR_INIT;
	struct log_reader r;
	struct sink *k = log_reader_init(&r, l, tty);
	int n = 0;

	while (in.n && n == 0) {
		struct span piece = span_head(in, step);

		n = sink_write(k, piece.p, piece.n, &e);
		in = span_sub(in, piece.n);
	}
	log_reader_end(&r);
	assert(n == 0 || e.kind == ERR_CORRUPT);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_logs struct deploy_logs a = { .max = KEPT_MAX }, b = { .max = KEPT_MAX };
	bool tty = size && data[0] & 1;
	size_t step = size ? 1 + (data[0] >> 1) : 1, bytes = 0;
	struct span in = span_of(data, size);

	in = span_sub(in, 1);
	if (read_pieces(&a, in, in.n ? in.n : 1, tty) != read_pieces(&b, in, step, tty))
		abort();
	assert(a.nr == b.nr && a.bytes == b.bytes && !a.trouble == !b.trouble);
	for (size_t i = 0; i < a.nr; i++) {
		assert(strcmp(a.v[i].text, b.v[i].text) == 0 && a.v[i].wall_ns == b.v[i].wall_ns);
		assert(strlen(a.v[i].text) <= LOG_LINE_MAX + strlen("…"));
		bytes += strlen(a.v[i].text);
	}
	assert(bytes == a.bytes && bytes <= KEPT_MAX);
	return 0;
}
