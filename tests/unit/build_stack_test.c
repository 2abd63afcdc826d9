/* However many layers a stage has, overlayfs gets few directories that show the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/stack.h"
#include "tests/fakes/tmpdir.h"

#define LAYERS 1030 /* more than a merge of merges takes */

struct world {
	struct tmpdir dir;
	struct workspace ws;
	struct layer *layers[LAYERS];
	struct stack *stack;
	struct err e;
};

/* Each layer has a file of its own, and all have one in common. */
static struct layer *make_layer(struct world *w, size_t i)
{
	auto_free char *own = mem_printf("l%zu/own-%zu", i, i);
	auto_free char *common = mem_printf("l%zu/common", i);
	auto_free char *dir = mem_printf("%s/l%zu", w->dir.path, i);
	auto_free char *text = mem_printf("%zu", i);
	struct strv none = STRV_INIT;

	tmpdir_file(&w->dir, own, "");
	tmpdir_file(&w->dir, common, text);
	return layer_new_upper(dir, &none, "a layer");
}

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	auto_free char *root = NULL;

	tmpdir_init(&w->dir);
	root = mem_printf("%s/root", w->dir.path);
	assert_int_equal(workspace_open(&w->ws, root, &w->e), 0);
	w->stack = stack_new(&w->ws, "s0", NULL);
	*state = w;
	return 0;
}

static void make_layers(struct world *w, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		w->layers[i] = make_layer(w, i);
}

static int tear_down(void **state)
{
	struct world *w = *state;

	stack_free(w->stack);
	for (size_t i = 0; i < LAYERS && w->layers[i]; i++)
		layer_free(w->layers[i]);
	workspace_release(&w->ws);
	tmpdir_release(&w->dir);
	free(w);
	return 0;
}

static void lowers(struct strv *out, struct world *w, struct stack *s, size_t nr)
{
	if (stack_lowers(out, s, NULL, w->layers, nr, NULL, &w->e) < 0)
		fail_msg("%s", w->e.text);
}

static size_t count(const struct strv *dirs, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < dirs->n; i++) {
		auto_free char *path = mem_printf("%s/%s", dirs->v[i], name);

		n += access(path, F_OK) == 0;
	}
	return n;
}

static void a_few_layers_are_their_own_directories(void **state)
{
	struct world *w = *state;
	auto_strv struct strv dirs = STRV_INIT;

	make_layers(w, 3);
	lowers(&dirs, w, w->stack, 3);
	assert_int_equal(dirs.n, 3);
	assert_int_equal(count(&dirs, "own-2"), 1);
	assert_true(strstr(dirs.v[0], "/l2") != NULL); /* topmost first */
}

static void a_thousand_layers_are_few_directories_and_nothing_is_lost(void **state)
{
	struct world *w = *state;
	auto_strv struct strv dirs = STRV_INIT;
	auto_buf struct buf text = BUF_INIT(16);
	auto_free char *common = NULL;

	make_layers(w, LAYERS);
	for (size_t nr = 1; nr < LAYERS; nr += 7) {
		auto_strv struct strv now = STRV_INIT;

		lowers(&now, w, w->stack, nr);
		assert_true(now.n <= 3 * STACK_FANOUT);
	}
	lowers(&dirs, w, w->stack, LAYERS);
	for (size_t i = 0; i < LAYERS; i++) {
		auto_free char *own = mem_printf("own-%zu", i);

		assert_int_equal(count(&dirs, own), 1);
	}
	common = mem_printf("%s/common", dirs.v[0]);
	assert_int_equal(fs_read_file(AT_FDCWD, common, &text, &w->e), 0);
	assert_string_equal(buf_str(&text), "1029");
}

static void a_stage_from_another_begins_with_its_directories(void **state)
{
	struct world *w = *state;
	auto_strv struct strv first = STRV_INIT, second = STRV_INIT;
	struct stack *above;

	make_layers(w, 71);
	lowers(&first, w, w->stack, 70);
	above = stack_new(&w->ws, "s1", w->stack);
	lowers(&second, w, above, 71);
	assert_int_equal(second.n, first.n + 1);
	for (size_t i = 0; i < first.n; i++)
		assert_string_equal(second.v[i + 1], first.v[i]);
	stack_free(above);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_few_layers_are_their_own_directories),
		T(a_thousand_layers_are_few_directories_and_nothing_is_lost),
		T(a_stage_from_another_begins_with_its_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
