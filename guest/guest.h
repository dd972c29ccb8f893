/*
 * What the files of the guest kernel's init share. System calls: Linux 6.1,
 * arch/powerpc/kernel/syscalls/syscall.tbl; how they are made:
 * Documentation/powerpc/syscall64-abi.rst.
 */
#pragma once

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
	sys_sendto = 335,
	sys_recv = 336,
	sys_setsockopt = 339,
	sys_finit_module = 353,
};

enum { o_rdonly = 0, o_wronly = 1, o_directory = 040000 };

static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r0 __asm__("r0") = number;
	register long r3 __asm__("r3") = a;
	register long r4 __asm__("r4") = b;
	register long r5 __asm__("r5") = c;
	register long r6 __asm__("r6") = d;
	register long r7 __asm__("r7") = e;
	register long r8 __asm__("r8") = f;

	/* The summary-overflow bit says that r3 is an error number. */
	__asm__ volatile("sc\n\tbns+ 1f\n\tneg 3,3\n1:"
			 : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8)
			 :
			 : "cr0", "ctr", "memory", "r9", "r10", "r11", "r12");
	return r3;
}

static inline long call(long number, long a, long b, long c, long d, long e)
{
	return call6(number, a, b, c, d, e, 0);
}

unsigned long length(const char *text);
/* Where `part` begins in `text`, or null. */
const char *find(const char *text, const char *part);
void append(char *to, unsigned long size, const char *text);
void print(const char *text);
void print_number(unsigned long number);
/* Prints what was done to which, and why it failed if `result` is an error. */
void say(const char *what, const char *which, long result);
/* Reads a file of at most `size - 1` bytes; its length, or an error. */
long read_file(const char *path, char *to, unsigned long size);
/* The number behind `name` among the boot arguments; 0 if it is not there. */
unsigned long argument(const char *name);
/* The IPv4 address behind `name` among the boot arguments; 0 if it is not there. */
unsigned argument_address(const char *name);
/* Loads a module and tells. */
void load(const char *name);

/* network.c */
void run_network(void);
