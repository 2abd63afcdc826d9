#include "oci/image/sink.h"

void image_sink_expect(struct image_sink *sink, struct op *op, const struct strv *names)
{
	if (sink && sink->expect)
		sink->expect(sink, op, names);
}

void image_sink_send(struct image_sink *sink, struct oci_store *from,
		     const struct oci_descriptor *blob)
{
	if (sink && sink->send)
		sink->send(sink, from, blob);
}

void image_sink_settle(struct image_sink *sink, bool wanted)
{
	if (sink && sink->settle)
		sink->settle(sink, wanted);
}

void image_sink_free(struct image_sink *sink)
{
	if (sink)
		sink->free(sink);
}
