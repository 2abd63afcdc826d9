/*
 * Layers are told from their tars, not from the trees they came from: what counts is what is in
 * the image.
 */
#include "tests/fakes/build_world.h"

#include "base/mem.h"
#include "oci/image/store_layout.h"
#include "oci/layer/stream.h"

static void must(int r, const struct err *e)
{
	if (r == 0)
		return;
	fprintf(stderr, "%s\n", e->text);
	exit(1);
}

void build_world_init(struct build_world *w)
{
	*w = (struct build_world){ .err = ERR_INIT };
	tmpdir_init(&w->dir);
	tmpdir_dir(&w->dir, "ctx");
	w->root = mem_printf("%s/root", w->dir.path);
	w->context = mem_printf("%s/ctx", w->dir.path);
	fake_sandbox_init(&w->sandbox);
	w->op = (struct op){ .progress = recorder_init(&w->progress),
			     .clock = fake_clock_init(&w->clock) };
	w->env = (struct build_env){ .root = w->root, .sandbox = &w->sandbox.base };
	w->opt.context = w->context;
}

void build_world_release(struct build_world *w)
{
	build_result_release(&w->result);
	build_options_release(&w->opt);
	recorder_release(&w->progress);
	tmpdir_release(&w->dir);
	free(w->root);
	free(w->context);
}

void build_world_ok(struct build_world *w, const char *dockerfile)
{
	struct build_result result;
	struct err e = ERR_INIT;

	tmpdir_file(&w->dir, "ctx/Dockerfile", dockerfile);
	must(oci_build(&result, &w->op, &w->env, &w->opt, &e), &e);
	build_result_release(&w->result);
	w->result = result;
}

const char *build_world_fails(struct build_world *w, const char *dockerfile)
{
	struct build_result result;

	tmpdir_file(&w->dir, "ctx/Dockerfile", dockerfile);
	err_clear(&w->err);
	if (oci_build(&result, &w->op, &w->env, &w->opt, &w->err) == 0) {
		fprintf(stderr, "the build succeeded\n");
		exit(1);
	}
	return w->err.text;
}

static struct oci_store *store(const struct build_world *w)
{
	auto_free char *path = mem_printf("%s/store", w->root);
	struct oci_store *s = NULL;
	struct err e = ERR_INIT;

	must(oci_store_layout_open(&s, path, OCI_LAYOUT_READ, &e), &e);
	return s;
}

void build_world_manifest(const struct build_world *w, struct oci_manifest *out)
{
	auto_store struct oci_store *s = store(w);
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	const struct oci_descriptor d = { .digest = w->result.manifest,
					  .size_bytes = w->result.manifest_size };
	struct err e = ERR_INIT;

	must(oci_store_read(s, &d, OCI_MANIFEST_MAX, &text, &e), &e);
	*out = (struct oci_manifest){ 0 };
	must(oci_manifest_parse(out, buf_span(&text), NULL, &e), &e);
}

struct oci_config *build_world_config(const struct build_world *w)
{
	auto_store struct oci_store *s = store(w);
	auto_manifest struct oci_manifest m = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_CONFIG_MAX);
	struct oci_config *c = NULL;
	struct err e = ERR_INIT;

	build_world_manifest(w, &m);
	must(oci_store_read(s, &m.config, OCI_CONFIG_MAX, &text, &e), &e);
	must(oci_config_parse(&c, buf_span(&text), &e), &e);
	return c;
}

static void tell_content(struct buf *out, struct tar_reader *r)
{
	struct span piece;
	struct err e = ERR_INIT;
	uint64_t at;
	int more;

	buf_add_str(out, " = ");
	while ((more = tar_reader_data(r, &piece, &at, &e)) > 0)
		buf_add_span(out, piece);
	must(more, &e);
}

static void tell_entry(struct buf *out, const struct tar_entry *ent, struct tar_reader *r,
		       bool times)
{
	static const char letters[] = "fhlcbdp"; /* as enum tar_type */
	struct span path = span_of_str(ent->path);

	if (span_ends(path, "/"))
		path.n--;
	buf_addf(out, "%c ", letters[ent->type]);
	if (ent->type != TAR_HARD_LINK && (ent->type != TAR_SYMLINK || ent->mode != 0777))
		buf_addf(out, "%04o ", ent->mode);
	if (ent->type != TAR_HARD_LINK)
		buf_addf(out, "%u:%u ", ent->uid, ent->gid);
	if (times)
		buf_addf(out, "@%lld ", (long long)ent->mtime);
	buf_add_span(out, path);
	if (ent->capability.n)
		buf_addf(out, " (%zu bytes of capability)", ent->capability.n);
	if (ent->type == TAR_FILE && ent->size_bytes)
		tell_content(out, r);
	if (ent->type == TAR_HARD_LINK)
		buf_addf(out, " == %s", ent->link);
	if (ent->type == TAR_SYMLINK)
		buf_addf(out, " -> %s", ent->link);
	buf_add_char(out, '\n');
}

char *build_world_layer(const struct build_world *w, size_t index, bool times)
{
	auto_store struct oci_store *s = store(w);
	auto_manifest struct oci_manifest m = { 0 };
	auto_blob struct oci_blob blob = { 0 };
	auto_layer_stream struct layer_stream stream = { .has_gunzip = false };
	auto_tar_reader struct tar_reader *r = NULL;
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	struct tar_entry ent;
	int more;

	build_world_manifest(w, &m);
	if (index >= m.nr_layers)
		return mem_strdup("(no such layer)");
	must(oci_store_open(s, &m.layers[index].digest, &blob, &e), &e);
	must(layer_stream_open(&stream, blob.source, &e), &e);
	must(tar_reader_open(&r, stream.tar, &e), &e);
	while ((more = tar_reader_next(r, &ent, &e)) > 0)
		tell_entry(&out, &ent, r, times);
	must(more, &e);
	return mem_strdup(buf_str(&out));
}

char *build_world_history(const struct build_world *w)
{
	auto_config struct oci_config *c = build_world_config(w);
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	for (size_t i = 0; i < c->nr_history; i++)
		buf_addf(&out, "%s%s\n", c->history[i].empty_layer ? "- " : "",
			 c->history[i].created_by ? c->history[i].created_by : "");
	return mem_strdup(buf_str(&out));
}
