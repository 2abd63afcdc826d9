/*
 * The grammar is docker's: go-units for limits, opts.ValidateExtraHost for names.
 */
#include "oci/build/run_options.h"

#include <arpa/inet.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/span.h"

static void secret_release(struct run_secret *s)
{
	free(s->id);
	free(s->file);
	free(s->env);
	secret_buf_auto_(&s->value);
}

void run_options_release(struct run_options *o)
{
	strv_release(&o->hosts);
	free(o->limits);
	for (size_t i = 0; i < o->nr_secrets; i++)
		secret_release(&o->secrets[i]);
	free(o->secrets);
	for (size_t i = 0; i < o->nr_ssh; i++) {
		free(o->ssh[i].id);
		free(o->ssh[i].socket);
	}
	free(o->ssh);
	*o = (struct run_options){ 0 };
}

int run_options_network(struct run_options *o, const char *text, struct err *e)
{
	o->no_network = strcmp(text, "none") == 0;
	if (o->no_network || strcmp(text, "default") == 0 || strcmp(text, "host") == 0)
		return 0;
	return err_set(e, ERR_INPUT, "'%.100s' is not default, host or none", text);
}

int run_options_shm(struct run_options *o, const char *text, struct err *e)
{
	if (span_to_size(&o->shm_bytes, span_of_str(text)) < 0 || o->shm_bytes == 0)
		return err_set(e, ERR_INPUT, "'%.100s' is no size, as in 128m", text);
	return 0;
}

int run_options_allow(struct run_options *o, const char *text, struct err *e)
{
	if (strcmp(text, "network.host") == 0) {
		o->allows_host_network = true;
		return 0;
	}
	if (strcmp(text, "security.insecure") == 0)
		return err_set(e, ERR_INPUT,
			       "security.insecure cannot be had: every RUN is run "
			       "with docker's default rights");
	return err_set(e, ERR_INPUT, "'%.100s' is not known; network.host is", text);
}

/* -- names ------------------------------------------------------------------------ */

static bool is_address(struct span text)
{
	auto_free char *copy = span_dup(text);
	unsigned char raw[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, copy, raw) == 1 || inet_pton(AF_INET6, copy, raw) == 1;
}

static bool is_host_name(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] == 0x7f || name.p[i] == '#')
			return false;
	return name.n > 0 && name.n <= 255;
}

/* The host is where a RUN is, with the host's network. */
#define HOST_GATEWAY "127.0.0.1"

int run_options_host(struct run_options *o, const char *text, struct err *e)
{
	struct span all = span_of_str(text), name, address;

	/* an equals sign counts before a colon: NAME=::1 */
	if (!span_cut(all, '=', &name, &address) && !span_cut(all, ':', &name, &address))
		return err_set(e, ERR_INPUT, "'%.200s' is not NAME:ADDRESS", text);
	if (span_starts(address, "[") && span_ends(address, "]"))
		address = span_head(span_sub(address, 1), address.n - 2);
	if (span_eq_str(address, "host-gateway"))
		address = span_of_str(HOST_GATEWAY);
	if (!is_host_name(name))
		return err_set(e, ERR_INPUT, "'%.200s' has no host name", text);
	if (!is_address(address))
		return err_set(e, ERR_INPUT, "'%.200s': '" SPAN_FMT "' is no address", text,
			       SPAN_ARG(address));
	strv_addf(&o->hosts, SPAN_FMT "\t" SPAN_FMT, SPAN_ARG(address), SPAN_ARG(name));
	return 0;
}

char *run_options_added_hosts(const struct run_options *o)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);

	for (size_t i = 0; i < o->hosts.n; i++)
		buf_addf(&text, "%s\n", o->hosts.v[i]);
	return mem_strdup(buf_str(&text));
}

char *run_options_hosts(const struct run_options *o, const char *hostname)
{
	auto_free char *added = run_options_added_hosts(o);

	return mem_printf("127.0.0.1\tlocalhost %s\n::1\tlocalhost ip6-localhost ip6-loopback\n%s",
			  hostname, added);
}

/* -- limits ----------------------------------------------------------------------- */

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "as", RLIMIT_AS },
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

static int find_limit(int *resource, struct span name, struct err *e)
{
	auto_buf struct buf known = BUF_INIT(BUF_SMALL);

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		if (span_eq_str(name, limits[i].name)) {
			*resource = limits[i].resource;
			return 0;
		}
		buf_addf(&known, "%s%s", i ? ", " : "", limits[i].name);
	}
	return err_set(e, ERR_INPUT, "'" SPAN_FMT "' is no limit; there are %s", SPAN_ARG(name),
		       buf_str(&known));
}

/* -1 is none. */
static int limit_value(uint64_t *out, struct span text)
{
	if (span_eq_str(text, "-1")) {
		*out = RLIM_INFINITY;
		return 0;
	}
	return span_to_u64(out, text);
}

int run_options_ulimit(struct run_options *o, const char *text, struct err *e)
{
	struct span name, values, soft, hard;
	struct run_limit l;

	if (!span_cut(span_of_str(text), '=', &name, &values))
		return err_set(e, ERR_INPUT, "'%.200s' is not NAME=SOFT[:HARD]", text);
	if (find_limit(&l.resource, name, e) < 0)
		return -1;
	if (!span_cut(values, ':', &soft, &hard))
		hard = soft;
	if (limit_value(&l.soft, soft) < 0 || limit_value(&l.hard, hard) < 0)
		return err_set(e, ERR_INPUT, "'%.200s': a limit is a number, or -1 for none", text);
	if (l.soft > l.hard)
		return err_set(e, ERR_INPUT, "'%.200s': the soft limit is above the hard one",
			       text);
	if (o->nr_limits == RUN_LIMITS_MAX)
		return err_set(e, ERR_INPUT, "more than %d limits", RUN_LIMITS_MAX);
	MEM_GROW(o->limits, o->nr_limits, o->cap_limits);
	o->limits[o->nr_limits++] = l;
	return 0;
}
