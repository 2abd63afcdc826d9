/*
 * A host's folder with a mistake in it (half a client certificate, a file that is no certificate) is an
 * error, but of that host alone: it waits here until somebody talks with it.
 */
#include "registry/certs.h"

#include <dirent.h>
#include <errno.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/strv.h"
#include "base/trust.h"

#define FILE_MAX (1u << 20)
#define HOST_MAX 1000 /* folders, and files in one */

struct host_certs {
	char *host;
	struct http_tls tls;
	char *cert, *key, *cert_name; /* what tls points to */
	struct err *wrong;	      /* NULL: nothing */
};

struct registry_certs {
	struct host_certs *hosts;
	size_t n, cap;
};

struct registry_certs *registry_certs_new(void)
{
	return mem_zalloc(sizeof(struct registry_certs));
}

static void pair_release(struct host_certs *h)
{
	free(h->cert);
	free(h->cert_name);
	secret_free(h->key);
}

void registry_certs_free(struct registry_certs *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		trust_free(c->hosts[i].tls.trust);
		pair_release(&c->hosts[i]);
		free(c->hosts[i].host);
		free(c->hosts[i].wrong);
	}
	free(c->hosts);
	free(c);
}

static struct host_certs *certs_find(const struct registry_certs *c, const char *host)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcasecmp(c->hosts[i].host, host) == 0)
			return &c->hosts[i];
	return NULL;
}

static struct host_certs *certs_of(struct registry_certs *c, const char *host)
{
	struct host_certs *h = certs_find(c, host);

	if (h)
		return h;
	MEM_GROW(c->hosts, c->n, c->cap);
	h = &c->hosts[c->n++];
	*h = (struct host_certs){ .host = mem_strdup(host) };
	return h;
}

/* Takes cert and key, which belong to h then. */
static int pair_set(struct host_certs *h, struct buf *cert, struct buf *key, const char *name,
		    struct err *e)
{
	if (trust_check_pair(buf_span(cert), buf_span(key), e) < 0)
		return err_wrap(e, "client certificate '%s'", name);
	pair_release(h);
	h->tls.cert.n = cert->len;
	h->tls.key.n = key->len;
	h->tls.cert.p = h->cert = buf_steal(cert);
	h->tls.key.p = h->key = buf_steal(key);
	h->tls.cert_name = h->cert_name = mem_strdup(name);
	return 0;
}

int registry_certs_add_pair(struct registry_certs *c, const char *host, const char *cert_file,
			    const char *key_file, struct err *e)
{
	auto_buf struct buf cert = BUF_INIT(FILE_MAX);
	auto_secret_buf struct buf key = BUF_INIT(FILE_MAX);

	if (fs_read_file(AT_FDCWD, cert_file, &cert, e) < 0)
		return err_wrap(e, "client certificate '%s'", cert_file);
	if (fs_read_file(AT_FDCWD, key_file, &key, e) < 0)
		return err_wrap(e, "key of the client certificate '%s'", key_file);
	return pair_set(certs_of(c, host), &cert, &key, cert_file, e);
}

/* -- folders ----------------------------------------------------------------------- */

/* The names in it that end so, sorted. */
static void names_list(struct strv *out, int dirfd, const char *suffix)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	while (dir && out->n < HOST_MAX && (d = readdir(dir)))
		if (d->d_name[0] != '.' && span_ends(span_of_str(d->d_name), suffix))
			strv_add(out, d->d_name);
	strv_sort(out);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static int add_authorities(struct host_certs *h, int dirfd, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	names_list(&names, dirfd, ".crt");
	for (size_t i = 0; i < names.n; i++) {
		auto_buf struct buf text = BUF_INIT(FILE_MAX);

		if (!h->tls.trust)
			h->tls.trust = trust_new();
		if (fs_read_file(dirfd, names.v[i], &text, e) < 0 ||
		    trust_add(h->tls.trust, buf_span(&text), e) < 0)
			return err_wrap(e, "'%s'", names.v[i]);
	}
	return 0;
}

/* "a.cert" -> "a.key" */
static char *other_half(const char *name, const char *suffix, const char *other)
{
	return mem_printf("%.*s%s", (int)(strlen(name) - strlen(suffix)), name, other);
}

static int pair_find(struct strv *certs, int dirfd, struct err *e)
{
	auto_strv struct strv keys = STRV_INIT;

	names_list(certs, dirfd, ".cert");
	names_list(&keys, dirfd, ".key");
	for (size_t i = 0; i < certs->n; i++) {
		auto_free char *key = other_half(certs->v[i], ".cert", ".key");

		if (!strv_has(&keys, key))
			return err_set(e, ERR_INPUT, "'%s' is there but '%s' is not", certs->v[i],
				       key);
	}
	for (size_t i = 0; i < keys.n; i++) {
		auto_free char *cert = other_half(keys.v[i], ".key", ".cert");

		if (!strv_has(certs, cert))
			return err_set(e, ERR_INPUT, "'%s' is there but '%s' is not", keys.v[i],
				       cert);
	}
	if (certs->n > 1)
		return err_set(e, ERR_INPUT, "several client certificates: '%s', '%s'", certs->v[0],
			       certs->v[1]);
	return 0;
}

static int add_pair(struct host_certs *h, int dirfd, const char *path, struct err *e)
{
	auto_strv struct strv certs = STRV_INIT;
	auto_buf struct buf cert = BUF_INIT(FILE_MAX);
	auto_secret_buf struct buf key = BUF_INIT(FILE_MAX);
	auto_free char *key_name = NULL;
	auto_free char *shown = NULL;

	if (pair_find(&certs, dirfd, e) < 0)
		return -1;
	if (!certs.n || h->cert)
		return 0;
	key_name = other_half(certs.v[0], ".cert", ".key");
	shown = mem_printf("%s/%s", path, certs.v[0]);
	if (fs_read_file(dirfd, certs.v[0], &cert, e) < 0 ||
	    fs_read_file(dirfd, key_name, &key, e) < 0)
		return -1;
	return pair_set(h, &cert, &key, shown, e);
}

static void add_host(struct registry_certs *c, struct op *op, int dirfd, const char *dir,
		     const char *host)
{
	auto_close int fd = openat(dirfd, host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *path = mem_printf("%s/%s", dir, host);
	struct err e = ERR_INIT;
	struct host_certs *h;

	if (fd < 0) {
		if (errno != ENOTDIR)
			log_debug(op, "%s: left out: %s", path, strerror(errno));
		return;
	}
	h = certs_of(c, host);
	if (add_authorities(h, fd, &e) == 0 && add_pair(h, fd, path, &e) == 0)
		return;
	err_wrap(&e, "certificates in '%s'", path);
	if (!h->wrong) {
		h->wrong = mem_alloc(sizeof(*h->wrong));
		*h->wrong = e;
	}
}

void registry_certs_add_folder(struct registry_certs *c, struct op *op, const char *dir)
{
	auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_strv struct strv hosts = STRV_INIT;

	if (fd < 0) {
		if (errno != ENOENT)
			log_debug(op, "%s: left out: %s", dir, strerror(errno));
		return;
	}
	names_list(&hosts, fd, "");
	for (size_t i = 0; i < hosts.n; i++)
		add_host(c, op, fd, dir, hosts.v[i]);
}

int registry_certs_find(const struct http_tls **out, const struct registry_certs *c,
			const char *host, struct err *e)
{
	const struct host_certs *h = c ? certs_find(c, host) : NULL;

	if (h && h->wrong) {
		*e = *h->wrong;
		return -1;
	}
	*out = h ? &h->tls : NULL;
	return 0;
}
