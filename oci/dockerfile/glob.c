/*
 * Go's filepath.Match. Stars are tried from the last one back only: what an
 * earlier star could give up, the last can take as well, since none of them
 * crosses '/'. So the cost is length of pattern times length of name.
 */
#include "oci/dockerfile/glob.h"

#include "oci/dockerfile/ignore.h"

uint32_t glob_take_char(struct span *rest)
{
	size_t len = utf8_len(*rest);
	unsigned char first = (unsigned char)rest->p[0];
	uint32_t code = len > 1 ? first & (0x7fu >> len) : first;

	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)rest->p[i] & 0x3f);
	*rest = span_sub(*rest, len ? len : 1);
	return len ? code : 0x110000u + first;
}

/* One end of a range; false: there is none. */
static bool take_class_char(struct span *pattern, uint32_t *out)
{
	if (!pattern->n || pattern->p[0] == '-' || pattern->p[0] == ']')
		return false;
	if (pattern->p[0] == '\\')
		*pattern = span_sub(*pattern, 1);
	if (!pattern->n)
		return false;
	*out = glob_take_char(pattern);
	return *out < 0x110000 && pattern->n;
}

int glob_take_class(struct span *pattern, uint32_t c)
{
	bool negated = span_take(pattern, "^"), found = false;

	for (bool first = true; first || !span_take(pattern, "]"); first = false) {
		uint32_t from, to;

		if (!take_class_char(pattern, &from))
			return -1;
		to = from;
		if (span_take(pattern, "-") && !take_class_char(pattern, &to))
			return -1;
		found |= from <= c && c <= to;
	}
	return found != negated;
}

/* Matches one pattern character other than '*' with the first of *name; both advance. */
static bool match_one(struct span *pattern, struct span *name)
{
	char p = pattern->p[0];
	uint32_t c, want;

	if (!name->n || (p == '?' && name->p[0] == '/'))
		return false;
	c = glob_take_char(name);
	if (p == '?' || p == '[' || p == '\\')
		*pattern = span_sub(*pattern, 1);
	if (p == '?')
		return true;
	if (p == '[')
		return glob_take_class(pattern, c) == 1;
	want = glob_take_char(pattern);
	return want == c;
}

bool glob_is_valid(struct span pattern)
{
	while (pattern.n) {
		char p = pattern.p[0];

		if (p == '[') {
			pattern = span_sub(pattern, 1);
			if (glob_take_class(&pattern, 0) < 0)
				return false;
			continue;
		}
		if (p == '\\')
			pattern = span_sub(pattern, 1);
		if (!pattern.n)
			return false;
		glob_take_char(&pattern);
	}
	return true;
}

int glob_match(struct span pattern, struct span name)
{
	struct span star_pattern = { 0 }, star_name = { 0 }; /* where to go on from the last star */
	bool star = false;

	if (!glob_is_valid(pattern))
		return -1;
	while (pattern.n || name.n) {
		if (pattern.n && pattern.p[0] == '*') {
			pattern = span_sub(pattern, 1);
			star = true;
			star_pattern = pattern;
			star_name = name;
			continue;
		}
		if (pattern.n && match_one(&pattern, &name))
			continue;
		/* the star takes one more, unless that is a '/' */
		if (!star || !star_name.n || star_name.p[0] == '/')
			return 0;
		glob_take_char(&star_name);
		pattern = star_pattern;
		name = star_name;
	}
	return 1;
}

bool glob_has_meta(struct span pattern)
{
	for (size_t i = 0; i < pattern.n; i++)
		if (strchr("*?[\\", pattern.p[i]) && pattern.p[i])
			return true;
	return false;
}
