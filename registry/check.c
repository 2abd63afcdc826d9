/* The answer to a request that cannot succeed, read for why it did not. */
#include "registry/check.h"

#include "oci/image/descriptor.h"

#define NOTHING	  "{}"
#define ELSEWHERE "sha256:0000000000000000000000000000000000000000000000000000000000000000"

/* Refused for what was sent: so we were let in. (What is not refused at all was let in, too.) */
static bool was_let_in(long status)
{
	return (status >= 200 && status < 300) || status == 400 || status == 409 || status == 411 ||
	       status == 415 || status == 422;
}

static int judge(struct op *op, const struct registry_repo *repo, struct err *e)
{
	auto_http_response struct http_response rs = { 0 };

	if (registry_api_manifest_put(&rs, op, repo, ELSEWHERE, OCI_MEDIA_MANIFEST,
				      SPAN_LIT(NOTHING), e) < 0)
		return -1;
	if (was_let_in(rs.status))
		return 0;
	registry_session_refused(repo->session, &rs, e);
	/* a repository that is missing and is not made by pushing, one that is for reading only */
	if (e->kind != ERR_UNAVAILABLE)
		e->kind = ERR_DENIED;
	return -1;
}

int registry_check(struct buf *who, struct op *op, const struct registry_repo *repo, struct err *e)
{
	int r = judge(op, repo, e);

	registry_session_who(who, repo->session);
	return r < 0 ? err_wrap(e, "push to %s", repo->path) : 0;
}
