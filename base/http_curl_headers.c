/* A list of libcurl's from a list of ours. */
#include "base/http_curl_headers.h"

#include <strings.h>

int http_curl_headers(struct curl_slist **out, const struct strv *headers, struct err *e)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	bool has_type = false;

	for (size_t i = 0; headers && i < headers->n; i++) {
		const char *line = headers->v[i];

		if (strpbrk(line, "\r\n")) {
			curl_slist_free_all(list);
			return err_set(e, ERR_INPUT, "a request header may not hold a line end");
		}
		has_type |= strncasecmp(line, "content-type:", 13) == 0;
		list = curl_slist_append(list, line);
	}
	if (!has_type)
		list = curl_slist_append(list, "Content-Type:");
	*out = list;
	return 0;
}
