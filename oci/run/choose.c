/*
 * A table of ways in the order in which they are preferred. Trying namespaces may leave the program in
 * one, but only when it succeeds.
 */
#include "oci/run/choose.h"

#include "base/mem.h"
#include "oci/run/sandbox_chroot.h"
#include "oci/run/sandbox_ns.h"

struct way {
	const char *name;
	bool is_automatic;
	int (*open)(struct sandbox **out, char **how, const struct inplace_options *inplace,
		    struct err *e);
};

static int open_ns(struct sandbox **out, char **how, const struct inplace_options *inplace,
		   struct err *e)
{
	(void)inplace;
	return sandbox_ns_open(out, how, e);
}

static int open_chroot(struct sandbox **out, char **how, const struct inplace_options *inplace,
		       struct err *e)
{
	(void)inplace;
	return sandbox_chroot_open(out, how, e);
}

static const struct way ways[] = {
	{ "ns", true, open_ns },
	{ "inplace", true, sandbox_inplace_open },
	{ "chroot", false, open_chroot },
};

/* Whose setting it is, in the words of those who can change it. */
static const char help[] =
	"what would help: in a container, running as root (docker run --user 0; Kubernetes: runAsUser: 0), or "
	"user namespaces (docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined; "
	"Kubernetes: seccompProfile and appArmorProfile of type Unconfined); "
	"on a host, the sysctls user.max_user_namespaces, kernel.unprivileged_userns_clone and "
	"kernel.apparmor_restrict_unprivileged_userns";

static int open_way(struct sandbox **out, const struct way *way, const char *why_not_others,
		    const struct inplace_options *inplace, struct err *e)
{
	auto_free char *how = NULL;
	struct sandbox *s;

	if (way->open(&s, &how, inplace, e) < 0)
		return -1;
	snprintf(s->how, sizeof(s->how), "%s%s%s", how, *why_not_others ? "; " : "",
		 why_not_others);
	*out = s;
	return 0;
}

static int impossible(struct err *e, const char *reasons)
{
	err_clear(e);
	return err_set(e, ERR_IMPOSSIBLE, "RUN cannot be had here: %s; %s", reasons, help);
}

static int open_first(struct sandbox **out, const struct inplace_options *inplace, struct err *e)
{
	auto_buf struct buf reasons = BUF_INIT(ERR_TEXT_MAX);

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		if (!ways[i].is_automatic)
			continue;
		if (open_way(out, &ways[i], buf_str(&reasons), inplace, e) == 0)
			return 0;
		if (e->kind != ERR_IMPOSSIBLE)
			return -1;
		buf_addf(&reasons, "%s%s: %s", reasons.len ? "; " : "", ways[i].name, e->text);
		err_clear(e);
	}
	return impossible(e, buf_str(&reasons));
}

int sandbox_choose(struct sandbox **out, const char *name, const struct inplace_options *inplace,
		   struct err *e)
{
	if (strcmp(name, "auto") == 0)
		return open_first(out, inplace, e);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (strcmp(name, ways[i].name) == 0)
			return open_way(out, &ways[i], "", inplace, e) < 0
				       ? err_wrap(e, "--isolation=%s", name)
				       : 0;
	return err_set(e, ERR_IMPOSSIBLE, "RUN needs an isolation, and --isolation=%s is none",
		       name);
}
