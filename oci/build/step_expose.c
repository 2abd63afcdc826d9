/*
 * EXPOSE: "[[ip:]host:]port[-port][/protocol]". Only the container's part counts, but all of it
 * must be sound.
 */
#include <arpa/inet.h>

#include "base/mem.h"
#include "oci/build/gotext.h"
#include "oci/build/step.h"
#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/message.h"

struct ports {
	uint64_t first, last;
};

static int parse_port(uint64_t *out, struct span text)
{
	return text.n && span_to_u64(out, text) == 0 && *out <= 65535 ? 0 : -1;
}

static int parse_ports(struct ports *out, struct span text)
{
	struct span first, last;

	if (!span_cut(text, '-', &first, &last))
		last = first;
	if (parse_port(&out->first, first) < 0 || parse_port(&out->last, last) < 0)
		return -1;
	return out->first <= out->last ? 0 : -1;
}

static int check_address(struct span ip, struct err *e)
{
	bool brackets = ip.n > 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']';
	auto_free char *text = span_dup(brackets ? span_head(span_sub(ip, 1), ip.n - 2) : ip);
	unsigned char raw[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1)
		return 0;
	return err_set(e, ERR_INPUT, "invalid IP address: '%.100s'", text);
}

/* What stands before the container's part: "host" or "ip:host", either may be empty. */
static int check_host(struct span front, const struct ports *container, struct err *e)
{
	ptrdiff_t colon = span_rfind(front, ':');
	struct span host = colon < 0 ? front : span_sub(front, (size_t)colon + 1);
	struct ports p;

	if (colon > 0 && check_address(span_head(front, (size_t)colon), e) < 0)
		return -1;
	if (!host.n)
		return 0;
	if (parse_ports(&p, host) < 0)
		return err_set(e, ERR_INPUT, "invalid hostPort: '" MESSAGE_FMT "'",
			       MESSAGE_ARG(host));
	if (container->first != container->last &&
	    container->last - container->first != p.last - p.first)
		return err_set(e, ERR_INPUT,
			       "invalid ranges specified for container and host Ports");
	return 0;
}

static const char *find_proto(struct span name)
{
	static const char *const known[] = { "tcp", "udp", "sctp" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (span_eq_nocase(name, known[i]))
			return known[i];
	return name.n ? NULL : "tcp";
}

static int expand_port(struct strv *out, const char *word, struct err *e)
{
	ptrdiff_t colon = span_rfind(span_of_str(word), ':');
	struct span front = span_head(span_of_str(word), colon < 0 ? 0 : (size_t)colon);
	struct span port, proto;
	const char *name;
	struct ports p;

	span_cut(span_sub(span_of_str(word), (size_t)(colon + 1)), '/', &port, &proto);
	name = find_proto(proto);
	if (!port.n)
		return err_set(e, ERR_INPUT, "no port specified: '%.100s'", word);
	if (!name)
		return err_set(e, ERR_INPUT, "invalid proto: '" MESSAGE_FMT "' (tcp, udp or sctp)",
			       MESSAGE_ARG(proto));
	if (parse_ports(&p, port) < 0)
		return err_set(e, ERR_INPUT, "invalid containerPort: '" MESSAGE_FMT "'",
			       MESSAGE_ARG(port));
	if (check_host(front, &p, e) < 0)
		return -1;
	for (uint64_t i = p.first; i <= p.last; i++)
		strv_addf(out, "%ju/%s", (uintmax_t)i, name);
	return 0;
}

static int expand_ports(struct strv *out, const struct step *s, struct err *e)
{
	const struct state *st = &s->stage->state;
	auto_strv struct strv words = STRV_INIT;

	for (size_t i = 0; i < s->instr->words.n; i++)
		if (dockerfile_expand_words(&words, s->instr->words.v[i], &st->env, st->opt->escape,
					    e) < 0)
			return -1;
	for (size_t i = 0; i < words.n; i++)
		if (expand_port(out, words.v[i], e) < 0)
			return -1;
	return 0;
}

int step_expose_check(const struct dockerfile_instr *in, char escape, struct err *e)
{
	const struct strv none = STRV_INIT;

	for (size_t i = 0; i < in->words.n; i++) {
		auto_strv struct strv words = STRV_INIT, ports = STRV_INIT;

		if (strchr(in->words.v[i], '$'))
			continue;
		if (dockerfile_expand_words(&words, in->words.v[i], &none, escape, e) < 0)
			return -1;
		for (size_t k = 0; k < words.n; k++)
			if (expand_port(&ports, words.v[k], e) < 0)
				return -1;
	}
	return 0;
}

int step_expose(struct step *s, struct err *e)
{
	struct strv *exposed = &s->stage->state.config->exposed_ports;
	auto_buf struct buf line = BUF_INIT(STEP_HISTORY_MAX);
	auto_strv struct strv ports = STRV_INIT;

	if (expand_ports(&ports, s, e) < 0)
		return -1;
	oci_config_add_to_set(exposed, &ports);
	buf_add_str(&line, "EXPOSE ");
	gotext_list(&line, &ports);
	stage_history(s->job, s->stage, buf_str(&line), false);
	return 0;
}
