/* As a number that is counted up: digits are directories, the lowest digit on top. */
#include "oci/build/stack.h"

#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/merge.h"
#include "oci/layer/tree_dir.h"
#include "oci/layer/tree_stack.h"

struct part {
	char *dir;
	unsigned rank; /* how often it was merged */
};

struct stack {
	const struct workspace *ws;
	char *name;
	pthread_mutex_t lock;
	struct part *parts; /* lowest first */
	size_t nr, cap;
	size_t nr_layers; /* that are in them */
	size_t nr_merged; /* directories made */
};

static void add_part(struct stack *s, char *dir, unsigned rank)
{
	MEM_GROW(s->parts, s->nr, s->cap);
	s->parts[s->nr++] = (struct part){ dir, rank };
}

struct stack *stack_new(const struct workspace *ws, const char *name, struct stack *below)
{
	struct stack *s = mem_zalloc(sizeof(*s));

	s->ws = ws;
	s->name = mem_strdup(name);
	pthread_mutex_init(&s->lock, NULL);
	if (!below)
		return s;
	pthread_mutex_lock(&below->lock);
	for (size_t i = 0; i < below->nr; i++)
		add_part(s, mem_strdup(below->parts[i].dir), below->parts[i].rank);
	s->nr_layers = below->nr_layers;
	pthread_mutex_unlock(&below->lock);
	return s;
}

void stack_free(struct stack *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nr; i++)
		free(s->parts[i].dir);
	free(s->parts);
	free(s->name);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* -- merging ---------------------------------------------------------------------- */

struct dirs {
	int fd[STACK_FANOUT];
	size_t nr;
};

static void dirs_close(struct dirs *d)
{
	while (d->nr)
		close(d->fd[--d->nr]);
}

/* The topmost parts, when there are enough that were merged as often. */
static bool is_full(const struct stack *s)
{
	return s->nr >= STACK_FANOUT &&
	       s->parts[s->nr - STACK_FANOUT].rank == s->parts[s->nr - 1].rank;
}

/* What the topmost parts lie on. */
struct below {
	struct tree **trees;
	size_t nr;
	struct tree *all;
};

static void below_release(struct below *b)
{
	tree_free(b->all);
	while (b->nr)
		tree_free(b->trees[--b->nr]);
	free(b->trees);
}

static int below_open(struct below *b, const char *dir, struct err *e)
{
	static const struct tree_dir_options opt = { .is_upper = true };
	auto_close int fd = fs_open_dir(dir, e);

	if (fd < 0 || tree_dir_open(&b->trees[b->nr], fd, &opt, e) < 0)
		return -1;
	b->nr++;
	return 0;
}

static int below_open_all(struct below *b, const struct stack *s, const char *base, struct err *e)
{
	size_t nr = s->nr - STACK_FANOUT;

	b->trees = mem_resize(NULL, nr + 1, sizeof(struct tree *));
	while (nr > 0)
		if (below_open(b, s->parts[--nr].dir, e) < 0)
			return -1;
	if (base && below_open(b, base, e) < 0)
		return -1;
	b->all = tree_stack_new(b->trees, b->nr);
	return 0;
}

static int merge_into(const char *dir, struct stack *s, const struct op *op, const char *base,
		      struct err *e)
{
	auto_close int to = fs_open_dir(dir, e);
	CLEANUP(dirs_close) struct dirs from = { .nr = 0 };
	CLEANUP(below_release) struct below below = { 0 };

	if (to < 0 || below_open_all(&below, s, base, e) < 0)
		return -1;
	while (from.nr < STACK_FANOUT) {
		int fd = fs_open_dir(s->parts[s->nr - 1 - from.nr].dir, e);

		if (fd < 0)
			return -1;
		from.fd[from.nr++] = fd;
	}
	return layer_merge_dirs(op, to, from.fd, from.nr, below.all, layer_wants_user_marks(to), e);
}

static int merge(struct stack *s, const struct op *op, const char *base, struct err *e)
{
	auto_free char *name = mem_printf("%s-merged-%zu", s->name, s->nr_merged++);
	auto_free char *dir = workspace_dir(s->ws, name, e);
	unsigned rank = s->parts[s->nr - 1].rank + 1;

	if (!dir || merge_into(dir, s, op, base, e) < 0)
		return -1;
	for (size_t i = 0; i < STACK_FANOUT; i++)
		free(s->parts[--s->nr].dir);
	add_part(s, STEAL(&dir), rank);
	return 0;
}

static int take_layers(struct stack *s, const struct op *op, struct layer *const *layers, size_t nr,
		       const char *base, struct err *e)
{
	while (s->nr_layers < nr) {
		struct layer *l = layers[s->nr_layers];

		if (layer_make_dir(l, op, e) < 0)
			return -1;
		add_part(s, mem_strdup(l->dir), 0);
		s->nr_layers++;
		while (is_full(s))
			if (merge(s, op, base, e) < 0)
				return -1;
	}
	return 0;
}

int stack_lowers(struct strv *out, struct stack *s, const struct op *op,
		 struct layer *const *layers, size_t nr, const char *base, struct err *e)
{
	int r;

	pthread_mutex_lock(&s->lock);
	r = take_layers(s, op, layers, nr, base, e);
	for (size_t i = s->nr; r == 0 && i-- > 0;)
		strv_add(out, s->parts[i].dir);
	pthread_mutex_unlock(&s->lock);
	if (r == 0 && base)
		strv_add(out, base);
	return r;
}
