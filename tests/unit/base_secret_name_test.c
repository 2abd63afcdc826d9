/* Which names sound like secrets, and which only look like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cc.h"
#include "base/secret_name.h"

static void names_of_secrets_are_known_by_their_words(void **state)
{
	static const char *const names[] = {
		"PASSWORD",
		"DB_PASS",
		"apiKey",
		"aws.secret",
		"AUTH_TOKEN",
		"APIKEY",
		"MYSQL_ROOT_PASSWORD",
		"db-passwd",
		"REDIS_AUTH",
		"basicAuth",
		"JWT",
		"JWT_SIGNING",
		"APP_JWT",
		"Authorization",
		"ERLANG_COOKIE",
		"PASSWORD_SALT",
		"X-Amz-Signature",
		"X-Amz-Credential",
		"private_token",
		"SMTP_CREDS",
		"spring.redis.auth",
		"DB_PW",
		"DB_PASSWORD2",
		"API_KEY1",
		"apiKey12",
		"REDIS_AUTH2",
		"traefik.frontend.auth.basic",
		"traefik.frontend.auth.basic.users",
		"traefik.http.middlewares.x.basicauth.users",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!names_secret(span_of_str(names[i])))
			fail_msg("'%s' is taken for open", names[i]);
}

static void names_that_only_look_like_it_stay_open(void **state)
{
	static const char *const names[] = {
		"",
		"TZ",
		"PORT",
		"secrets",
		"PASSENGER",
		"KEYBOARD",
		"AUTHOR",
		"AUTH_URL",
		"AUTH_URL2",
		"AUTH_URL_2",
		"MD5",
		"2",
		"auth_enabled",
		"OAUTH_CLIENT_ID",
		"OAUTH_PROVIDER",
		"OAUTH_REDIRECT",
		"JWT_ISSUER",
		"JWT_EXPIRATION",
		"JWT_EXPIRES_IN",
		"COOKIE_MAX_AGE",
		"AUTH_LDAP_BIND_DN",
		"SALT_LENGTH",
		"auth-api",
		"SESSION_COOKIE_SECURE",
		"KEYCLOAK_URL",
		"traefik.frontend.rule",
		"traefik.http.routers.auth.rule",
		"traefik.http.middlewares.x.forwardauth.address",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names_secret(span_of_str(names[i])))
			fail_msg("'%s' is taken for a secret", names[i]);
}

static void names_that_may_mean_a_setting_are_told_apart(void **state)
{
	(void)state;
	assert_true(names_secret_surely(SPAN_LIT("DB_PASSWORD")));
	assert_true(names_secret_surely(SPAN_LIT("a.basicauth.users")));
	assert_false(names_secret_surely(SPAN_LIT("SMTP_AUTH")));
	assert_false(names_secret_surely(SPAN_LIT("Cookie")));
}

static void in_front_of_a_colon_only_the_end_counts(void **state)
{
	(void)state;
	assert_true(names_secret_at_end(SPAN_LIT("DB_PASSWORD")));
	assert_true(names_secret_at_end(SPAN_LIT("PASSWORD_2")));
	assert_true(names_secret_at_end(SPAN_LIT("Authorization")));
	assert_false(names_secret_at_end(SPAN_LIT("KeyError")));
	assert_false(names_secret_at_end(SPAN_LIT("auth")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_secrets_are_known_by_their_words),
		cmocka_unit_test(names_that_only_look_like_it_stay_open),
		cmocka_unit_test(names_that_may_mean_a_setting_are_told_apart),
		cmocka_unit_test(in_front_of_a_colon_only_the_end_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
