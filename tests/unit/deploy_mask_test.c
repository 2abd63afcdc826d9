/* What may be a secret in a text is not shown, and the rest is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/mask.h"

static void assert_masked(const char *text, const char *want)
{
	auto_free char *got = mask_text(span_of_str(text));

	assert_string_equal(want, got);
}

static void values_of_names_that_sound_secret_are_hidden(void **state)
{
	(void)state;
	assert_masked("--password=hunter2 --level=3", "--password=*** --level=3");
	assert_masked("run --token hunter2 --user me", "run --token *** --user me");
	assert_masked("o=addr=nas,username=me,password=a,b=c",
		      "o=addr=nas,username=me,password=***");
	assert_masked("{\"password\":1} DB_PASSWORD: hunter2",
		      "{\"password\":*** DB_PASSWORD: ***");
	assert_masked("{\"user\":\"me\",\"password\":\"hunter2\"}",
		      "{\"user\":\"me\",\"password\":***");
	assert_masked("{\"password\": \"hunter2\" }", "{\"password\": *** }");
	assert_masked("{\\\"password\\\":\\\"hunter2\\\"}", "{\\\"password\\\":***");
	assert_masked("app:hunter2@tcp(db:3306)/shop", "app:***");
	assert_masked("app:hunter2@unix(/run/db)/shop", "app:***");
	assert_masked("password:hunter2", "password:***");
	assert_masked("http://me:hunter2@host/path x", "http://host/path x");
	assert_masked("curl -H 'Authorization: Bearer hunter2'",
		      "curl -H 'Authorization: Bearer ***");
	assert_masked("admin:$apr1$hunter2", "admin:***");
}

static void what_is_no_secret_stays_as_it_is(void **state)
{
	static const char *const texts[] = {
		"gunicorn  -b 0.0.0.0:80 app:main\n",
		"Host:example.com;PathPrefix:/api",
		"--keyboard=us",
		"{\"user\": \"me\", \"level\":\"info\"}",
		"me@host:/srv",
		"secrets:/run/secrets",
		"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_masked(texts[i], texts[i]);
}

static void labels_that_hold_password_hashes_are_secret(void **state)
{
	(void)state;
	assert_true(mask_is_secret_name(SPAN_LIT("traefik.frontend.auth.basic")));
	assert_true(mask_is_secret_name(SPAN_LIT("traefik.http.middlewares.x.basicauth.users")));
	assert_true(mask_is_secret_name(SPAN_LIT("API_KEY")));
	assert_false(mask_is_secret_name(SPAN_LIT("traefik.frontend.rule")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_names_that_sound_secret_are_hidden),
		cmocka_unit_test(what_is_no_secret_stays_as_it_is),
		cmocka_unit_test(labels_that_hold_password_hashes_are_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
