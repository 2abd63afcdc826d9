/*
 * Waves are raised until nothing moves: a service stands above each one that it depends on. Without a circle
 * the highest of n services stands at n - 1.
 */
#include "deploy/waves.h"

/* Above those of its dependencies. */
static size_t height(const size_t *wave, const struct deploy_stack *stack, size_t i)
{
	const struct deploy_service *s = &stack->services[i];
	size_t h = wave[i];

	for (size_t j = 0; j < stack->nr; j++)
		if (strv_has(&s->depends_on, stack->services[j].name) && h < wave[j] + 1)
			h = wave[j] + 1;
	return h;
}

static bool raise_all(size_t *wave, const struct deploy_stack *stack)
{
	bool moved = false;

	for (size_t i = 0; i < stack->nr; i++) {
		size_t h = height(wave, stack, i);

		moved |= h != wave[i];
		wave[i] = h;
	}
	return moved;
}

int deploy_waves(size_t *wave, size_t *nr, const struct deploy_stack *stack, struct err *e)
{
	size_t rounds = 0;

	for (size_t i = 0; i < stack->nr; i++)
		wave[i] = 0;
	while (raise_all(wave, stack))
		if (++rounds > stack->nr)
			return err_set(e, ERR_INPUT,
				       "depends_on: services wait for each other in a circle");
	*nr = 0;
	for (size_t i = 0; i < stack->nr; i++)
		*nr = wave[i] + 1 > *nr ? wave[i] + 1 : *nr;
	return 0;
}
