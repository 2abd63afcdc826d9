/*
 * From files on the disk to a stack: which ones, the variables they see, the dialect.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "cmd/cdeploy.h"
#include "deploy/dialect.h"
#include "deploy/envfile.h"
#include "deploy/lint.h"
#include "deploy/locate.h"
#include "deploy/yaml.h"

#define FILES_MAX 20

extern char **environ;

/* The files and what they are called in messages. */
struct sources {
	const char *dir;
	int dirfd;
	struct strv shown;
	struct deploy_input in[FILES_MAX];
	struct buf text[FILES_MAX];
	size_t nr;
	char *base; /* where the files that the first one names lie, with a '/' at the end, or "" */
	char *stack;
	char *note; /* that the environment has no file of its own, or NULL */
};

static void sources_release(struct sources *s)
{
	strv_release(&s->shown);
	for (size_t i = 0; i < s->nr; i++)
		buf_release(&s->text[i]);
	free(s->base);
	free(s->stack);
	free(s->note);
}
#define auto_sources CLEANUP(sources_release)

/* So that a job's log says which of several it was. */
static void show(struct sources *s, const struct cdeploy *c, const char *file)
{
	if (c->args.dir && file[0] != '/')
		strv_addf(&s->shown, "%s/%s", s->dir, file);
	else
		strv_add(&s->shown, file);
}

static int add_file(struct sources *s, struct cdeploy *c, const char *file, struct err *e)
{
	struct deploy_wanted wanted = { .dirfd = s->dirfd,
					.dir = s->dir,
					.file = file,
					.env = c->args.env,
					.job_env = getenv("CI_ENVIRONMENT_NAME"),
					.is_production = cdeploy_is_production(c) };
	struct buf *text = &s->text[s->nr];
	auto_free char *found = NULL;

	if (deploy_locate(&found, &s->note, &wanted, e) < 0)
		return -1;
	*text = BUF_INIT(DEPLOY_YAML_MAX);
	s->nr++;
	if (fs_read_file(s->dirfd, found, text, e) < 0)
		return -1;
	show(s, c, found);
	if (!c->file)
		c->file = STEAL(&found);
	return 0;
}

/* Without the mark that editors of Windows set before UTF-8: with it YAML's first line begins a column late. */
static struct span text_of(const struct buf *file)
{
	struct span text = buf_span(file);

	span_take(&text, "\xef\xbb\xbf");
	return text;
}

static int find_files(struct sources *s, struct cdeploy *c, struct err *e)
{
	const struct strv *files = &c->args.files;
	const char *slash;

	if (files->n > FILES_MAX)
		return err_set(e, ERR_INPUT, "--file: more than %d of them", FILES_MAX);
	for (size_t i = 0; i < files->n; i++)
		if (add_file(s, c, files->v[i], e) < 0)
			return -1;
	if (!files->n && add_file(s, c, NULL, e) < 0)
		return -1;
	slash = strrchr(c->file, '/');
	s->base = mem_strndup(c->file, slash ? (size_t)(slash + 1 - c->file) : 0);
	for (size_t i = 0; i < s->nr; i++)
		s->in[i] = (struct deploy_input){ .file = s->shown.v[i],
						  .text = text_of(&s->text[i]),
						  .env = &c->environment,
						  .images = &c->args.images,
						  .image_ref = getenv("IMAGE_REF"),
						  .stand_in = c->only_checks ? "image:0" : NULL };
	return 0;
}

/* A path in a file is relative to the folder of the first file. */
static int read_named(void *arg, struct buf *out, const char *path, struct err *e)
{
	struct sources *s = arg;
	auto_free char *full = mem_printf("%s%s", path[0] == '/' ? "" : s->base, path);

	return fs_read_file(s->dirfd, full, out, e);
}

/* What stands in the environment wins over files, a later file over an earlier one. */
static int read_environment(struct cdeploy *c, const struct sources *s, struct strv *warnings,
			    struct err *e)
{
	auto_strv struct strv own = STRV_INIT;

	for (char **v = environ; *v; v++)
		strv_add(&own, *v);
	for (size_t i = 0; i < c->args.env_files.n; i++) {
		const char *file = c->args.env_files.v[i];
		auto_buf struct buf text = BUF_INIT(DEPLOY_ENVFILE_MAX);

		if (fs_read_file(s->dirfd, file, &text, e) < 0)
			return err_wrap(e, "--env-file");
		if (deploy_envfile_read(&c->environment, file, buf_span(&text), &own, warnings, e) <
		    0)
			return err_wrap(e, "--env-file");
	}
	for (size_t i = 0; i < own.n; i++) {
		char *equals = strchr(own.v[i], '=');

		if (!equals)
			continue;
		*equals = '\0';
		strv_env_set(&c->environment, own.v[i], equals + 1);
	}
	return 0;
}

static enum deploy_dialect dialect_of(const struct cdeploy_args *a)
{
	if (a->dialect && strcmp(a->dialect, "legacy") == 0)
		return DEPLOY_DIALECT_LEGACY;
	if (a->dialect && strcmp(a->dialect, "compose") == 0)
		return DEPLOY_DIALECT_COMPOSE;
	return DEPLOY_DIALECT_AUTO;
}

static int read_sources(struct cdeploy *c, struct sources *s, struct strv *warnings, struct err *e)
{
	struct compose_input in = { .files = s->in, .read_file = read_named, .read_arg = s };
	auto_free char *said = NULL;
	int r;

	if (s->dirfd < 0 || find_files(s, c, e) < 0 || read_environment(c, s, warnings, e) < 0)
		return -1;
	s->stack = deploy_compose_stack_name(c->project);
	in.nr = s->nr;
	in.stack = s->stack;
	r = deploy_stack_read(&c->stack, &said, &in, dialect_of(&c->args), warnings, e);
	if (s->note)
		progress_note(c->app->op.progress, "%s", s->note);
	if (said)
		progress_note(c->app->op.progress, "%s", said);
	return r;
}

int cdeploy_read_stack_into(struct cdeploy *c, struct strv *warnings, struct err *e)
{
	const char *dir = c->args.dir ? c->args.dir : ".";
	auto_close int dirfd = fs_open_dir(dir, e);
	auto_sources struct sources s = { .dir = dir, .dirfd = dirfd };
	int r = read_sources(c, &s, warnings, e);

	for (size_t i = 0; i < warnings->n; i++)
		progress_warn(c->app->op.progress, "%s", warnings->v[i]);
	return r;
}

int cdeploy_read_stack(struct cdeploy *c, struct err *e)
{
	auto_strv struct strv warnings = STRV_INIT;

	return cdeploy_read_stack_into(c, &warnings, e);
}

/* -- without reading it for a deploy ----------------------------------------------- */

typedef void look_at_document(void *arg, const char *file, const struct deploy_yaml *doc);

/* Each file as YAML, whatever its values say. ERR_ABSENT: there is none. */
static int each_document(struct cdeploy *c, look_at_document *look, void *arg, struct err *e)
{
	const char *dir = c->args.dir ? c->args.dir : ".";
	auto_close int dirfd = fs_open_dir(dir, e);
	auto_sources struct sources s = { .dir = dir, .dirfd = dirfd };
	auto_strv struct strv warnings = STRV_INIT;

	if (dirfd < 0 || find_files(&s, c, e) < 0)
		return -1;
	for (size_t i = 0; i < s.nr; i++) {
		auto_deploy_yaml struct deploy_yaml *doc = NULL;

		if (deploy_yaml_read(&doc, s.in[i].file, s.in[i].text, &warnings, e) < 0)
			return -1;
		look(arg, s.in[i].file, doc);
	}
	return 0;
}

static void add_names(void *arg, const char *file, const struct deploy_yaml *doc)
{
	const struct yaml_value *services = doc->root && doc->root->kind == YAML_MAP
						    ? yaml_map_get(doc->root, "services")
						    : NULL;
	struct strv *names = arg;

	(void)file;
	for (size_t i = 0; services && services->kind == YAML_MAP && i < services->nr; i++)
		if (!strv_has(names, services->pairs[i].key->text))
			strv_add(names, services->pairs[i].key->text);
}

int cdeploy_file_names(struct strv *names, struct cdeploy *c, struct err *e)
{
	if (each_document(c, add_names, names, e) == 0)
		return 1;
	if (e->kind != ERR_ABSENT || c->args.files.n)
		return -1;
	err_clear(e);
	return 0;
}

static void lint_document(void *arg, const char *file, const struct deploy_yaml *doc)
{
	deploy_lint(arg, file, doc);
}

int cdeploy_lint(struct lint *l, struct cdeploy *c, struct err *e)
{
	return each_document(c, lint_document, l, e);
}
