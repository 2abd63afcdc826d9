/*
 * deploy/address: the link of a deploy, from labels and ports.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "deploy/address.h"

/* labels: up to four, then NULL. */
static void address_is(const char *want, unsigned port, const char *host, const char *const *labels)
{
	struct deploy_port p = { .protocol = "tcp", .target = 80, .published = (uint16_t)port };
	struct deploy_service s = { .ports = &p, .nr_ports = port ? 1 : 0 };
	const struct deploy_stack stack = { .services = &s, .nr = 1 };
	auto_free char *got = NULL;

	for (size_t i = 0; labels[i]; i++)
		strv_add(&s.labels, labels[i]);
	got = deploy_address(&stack, host);
	strv_release(&s.labels);
	if (!want)
		assert_null(got);
	else
		assert_string_equal(got ? got : "none", want);
}
#define LABELS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void a_rule_of_traefik_is_the_address(void **state)
{
	(void)state;
	address_is("http://shop.example", 8080, "k1",
		   LABELS("a=b", "traefik.frontend.rule=Host:shop.example,www.shop.example"));
	address_is("http://shop.example", 0, NULL,
		   LABELS("traefik.frontend.rule=PathPrefix:/x;Host: shop.example"));
	address_is("https://shop.example", 0, NULL,
		   LABELS("traefik.frontend.rule=Host:shop.example",
			  "traefik.frontend.entryPoints=http,https"));
	address_is(
		"http://shop.example", 0, NULL,
		LABELS("traefik.http.routers.web.rule=Host(`shop.example`) && PathPrefix(`/x`)"));
	address_is("https://shop.example", 0, NULL,
		   LABELS("traefik.http.routers.web.rule=Host(`shop.example`)",
			  "traefik.http.routers.web.tls.certresolver=le"));
	address_is("http://shop.example", 0, NULL,
		   LABELS("traefik.http.routers.web.rule=Host(`shop.example`)",
			  "traefik.http.routers.other.tls=true",
			  "traefik.http.routers.web.tls=false"));
	address_is("https://shop.example", 0, NULL,
		   LABELS("traefik.http.routers.web.rule=Host(`shop.example`)",
			  "traefik.http.routers.web.entrypoints=websecure"));
}

static void else_it_is_a_published_port(void **state)
{
	(void)state;
	address_is("http://k1:8080", 8080, "k1", LABELS("traefik.frontend.rule=PathPrefix:/x"));
	address_is("http://localhost:8080", 8080, NULL, LABELS("a=b"));
	address_is("https://k1:443", 443, "k1", LABELS("a=b"));
	address_is(NULL, 0, "k1", LABELS("a=b"));
}

static void only_a_name_gets_into_a_link(void **state)
{
	(void)state;
	address_is("http://a", 0, NULL, LABELS("traefik.frontend.rule=Host:a\nB=c"));
	address_is(NULL, 0, NULL, LABELS("traefik.frontend.rule=Host:$(x)"));
	address_is(NULL, 0, NULL, LABELS("traefik.http.routers.web.rule=HostRegexp(`{x:a}`)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_of_traefik_is_the_address),
		cmocka_unit_test(else_it_is_a_published_port),
		cmocka_unit_test(only_a_name_gets_into_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
