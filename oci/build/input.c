/*
 * A context of this machine is its user's own: -f may name any file. One that was fetched is a
 * stranger's: -f names a file in it, and links lead around in it only.
 */
#include "oci/build/input.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/context_fetch.h"
#include "oci/build/image.h"
#include "oci/build/stdin.h"
#include "oci/dockerfile/parse.h"

#define KEEP_GIT_ARG "BUILDKIT_CONTEXT_KEEP_GIT_DIR"

static bool dockerfile_is_stdin(const struct build_options *opt)
{
	return opt->dockerfile && strcmp(opt->dockerfile, "-") == 0;
}

static int read_stdin(struct build_input *in, const struct op *op, struct err *e)
{
	struct stdin_source s;

	in->file = mem_strdup("standard input");
	return io_read_all(stdin_source_init(&s, op), &in->text, e);
}

/* -- of this machine ---------------------------------------------------------------- */

/* "-f", else Dockerfile (or dockerfile) in the context. Owned by the caller. */
static char *dockerfile_path(const struct build_options *opt, const char *dir)
{
	auto_free char *lower = NULL;
	char *path;

	if (opt->dockerfile)
		return mem_strdup(opt->dockerfile);
	path = fs_path_join(dir, "Dockerfile");
	lower = fs_path_join(dir, "dockerfile");
	if (access(path, F_OK) < 0 && access(lower, F_OK) == 0) {
		free(path);
		return STEAL(&lower);
	}
	return path;
}

static int read_local(struct build_input *in, const struct op *op, const struct build_options *opt,
		      struct err *e)
{
	const char *dir = context_dir_path(opt->context);

	if (dockerfile_is_stdin(opt))
		return context_open(&in->context, dir, NULL, e) < 0 ? -1 : read_stdin(in, op, e);
	in->file = dockerfile_path(opt, dir);
	if (context_open(&in->context, dir, in->file, e) < 0)
		return -1;
	if (fs_read_file(AT_FDCWD, in->file, &in->text, e) < 0)
		return e->kind == ERR_ABSENT ? err_wrap(e, "no Dockerfile") : -1;
	return 0;
}

/* -- fetched -------------------------------------------------------------------------- */

static int check_stdin(const struct build_options *opt, struct err *e)
{
	if (context_is_stdin(opt->context) && dockerfile_is_stdin(opt))
		return err_set(e, ERR_INPUT,
			       "standard input cannot be both the context and the Dockerfile");
	return 0;
}

/* Only a Dockerfile came. */
static int take_text(struct build_input *in, const struct build_options *opt,
		     struct context_fetched *f, struct err *e)
{
	bool is_stdin = context_is_stdin(opt->context);

	if (opt->dockerfile)
		return err_set(e, ERR_INPUT, "%s is a Dockerfile itself, but -f names another one",
			       is_stdin ? "standard input" : f->shown);
	if (context_open(&in->context, f->dir, NULL, e) < 0)
		return -1;
	free(in->context.where);
	in->context.where = mem_strdup("the context, which is empty: only a Dockerfile was given");
	in->file = mem_strdup(is_stdin ? "standard input" : f->shown);
	in->text = f->text;
	f->text = (struct buf){ .max = 0 };
	return 0;
}

static int read_inside(struct build_input *in, const char *path, struct err *e)
{
	in->file = mem_strdup(path);
	return fs_read_file_inside(in->context.fd, path, &in->text, e);
}

static int read_dockerfile(struct build_input *in, const struct build_options *opt, struct err *e)
{
	struct err second = ERR_INIT;

	if (opt->dockerfile)
		return read_inside(in, opt->dockerfile, e);
	if (read_inside(in, "Dockerfile", e) == 0)
		return 0;
	if (e->kind != ERR_ABSENT)
		return -1;
	free(in->file);
	if (read_inside(in, "dockerfile", &second) < 0)
		return -1; /* e says that there is no Dockerfile */
	err_clear(e);
	return 0;
}

static int take_context(struct build_input *in, const struct op *op,
			const struct build_options *opt, const struct context_fetched *f,
			struct err *e)
{
	bool from_stdin = dockerfile_is_stdin(opt);

	in->context.fd = fs_open_dir(f->dir, e);
	if (in->context.fd < 0)
		return -1;
	in->context.where = context_is_stdin(opt->context)
				    ? mem_strdup("the context from standard input")
				    : mem_printf("the context '%s'", f->shown);
	if (!from_stdin && read_dockerfile(in, opt, e) < 0) {
		err_wrap(e, "%s", in->context.where);
		return e->kind == ERR_ABSENT ? err_wrap(e, "no Dockerfile") : -1;
	}
	if (from_stdin && read_stdin(in, op, e) < 0)
		return -1;
	return context_read_ignore(&in->context, from_stdin ? NULL : in->file, e);
}

static bool wants_git_dir(const struct build_options *opt)
{
	const char *value = strv_env_get(&opt->build_args, KEEP_GIT_ARG);

	return value && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
}

static int read_fetched(struct build_input *in, struct op *op, const struct build_env *env,
			const struct build_options *opt, const struct workspace *ws, struct err *e)
{
	auto_context_fetched struct context_fetched f = { .dir = NULL };

	if (check_stdin(opt, e) < 0 || context_fetch(&f, op, env->http, ws, opt->context, "context",
						     wants_git_dir(opt), e) < 0)
		return -1;
	return f.has_text ? take_text(in, opt, &f, e) : take_context(in, op, opt, &f, e);
}

/* -- both ------------------------------------------------------------------------------ */

static bool is_named_fetched(const char *value)
{
	return images_context_is_dir(value) && context_is_fetched(value);
}

bool build_input_is_fetched(const struct build_options *opt)
{
	for (size_t i = 0; i < opt->contexts.n; i++)
		if (is_named_fetched(strchr(opt->contexts.v[i], '=') + 1))
			return true;
	return context_is_fetched(opt->context);
}

int build_input_read(struct build_input *out, struct op *op, const struct build_env *env,
		     const struct build_options *opt, const struct workspace *ws, struct err *e)
{
	struct build_input in = BUILD_INPUT_INIT;
	int r;

	buf_init(&in.text, DOCKERFILE_MAX);
	r = context_is_fetched(opt->context) ? read_fetched(&in, op, env, opt, ws, e)
					     : read_local(&in, op, opt, e);
	if (r < 0) {
		if (in.text.over && in.file)
			dockerfile_too_long(in.file, buf_span(&in.text), e);
		build_input_release(&in);
		return -1;
	}
	*out = in;
	return 0;
}

void build_input_release(struct build_input *in)
{
	context_release(&in->context);
	buf_release(&in->text);
	free(in->file);
	*in = (struct build_input)BUILD_INPUT_INIT;
}

/* -- named contexts ---------------------------------------------------------------------- */

static int fetch_named(struct strv *out, struct strv *shown, struct op *op,
		       const struct build_env *env, const struct workspace *ws, struct span name,
		       const char *value, struct err *e)
{
	auto_context_fetched struct context_fetched f = { .dir = NULL };
	auto_free char *dir = mem_printf("named-%zu", out->n);

	if (context_is_stdin(value))
		return err_set(e, ERR_INPUT, "standard input is no named context");
	if (context_fetch(&f, op, env->http, ws, value, dir, false, e) < 0)
		return -1;
	if (f.has_text)
		return err_set(e, ERR_INPUT, "'%s' is no archive", f.shown);
	strv_addf(out, SPAN_FMT "=%s", SPAN_ARG(name), f.dir);
	strv_addf(shown, SPAN_FMT "=%s", SPAN_ARG(name), f.shown);
	return 0;
}

int build_input_named(struct strv *out, struct strv *shown, struct op *op,
		      const struct build_env *env, const struct build_options *opt,
		      const struct workspace *ws, struct err *e)
{
	for (size_t i = 0; i < opt->contexts.n; i++) {
		const char *text = opt->contexts.v[i], *value = strchr(text, '=') + 1;
		struct span name = span_of(text, (size_t)(value - text) - 1);

		if (span_starts(span_of_str(value), "target:"))
			return err_set(e, ERR_INPUT,
				       "--build-context " SPAN_FMT
				       ": 'target:' names another build of buildx bake",
				       SPAN_ARG(name));
		if (!is_named_fetched(value))
			strv_addf(out, SPAN_FMT "=%s", SPAN_ARG(name), context_dir_path(value));
		else if (fetch_named(out, shown, op, env, ws, name, value, e) < 0)
			return err_wrap(e, "--build-context " SPAN_FMT, SPAN_ARG(name));
	}
	return 0;
}
