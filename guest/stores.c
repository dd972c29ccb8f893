/*
 * A TCG plugin of QEMU that makes a guest's stores to its portals synchronous: each is posted in the
 * doorbell page of `dpaac attach`, and the virtual CPU waits until the engine has seen it.
 *
 *   -plugin stores.so,doorbell=FILE,base=0x20000000,size=0x800000
 *
 * The guest's RAM is a file that the engine maps, so loads need no help. Stores do: drivers expect
 * that a portal has taken note of one before the next is made (two quick writes to DCAP, a
 * write-one-to-clear of the value that stands there already, a ring of seven that is full).
 *
 * Debian ships no header for plugins. What is declared here is the part used of the interface's
 * version 1, which docs/devel/tcg-plugins.rst of QEMU 7.2 describes.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef uint64_t plugin_id;
typedef uint32_t access_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
enum { callback_reads_no_registers = 0 };
enum { callback_on_writes = 2 };

typedef void (*translation_callback)(plugin_id, struct qemu_plugin_tb *);
typedef void (*access_callback)(unsigned cpu, access_info, uint64_t address, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, translation_callback);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
void qemu_plugin_register_vcpu_mem_cb(
	struct qemu_plugin_insn *, access_callback, int flags, int kinds, void *data);
unsigned qemu_plugin_mem_size_shift(access_info);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(access_info, uint64_t address);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *);

/* What QEMU looks for in a plugin. */
__attribute__((visibility("default"))) int qemu_plugin_version = 1;

/* The doorbell page; numbers are little-endian, as the machines are on which this runs. */
struct doorbell {
	_Alignas(64) uint64_t posted;       /* written last */
	_Alignas(64) uint64_t acknowledged; /* written by the engine */
	_Alignas(64) uint64_t address;      /* guest-physical */
	uint32_t size;
	uint32_t cpu;
	uint32_t ready; /* the engine serves; nobody waits before */
	/* Where nothing follows from stores, so that they need not be posted. */
	uint32_t quiet_count;
	_Alignas(256) struct {
		uint64_t first, size;
	} quiet[16];
};

_Static_assert(offsetof(struct doorbell, acknowledged) == 64, "layout");
_Static_assert(offsetof(struct doorbell, address) == 128, "layout");
_Static_assert(offsetof(struct doorbell, size) == 136, "layout");
_Static_assert(offsetof(struct doorbell, cpu) == 140, "layout");
_Static_assert(offsetof(struct doorbell, ready) == 144, "layout");
_Static_assert(offsetof(struct doorbell, quiet_count) == 148, "layout");
_Static_assert(offsetof(struct doorbell, quiet) == 256, "layout");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the page is little-endian");

static struct doorbell *doorbell;
static uint64_t window_base, window_size;
/* One mailbox for all virtual CPUs. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void post(uint64_t address, uint32_t size, uint32_t cpu)
{
	pthread_mutex_lock(&turn);
	if (__atomic_load_n(&doorbell->ready, __ATOMIC_ACQUIRE)) {
		uint64_t number = doorbell->posted + 1;

		doorbell->address = address;
		doorbell->size = size;
		doorbell->cpu = cpu;
		/* The store itself was made before this call; this makes it visible first. */
		__atomic_store_n(&doorbell->posted, number, __ATOMIC_SEQ_CST);
		/* The engine may share this core, or end: then it takes `ready` away. */
		for (unsigned spins = 1;
		     __atomic_load_n(&doorbell->acknowledged, __ATOMIC_ACQUIRE) != number &&
		     __atomic_load_n(&doorbell->ready, __ATOMIC_ACQUIRE);
		     spins++)
			if (spins % 256 == 0)
				sched_yield();
	}
	pthread_mutex_unlock(&turn);
}

static bool is_quiet(uint64_t address)
{
	uint32_t count = doorbell->quiet_count;

	for (uint32_t i = 0; i < count && i < 16; i++)
		if (address - doorbell->quiet[i].first < doorbell->quiet[i].size)
			return true;
	return false;
}

static void stored(unsigned cpu, access_info info, uint64_t address, void *data)
{
	struct qemu_plugin_hwaddr *place = qemu_plugin_get_hwaddr(info, address);

	(void)data;
	if (!place || qemu_plugin_hwaddr_is_io(place))
		return;
	uint64_t physical = qemu_plugin_hwaddr_phys_addr(place);

	if (physical - window_base < window_size && !is_quiet(physical))
		post(physical, 1u << qemu_plugin_mem_size_shift(info), cpu);
}

static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++)
		qemu_plugin_register_vcpu_mem_cb(
			qemu_plugin_tb_get_insn(block, i), stored, callback_reads_no_registers,
			callback_on_writes, NULL);
}

static bool refuse(const char *what, const char *why)
{
	fprintf(stderr, "stores: %s: %s\n", what, why);
	return false;
}

static bool map(const char *path)
{
	int file = open(path, O_RDWR | O_CLOEXEC);
	struct stat status;

	if (file < 0 || fstat(file, &status) != 0)
		return refuse(path, "cannot be opened");
	if (status.st_size < (off_t)sizeof(*doorbell))
		return refuse(path, "is shorter than the doorbell page");
	void *page = mmap(NULL, sizeof(*doorbell), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	close(file);
	if (page == MAP_FAILED)
		return refuse(path, "cannot be mapped");
	doorbell = page;
	return true;
}

static bool number(const char *text, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 0);
	return *text && !*end;
}

__attribute__((visibility("default"))) int
qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			return refuse(argv[i], "has no value"), -1;
		*value++ = 0;
		if (!strcmp(argv[i], "doorbell")) {
			if (!map(value))
				return -1;
		} else if (!strcmp(argv[i], "base")) {
			if (!number(value, &window_base))
				return refuse(value, "is no number"), -1;
		} else if (!strcmp(argv[i], "size")) {
			if (!number(value, &window_size))
				return refuse(value, "is no number"), -1;
		} else
			return refuse(argv[i], "is unknown; known are doorbell, base and size"), -1;
	}
	if (!doorbell || !window_size)
		return refuse("arguments", "doorbell, base and size are needed"), -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
