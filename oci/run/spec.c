/*
 * A run_spec as bytes: native integers and length-prefixed strings, in the
 * order of the struct. It never leaves this machine or this program; decode
 * checks every length all the same, since the helper acts on it as root.
 */
#include "oci/run/spec.h"

#include "base/mem.h"
#include "base/secret.h"

#define RUN_SPEC_MAGIC	0x63725333u /* "crS3" */
#define RUN_STRINGS_MAX 65536u

static void mount_release(struct run_mount *m)
{
	free(m->target);
	fd_auto_close_(&m->fd);
	secret_buf_auto_(&m->bytes);
}

void run_spec_release(struct run_spec *s)
{
	strv_release(&s->argv);
	secret_strv_auto_(&s->env);
	free(s->cwd);
	free(s->hostname);
	free(s->hosts);
	free(s->added_hosts);
	free(s->groups);
	free(s->limits);
	for (size_t i = 0; i < s->nr_mounts; i++)
		mount_release(&s->mounts[i]);
	free(s->mounts);
	free(s->progress_id);
	secret_strv_auto_(&s->hidden);
	for (size_t i = 0; i < s->nr_agents; i++) {
		fd_auto_close_(&s->agents[i].listen_fd);
		free(s->agents[i].path);
	}
	free(s->agents);
	*s = (struct run_spec){ 0 };
}

struct run_mount *run_spec_add_mount(struct run_spec *s, enum run_mount_kind kind, char *target)
{
	MEM_GROW(s->mounts, s->nr_mounts, s->cap_mounts);
	s->mounts[s->nr_mounts] = (struct run_mount){
		.kind = kind, .target = target, .fd = -1, .bytes = BUF_INIT(RUN_SPEC_MAX)
	};
	return &s->mounts[s->nr_mounts++];
}

/* -- out --------------------------------------------------------------------- */

static void put_u32(struct buf *out, uint32_t v)
{
	buf_add(out, &v, sizeof(v));
}

static void put_u64(struct buf *out, uint64_t v)
{
	buf_add(out, &v, sizeof(v));
}

static void put_bytes(struct buf *out, struct span bytes)
{
	put_u32(out, (uint32_t)bytes.n);
	buf_add_span(out, bytes);
}

static void put_str(struct buf *out, const char *s)
{
	put_bytes(out, span_of_str(s));
}

static void put_strv(struct buf *out, const struct strv *s)
{
	put_u32(out, (uint32_t)s->n);
	for (size_t i = 0; i < s->n; i++)
		put_str(out, s->v[i]);
}

static void put_mount(struct buf *out, const struct run_mount *m)
{
	put_u32(out, m->kind);
	put_str(out, m->target);
	put_u32(out, m->read_only);
	put_u32(out, m->is_kept);
	put_u32(out, m->is_ours);
	put_u64(out, m->size_bytes);
	put_bytes(out, buf_span(&m->bytes));
	put_u32(out, m->mode);
	put_u32(out, m->uid);
	put_u32(out, m->gid);
}

static void put_rest(struct buf *out, const struct run_spec *s)
{
	put_u32(out, (uint32_t)s->nr_groups);
	for (size_t i = 0; i < s->nr_groups; i++)
		put_u32(out, s->groups[i]);
	put_u32(out, s->no_network);
	put_u64(out, s->shm_bytes);
	put_u32(out, (uint32_t)s->nr_limits);
	for (size_t i = 0; i < s->nr_limits; i++) {
		put_u32(out, (uint32_t)s->limits[i].resource);
		put_u64(out, s->limits[i].soft);
		put_u64(out, s->limits[i].hard);
	}
	put_u32(out, (uint32_t)s->nr_mounts);
	for (size_t i = 0; i < s->nr_mounts; i++)
		put_mount(out, &s->mounts[i]);
}

int run_spec_encode(struct buf *out, const struct run_spec *s, struct err *e)
{
	if (s->nr_mounts > RUN_MOUNTS_MAX)
		return err_set(e, ERR_INPUT, "%zu mounts; a RUN may have %d", s->nr_mounts,
			       RUN_MOUNTS_MAX);
	put_u32(out, RUN_SPEC_MAGIC);
	put_strv(out, &s->argv);
	put_strv(out, &s->env);
	put_str(out, s->cwd);
	put_str(out, s->hostname);
	put_str(out, s->hosts);
	put_str(out, s->added_hosts);
	put_u32(out, s->uid);
	put_u32(out, s->gid);
	put_rest(out, s);
	if (out->over || out->len > RUN_SPEC_MAX)
		return err_set(e, ERR_INPUT,
			       "the command, its environment and its secrets exceed %u bytes",
			       RUN_SPEC_MAX);
	return 0;
}

/* -- in ---------------------------------------------------------------------- */

static bool take_u32(struct span *in, uint32_t *v)
{
	if (in->n < sizeof(*v))
		return false;
	memcpy(v, in->p, sizeof(*v));
	*in = span_sub(*in, sizeof(*v));
	return true;
}

static bool take_u64(struct span *in, uint64_t *v)
{
	if (in->n < sizeof(*v))
		return false;
	memcpy(v, in->p, sizeof(*v));
	*in = span_sub(*in, sizeof(*v));
	return true;
}

static bool take_bool(struct span *in, bool *v)
{
	uint32_t n;

	if (!take_u32(in, &n) || n > 1)
		return false;
	*v = n;
	return true;
}

static bool take_bytes(struct span *in, struct span *bytes)
{
	uint32_t n;

	if (!take_u32(in, &n) || in->n < n)
		return false;
	*bytes = span_head(*in, n);
	*in = span_sub(*in, n);
	return true;
}

static bool take_str(struct span *in, char **s)
{
	struct span text;

	if (!take_bytes(in, &text) || span_has_nul(text))
		return false;
	*s = span_dup(text);
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

static bool take_limits(struct span *in, struct run_spec *s)
{
	uint32_t n, resource;

	if (!take_u32(in, &n) || n > RUN_LIMITS_MAX)
		return false;
	s->limits = mem_resize(NULL, n ? n : 1, sizeof(*s->limits));
	for (; s->nr_limits < n; s->nr_limits++) {
		struct run_limit *l = &s->limits[s->nr_limits];

		if (!take_u32(in, &resource) || !take_u64(in, &l->soft) || !take_u64(in, &l->hard))
			return false;
		l->resource = (int)resource;
	}
	return true;
}

static bool take_mount(struct span *in, struct run_spec *s)
{
	uint32_t kind;
	char *target;
	struct run_mount *m;
	struct span bytes;

	if (!take_u32(in, &kind) || kind > RUN_MOUNT_FILE || !take_str(in, &target))
		return false;
	m = run_spec_add_mount(s, (enum run_mount_kind)kind, target);
	if (target[0] != '/' || !take_bool(in, &m->read_only) || !take_bool(in, &m->is_kept) ||
	    !take_bool(in, &m->is_ours) || !take_u64(in, &m->size_bytes) ||
	    !take_bytes(in, &bytes) || !take_u32(in, &m->mode) || !take_u32(in, &m->uid) ||
	    !take_u32(in, &m->gid))
		return false;
	buf_add_span(&m->bytes, bytes);
	return true;
}

static bool take_mounts(struct span *in, struct run_spec *s)
{
	uint32_t n;

	if (!take_u32(in, &n) || n > RUN_MOUNTS_MAX)
		return false;
	while (n--)
		if (!take_mount(in, s))
			return false;
	return true;
}

static bool take_rest(struct span *in, struct run_spec *s)
{
	return take_groups(in, s) && take_bool(in, &s->no_network) && take_u64(in, &s->shm_bytes) &&
	       take_limits(in, s) && take_mounts(in, s);
}

int run_spec_decode(struct run_spec *out, struct span bytes, struct err *e)
{
	auto_run_spec struct run_spec s = { 0 };
	uint32_t magic;

	if (!take_u32(&bytes, &magic) || magic != RUN_SPEC_MAGIC || !take_strv(&bytes, &s.argv) ||
	    !take_strv(&bytes, &s.env) || !take_str(&bytes, &s.cwd) ||
	    !take_str(&bytes, &s.hostname) || !take_str(&bytes, &s.hosts) ||
	    !take_str(&bytes, &s.added_hosts) || !take_u32(&bytes, &s.uid) ||
	    !take_u32(&bytes, &s.gid) || !take_rest(&bytes, &s) || bytes.n || !s.argv.n)
		return err_set(e, ERR_CORRUPT, "the helper's instructions are damaged");
	*out = s;
	s = (struct run_spec){ 0 };
	return 0;
}
