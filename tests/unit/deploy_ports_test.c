/* One entry of `ports`: docker's short and long spelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "deploy/ports.h"

#define auto_service CLEANUP(deploy_service_release)

static void show(struct buf *out, const struct deploy_service *s)
{
	for (size_t i = 0; i < s->nr_ports; i++)
		buf_addf(out, "%s%u:%u/%s%s", i ? " " : "", s->ports[i].published,
			 s->ports[i].target, s->ports[i].protocol,
			 s->ports[i].host_mode ? " host" : "");
}

static void assert_ports(const char *want, const char *text)
{
	auto_service struct deploy_service s = { 0 };
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	if (deploy_ports_add(&s, span_of_str(text), &e) < 0)
		fail_msg("'%s' refused: %s", text, e.text);
	show(&got, &s);
	assert_string_equal(want, buf_str(&got));
}

static void assert_refused(const char *want, const char *text)
{
	auto_service struct deploy_service s = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(-1, deploy_ports_add(&s, span_of_str(text), &e));
	assert_int_equal(ERR_INPUT, e.kind);
	assert_string_equal(want, e.text);
}

static void published_and_target(void **state)
{
	(void)state;
	assert_ports("8080:80/tcp", "8080:80");
	assert_ports("53:5353/udp", "53:5353/UDP");
	assert_ports("1:65535/sctp", " 1:65535/sctp ");
}

static void without_a_published_port_the_engine_chooses(void **state)
{
	(void)state;
	assert_ports("0:80/tcp", "80");
	assert_ports("0:80/tcp", ":80");
	assert_ports("0:80/tcp", "0:80");
	assert_ports("0:80/tcp 0:81/tcp", "80-81");
}

static void ranges_are_spread_out(void **state)
{
	(void)state;
	assert_ports("8000:9000/udp 8001:9001/udp 8002:9002/udp", "8000-8002:9000-9002/udp");
	assert_ports("8000:80/tcp 8001:80/tcp", "8000-8001:80");
	assert_ports("8000:80/tcp", "8000-8000:80-80");
	assert_refused("ranges in '8000-8001:80-82' are of different length", "8000-8001:80-82");
	assert_refused("ranges in '8000:80-82' are of different length", "8000:80-82");
	assert_refused("range '82-80' runs backwards", "82-80");
	assert_refused("more than 1024 ports", "1-2000");
}

static void the_long_form(void **state)
{
	(void)state;
	assert_ports("18080:8080/tcp host", "published=18080,target=8080,mode=host");
	assert_ports("0:53/udp", "target=53, protocol=udp, mode=ingress");
	assert_refused("'published=80' names no target", "published=80");
	assert_refused("'port' is not one of target, published, protocol, mode",
		       "target=80,port=80");
	assert_refused("mode 'vip' is not ingress or host", "target=80,mode=vip");
	assert_refused("'host' is not KEY=VALUE", "target=80,host");
}

static void what_is_no_port_is_refused(void **state)
{
	(void)state;
	assert_refused("'0' is not a port number", "0");
	assert_refused("'65536' is not a port number", "65536:80");
	assert_refused("'' is not a port number", "80:");
	assert_refused("'' is not a port number", "");
	assert_refused("'http' is not a port number", "80:http");
	assert_refused("'1.5' is not a port number", "1.5");
	assert_refused("'' is not a port number", "-80");
	assert_refused("protocol 'icmp' is not tcp, udp or sctp", "80/icmp");
}

static void an_address_is_refused_with_a_reason(void **state)
{
	(void)state;
	assert_refused("a swarm publishes on every node's address; write '127.0.0.1:80:80' without "
		       "the address",
		       "127.0.0.1:80:80");
}

static void nothing_is_published_twice(void **state)
{
	auto_service struct deploy_service s = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, deploy_ports_add(&s, SPAN_LIT("80:80"), &e));
	assert_int_equal(0, deploy_ports_add(&s, SPAN_LIT("80:80/udp"), &e));
	assert_int_equal(0, deploy_ports_add(&s, SPAN_LIT("80"), &e));
	assert_int_equal(0, deploy_ports_add(&s, SPAN_LIT("80"), &e));
	assert_int_equal(-1, deploy_ports_add(&s, SPAN_LIT("80:81"), &e));
	assert_string_equal("port 80/tcp is published twice", e.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_and_target),
		cmocka_unit_test(without_a_published_port_the_engine_chooses),
		cmocka_unit_test(ranges_are_spread_out),
		cmocka_unit_test(the_long_form),
		cmocka_unit_test(what_is_no_port_is_refused),
		cmocka_unit_test(an_address_is_refused_with_a_reason),
		cmocka_unit_test(nothing_is_published_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
