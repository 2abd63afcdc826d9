/*
 * The lines of a Dockerfile that an error is about, and which word of them.
 */
#include "oci/dockerfile/message.h"

#include "base/excerpt.h"

void message_excerpt(struct err *e, const struct dockerfile *df, unsigned line, unsigned last_line,
		     const char *word)
{
	excerpt_word(e, df->file, span_of_str(df->text), line, last_line, span_of_str(word));
}

/* Whether text has word between ticks. */
static bool is_ticked(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; n && (p = strstr(p, word)); p++)
		if (p > text && p[-1] == '\'' && p[n] == '\'')
			return true;
	return false;
}

static void choose(const char **best, const struct err *e, const char *word)
{
	if (word && is_ticked(e->text, word) && (!*best || strlen(word) > strlen(*best)))
		*best = word;
}

void message_excerpt_instr(struct err *e, const struct dockerfile *df,
			   const struct dockerfile_instr *in)
{
	const char *const flags[] = { in->from, in->chown, in->chmod, in->checksum, in->platform };
	const char *best = NULL;

	if (e->excerpt[0])
		return;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		choose(&best, e, flags[i]);
	for (size_t i = 0; i < in->nr_mounts; i++)
		choose(&best, e, in->mounts[i].from);
	for (size_t i = 0; i < in->words.n; i++)
		choose(&best, e, in->words.v[i]);
	message_excerpt(e, df, in->line, in->last_line, best);
}
