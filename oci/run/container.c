/*
 * A container's first process is anything but an init of a machine, and it has a root that an engine
 * has put together: an overlay, or, under other storage drivers, a file system with a mark of the
 * engine's or a control group of its name, and the engine's own /etc/hosts mounted over the image's.
 */
#include "oci/run/container.h"

#include <fcntl.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"

#define FILE_MAX_BYTES (1u << 20)

struct mount {
	struct span point; /* as it is written there */
	struct span type;
};

/* "26 1 0:30 / /builds rw - ext4 /dev/sda rw": the fifth word, and the one behind "-". */
static bool mount_line(struct mount *m, struct span line)
{
	struct span word;
	int n = 0;

	while (span_word(&line, &word) && ++n <= 5)
		m->point = word;
	if (n <= 5)
		return false;
	do
		if (span_eq_str(word, "-"))
			return span_word(&line, &m->type);
	while (span_word(&line, &word));
	return false;
}

static bool has_mount(struct span mountinfo, const char *point, const char *const *types)
{
	struct span line;
	struct mount m;

	while (span_line(&mountinfo, &line)) {
		if (!mount_line(&m, line) || !span_eq_str(m.point, point))
			continue;
		if (!types)
			return true;
		for (const char *const *t = types; *t; t++)
			if (span_eq_str(m.type, *t))
				return true;
	}
	return false;
}

static bool is_init(struct span name)
{
	static const char *const inits[] = { "systemd", "init",	   "upstart",	 "procd",
					     "runit",	"launchd", "openrc-init" };

	for (size_t i = 0; i < ARRAY_LEN(inits); i++)
		if (span_eq_str(span_trim(name), inits[i]))
			return true;
	return false;
}

static bool names_an_engine(struct span cgroup)
{
	static const char *const names[] = { "docker", "kubepods", "containerd", "libpod",
					     "crio",   "lxc",	   "podman" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (cgroup.n && memmem(cgroup.p, cgroup.n, names[i], strlen(names[i])))
			return true;
	return false;
}

int container_judge(const struct container_facts *f, struct err *e)
{
	static const char *const overlays[] = { "overlay", "fuse.fuse-overlayfs", "aufs", NULL };

	if (is_init(f->first)) {
		struct span name = span_trim(f->first);

		return err_set(e, ERR_IMPOSSIBLE,
			       "this is no container: its first process is '" SPAN_FMT "'",
			       SPAN_ARG(name));
	}
	if (has_mount(f->mountinfo, "/", overlays))
		return 0;
	if (!f->has_marker && !names_an_engine(f->cgroup))
		return err_set(
			e, ERR_IMPOSSIBLE,
			"this is no container: '/' is no overlay, and no engine's mark is there");
	if (!has_mount(f->mountinfo, "/etc/hosts", NULL))
		return err_set(
			e, ERR_IMPOSSIBLE,
			"this may be no container: '/' is no overlay, and '/etc/hosts' no mount");
	return 0;
}

/* What cannot be read is empty. */
static void read_more(struct buf *b, const char *path)
{
	auto_buf struct buf text = BUF_INIT(b->max);
	struct err ignored = ERR_INIT;

	if (fs_read_file(AT_FDCWD, path, &text, &ignored) == 0)
		buf_add_span(b, buf_span(&text));
}

int container_check(struct err *e)
{
	auto_buf struct buf cgroup = BUF_INIT(FILE_MAX_BYTES);
	auto_buf struct buf first = BUF_INIT(FILE_MAX_BYTES);
	auto_buf struct buf mountinfo = BUF_INIT(MOUNTINFO_MAX);
	struct container_facts f = { .has_marker = access("/.dockerenv", F_OK) == 0 ||
						   access("/run/.containerenv", F_OK) == 0 };

	read_more(&cgroup, "/proc/1/cgroup");
	read_more(&cgroup, "/proc/self/cgroup");
	read_more(&first, "/proc/1/comm");
	read_more(&mountinfo, "/proc/self/mountinfo");
	f.cgroup = buf_span(&cgroup);
	f.first = buf_span(&first);
	f.mountinfo = buf_span(&mountinfo);
	return container_judge(&f, e);
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Blanks and backslashes are written "\040". */
static char *unescape(struct span s)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && s.n - i >= 4 && is_octal(s.p[i + 1]) &&
		    is_octal(s.p[i + 2]) && is_octal(s.p[i + 3])) {
			buf_add_char(&out, (char)((s.p[i + 1] - '0') << 6 |
						  (s.p[i + 2] - '0') << 3 | (s.p[i + 3] - '0')));
			i += 3;
		} else {
			buf_add_char(&out, s.p[i]);
		}
	}
	return out.len ? buf_steal(&out) : mem_strdup("");
}

void container_mounts(struct strv *out, struct span mountinfo)
{
	struct span line;
	struct mount m;

	while (span_line(&mountinfo, &line))
		if (mount_line(&m, line) && span_take(&m.point, "/") && m.point.n)
			strv_take(out, unescape(m.point));
}
