/*
 * libyaml says what it did not find where. What to write instead is mostly quotes: orcinus' reader of
 * YAML did without them in many places.
 */
#include "deploy/yaml_words.h"

#include <string.h>

const char *yaml_explain(const char *problem)
{
	static const struct {
		const char *problem, *hint;
	} known[] = {
		{ "mapping values are not allowed",
		  "; is a text with ': ' in it without quotes, or the indentation wrong?" },
		{ "found character that cannot start any token",
		  "; text that begins with '@', '`' or '%' needs quotes" },
		{ "found unknown escape character",
		  "; in \"...\" a backslash is written twice, in '...' once" },
		{ "did not find expected node content",
		  "; text that begins with ',', ']' or '}' needs quotes" },
		{ "block sequence entries are not allowed",
		  "; a list begins on the line below its key, text that begins with '- ' needs quotes" },
		{ "mapping keys are not allowed", "; text that begins with '? ' needs quotes" },
		{ "did not find expected comment or line break",
		  "; text that begins with '|' or '>' needs quotes" },
		{ "did not find expected alphabetic or numeric character",
		  "; text that begins with '*' or '&' needs quotes" },
		{ "did not find expected key",
		  "; does the line begin below those it belongs to, and is every quote closed?" },
		{ "did not find expected '-' indicator",
		  "; does the line begin below those it belongs to?" },
		{ "did not find expected <document start>",
		  "; do all keys of the top begin below each other?" },
		{ "found unexpected end of stream", "; is the quote closed?" },
		{ "could not find expected ':'", "; is there a ':' with a blank behind it?" },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strstr(problem, known[i].problem))
			return known[i].hint;
	return "";
}
