/* What --isolation gives. Of the sandboxes themselves others have tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "oci/run/choose.h"

static void none_says_that_it_was_asked_for(void **state)
{
	struct sandbox *box;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(sandbox_choose(&box, "none", NULL, &e), -1);
	assert_int_equal(e.kind, ERR_IMPOSSIBLE);
	assert_non_null(strstr(e.text, "--isolation=none"));
}

/* Changes the namespaces of who tries, so a child does. */
static void auto_takes_namespaces_where_they_can_be_had(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		struct sandbox *box;
		struct err e = ERR_INIT;
		bool right = sandbox_choose(&box, "auto", NULL, &e) == 0 &&
			     strncmp(box->how, "ns (", 4) == 0;

		if (right)
			sandbox_free(box);
		_exit(right ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_says_that_it_was_asked_for),
		cmocka_unit_test(auto_takes_namespaces_where_they_can_be_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
