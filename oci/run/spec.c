/*
 * A run_spec as bytes: native integers and length-prefixed strings, in the
 * order of the struct. It never leaves this machine or this program; decode
 * checks every length all the same, since the helper acts on it as root.
 */
#include "oci/run/spec.h"

#include "base/mem.h"

#define RUN_SPEC_MAGIC	0x63725331u /* "crS1" */
#define RUN_STRINGS_MAX 65536u

void run_spec_release(struct run_spec *s)
{
	strv_release(&s->argv);
	strv_release(&s->env);
	free(s->cwd);
	free(s->hostname);
	free(s->groups);
	free(s->progress_id);
	*s = (struct run_spec){ 0 };
}

static void put_u32(struct buf *out, uint32_t v)
{
	buf_add(out, &v, sizeof(v));
}

static void put_str(struct buf *out, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	put_u32(out, (uint32_t)n);
	buf_add(out, s ? s : "", n);
}

static void put_strv(struct buf *out, const struct strv *s)
{
	put_u32(out, (uint32_t)s->n);
	for (size_t i = 0; i < s->n; i++)
		put_str(out, s->v[i]);
}

int run_spec_encode(struct buf *out, const struct run_spec *s, struct err *e)
{
	put_u32(out, RUN_SPEC_MAGIC);
	put_strv(out, &s->argv);
	put_strv(out, &s->env);
	put_str(out, s->cwd);
	put_str(out, s->hostname);
	put_u32(out, s->uid);
	put_u32(out, s->gid);
	put_u32(out, (uint32_t)s->nr_groups);
	for (size_t i = 0; i < s->nr_groups; i++)
		put_u32(out, s->groups[i]);
	if (out->over || out->len > RUN_SPEC_MAX)
		return err_set(e, ERR_INPUT, "the command and its environment exceed %u bytes",
			       RUN_SPEC_MAX);
	return 0;
}

static bool take_u32(struct span *in, uint32_t *v)
{
	if (in->n < sizeof(*v))
		return false;
	memcpy(v, in->p, sizeof(*v));
	*in = span_sub(*in, sizeof(*v));
	return true;
}

static bool take_str(struct span *in, char **s)
{
	uint32_t n;

	if (!take_u32(in, &n) || in->n < n || memchr(in->p, 0, n))
		return false;
	*s = mem_strndup(in->p, n);
	*in = span_sub(*in, n);
	return true;
}

static bool take_strv(struct span *in, struct strv *s)
{
	uint32_t n;

	if (!take_u32(in, &n) || n > RUN_STRINGS_MAX)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		char *text;

		if (!take_str(in, &text))
			return false;
		strv_take(s, text);
	}
	return true;
}

static bool take_groups(struct span *in, struct run_spec *s)
{
	uint32_t n;

	if (!take_u32(in, &n) || n > RUN_GROUPS_MAX)
		return false;
	s->groups = mem_resize(NULL, n ? n : 1, sizeof(*s->groups));
	for (; s->nr_groups < n; s->nr_groups++)
		if (!take_u32(in, &s->groups[s->nr_groups]))
			return false;
	return true;
}

int run_spec_decode(struct run_spec *out, struct span bytes, struct err *e)
{
	auto_run_spec struct run_spec s = { 0 };
	uint32_t magic;

	if (!take_u32(&bytes, &magic) || magic != RUN_SPEC_MAGIC || !take_strv(&bytes, &s.argv) ||
	    !take_strv(&bytes, &s.env) || !take_str(&bytes, &s.cwd) ||
	    !take_str(&bytes, &s.hostname) || !take_u32(&bytes, &s.uid) ||
	    !take_u32(&bytes, &s.gid) || !take_groups(&bytes, &s) || bytes.n || !s.argv.n)
		return err_set(e, ERR_CORRUPT, "the helper's instructions are damaged");
	*out = s;
	s = (struct run_spec){ 0 };
	return 0;
}
