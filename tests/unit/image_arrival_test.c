/* A blob read while it comes: what the reader gets, when, and when it gets no end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>

#include "base/mem.h"
#include "oci/image/arrival.h"
#include "tests/fakes/tmpdir.h"

struct fixture {
	struct tmpdir dir;
	struct arrival a;
	int fd; /* what the one who fetches writes into */
	uint64_t written;
	struct err e;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	tmpdir_init(&f->dir);
	arrival_init(&f->a);
	f->fd = openat(f->dir.fd, "blob", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(f->fd >= 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arrival_release(&f->a);
	close(f->fd);
	tmpdir_release(&f->dir);
	free(f);
	return 0;
}

static void come(struct fixture *f, const char *text)
{
	assert_int_equal(write(f->fd, text, strlen(text)), (ssize_t)strlen(text));
	f->written += strlen(text);
	arrival_grow(&f->a, f->written);
}

static void begin(struct fixture *f, const char *text)
{
	arrival_begin(&f->a, f->fd);
	come(f, text);
}

static void assert_reads(struct fixture *f, struct source *src, const char *want)
{
	char got[100];
	ssize_t n = source_read(src, got, sizeof(got) - 1, &f->e);

	assert_int_equal(n, (ssize_t)strlen(want));
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void assert_fails(struct fixture *f, struct source *src, const char *want)
{
	char got[100];

	assert_int_equal(source_read(src, got, sizeof(got), &f->e), -1);
	assert_string_equal(f->e.text, want);
}

static void what_is_there_is_read_before_the_rest_is(void **state)
{
	struct fixture *f = *state;
	struct source *src;

	begin(f, "one");
	src = arrival_source(&f->a);
	assert_non_null(src);
	assert_reads(f, src, "one");
	come(f, "two");
	come(f, "three");
	assert_reads(f, src, "twothree");
	come(f, "four");
	arrival_end(&f->a, true);
	assert_reads(f, src, "four");
	assert_reads(f, src, "");
}

/* The writer's offset and its name for the file are its own affair. */
static void the_file_may_be_renamed_and_closed(void **state)
{
	struct fixture *f = *state;
	struct source *src;

	begin(f, "all");
	src = arrival_source(&f->a);
	assert_int_equal(unlinkat(f->dir.fd, "blob", 0), 0);
	close(f->fd);
	f->fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_reads(f, src, "all");
}

static void bytes_that_were_not_the_blobs_have_no_end(void **state)
{
	struct fixture *f = *state;
	struct source *src;

	begin(f, "wrong");
	src = arrival_source(&f->a);
	assert_reads(f, src, "wrong");
	come(f, "more");
	assert_false(arrival_was_dropped(&f->a));
	arrival_drop(&f->a);
	assert_true(arrival_was_dropped(&f->a));
	assert_fails(f, src, "it did not come whole");
	/* the right ones are read when they are all there */
	begin(f, "right");
	assert_null(arrival_source(&f->a));
	arrival_end(&f->a, true);
	assert_null(arrival_source(&f->a));
}

static void a_fetch_that_failed_gives_no_end(void **state)
{
	struct fixture *f = *state;
	struct source *src;

	begin(f, "half");
	src = arrival_source(&f->a);
	assert_reads(f, src, "half");
	arrival_end(&f->a, false);
	assert_fails(f, src, "it did not come whole");
}

static void what_never_comes_in_a_file_is_awaited(void **state)
{
	struct fixture *f = *state;

	arrival_begin(&f->a, -1);
	arrival_grow(&f->a, 100);
	arrival_end(&f->a, true);
	assert_null(arrival_source(&f->a));
}

/* The descriptor that is opened next. */
static int next_fd(void)
{
	int fd = dup(STDIN_FILENO);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

/* A removed file takes room as long as somebody has it open. */
static void a_file_is_let_go_when_nobody_can_read_it(void **state)
{
	struct fixture *f = *state;
	int free_fd = next_fd();

	for (unsigned i = 0; i < 2; i++) {
		begin(f, "nobody began to read it");
		assert_int_not_equal(next_fd(), free_fd);
		if (i)
			arrival_drop(&f->a);
		else
			arrival_end(&f->a, true);
		assert_int_equal(next_fd(), free_fd);
		assert_null(arrival_source(&f->a));
		arrival_release(&f->a);
		arrival_init(&f->a);
	}
	begin(f, "it is read");
	assert_non_null(arrival_source(&f->a));
	arrival_drop(&f->a);
	assert_int_not_equal(next_fd(), free_fd);
	arrival_leave(&f->a);
	assert_int_equal(next_fd(), free_fd);
}

static void nobody_needs_to_read(void **state)
{
	(void)state;
	arrival_begin(NULL, 0);
	arrival_grow(NULL, 1);
	arrival_drop(NULL);
	arrival_end(NULL, true);
}

struct talk {
	struct fixture *f;
	sem_t read; /* posted when the reader has the piece before */
};

static void *come_by_pieces(void *arg)
{
	struct talk *t = arg;

	begin(t->f, "a");
	for (unsigned i = 0; i < 20; i++) {
		sem_wait(&t->read);
		come(t->f, "b");
	}
	sem_wait(&t->read);
	arrival_end(&t->f->a, true);
	return NULL;
}

static void a_reader_waits_for_each_piece_and_for_the_end(void **state)
{
	struct talk t = { .f = *state };
	struct source *src;
	pthread_t thread;

	sem_init(&t.read, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, come_by_pieces, &t), 0);
	src = arrival_source(&t.f->a);
	assert_reads(t.f, src, "a");
	for (unsigned i = 0; i < 20; i++) {
		sem_post(&t.read);
		assert_reads(t.f, src, "b");
	}
	sem_post(&t.read);
	assert_reads(t.f, src, "");
	pthread_join(thread, NULL);
	sem_destroy(&t.read);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_is_read_before_the_rest_is),
		TEST(the_file_may_be_renamed_and_closed),
		TEST(bytes_that_were_not_the_blobs_have_no_end),
		TEST(a_fetch_that_failed_gives_no_end),
		TEST(what_never_comes_in_a_file_is_awaited),
		TEST(a_file_is_let_go_when_nobody_can_read_it),
		TEST(nobody_needs_to_read),
		TEST(a_reader_waits_for_each_piece_and_for_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
