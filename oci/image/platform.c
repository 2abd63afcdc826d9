/*
 * Platforms. Names of machines have many spellings; containerd's are the ones
 * that documents use, so everything is brought to those at the door and compared
 * as text afterwards. A variant is a level: a machine runs what was built for
 * its own or a lower one.
 */
#include "oci/image/platform.h"

#include <sys/utsname.h>

/* What uname, users and old documents say -> what documents should say. */
static const struct {
	const char *arch, *variant;	  /* variant NULL: any */
	const char *to_arch, *to_variant; /* to_variant NULL: keep */
} spellings[] = {
	{ "x86_64", NULL, "amd64", NULL },
	{ "x86-64", NULL, "amd64", NULL },
	{ "i386", NULL, "386", "" },
	{ "i486", NULL, "386", "" },
	{ "i586", NULL, "386", "" },
	{ "i686", NULL, "386", "" },
	{ "x86", NULL, "386", "" },
	{ "aarch64", NULL, "arm64", NULL },
	{ "armhf", NULL, "arm", "v7" },
	{ "armel", NULL, "arm", "v6" },
	{ "armv8l", NULL, "arm", "v8" },
	{ "armv7l", NULL, "arm", "v7" },
	{ "armv6l", NULL, "arm", "v6" },
	{ "armv5tel", NULL, "arm", "v5" },
	{ "loongarch64", NULL, "loong64", NULL },
};

/* Levels that go without saying, and bare numbers. */
static const struct {
	const char *arch, *variant, *to;
} variants[] = {
	{ "amd64", "v1", "" },	 { "arm64", "8", "" }, { "arm64", "v8", "" },
	{ "arm64", "v8.0", "" }, { "arm", "", "v7" },  { "arm", "5", "v5" },
	{ "arm", "6", "v6" },	 { "arm", "7", "v7" }, { "arm", "8", "v8" },
};

/* Without a variant: what it is. 0: an architecture without levels. */
static unsigned base_level(const char *arch)
{
	return strcmp(arch, "amd64") == 0   ? 100
	       : strcmp(arch, "arm64") == 0 ? 800
	       : strcmp(arch, "arm") == 0   ? 700
					    : 0;
}

static int set_part(char out[32], const char *text, const char *what, struct err *e)
{
	size_t n = text ? strlen(text) : 0;

	if (n >= 32)
		return err_set(e, ERR_CORRUPT, "platform: %s '%.40s…' is too long", what, text);
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		      c == '-'))
			return err_set(e, ERR_CORRUPT, "platform: %s '%s' has an odd character",
				       what, text);
		out[i] = c;
	}
	out[n] = '\0';
	return 0;
}

static void put(char out[32], const char *text)
{
	snprintf(out, 32, "%s", text);
}

static void normalise(struct oci_platform *p)
{
	if (strcmp(p->os, "macos") == 0)
		put(p->os, "darwin");
	for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
		if (strcmp(p->arch, spellings[i].arch) != 0)
			continue;
		put(p->arch, spellings[i].to_arch);
		if (spellings[i].to_variant)
			put(p->variant, spellings[i].to_variant);
		break;
	}
	for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
		if (strcmp(p->arch, variants[i].arch) == 0 &&
		    strcmp(p->variant, variants[i].variant) == 0) {
			put(p->variant, variants[i].to);
			break;
		}
	}
}

int oci_platform_set(struct oci_platform *out, const char *os, const char *arch,
		     const char *variant, struct err *e)
{
	struct oci_platform p = { 0 };

	if (set_part(p.os, os, "os", e) < 0 || set_part(p.arch, arch, "architecture", e) < 0 ||
	    set_part(p.variant, variant, "variant", e) < 0)
		return -1;
	if (!p.os[0] || !p.arch[0])
		return err_set(e, ERR_CORRUPT, "platform: %s is missing",
			       p.os[0] ? "architecture" : "os");
	normalise(&p);
	*out = p;
	return 0;
}

void oci_platform_host(struct oci_platform *out)
{
	struct err e = ERR_INIT;
	struct utsname u;

	if (uname(&u) < 0 || oci_platform_set(out, "linux", u.machine, "", &e) < 0)
		*out = (struct oci_platform){ .os = "linux", .arch = "unknown" };
}

static bool is_os(struct span s)
{
	static const char *const known[] = { "linux",	"windows", "darwin", "macos",
					     "freebsd", "netbsd",  "openbsd" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (span_eq_nocase(s, known[i]))
			return true;
	return false;
}

int oci_platform_parse(struct oci_platform *out, struct span text, struct err *e)
{
	struct span rest = text, part[3] = { { 0 } }, piece;
	auto_free char *os = NULL, *arch = NULL, *variant = NULL;
	struct oci_platform host;
	size_t n = 0;

	while (span_split(&rest, '/', &piece)) {
		if (n == ARRAY_LEN(part) || !piece.n || span_has_nul(piece))
			return err_set(e, ERR_INPUT,
				       "platform '" SPAN_FMT
				       "': must be os/arch or os/arch/variant",
				       SPAN_ARG(text));
		part[n++] = piece;
	}
	if (!n)
		return err_set(e, ERR_INPUT,
			       "platform is empty: must be os/arch or os/arch/variant");
	/* one word alone: an operating system on this machine, or a machine with Linux */
	oci_platform_host(&host);
	if (n == 1 && is_os(part[0])) {
		part[1] = span_of_str(host.arch);
		part[2] = span_of_str(host.variant);
	} else if (n == 1) {
		part[1] = part[0];
		part[0] = SPAN_LIT("linux");
	}
	os = span_dup(part[0]);
	arch = span_dup(part[1]);
	variant = span_dup(part[2]);
	if (oci_platform_set(out, os, arch, variant, e) < 0) {
		e->kind = ERR_INPUT;
		return -1;
	}
	return 0;
}

bool oci_platform_equals(const struct oci_platform *a, const struct oci_platform *b)
{
	return strcmp(a->os, b->os) == 0 && strcmp(a->arch, b->arch) == 0 &&
	       strcmp(a->variant, b->variant) == 0;
}

/* "v8.1" is 801, "" is what the architecture begins with; 0: has no order. */
static unsigned level_of(const struct oci_platform *p)
{
	struct span rest = span_of_str(p->variant), major, minor;
	uint64_t a, b = 0;

	if (!base_level(p->arch) || !rest.n)
		return base_level(p->arch);
	if (!span_take(&rest, "v"))
		return 0;
	if (span_cut(rest, '.', &major, &minor) && span_to_u64(&b, minor) < 0)
		return 0;
	if (span_to_u64(&a, major) < 0 || a > 99 || b > 99)
		return 0;
	return (unsigned)(a * 100 + b);
}

int oci_platform_match(const struct oci_platform *want, const struct oci_platform *have)
{
	unsigned w, h;

	if (strcmp(want->os, have->os) != 0 || strcmp(want->arch, have->arch) != 0)
		return 0;
	if (strcmp(want->variant, have->variant) == 0)
		return 20000;
	w = level_of(want);
	h = level_of(have);
	if (w && h)
		return h <= w ? (int)(10000 - (w - h)) : 0;
	/* no order known: one that claims nothing runs everywhere */
	return have->variant[0] ? 0 : 1;
}

void oci_platform_format(char out[100], const struct oci_platform *p)
{
	snprintf(out, 100, "%s/%s%s%s", p->os, p->arch, p->variant[0] ? "/" : "", p->variant);
}
