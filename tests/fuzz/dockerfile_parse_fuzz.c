/*
 * Any bytes as a Dockerfile: refused with words, or planned, and then every
 * word, here-document and mount of it expanded in a small environment, and every
 * trigger read as one.
 */
#include <assert.h>

#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/mount.h"
#include "oci/dockerfile/parse.h"
#include "oci/dockerfile/plan.h"
#include "oci/dockerfile/plan_print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_said(const struct err *e)
{
	assert(e->kind == ERR_INPUT && e->text[0]);
	for (const char *p = e->excerpt; *p; p++)
		assert(*p == '\n' || (unsigned char)*p >= ' ');
}

static void expand_one(const char *word, const struct strv *env, char escape)
{
	auto_strv struct strv words = STRV_INIT;
	auto_free char *out = NULL;
	struct err e = ERR_INIT;

	if (dockerfile_expand(&out, word, env, escape, &e) < 0)
		must_be_said(&e);
	else
		assert(strlen(out) <= DOCKERFILE_WORD_MAX);
	if (dockerfile_expand_words(&words, word, env, escape, &e) < 0)
		must_be_said(&e);
}

static void expand_body(const char *body, const struct strv *env)
{
	auto_free char *out = NULL;
	struct err e = ERR_INIT;

	if (dockerfile_expand_body(&out, body, env, &e) < 0)
		must_be_said(&e);
	else
		assert(strlen(out) <= DOCKERFILE_BODY_MAX);
}

static void expand_mount(const struct dockerfile_mount *raw, const struct strv *env, char escape)
{
	auto_mount struct dockerfile_mount m = { 0 };
	struct err e = ERR_INIT;

	if (dockerfile_mount_expand(&m, raw, env, escape, &e) < 0)
		must_be_said(&e);
}

/* What was seen to be one instruction is one. */
static void read_trigger(const struct dockerfile *df, const char *text)
{
	struct dockerfile_instr in = { 0 };
	struct err e = ERR_INIT;

	if (dockerfile_parse_onbuild(&in, df, text, &e) < 0)
		must_be_said(&e);
	dockerfile_instr_release(&in);
}

static void expand_instr(const struct dockerfile *df, const struct dockerfile_instr *in,
			 const struct strv *env)
{
	assert(in->line && in->line <= in->last_line && in->keyword);
	for (size_t k = 0; k < in->words.n; k++)
		expand_one(in->words.v[k], env, df->escape);
	for (size_t k = 0; k < in->nr_heredocs; k++)
		expand_body(in->heredocs[k].body, env);
	for (size_t k = 0; k < in->nr_mounts; k++)
		expand_mount(&in->mounts[k], env, df->escape);
	if (in->kind == DOCKERFILE_ONBUILD)
		read_trigger(df, in->words.v[0]);
}

static void expand_all(const struct dockerfile *df)
{
	auto_strv struct strv env = STRV_INIT;

	strv_add(&env, "a=one two");
	strv_add(&env, "B=");
	strv_add(&env, "PATH=/bin:$x'\"");
	strv_add(&env, "v=/usr/local/\xc3\xa9/lib\n\xff.so");
	for (size_t i = 0; i < df->nr_stages; i++)
		for (size_t j = 0; j < df->stages[i].nr; j++)
			expand_instr(df, &df->stages[i].instrs[j], &env);
}

static void plan(const struct dockerfile *df)
{
	auto_strv struct strv args = STRV_INIT, contexts = STRV_INIT;
	auto_buf struct buf out = BUF_INIT(64u << 20);
	auto_plan struct dockerfile_plan *p = NULL;
	struct oci_platform platforms[2] = { { .os = "linux", .arch = "riscv64" } };
	const struct plan_options opt = { .build_args = &args,
					  .contexts = &contexts,
					  .platforms = platforms,
					  .nr_platforms = 2 };
	struct err e = ERR_INIT;

	strv_add(&args, "V=1.2");
	strv_add(&contexts, "ctx");
	oci_platform_host(&platforms[1]);
	if (dockerfile_plan_make(&p, df, &opt, &e) < 0) {
		must_be_said(&e);
		return;
	}
	assert(p->nr > 1 && p->nr <= 2 * df->nr_stages);
	for (size_t i = 0; i < p->nr; i++) {
		assert(p->stages[i].base.kind != PLAN_STAGE || p->stages[i].base.stage < i);
		for (size_t j = 0; j < p->stages[i].nr; j++)
			assert(p->stages[i].steps[j].from.kind != PLAN_STAGE ||
			       p->stages[i].steps[j].from.stage < i);
	}
	dockerfile_plan_print(&out, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_dockerfile struct dockerfile *df = NULL;
	struct err e = ERR_INIT;

	if (dockerfile_parse(&df, "Dockerfile", span_of(data, size), &e) < 0) {
		must_be_said(&e);
		return 0;
	}
	expand_all(df);
	plan(df);
	return 0;
}
