/* The real thing against a TLS server of a few lines, on loopback. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/http_curl.h"
#include "base/mem.h"
#include "base/trust.h"
#include "tests/fakes/certs.h"
#include "tests/fakes/tmpdir.h"

#define CONNECTIONS_MAX 8

struct connection {
	struct server *server;
	pthread_t thread;
	int fd;
};

/* Answers every request on every connection with 200 and the name in the client's certificate. */
struct server {
	int fd;
	char url[64];
	SSL_CTX *ctx;
	pthread_t thread;
	struct connection connections[CONNECTIONS_MAX];
	atomic_size_t accepted;
};

static void serve(SSL *ssl)
{
	X509 *client = SSL_get0_peer_certificate(ssl);
	char name[64] = "nobody", piece[4096], text[256];

	if (client)
		X509_NAME_get_text_by_NID(X509_get_subject_name(client), NID_commonName, name,
					  sizeof(name));
	/* a GET comes in one piece */
	while (SSL_read(ssl, piece, sizeof(piece)) > 0) {
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
			 strlen(name), name);
		SSL_write(ssl, text, (int)strlen(text));
	}
}

static void *connection_main(void *arg)
{
	struct connection *c = arg;
	SSL *ssl = SSL_new(c->server->ctx);

	SSL_set_fd(ssl, c->fd);
	if (SSL_accept(ssl) == 1)
		serve(ssl);
	SSL_free(ssl);
	close(c->fd);
	return NULL;
}

static void *server_main(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct connection *c = &s->connections[s->accepted++];

		c->server = s;
		c->fd = fd;
		pthread_create(&c->thread, NULL, connection_main, c);
	}
	return NULL;
}

static int take_any(int preverified, X509_STORE_CTX *ctx)
{
	(void)preverified, (void)ctx;
	return 1;
}

static void server_start(struct server *s, const struct fake_cert *cert)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t n = sizeof(at);

	memset(s, 0, sizeof(*s));
	s->ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(s->ctx, cert->x);
	SSL_CTX_use_PrivateKey(s->ctx, cert->key);
	SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER, take_any);
	SSL_CTX_set_session_id_context(s->ctx, (const unsigned char *)"t", 1);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(0, bind(s->fd, (struct sockaddr *)&at, sizeof(at)));
	assert_int_equal(0, listen(s->fd, 64));
	assert_int_equal(0, getsockname(s->fd, (struct sockaddr *)&at, &n));
	snprintf(s->url, sizeof(s->url), "https://localhost:%u/", ntohs(at.sin_port));
	assert_int_equal(0, pthread_create(&s->thread, NULL, server_main, s));
}

/* After the client is gone. */
static void server_stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	for (size_t i = 0; i < s->accepted; i++)
		pthread_join(s->connections[i].thread, NULL);
	close(s->fd);
	SSL_CTX_free(s->ctx);
}

struct world {
	struct fake_cert ca, server, joe;
	struct server s;
	struct trust *trust;
	struct http *h;
	struct err e;
};

static void world_init(struct world *w, const struct http_curl_options *opt)
{
	memset(w, 0, sizeof(*w));
	fake_cert_make(&w->ca, NULL, "Test CA", FAKE_CERT_CA);
	fake_cert_make(&w->server, &w->ca, "localhost", 0);
	fake_cert_make(&w->joe, &w->ca, "joe", 0);
	w->trust = trust_new();
	assert_int_equal(0, trust_add(w->trust, span_of_str(w->ca.pem), &w->e));
	server_start(&w->s, &w->server);
	if (http_curl_new(&w->h, opt, &w->e) < 0)
		fail_msg("%s", w->e.text);
}

static void world_release(struct world *w)
{
	http_free(w->h);
	server_stop(&w->s);
	trust_free(w->trust);
	fake_cert_release(&w->ca);
	fake_cert_release(&w->server);
	fake_cert_release(&w->joe);
}

/* want: what the server says we are; NULL: it is not trusted. */
static void assert_get(struct world *w, const struct http_tls *tls, const char *want)
{
	struct http_request rq = { .method = "GET", .url = w->s.url, .tls = tls };
	auto_http_response struct http_response rs = { 0 };
	int r = http_perform(w->h, NULL, &rq, &rs, &w->e);

	if (want) {
		if (r < 0)
			fail_msg("%s", w->e.text);
		assert_string_equal(want, buf_str(&rs.body));
		return;
	}
	assert_int_equal(-1, r);
	assert_int_equal(ERR_DENIED, w->e.kind);
	if (!strstr(w->e.text, "certificate not trusted"))
		fail_msg("%s", w->e.text);
}

static void what_one_request_trusts_is_not_trusted_by_the_next(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct http_curl_options){ 0 });

	const struct http_tls tls = { .trust = w.trust };

	assert_get(&w, NULL, NULL);
	assert_get(&w, &tls, "nobody");
	assert_get(&w, NULL, NULL);
	assert_get(&w, &tls, "nobody");
	/* twice refused, and one that was kept for whom it is */
	assert_int_equal(3, w.s.accepted);
	world_release(&w);
}

static void a_client_certificate_is_for_the_requests_that_have_it(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, &(struct http_curl_options){ .insecure = true });

	const struct http_tls joe = { .cert = span_of_str(w.joe.pem),
				      .key = span_of_str(w.joe.key_pem),
				      .cert_name = "joe.pem" };

	assert_get(&w, &joe, "joe");
	assert_get(&w, NULL, "nobody");
	assert_get(&w, &joe, "joe");
	assert_int_equal(2, w.s.accepted);
	world_release(&w);
}

static void a_file_of_authorities_is_for_all(void **state)
{
	auto_tmpdir struct tmpdir dir;
	auto_free char *ca = NULL;
	struct world w;
	struct http *h;

	(void)state;
	tmpdir_init(&dir);
	world_init(&w, &(struct http_curl_options){ 0 });
	ca = mem_printf("%s/ca.pem", dir.path);
	tmpdir_file(&dir, "ca.pem", w.ca.pem);
	assert_int_equal(0, http_curl_new(&h, &(struct http_curl_options){ .ca_file = ca }, &w.e));
	http_free(w.h);
	w.h = h;
	assert_get(&w, NULL, "nobody");
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_request_trusts_is_not_trusted_by_the_next),
		cmocka_unit_test(a_client_certificate_is_for_the_requests_that_have_it),
		cmocka_unit_test(a_file_of_authorities_is_for_all),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
