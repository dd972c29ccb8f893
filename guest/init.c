/*
 * The first and only program of the guest kernel that scripts/guest-kernel builds. It says what the
 * kernel has found, runs the drivers' self-tests as often as the boot argument rounds=N says, uses
 * its network interfaces as network.c says, and resets the machine, which ends a QEMU that was started with -no-reboot.
 *
 * A line for a test to read begins with "guest: ". There is no C library, so that one 32-bit binary
 * serves 32-bit and 64-bit kernels and no further package is needed.
 */

#include "guest.h"

/* The compiler may call these by itself. */
void *memcpy(void *to, const void *from, unsigned long size)
{
	for (unsigned long i = 0; i < size; i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
	return to;
}

void *memset(void *to, int byte, unsigned long size)
{
	for (unsigned long i = 0; i < size; i++)
		((volatile char *)to)[i] = byte;
	return to;
}

unsigned long length(const char *text)
{
	unsigned long count = 0;

	while (text[count])
		count++;
	return count;
}

/* Where `part` begins in `text`, or null. */
const char *find(const char *text, const char *part)
{
	for (; *text; text++) {
		unsigned long i = 0;

		while (part[i] && text[i] == part[i])
			i++;
		if (!part[i])
			return text;
	}
	return 0;
}

void append(char *to, unsigned long size, const char *text)
{
	unsigned long used = length(to);

	while (*text && used + 1 < size)
		to[used++] = *text++;
	to[used] = 0;
}

static int console = -1;

void print(const char *text)
{
	call(sys_write, console, (long)text, length(text), 0, 0);
}

void print_number(unsigned long number)
{
	char digits[12] = "";
	int i = sizeof(digits) - 1;

	do
		digits[--i] = '0' + number % 10;
	while (number /= 10);
	print(digits + i);
}

/* Reads a file of at most `size - 1` bytes; its length, or an error. */
long read_file(const char *path, char *to, unsigned long size)
{
	long file = call(sys_open, (long)path, o_rdonly, 0, 0, 0), used = 0, count;

	if (file < 0)
		return file;
	while ((count = call(sys_read, file, (long)(to + used), size - 1 - used, 0, 0)) > 0)
		used += count;
	to[used] = 0;
	call(sys_close, file, 0, 0, 0, 0);
	return used;
}

static char text[1 << 17];

/* Cuts the next line off; null at the end. */
static char *take_line(char **next)
{
	char *line = *next, *end = line;

	if (!*line)
		return 0;
	while (*end && *end != '\n')
		end++;
	*next = *end ? end + 1 : end;
	*end = 0;
	return line;
}

/* Prints, behind `title`, each line of a file that holds `part`; of it all, or what follows `part`. */
static void print_lines(const char *title, const char *path, const char *part, int skipped)
{
	char *line, *next = text;

	if (read_file(path, text, sizeof(text)) < 0)
		return;
	while ((line = take_line(&next))) {
		const char *place = find(line, part);

		if (!place)
			continue;
		print("guest: ");
		print(title);
		print(" ");
		print(skipped ? place + length(part) : line);
		print("\n");
	}
}

/*
 * Prints the platform device `name` if it is a software portal: block, translated address, index,
 * interrupt as the tree has it, and whether a driver has taken it.
 */
static void print_portal(const char *name)
{
	char directory[256] = "/sys/bus/platform/devices/", path[300];
	unsigned char cell[64];
	const char *block;

	append(directory, sizeof(directory), name);
	path[0] = 0;
	append(path, sizeof(path), directory);
	append(path, sizeof(path), "/uevent");
	if (read_file(path, text, sizeof(text)) < 0)
		return;
	if (find(text, "=fsl,qman-portal\n"))
		block = "qman";
	else if (find(text, "=fsl,bman-portal\n"))
		block = "bman";
	else
		return;
	int taken = find(text, "DRIVER=") != 0;

	print("guest: portal ");
	print(block);
	print(" ");
	print(name);
	const char *properties[] = {"cell-index", "interrupts"};

	for (int i = 0; i < 2; i++) {
		path[0] = 0;
		append(path, sizeof(path), directory);
		append(path, sizeof(path), "/of_node/");
		append(path, sizeof(path), properties[i]);
		if (read_file(path, (char *)cell, sizeof(cell)) >= 4) {
			print(i ? " interrupt " : " index ");
			print_number((unsigned long)cell[0] << 24 | cell[1] << 16 | cell[2] << 8 | cell[3]);
		}
	}
	print(taken ? " driven\n" : " idle\n");
}

struct entry {
	unsigned long long inode;
	long long offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

static void print_portals(void)
{
	static char entries[8192] __attribute__((aligned(8)));
	long directory = call(sys_open, (long)"/sys/bus/platform/devices", o_directory, 0, 0, 0);
	long count;

	if (directory < 0)
		return;
	while ((count = call(sys_getdents64, directory, (long)entries, sizeof(entries), 0, 0)) > 0)
		for (long at = 0; at < count;) {
			struct entry *entry = (struct entry *)(entries + at);

			if (entry->name[0] != '.')
				print_portal(entry->name);
			at += entry->size;
		}
	call(sys_close, directory, 0, 0, 0, 0);
}

/* Prints what the kernel has logged as a warning or worse: printk's levels 0 to 4. */
static void print_complaints(void)
{
	long size = call(sys_syslog, 3, (long)text, sizeof(text) - 1, 0, 0);
	char *line, *next = text;

	if (size < 0)
		return;
	text[size] = 0;
	while ((line = take_line(&next)))
		if (line[0] == '<' && line[1] <= '4' && line[2] == '>') {
			print("guest: complaint ");
			print(line + 3);
			print("\n");
		}
}

/* Loads a module, which runs its test, and removes it again. */
static void run_test(const char *name, unsigned long round)
{
	char path[64] = "/";

	append(path, sizeof(path), name);
	append(path, sizeof(path), ".ko");
	long file = call(sys_open, (long)path, o_rdonly, 0, 0, 0);
	long result = file < 0 ? file : call(sys_finit_module, file, (long)"", 0, 0, 0);

	if (file >= 0)
		call(sys_close, file, 0, 0, 0, 0);
	print("guest: round ");
	print_number(round);
	print(" ");
	print(name);
	if (result < 0) {
		print(" failed with error ");
		print_number(-result);
		print("\n");
		return;
	}
	print(" passed\n");
	call(sys_delete_module, (long)name, 0, 0, 0, 0);
}

/* The number behind `name` among the boot arguments; 0 if it is not there. */
unsigned long argument(const char *name)
{
	unsigned long number = 0;

	if (read_file("/proc/cmdline", text, sizeof(text)) < 0)
		return 0;
	const char *digits = find(text, name);

	if (!digits)
		return 0;
	for (digits += length(name); *digits >= '0' && *digits <= '9'; digits++)
		number = number * 10 + (*digits - '0');
	return number;
}

unsigned argument_address(const char *name)
{
	unsigned address = 0, part = 0;

	if (read_file("/proc/cmdline", text, sizeof(text)) < 0)
		return 0;
	const char *next = find(text, name);

	if (!next)
		return 0;
	for (next += length(name); (*next >= '0' && *next <= '9') || *next == '.'; next++)
		if (*next == '.') {
			address = address << 8 | part;
			part = 0;
		} else {
			part = part * 10 + (*next - '0');
		}
	return address << 8 | part;
}

void say(const char *what, const char *which, long result)
{
	print("guest: ");
	print(what);
	print(" ");
	print(which);
	if (result < 0) {
		print(" failed with error ");
		print_number(-result);
	}
	print("\n");
}

void load(const char *name)
{
	char path[64] = "/";

	append(path, sizeof(path), name);
	append(path, sizeof(path), ".ko");
	long file = call(sys_open, (long)path, o_rdonly, 0, 0, 0);
	long result = file < 0 ? file : call(sys_finit_module, file, (long)"", 0, 0, 0);

	if (file >= 0)
		call(sys_close, file, 0, 0, 0, 0);
	say("module", name, result);
}

void _start(void)
{
	call(sys_mount, (long)"proc", (long)"/proc", (long)"proc", 0, 0);
	call(sys_mount, (long)"sysfs", (long)"/sys", (long)"sysfs", 0, 0);
	console = call(sys_open, (long)"/dev/console", o_wronly, 0, 0, 0);
	print("\nguest: init\n");
	print_lines("model", "/proc/device-tree/model", "", 0);
	print_lines("online", "/sys/devices/system/cpu/online", "", 0);
	print_lines("core", "/proc/cpuinfo", "cpu\t\t: ", 1);
	print_lines("memory", "/proc/iomem", "System RAM", 0);
	print_portals();
	unsigned long count = argument("rounds=");

	run_network();
	for (unsigned long round = 1; round <= count; round++) {
		run_test("bman_test", round);
		run_test("qman_test", round);
	}
	print_complaints();
	print("guest: end\n");
	/* TCSBRK waits until all is out: arch/powerpc/include/uapi/asm/ioctls.h. */
	call(sys_ioctl, console, 0x2000741d, 1, 0, 0);
	/* The two magic numbers and LINUX_REBOOT_CMD_RESTART: include/uapi/linux/reboot.h. */
	call(sys_reboot, 0xfee1dead, 672274793, 0x01234567, 0, 0);
	for (;;)
		;
}
