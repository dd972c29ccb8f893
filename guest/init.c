/*
 * The first and only program of the guest kernel that scripts/guest-kernel builds. It says what the
 * kernel has found, runs the drivers' self-tests as often as the boot argument rounds=N says, sends
 * frames between its network interfaces if frames=N says so, and resets the machine, which ends a QEMU that was started with -no-reboot.
 *
 * A line for a test to read begins with "guest: ". There is no C library, so that one 32-bit binary
 * serves 32-bit and 64-bit kernels and no further package is needed. System calls: Linux 6.1,
 * arch/powerpc/kernel/syscalls/syscall.tbl; how they are made:
 * Documentation/powerpc/syscall64-abi.rst.
 */

enum {
	sys_read = 3,
	sys_write = 4,
	sys_open = 5,
	sys_close = 6,
	sys_mount = 21,
	sys_ioctl = 54,
	sys_poll = 167,
	sys_reboot = 88,
	sys_syslog = 103,
	sys_delete_module = 129,
	sys_getdents64 = 202,
	sys_clock_gettime = 246,
	sys_socket = 326,
	sys_bind = 327,
	sys_send = 334,
	sys_recv = 336,
	sys_finit_module = 353,
};

enum { o_rdonly = 0, o_wronly = 1, o_directory = 040000 };

static long call(long number, long a, long b, long c, long d, long e)
{
	register long r0 __asm__("r0") = number;
	register long r3 __asm__("r3") = a;
	register long r4 __asm__("r4") = b;
	register long r5 __asm__("r5") = c;
	register long r6 __asm__("r6") = d;
	register long r7 __asm__("r7") = e;

	/* The summary-overflow bit says that r3 is an error number. */
	__asm__ volatile("sc\n\tbns+ 1f\n\tneg 3,3\n1:"
			 : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7)
			 :
			 : "cr0", "ctr", "memory", "r8", "r9", "r10", "r11", "r12");
	return r3;
}

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

static unsigned long length(const char *text)
{
	unsigned long count = 0;

	while (text[count])
		count++;
	return count;
}

/* Where `part` begins in `text`, or null. */
static const char *find(const char *text, const char *part)
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

static void append(char *to, unsigned long size, const char *text)
{
	unsigned long used = length(to);

	while (*text && used + 1 < size)
		to[used++] = *text++;
	to[used] = 0;
}

static int console = -1;

static void print(const char *text)
{
	call(sys_write, console, (long)text, length(text), 0, 0);
}

static void print_number(unsigned long number)
{
	char digits[12] = "";
	int i = sizeof(digits) - 1;

	do
		digits[--i] = '0' + number % 10;
	while (number /= 10);
	print(digits + i);
}

/* Reads a file of at most `size - 1` bytes; its length, or an error. */
static long read_file(const char *path, char *to, unsigned long size)
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
static unsigned long argument(const char *name)
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

/*
 * Network interfaces: the kernel's drivers of FMan make them, as modules that are loaded when the boot
 * argument frames=N says so; N frames are then sent from eth0 to eth1 and as many back.
 * Structures and numbers: Linux 6.1, include/uapi/linux/if.h, if_packet.h, if_ether.h and sockios.h.
 */

enum { af_inet = 2, af_packet = 17, sock_dgram = 2, sock_raw = 3, eth_p_test = 0x88b5 };
enum { siocsifflags = 0x8914, siocgifhwaddr = 0x8927, siocgifindex = 0x8933, siocgifflags = 0x8913 };
enum { iff_up = 1, iff_running = 0x40, pollin = 1 };

struct request {
	char name[16];
	union {
		short flags;
		int index;
		struct {
			unsigned short family;
			unsigned char address[14];
		} hardware;
		char room[24];
	};
};

struct link_address {
	unsigned short family, protocol;
	int index;
	unsigned short type;
	unsigned char packet, size, address[8];
};

struct interface {
	const char *name;
	int socket;
	unsigned char address[6];
};

static void say(const char *what, const char *which, long result)
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

static void load(const char *name)
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

static unsigned long milliseconds(void)
{
	long now[2] = {0, 0};

	/* CLOCK_MONOTONIC */
	call(sys_clock_gettime, 1, (long)now, 0, 0, 0);
	return (unsigned long)now[0] * 1000 + now[1] / 1000000;
}

static void name(struct request *request, const char *interface)
{
	memset(request, 0, sizeof(*request));
	append(request->name, sizeof(request->name), interface);
}

/* Brings an interface up, waits until it runs, and opens it for raw frames; 0, or an error. */
static long open_interface(struct interface *interface)
{
	struct request request;
	struct link_address address = {.family = af_packet, .protocol = eth_p_test};
	long control = call(sys_socket, af_inet, sock_dgram, 0, 0, 0), result;

	if (control < 0)
		return control;
	name(&request, interface->name);
	result = call(sys_ioctl, control, siocgifhwaddr, (long)&request, 0, 0);
	memcpy(interface->address, request.hardware.address, 6);
	if (result >= 0) {
		name(&request, interface->name);
		request.flags = iff_up;
		result = call(sys_ioctl, control, siocsifflags, (long)&request, 0, 0);
	}
	for (unsigned long start = milliseconds(); result >= 0 && milliseconds() - start < 20000;) {
		name(&request, interface->name);
		call(sys_ioctl, control, siocgifflags, (long)&request, 0, 0);
		if (request.flags & iff_running)
			break;
		call(sys_poll, 0, 0, 10, 0, 0);
	}
	if (result >= 0) {
		name(&request, interface->name);
		result = call(sys_ioctl, control, siocgifindex, (long)&request, 0, 0);
		address.index = request.index;
	}
	call(sys_close, control, 0, 0, 0, 0);
	if (result < 0)
		return result;
	interface->socket = call(sys_socket, af_packet, sock_raw, eth_p_test, 0, 0);
	if (interface->socket < 0)
		return interface->socket;
	return call(sys_bind, interface->socket, (long)&address, sizeof(address), 0, 0);
}

static unsigned char sent[1514], got[2048];

/* Waits for a frame; its length, or 0 when none comes. */
static long take(struct interface *interface, unsigned long patience)
{
	struct {
		int file;
		short events, found;
	} wish = {interface->socket, pollin, 0};

	if (call(sys_poll, (long)&wish, 1, patience, 0, 0) <= 0)
		return 0;
	return call(sys_recv, interface->socket, (long)got, sizeof(got), 0, 0);
}

/* Sends frames one at a time, of every length in turn, and compares each with what arrives. */
static void exchange(struct interface *from, struct interface *to, unsigned long count)
{
	unsigned long exact = 0;

	for (unsigned long number = 0; number < count; number++) {
		long size = 60 + number * 37 % 1455, arrived;

		memcpy(sent, to->address, 6);
		memcpy(sent + 6, from->address, 6);
		sent[12] = eth_p_test >> 8;
		sent[13] = eth_p_test & 0xff;
		for (long i = 14; i < size; i++)
			sent[i] = (unsigned char)(number * 131 + i * 7 + (i >> 8));
		if (call(sys_send, from->socket, (long)sent, size, 0, 0) != size)
			continue;
		arrived = take(to, 2000);
		int same = arrived == size;

		for (long i = 0; same && i < size; i++)
			same = sent[i] == got[i];
		exact += same;
	}
	print("guest: frames ");
	print(from->name);
	print(" to ");
	print(to->name);
	print(" ");
	print_number(exact);
	print(" of ");
	print_number(count);
	print(" exact\n");
}

static void run_frames(unsigned long count)
{
	static struct interface both[2] = {{.name = "eth0"}, {.name = "eth1"}};
	int are_open = 1;

	load("fsl_dpaa_fman");
	load("fsl_dpaa_fman_port");
	load("fsl_dpaa_mac");
	load("fsl_dpa");
	for (int i = 0; i < 2; i++) {
		long result = open_interface(&both[i]);

		say("interface", both[i].name, result);
		are_open &= result >= 0;
	}
	if (!are_open)
		return;
	exchange(&both[0], &both[1], count);
	exchange(&both[1], &both[0], count);
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
	unsigned long count = argument("rounds="), frames = argument("frames=");

	if (frames)
		run_frames(frames);
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
