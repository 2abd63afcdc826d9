/* What libcurl and OpenSSL say, word for word, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "base/http_curl_fail.h"

static const struct http_tls ours = { .cert = SPAN_LIT("x"), .cert_name = "me.cert" };

struct failure {
	CURLcode code;
	const char *detail;
	const struct http_tls *tls;
	bool has_flags;
	enum err_kind kind;
	const char *says;
};

static void assert_says(const struct failure *f)
{
	const struct http_request rq = { .method = "GET", .url = "https://r/", .tls = f->tls };
	const struct proxy straight = { 0 };
	CURL *easy = curl_easy_init();
	struct err e = ERR_INIT;

	http_curl_fail(&(struct http_curl_failure){ .easy = easy,
						    .code = f->code,
						    .rq = &rq,
						    .via = &straight,
						    .detail = f->detail,
						    .has_flags = f->has_flags },
		       &e);
	curl_easy_cleanup(easy);
	assert_string_equal(f->says, e.text);
	assert_int_equal(f->kind, e.kind);
}

static void alerts_about_our_certificate_are_refusals(void **state)
{
	static const struct failure all[] = {
		{ CURLE_RECV_ERROR,
		  "OpenSSL SSL_read: error:0A00045C:SSL routines::tlsv13 alert certificate required, "
		  "errno 0",
		  NULL, true, ERR_DENIED,
		  "it wants a client certificate: alert certificate required "
		  "(--cert FILE and --key FILE)" },
		{ CURLE_SSL_CONNECT_ERROR,
		  "error:0A000412:SSL routines::sslv3 alert bad certificate", NULL, false,
		  ERR_DENIED,
		  "it wants a client certificate: alert bad certificate "
		  "(NAME.cert and NAME.key in certs.d)" },
		{ CURLE_SEND_ERROR, "OpenSSL SSL_write: x: tlsv1 alert unknown ca, errno 0", &ours,
		  true, ERR_DENIED,
		  "the client certificate 'me.cert' is refused: alert unknown ca" },
		{ CURLE_RECV_ERROR, "x: sslv3 alert certificate expired", &ours, false, ERR_DENIED,
		  "the client certificate 'me.cert' is refused: alert certificate expired" },
		{ CURLE_SSL_CONNECT_ERROR, "x: sslv3 alert handshake failure", NULL, true,
		  ERR_DENIED,
		  "the TLS handshake is refused; it may want a client certificate "
		  "(--cert FILE and --key FILE)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		assert_says(&all[i]);
}

static void other_speech_is_told_and_not_tried_again(void **state)
{
	static const struct failure all[] = {
		{ CURLE_SSL_CONNECT_ERROR, "error:0A00010B:SSL routines::wrong version number",
		  NULL, true, ERR_FAILED, "it speaks no TLS; http needs --plain-http" },
		{ CURLE_SSL_CONNECT_ERROR,
		  "error:0A00042E:SSL routines::tlsv1 alert protocol version", NULL, true,
		  ERR_DENIED, "it speaks no TLS of version 1.2 or later" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		assert_says(&all[i]);
}

static void trouble_on_the_way_stays_trouble(void **state)
{
	static const struct failure all[] = {
		{ CURLE_RECV_ERROR, "Recv failure: Connection reset by peer", &ours, true,
		  ERR_UNAVAILABLE, "Recv failure: Connection reset by peer" },
		{ CURLE_SSL_CONNECT_ERROR, "x: tlsv1 alert internal error", NULL, true,
		  ERR_UNAVAILABLE, "x: tlsv1 alert internal error" },
		{ CURLE_COULDNT_RESOLVE_HOST, "Could not resolve host: r", NULL, true,
		  ERR_UNAVAILABLE, "Could not resolve host: r" },
		{ CURLE_SSL_CERTPROBLEM, "unable to set private key", &ours, true, ERR_DENIED,
		  "client certificate not usable: unable to set private key" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		assert_says(&all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alerts_about_our_certificate_are_refusals),
		cmocka_unit_test(other_speech_is_told_and_not_tried_again),
		cmocka_unit_test(trouble_on_the_way_stays_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
