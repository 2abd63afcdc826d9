/* Where the image goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/image/layout.h"
#include "oci/image/store_layout.h"
#include "oci/layer/tar.h"
#include "tests/fakes/build_world.h"

static int setup(void **state)
{
	struct build_world *w = mem_zalloc(sizeof(*w));

	build_world_init(w);
	tmpdir_file(&w->dir, "ctx/a", "1");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	build_world_release(*state);
	free(*state);
	return 0;
}

#define DOCKERFILE "FROM scratch\nCOPY a /a\n"

static void add_output(struct build_world *w, const char *how, const char *name)
{
	auto_free char *text = mem_printf("%s%sdest=%s/%s", strstr(how, "type=") ? "" : "type=oci,",
					  how, w->dir.path, name);
	struct err e = ERR_INIT;

	assert_int_equal(build_output_parse(&w->opt, text, &e), 0);
}

/* The layout has the image just built under this name. */
static void assert_found(const struct build_world *w, const char *layout, const char *name)
{
	auto_free char *path = mem_printf("%s/%s", w->dir.path, layout);
	auto_store struct oci_store *s = NULL;
	auto_descriptor struct oci_descriptor d = { 0 };
	struct err e = ERR_INIT;

	if (oci_store_layout_open(&s, path, OCI_LAYOUT_READ, &e) < 0 ||
	    oci_layout_find(s, name, &d, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(d.digest.text, w->result.manifest.text);
}

static void names_are_written_out_in_the_store(void **state)
{
	struct build_world *w = *state;

	strv_add(&w->opt.tags, "app");
	strv_add(&w->opt.tags, "localhost:5000/team/app:2");
	strv_add(&w->opt.tags, "docker.io/library/app:latest");
	build_world_ok(w, DOCKERFILE);
	assert_int_equal(w->result.names.n, 2);
	assert_string_equal(w->result.names.v[0], "docker.io/library/app:latest");
	assert_found(w, "root/store", "docker.io/library/app:latest");
	assert_found(w, "root/store", "localhost:5000/team/app:2");
}

static void an_image_without_a_name_is_in_the_store_by_its_digest(void **state)
{
	struct build_world *w = *state;

	build_world_ok(w, DOCKERFILE);
	assert_int_equal(w->result.names.n, 0);
	assert_found(w, "root/store", w->result.manifest.text);
}

static void a_name_with_a_digest_is_refused(void **state)
{
	struct build_world *w = *state;
	auto_free char *tag = NULL;

	build_world_ok(w, DOCKERFILE);
	tag = mem_printf("app@%s", w->result.manifest.text);
	strv_add(&w->opt.tags, tag);
	assert_non_null(strstr(build_world_fails(w, DOCKERFILE), "has a digest"));
	assert_int_equal(w->err.kind, ERR_INPUT);
}

static void a_directory_is_a_layout_and_the_store_stays_empty(void **state)
{
	struct build_world *w = *state;

	strv_add(&w->opt.tags, "app:3");
	add_output(w, "tar=false,", "out");
	build_world_ok(w, DOCKERFILE);
	assert_found(w, "out", NULL);
	assert_found(w, "out", "3");
	assert_false(tmpdir_has(&w->dir, "root/store"));
}

static void a_folder_with_other_things_in_it_is_not_written_to(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "out/precious", "x");
	add_output(w, "tar=false,", "out");
	build_world_fails(w, DOCKERFILE);
	assert_int_equal(w->err.kind, ERR_INPUT);
	assert_false(tmpdir_has(&w->dir, "out/blobs"));
}

/* The names in a tar file, a line each. */
static char *tar_names(const struct build_world *w, const char *name)
{
	auto_close int fd = openat(w->dir.fd, name, O_RDONLY | O_CLOEXEC);
	auto_tar_reader struct tar_reader *r = NULL;
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	struct fd_source in;
	struct tar_entry ent;
	struct err e = ERR_INIT;

	assert_true(fd >= 0);
	assert_int_equal(tar_reader_open(&r, fd_source_init(&in, fd, name), &e), 0);
	while (tar_reader_next(r, &ent, &e) > 0)
		buf_addf(&out, "%s\n", ent.path);
	return mem_strdup(buf_str(&out));
}

static void a_tar_holds_the_layout_sorted_and_no_locks(void **state)
{
	struct build_world *w = *state;
	auto_free char *names = NULL;

	add_output(w, "", "out.tar");
	build_world_ok(w, DOCKERFILE);
	names = tar_names(w, "out.tar");
	assert_ptr_equal(strstr(names, "blobs/\nblobs/sha256/\nblobs/sha256/"), names);
	assert_non_null(strstr(names, w->result.manifest.text + strlen("sha256:")));
	assert_non_null(strstr(names, w->result.config.text + strlen("sha256:")));
	assert_non_null(strstr(names, "\nindex.json\noci-layout\n"));
	assert_null(strstr(names, "lock"));
}

static void equal_images_are_equal_tars(void **state)
{
	struct build_world *w = *state;
	auto_free char *one = mem_printf("%s/one.tar", w->dir.path);
	auto_free char *compare = mem_printf("cmp -s '%s' '%s/two.tar'", one, w->dir.path);

	w->opt.has_epoch = true;
	add_output(w, "", "one.tar");
	add_output(w, "", "two.tar");
	build_world_ok(w, DOCKERFILE);
	assert_int_equal(system(compare), 0);
	fake_clock_advance(&w->clock, 1000);
	w->opt.nr_outputs = 1; /* only the first again */
	build_world_ok(w, DOCKERFILE);
	w->opt.nr_outputs = 2;
	assert_int_equal(system(compare), 0);
}

static void a_tar_that_cannot_be_written_names_its_place(void **state)
{
	struct build_world *w = *state;

	add_output(w, "", "missing/out.tar");
	assert_non_null(strstr(build_world_fails(w, DOCKERFILE), "missing/out.tar"));
}

static void a_tar_that_cannot_be_written_is_told_before_anything_is_built(void **state)
{
	struct build_world *w = *state;

	tmpdir_dir(&w->dir, "folder");
	add_output(w, "", "folder");
	assert_non_null(strstr(build_world_fails(w, DOCKERFILE), "it is a directory"));
	assert_int_equal(w->err.kind, ERR_INPUT);
	assert_false(recorder_has(&w->progress, "begin"));
}

static void a_link_as_the_tars_place_is_refused_and_stays(void **state)
{
	struct build_world *w = *state;

	tmpdir_link(&w->dir, "stdout", "/dev/null");
	add_output(w, "", "stdout");
	assert_non_null(strstr(build_world_fails(w, DOCKERFILE), "not a regular file"));
	assert_true(tmpdir_has(&w->dir, "stdout"));
}

/* Its writing fails because of the name's length, after the build. */
static void a_tar_that_fails_leaves_nothing_beside_it(void **state)
{
	struct build_world *w = *state;
	auto_free char *name = mem_zalloc(400), *command = NULL;

	tmpdir_dir(&w->dir, "out");
	memcpy(name, "out/", 4);
	memset(name + 4, 'x', 300);
	add_output(w, "", name);
	build_world_fails(w, DOCKERFILE);
	assert_true(recorder_has(&w->progress, "begin"));
	command = mem_printf("rmdir '%s/out'", w->dir.path); /* only when it is empty */
	assert_int_equal(system(command), 0);
}

static void building_again_replaces_the_name(void **state)
{
	struct build_world *w = *state;

	strv_add(&w->opt.tags, "app");
	build_world_ok(w, DOCKERFILE);
	build_world_ok(w, DOCKERFILE "ENV A=1\n");
	assert_found(w, "root/store", "docker.io/library/app:latest");
}

static void the_manifest_tells_type_and_size_of_all(void **state)
{
	struct build_world *w = *state;
	auto_manifest struct oci_manifest m = { 0 };

	build_world_ok(w, DOCKERFILE);
	build_world_manifest(w, &m);
	assert_string_equal(m.media_type, OCI_MEDIA_MANIFEST);
	assert_string_equal(m.config.media_type, OCI_MEDIA_CONFIG);
	assert_string_equal(m.config.digest.text, w->result.config.text);
	assert_int_equal(m.nr_layers, 1);
	assert_string_equal(m.layers[0].media_type, OCI_MEDIA_LAYER_GZIP);
	assert_true(m.layers[0].size_bytes > 0);
}

/* -- types, media types, annotations ---------------------------------------------------- */

static void add_plain(struct build_world *w, const char *text)
{
	struct err e = ERR_INIT;

	if (build_output_parse(&w->opt, text, &e) < 0)
		fail_msg("%s", e.text);
}

static char *read_text(const struct build_world *w, const char *name)
{
	auto_buf struct buf b = BUF_INIT(OCI_MANIFEST_MAX);
	struct err e = ERR_INIT;

	if (fs_read_file(w->dir.fd, name, &b, &e) < 0)
		fail_msg("%s", e.text);
	return mem_strdup(buf_str(&b));
}

/* The manifest of the result, as text out of the layout. */
static char *manifest_text(const struct build_world *w, const char *layout)
{
	auto_free char *name =
		mem_printf("%s/blobs/sha256/%s", layout, oci_digest_hex(&w->result.manifest));

	return read_text(w, name);
}

static void docker_load_finds_its_manifest_and_dockers_media_types(void **state)
{
	struct build_world *w = *state;
	auto_free char *list = NULL, *manifest = NULL, *want = NULL;

	strv_add(&w->opt.tags, "app:1");
	strv_add(&w->opt.tags, "host.example/team/app");
	add_output(w, "type=docker,tar=false,", "out");
	build_world_ok(w, DOCKERFILE);
	list = read_text(w, "out/manifest.json");
	want = mem_printf("[{\"Config\":\"blobs/sha256/%s\",\"RepoTags\":[\"app:1\","
			  "\"host.example/team/app:latest\"],\"Layers\":[\"blobs/sha256/",
			  oci_digest_hex(&w->result.config));
	assert_ptr_equal(strstr(list, want), list);
	manifest = manifest_text(w, "out");
	assert_string_equal(w->result.media_type, DOCKER_MEDIA_MANIFEST);
	assert_non_null(strstr(manifest, "\"mediaType\":\"" DOCKER_MEDIA_MANIFEST "\""));
	assert_non_null(strstr(manifest, DOCKER_MEDIA_CONFIG));
	assert_non_null(strstr(manifest, DOCKER_MEDIA_LAYER_GZIP));
	assert_null(strstr(manifest, "vnd.oci"));
}

static void an_archive_for_docker_without_a_name_has_no_tags(void **state)
{
	struct build_world *w = *state;
	auto_free char *list = NULL, *names = NULL;

	add_output(w, "type=docker,", "out.tar");
	add_output(w, "type=docker,tar=false,", "out");
	build_world_ok(w, DOCKERFILE);
	list = read_text(w, "out/manifest.json");
	assert_non_null(strstr(list, "\"RepoTags\":null"));
	names = tar_names(w, "out.tar");
	assert_non_null(strstr(names, "\nindex.json\nmanifest.json\noci-layout\n"));
}

static void outputs_of_one_build_share_layers_and_config_whatever_they_call_them(void **state)
{
	struct build_world *w = *state;
	struct oci_digest oci;
	auto_free char *docker = NULL;

	add_output(w, "tar=false,", "oci");
	add_output(w, "type=docker,tar=false,", "docker");
	add_output(w, "tar=false,oci-mediatypes=false,", "schema2");
	build_world_ok(w, DOCKERFILE);
	oci = w->result.manifest;
	assert_found(w, "oci", NULL);
	/* the first output's is the one that is told */
	docker = manifest_text(w, "oci");
	assert_non_null(strstr(docker, oci_digest_hex(&w->result.config)));
	w->opt.outputs++;
	w->opt.nr_outputs -= 1;
	build_world_ok(w, DOCKERFILE);
	w->opt.outputs--;
	w->opt.nr_outputs += 1;
	assert_false(oci_digest_eq(&oci, &w->result.manifest));
	assert_found(w, "docker", NULL);
	assert_found(w, "schema2", NULL);
}

static void cacheonly_tells_the_digest_and_keeps_nothing(void **state)
{
	struct build_world *w = *state;
	struct oci_digest stored;

	w->opt.has_epoch = true;
	build_world_ok(w, DOCKERFILE);
	stored = w->result.manifest;
	add_plain(w, "type=cacheonly");
	strv_add(&w->opt.tags, "app");
	build_world_ok(w, DOCKERFILE);
	assert_true(oci_digest_eq(&w->result.manifest, &stored));
	assert_int_equal(w->result.names.n, 0);
	build_world_ok(w, DOCKERFILE "ENV A=1\n");
	assert_false(oci_digest_eq(&w->result.manifest, &stored));
	{
		auto_free char *blob = mem_printf("root/store/blobs/sha256/%s",
						  oci_digest_hex(&w->result.manifest));

		assert_false(tmpdir_has(&w->dir, blob));
	}
}

static void an_output_may_bring_names_of_its_own(void **state)
{
	struct build_world *w = *state;

	strv_add(&w->opt.tags, "app");
	add_plain(w, "type=image,\"name=app:latest,other:2\"");
	build_world_ok(w, DOCKERFILE);
	assert_int_equal(w->result.names.n, 2);
	assert_found(w, "root/store", "docker.io/library/app:latest");
	assert_found(w, "root/store", "docker.io/library/other:2");
}

static void annotations_are_in_the_manifest_and_over_them_the_outputs_own(void **state)
{
	struct build_world *w = *state;
	auto_free char *manifest = NULL, *index = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(build_annotations_parse(&w->opt.annotations, "b=1", &e), 0);
	assert_int_equal(build_annotations_parse(&w->opt.annotations, "a=2", &e), 0);
	assert_int_equal(
		build_annotations_parse(&w->opt.annotations, "manifest-descriptor:d=3", &e), 0);
	add_output(w, "tar=false,annotation.b=4,", "out");
	build_world_ok(w, DOCKERFILE);
	manifest = manifest_text(w, "out");
	assert_non_null(strstr(manifest, ",\"annotations\":{\"a\":\"2\",\"b\":\"4\"}}"));
	index = read_text(w, "out/index.json");
	assert_non_null(strstr(index, "\"d\":\"3\""));
}

static void an_annotation_without_a_document_is_told_before_anything_is_built(void **state)
{
	struct build_world *w = *state;
	struct err e = ERR_INIT;

	assert_int_equal(build_annotations_parse(&w->opt.annotations, "index:a=2", &e), 0);
	assert_non_null(strstr(build_world_fails(w, DOCKERFILE), "one platform has none"));
	assert_int_equal(w->err.kind, ERR_INPUT);
	assert_false(recorder_has(&w->progress, "begin"));
}

static void layers_can_stay_uncompressed(void **state)
{
	struct build_world *w = *state;
	auto_manifest struct oci_manifest m = { 0 };

	add_plain(w, "type=image,compression=uncompressed");
	build_world_ok(w, DOCKERFILE);
	build_world_manifest(w, &m);
	assert_string_equal(m.layers[0].media_type, OCI_MEDIA_LAYER);
	assert_int_equal(w->result.size_bytes,
			 m.layers[0].size_bytes + m.config.size_bytes + w->result.manifest_size);
}

static void layers_can_be_zstd(void **state)
{
	struct build_world *w = *state;
	auto_manifest struct oci_manifest m = { 0 };

	add_plain(w, "type=image,compression=zstd,compression-level=19");
	build_world_ok(w, DOCKERFILE);
	build_world_manifest(w, &m);
	assert_string_equal(m.layers[0].media_type, OCI_MEDIA_LAYER_ZSTD);
}

static void assert_told_before_work(struct build_world *w, const char *output, const char *text)
{
	build_options_release(&w->opt);
	w->opt = (struct build_options){ 0 };
	add_plain(w, output);
	assert_non_null(strstr(build_world_fails(w, DOCKERFILE), text));
	assert_int_equal(w->err.kind, ERR_INPUT);
	assert_false(recorder_has(&w->progress, "begin"));
}

static void a_compression_that_cannot_be_is_told_before_anything_is_built(void **state)
{
	struct build_world *w = *state;

	assert_told_before_work(w, "type=oci,dest=x,compression-level=10",
				"of gzip is 1 to 9, not 10");
	assert_told_before_work(w, "type=oci,dest=x,compression=zstd,compression-level=20",
				"of zstd is 1 to 19, not 20");
	assert_told_before_work(w, "type=oci,dest=x,compression=uncompressed,compression-level=1",
				"says nothing for 'uncompressed'");
	assert_told_before_work(w, "type=docker,dest=x,compression=zstd", "have none for zstd");
	assert_told_before_work(w, "type=oci,dest=x,compression=zstd,oci-mediatypes=false",
				"have none for zstd");
}

static void only_one_output_can_have_standard_output(void **state)
{
	struct build_world *w = *state;

	add_plain(w, "type=oci,dest=-");
	add_plain(w, "type=docker,dest=-");
	assert_non_null(strstr(build_world_fails(w, DOCKERFILE), "standard output"));
	assert_int_equal(w->err.kind, ERR_INPUT);
}

/* -- files ------------------------------------------------------------------------------ */

#define FILES                                                                                      \
	"FROM scratch AS base\nCOPY a /d/a\nCOPY --chown=7:8 --chmod=4755 a /d/b\n"                \
	"FROM base\nCOPY --chmod=600 a /d/a\nWORKDIR /w\n"

/* "PATH UID:GID MODE @TIME" for each entry of a tar. */
static char *tar_text(const struct build_world *w, const char *name)
{
	auto_close int fd = openat(w->dir.fd, name, O_RDONLY | O_CLOEXEC);
	auto_tar_reader struct tar_reader *r = NULL;
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	struct fd_source in;
	struct tar_entry ent;
	struct err e = ERR_INIT;

	assert_true(fd >= 0);
	assert_int_equal(tar_reader_open(&r, fd_source_init(&in, fd, name), &e), 0);
	while (tar_reader_next(r, &ent, &e) > 0)
		buf_addf(&out, "%s %u:%u %04o @%lld\n", ent.path, ent.uid, ent.gid, ent.mode,
			 (long long)ent.mtime);
	return mem_strdup(buf_str(&out));
}

static void a_tar_of_files_is_all_that_the_stages_show_at_one_time(void **state)
{
	struct build_world *w = *state;
	auto_free char *text = NULL;

	w->opt.has_epoch = true;
	w->opt.epoch = 1000;
	add_output(w, "type=tar,", "out.tar");
	build_world_ok(w, FILES);
	text = tar_text(w, "out.tar");
	assert_string_equal(text, "d/ 0:0 0755 @1000\n"
				  "d/a 0:0 0600 @1000\n"
				  "d/b 7:8 4755 @1000\n"
				  "w/ 0:0 0755 @1000\n");
	assert_false(tmpdir_has(&w->dir, "root/store"));
}

static void equal_files_are_equal_tars(void **state)
{
	struct build_world *w = *state;
	auto_free char *compare =
		mem_printf("cmp -s '%s/one.tar' '%s/two.tar'", w->dir.path, w->dir.path);

	w->opt.has_epoch = true;
	add_output(w, "type=tar,", "one.tar");
	build_world_ok(w, FILES);
	fake_clock_advance(&w->clock, 1000);
	free(w->opt.outputs[0].dest);
	w->opt.outputs[0].dest = mem_printf("%s/two.tar", w->dir.path);
	build_world_ok(w, FILES);
	assert_int_equal(system(compare), 0);
}

static void a_directory_gets_the_files_and_keeps_its_own(void **state)
{
	struct build_world *w = *state;
	auto_free char *there = NULL;
	struct stat st;

	tmpdir_file(&w->dir, "out/mine", "mine");
	tmpdir_file(&w->dir, "out/d/a", "old");
	add_output(w, "type=local,", "out");
	build_world_ok(w, FILES);
	there = read_text(w, "out/d/a");
	assert_string_equal(there, "1");
	assert_true(tmpdir_has(&w->dir, "out/mine"));
	assert_int_equal(fstatat(w->dir.fd, "out/d/b", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(fstatat(w->dir.fd, "out/w", &st, 0), 0);
	assert_true(S_ISDIR(st.st_mode));
}

static void a_file_where_a_directory_is_to_be_is_told_before_anything_is_built(void **state)
{
	struct build_world *w = *state;

	tmpdir_file(&w->dir, "out", "x");
	add_output(w, "type=local,", "out");
	assert_non_null(strstr(build_world_fails(w, DOCKERFILE), "not a directory"));
	assert_false(recorder_has(&w->progress, "begin"));
}

/* -- several platforms -------------------------------------------------------------------- */

static void add_platforms(struct build_world *w)
{
	struct err e = ERR_INIT;

	assert_int_equal(build_platforms_parse(&w->opt, "linux/riscv64,linux/arm64", &e), 0);
}

static void annotate(struct build_world *w, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(build_annotations_parse(&w->opt.annotations, text, &e), 0);
}

static void a_layout_of_several_platforms_names_their_index_once(void **state)
{
	struct build_world *w = *state;
	auto_free char *index = NULL, *list = NULL;

	add_platforms(w);
	strv_add(&w->opt.tags, "app:3");
	add_output(w, "tar=false,", "out");
	build_world_ok(w, DOCKERFILE);
	assert_string_equal(w->result.media_type, OCI_MEDIA_INDEX);
	assert_found(w, "out", "3");
	index = manifest_text(w, "out");
	assert_non_null(
		strstr(index, "\"platform\":{\"architecture\":\"riscv64\",\"os\":\"linux\"}"));
	assert_non_null(
		strstr(index, "\"platform\":{\"architecture\":\"arm64\",\"os\":\"linux\"}"));
	list = read_text(w, "out/index.json");
	assert_null(strstr(list, "\"platform\""));
}

static void annotations_go_to_the_index_and_to_the_platform_they_name(void **state)
{
	struct build_world *w = *state;
	auto_free char *index = NULL, *list = NULL;

	add_platforms(w);
	annotate(w, "index:i=1");
	annotate(w, "manifest-descriptor[linux/arm64]:d=2");
	annotate(w, "index-descriptor:x=3");
	add_output(w, "tar=false,oci-mediatypes=true,", "out");
	build_world_ok(w, DOCKERFILE);
	index = manifest_text(w, "out");
	assert_non_null(strstr(
		index, ",\"annotations\":{\"d\":\"2\"},\"platform\":{\"architecture\":\"arm64\""));
	assert_non_null(strstr(index, "],\"annotations\":{\"i\":\"1\"}}"));
	list = read_text(w, "out/index.json");
	assert_non_null(strstr(list, "\"x\":\"3\""));
}

static void what_several_platforms_cannot_be_is_told_at_once(void **state)
{
	struct build_world *w = *state;

	add_platforms(w);
	add_output(w, "type=docker,", "out.tar");
	assert_non_null(strstr(build_world_fails(w, DOCKERFILE), "one platform, not of 2"));
	w->opt.outputs[0].type = BUILD_OUTPUT_OCI;
	annotate(w, "manifest[linux/amd64]:a=b");
	assert_non_null(
		strstr(build_world_fails(w, DOCKERFILE), "for linux/amd64, which is not built"));
	assert_false(recorder_has(&w->progress, "begin"));
}

static void files_of_several_platforms_are_in_folders(void **state)
{
	struct build_world *w = *state;
	auto_free char *text = NULL;

	w->opt.has_epoch = true;
	add_platforms(w);
	add_output(w, "type=tar,", "out.tar");
	add_output(w, "type=local,", "out");
	build_world_ok(w, DOCKERFILE);
	text = tar_text(w, "out.tar");
	assert_string_equal(text, "linux_riscv64/ 0:0 0755 @0\n"
				  "linux_riscv64/a 0:0 0644 @0\n"
				  "linux_arm64/ 0:0 0755 @0\n"
				  "linux_arm64/a 0:0 0644 @0\n");
	assert_true(tmpdir_has(&w->dir, "out/linux_riscv64/a"));
	assert_true(tmpdir_has(&w->dir, "out/linux_arm64/a"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_are_written_out_in_the_store),
		TEST(an_image_without_a_name_is_in_the_store_by_its_digest),
		TEST(a_name_with_a_digest_is_refused),
		TEST(a_directory_is_a_layout_and_the_store_stays_empty),
		TEST(a_folder_with_other_things_in_it_is_not_written_to),
		TEST(a_tar_holds_the_layout_sorted_and_no_locks),
		TEST(equal_images_are_equal_tars),
		TEST(a_tar_that_cannot_be_written_names_its_place),
		TEST(a_tar_that_cannot_be_written_is_told_before_anything_is_built),
		TEST(a_link_as_the_tars_place_is_refused_and_stays),
		TEST(a_tar_that_fails_leaves_nothing_beside_it),
		TEST(building_again_replaces_the_name),
		TEST(the_manifest_tells_type_and_size_of_all),
		TEST(docker_load_finds_its_manifest_and_dockers_media_types),
		TEST(an_archive_for_docker_without_a_name_has_no_tags),
		TEST(outputs_of_one_build_share_layers_and_config_whatever_they_call_them),
		TEST(cacheonly_tells_the_digest_and_keeps_nothing),
		TEST(an_output_may_bring_names_of_its_own),
		TEST(annotations_are_in_the_manifest_and_over_them_the_outputs_own),
		TEST(an_annotation_without_a_document_is_told_before_anything_is_built),
		TEST(layers_can_stay_uncompressed),
		TEST(layers_can_be_zstd),
		TEST(a_compression_that_cannot_be_is_told_before_anything_is_built),
		TEST(only_one_output_can_have_standard_output),
		TEST(a_tar_of_files_is_all_that_the_stages_show_at_one_time),
		TEST(equal_files_are_equal_tars),
		TEST(a_directory_gets_the_files_and_keeps_its_own),
		TEST(a_file_where_a_directory_is_to_be_is_told_before_anything_is_built),
		TEST(a_layout_of_several_platforms_names_their_index_once),
		TEST(annotations_go_to_the_index_and_to_the_platform_they_name),
		TEST(what_several_platforms_cannot_be_is_told_at_once),
		TEST(files_of_several_platforms_are_in_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
