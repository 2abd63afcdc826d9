/*
 * Lines are read as docker reads them, except that a line whose numbers are no numbers is passed
 * over (there it would mean root). The first matching line counts.
 */
#include "oci/layer/passwd.h"

#include <errno.h>

#include "base/io.h"
#include "base/mem.h"

#define ID_MAX (UINT32_MAX - 1) /* the highest means "leave it" to chown */

struct account {
	struct span name;
	uint32_t uid, gid;
	struct span home;
};
struct group {
	struct span name;
	uint32_t gid;
	struct span members;
};

/* A file that is not there is an empty one. */
static int read_tree_file(struct buf *b, struct tree *t, const char *path, struct err *e)
{
	auto_tree_place struct tree_place at = { .path = NULL };
	auto_close int fd = -1;
	struct fd_source file;

	if (tree_resolve(&at, t, path, e) < 0) {
		if (e->sys != ENOTDIR)
			return -1;
		err_clear(e);
		return 0;
	}
	if (!at.exists)
		return 0;
	if (!S_ISREG(at.st.st_mode))
		return err_set(e, ERR_INPUT, "'%s' in the image is not a regular file", path);
	if (at.st.st_size > (off_t)b->max)
		return err_set(e, ERR_INPUT, "'%s' in the image is larger than %zu bytes", path,
			       b->max);
	fd = tree_open_file(t, at.path, e);
	if (fd < 0)
		return -1;
	return io_read_all(fd_source_init(&file, fd, path), b, e);
}

static int parse_id(uint32_t *out, struct span text)
{
	uint64_t v;

	if (span_to_u64(&v, text) < 0 || v > ID_MAX)
		return -1;
	*out = (uint32_t)v;
	return 0;
}

/* name:password:uid:gid:gecos:home:shell; what is missing at the end is empty. */
static bool next_account(struct span *rest, struct account *out)
{
	struct span line, field[7];

	while (span_line(rest, &line)) {
		size_t n = 0;

		line = span_trim(line);
		memset(field, 0, sizeof(field));
		while (n < ARRAY_LEN(field) && span_split(&line, ':', &field[n]))
			n++;
		if (n < 4 || parse_id(&out->uid, field[2]) < 0 || parse_id(&out->gid, field[3]) < 0)
			continue;
		out->name = field[0];
		out->home = field[5];
		return true;
	}
	return false;
}

/* name:password:gid:member,member */
static bool next_group(struct span *rest, struct group *out)
{
	struct span line, field[4];

	while (span_line(rest, &line)) {
		size_t n = 0;

		line = span_trim(line);
		memset(field, 0, sizeof(field));
		while (n < ARRAY_LEN(field) && span_split(&line, ':', &field[n]))
			n++;
		if (n < 3 || parse_id(&out->gid, field[2]) < 0)
			continue;
		out->name = field[0];
		out->members = field[3];
		return true;
	}
	return false;
}

/* who: a name or a number, as it stands. */
static bool find_account(struct account *out, struct span file, struct span who)
{
	uint32_t id = 0;
	bool numeric = parse_id(&id, who) == 0;

	while (next_account(&file, out))
		if (span_eq(out->name, who) || (numeric && out->uid == id))
			return true;
	return false;
}

static bool find_group(struct group *out, struct span file, struct span who)
{
	uint32_t id = 0;
	bool numeric = parse_id(&id, who) == 0;

	while (next_group(&file, out))
		if (span_eq(out->name, who) || (numeric && out->gid == id))
			return true;
	return false;
}

static bool is_member(struct span members, struct span name)
{
	struct span one;

	while (span_split(&members, ',', &one))
		if (span_eq(one, name))
			return true;
	return false;
}

static int unknown(struct err *e, const char *what, struct span who)
{
	return err_set(e, ERR_INPUT,
		       "unable to find %s '" SPAN_FMT "': no such line in the image's /etc/%s",
		       what, SPAN_ARG(who), strcmp(what, "user") == 0 ? "passwd" : "group");
}

static int add_gid(struct passwd_user *u, uint32_t gid, struct err *e)
{
	for (size_t i = 0; i < u->nr_groups; i++)
		if (u->groups[i] == gid)
			return 0;
	if (u->nr_groups == PASSWD_GROUPS_MAX)
		return err_set(e, ERR_INPUT, "the user is in more than %d groups",
			       PASSWD_GROUPS_MAX);
	u->groups[u->nr_groups++] = gid;
	return 0;
}

/* The group that was asked for, or all those the user is a member of. */
static int take_groups(struct passwd_user *u, struct span file, const struct account *a,
		       struct span wanted, struct err *e)
{
	struct group g;

	if (wanted.n) {
		if (find_group(&g, file, wanted))
			u->gid = g.gid;
		else if (parse_id(&u->gid, wanted) < 0)
			return unknown(e, "group", wanted);
		return add_gid(u, u->gid, e);
	}
	if (add_gid(u, u->gid, e) < 0)
		return -1;
	while (a && next_group(&file, &g))
		if (is_member(g.members, a->name) && add_gid(u, g.gid, e) < 0)
			return -1;
	return 0;
}

/* Takes over what passwd says of who; false: no such line. */
static bool take_account(struct passwd_user *u, struct account *a, struct span file,
			 struct span who)
{
	if (!find_account(a, file, who))
		return false;
	u->uid = a->uid;
	u->gid = a->gid;
	if (a->home.n)
		u->home = span_dup(a->home);
	return true;
}

static int find_user(struct passwd_user *u, struct tree *t, struct span who, struct span group,
		     struct err *e)
{
	auto_buf struct buf passwd = BUF_INIT(PASSWD_FILE_MAX);
	auto_buf struct buf groups = BUF_INIT(PASSWD_FILE_MAX);
	struct account a;
	bool known;

	if (read_tree_file(&passwd, t, "etc/passwd", e) < 0 ||
	    read_tree_file(&groups, t, "etc/group", e) < 0)
		return -1;
	known = take_account(u, &a, buf_span(&passwd), who);
	if (!known && parse_id(&u->uid, who) < 0)
		return unknown(e, "user", who);
	return take_groups(u, buf_span(&groups), known ? &a : NULL, group, e);
}

/* Two numbers are what they are; a file that cannot be read only hides the home directory. */
static void take_numbers(struct passwd_user *u, struct tree *t, struct span who, uint32_t uid,
			 uint32_t gid)
{
	auto_buf struct buf passwd = BUF_INIT(PASSWD_FILE_MAX);
	struct err ignored = ERR_INIT;
	struct account a;

	if (read_tree_file(&passwd, t, "etc/passwd", &ignored) == 0)
		take_account(u, &a, buf_span(&passwd), who);
	u->uid = uid;
	u->gid = u->groups[0] = gid;
	u->nr_groups = 1;
}

int passwd_user_find(struct passwd_user *out, struct tree *t, const char *user, struct err *e)
{
	auto_passwd_user struct passwd_user u = { 0 };
	struct span who, group;
	uint32_t uid, gid;

	span_cut(span_of_str(user), ':', &who, &group);
	if (!who.n)
		who = SPAN_LIT("0");
	u.groups = mem_resize(NULL, PASSWD_GROUPS_MAX, sizeof(*u.groups));
	if (parse_id(&uid, who) == 0 && parse_id(&gid, group) == 0)
		take_numbers(&u, t, who, uid, gid);
	else if (find_user(&u, t, who, group, e) < 0)
		return -1;
	if (!u.home)
		u.home = mem_strdup("/");
	*out = u;
	u = (struct passwd_user){ 0 };
	return 0;
}

void passwd_user_release(struct passwd_user *u)
{
	free(u->groups);
	free(u->home);
	*u = (struct passwd_user){ 0 };
}

static int find_owner(uint32_t *uid, uint32_t *gid, struct tree *t, struct span who, struct err *e)
{
	auto_buf struct buf passwd = BUF_INIT(PASSWD_FILE_MAX);
	struct account a;

	if (parse_id(uid, who) == 0) {
		*gid = *uid;
		return 0;
	}
	if (read_tree_file(&passwd, t, "etc/passwd", e) < 0)
		return -1;
	if (!find_account(&a, buf_span(&passwd), who))
		return unknown(e, "user", who);
	*uid = a.uid;
	*gid = a.gid;
	return 0;
}

static int find_owner_group(uint32_t *gid, struct tree *t, struct span who, struct err *e)
{
	auto_buf struct buf groups = BUF_INIT(PASSWD_FILE_MAX);
	struct group g;

	if (parse_id(gid, who) == 0)
		return 0;
	if (read_tree_file(&groups, t, "etc/group", e) < 0)
		return -1;
	if (!find_group(&g, buf_span(&groups), who))
		return unknown(e, "group", who);
	*gid = g.gid;
	return 0;
}

int passwd_owner_find(uint32_t *uid, uint32_t *gid, struct tree *t, const char *chown,
		      struct err *e)
{
	uint32_t u = 0, g = 0;
	struct span who, group;

	span_cut(span_of_str(chown), ':', &who, &group);
	if (!who.n && !group.n)
		return err_set(e, ERR_INPUT, "owner '%s' names no user", chown);
	if (who.n && find_owner(&u, &g, t, who, e) < 0)
		return -1;
	if (group.n && find_owner_group(&g, t, group, e) < 0)
		return -1;
	*uid = u;
	*gid = g;
	return 0;
}
