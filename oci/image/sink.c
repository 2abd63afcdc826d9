#include "oci/image/sink.h"

void image_sink_free(struct image_sink *sink)
{
	if (sink)
		sink->free(sink);
}
