/*
 * What must not be shown of texts that are shown: commands, labels, options, what the engine says. What sounds like a
 * secret by deploy/secret_words.h is hidden; rather too much than too little. Pure.
 */
#ifndef DEPLOY_MASK_H
#define DEPLOY_MASK_H

#include "base/span.h"
#include "deploy/mask_command.h"

#define MASKED "***"

/*
 * A copy with values hidden: of --password=x, --password x, -p x, token=x, of a URL's user:password@,
 * of what follows Bearer and Basic, of password hashes, of keys. Blanks stay as they are.
 */
char *mask_text(struct span text) MUST_CHECK;

/* Where in the text the first such thing begins; its length: nowhere. Addresses with passwords are not looked for. */
size_t mask_first(struct span text);

/*
 * The words of one command, each item shown after the ones before it, for they say what it is. An item may hold
 * several words (sh -c "…").
 */
struct mask_words {
	struct mask_command command;
	bool is_item;	       /* the word is a whole one: nothing in it ends a command */
	bool behind_set;       /* the last word was */
	bool behind_name;      /* the last word is the name of a secret, and nothing else; */
	bool behind_sure_name; /* that only secrets have */
	unsigned char behind_identified; /* so many words may still come up to BY */
	enum {
		MASK_NONE,
		MASK_NEXT,
		MASK_COLON,
		MASK_SET,     /* perhaps behind "=", TO, */
		MASK_FOR,     /* or FOR; */
		MASK_ACCOUNT, /* or behind whom it is for, and a sign */
		MASK_PERHAPS,
		MASK_PAIR,
		MASK_JSON
	} next;				/* said of it by the last */
	bool surely;			/* by a name that only secrets have */
	bool all;			/* that follows is hidden */
	char quotes[2];			/* that are open; */
	struct mask_command outside[2]; /* which they stand in; */
	unsigned depth;			/* so many */
	bool hides;			/* what follows, while */
	unsigned shown_at;		/* depth is higher than this */
};

/* Zero it before the first item. */
char *mask_item(struct mask_words *w, struct span item) MUST_CHECK;

#endif
