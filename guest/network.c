/*
 * What the guest kernel's init does with network interfaces, which the kernel's drivers of FMan make;
 * boot arguments say what:
 *
 *   frames=N        N frames go from eth0 to eth1 and as many back, and each byte is compared
 *   network=1       the drivers are loaded and the following is done
 *   address1=A      eth1 has this IPv4 address in a network of 256 (and so eth0 to eth3)
 *   ping1=A         that address is pinged through it, as soon as it answers,
 *   pings=N         N times
 *   sink0=N         eth0 waits for N frames for anybody, and says how many have come a second later
 *   stay=1          the first address is pinged on, a hundred times in a round, until somebody ends the
 *                   machine
 *
 * Structures and numbers: Linux 6.1, include/uapi/linux/if.h, if_packet.h, if_ether.h, in.h, icmp.h
 * and sockios.h.
 */

#include "guest.h"

void *memcpy(void *to, const void *from, unsigned long size);
void *memset(void *to, int byte, unsigned long size);

enum { af_inet = 2, af_packet = 17, sock_dgram = 2, sock_raw = 3, eth_p_test = 0x88b5 };
enum {
	siocgifflags = 0x8913,
	siocsifflags = 0x8914,
	siocsifaddr = 0x8916,
	siocsifnetmask = 0x891c,
	siocgifhwaddr = 0x8927,
	siocgifindex = 0x8933,
};
enum { iff_up = 1, iff_running = 0x40, iff_promisc = 0x100, pollin = 1 };

struct request {
	char name[16];
	union {
		short flags;
		int index;
		struct {
			unsigned short family;
			unsigned char address[14];
		} hardware;
		struct internet {
			unsigned short family, port;
			unsigned address;
			char room[8];
		} internet;
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

/* Brings an interface up and waits until it runs; 0, or an error. */
static long bring_up(const char *interface, short flags)
{
	struct request request;
	long control = call(sys_socket, af_inet, sock_dgram, 0, 0, 0), result;

	if (control < 0)
		return control;
	name(&request, interface);
	request.flags = iff_up | flags;
	result = call(sys_ioctl, control, siocsifflags, (long)&request, 0, 0);
	for (unsigned long start = milliseconds(); result >= 0 && milliseconds() - start < 20000;) {
		name(&request, interface);
		call(sys_ioctl, control, siocgifflags, (long)&request, 0, 0);
		if (request.flags & iff_running)
			break;
		call(sys_poll, 0, 0, 10, 0, 0);
	}
	call(sys_close, control, 0, 0, 0, 0);
	return result < 0 ? result : 0;
}

/* Opens an interface for raw frames; 0, or an error. */
static long open_interface(struct interface *interface)
{
	struct request request;
	struct link_address address = {.family = af_packet, .protocol = eth_p_test};
	long result = bring_up(interface->name, 0);

	if (result < 0)
		return result;
	interface->socket = call(sys_socket, af_packet, sock_raw, eth_p_test, 0, 0);
	if (interface->socket < 0)
		return interface->socket;
	name(&request, interface->name);
	call(sys_ioctl, interface->socket, siocgifhwaddr, (long)&request, 0, 0);
	memcpy(interface->address, request.hardware.address, 6);
	name(&request, interface->name);
	call(sys_ioctl, interface->socket, siocgifindex, (long)&request, 0, 0);
	address.index = request.index;
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

/* Gives an interface an address; 0, or an error. */
static long set_address(const char *interface, unsigned address)
{
	struct request request;
	long control = call(sys_socket, af_inet, sock_dgram, 0, 0, 0), result;

	if (control < 0)
		return control;
	name(&request, interface);
	request.internet.family = af_inet;
	request.internet.address = address;
	result = call(sys_ioctl, control, siocsifaddr, (long)&request, 0, 0);
	if (result >= 0) {
		name(&request, interface);
		request.internet.family = af_inet;
		request.internet.address = 0xffffff00;
		result = call(sys_ioctl, control, siocsifnetmask, (long)&request, 0, 0);
	}
	call(sys_close, control, 0, 0, 0, 0);
	return result;
}

struct echo {
	unsigned char type, code;
	unsigned short checksum, identity, sequence;
	unsigned char data[56];
};

/* Sends an echo request and waits for its answer; whether it came whole. */
static int ping(long file, unsigned target, unsigned short sequence)
{
	struct internet to = {.family = af_inet, .address = target};
	struct echo echo = {.type = 8, .identity = 0x6470, .sequence = sequence};
	unsigned sum = 0;

	for (unsigned i = 0; i < sizeof(echo.data); i++)
		echo.data[i] = (unsigned char)(sequence + i);
	for (unsigned i = 0; i < sizeof(echo) / 2; i++)
		sum += ((unsigned short *)&echo)[i];
	sum = (sum & 0xffff) + (sum >> 16);
	echo.checksum = (unsigned short)~(sum + (sum >> 16));
	if (call6(sys_sendto, file, (long)&echo, sizeof(echo), 0, (long)&to, sizeof(to)) < 0)
		return 0;
	/* An emulated machine on a busy one may stand still for a while. */
	for (unsigned long start = milliseconds(); milliseconds() - start < 10000;) {
		struct {
			int file;
			short events, found;
		} wish = {(int)file, pollin, 0};

		if (call(sys_poll, (long)&wish, 1, 10000, 0, 0) <= 0)
			return 0;
		long size = call(sys_recv, file, (long)got, sizeof(got), 0, 0);
		long header = (got[0] & 0xf) * 4;
		struct echo *answer = (struct echo *)(got + header);

		if (size != header + (long)sizeof(echo) || answer->type != 0 ||
		    answer->identity != echo.identity || answer->sequence != sequence)
			continue;
		for (unsigned i = 0; i < sizeof(echo.data); i++)
			if (answer->data[i] != echo.data[i])
				return 0;
		return 1;
	}
	return 0;
}

static const char *const names[] = {"eth0", "eth1", "eth2", "eth3"};

static void run_pings(const char *what, int number, unsigned target, unsigned long count)
{
	/* IPPROTO_ICMP */
	long file = call(sys_socket, af_inet, sock_raw, 1, 0, 0);
	unsigned long answered = 0;

	/* The other side may not be up yet. */
	for (int patience = 0; patience < 12 && !ping(file, target, 0xffff); patience++)
		call(sys_poll, 0, 0, 200, 0, 0);
	for (unsigned long i = 0; i < count; i++)
		answered += ping(file, target, (unsigned short)i);
	call(sys_close, file, 0, 0, 0, 0);
	print("guest: ");
	print(what);
	print(" ");
	print(names[number]);
	print(" ");
	print_number(answered);
	print(" of ");
	print_number(count);
	print("\n");
}

/* Opens an interface for all that comes, with room for thousands of frames; a socket, or an error. */
static long open_sink(const char *interface)
{
	struct request request;
	/* ETH_P_ALL */
	struct link_address address = {.family = af_packet, .protocol = 3};
	int room = 32 << 20;
	long file = call(sys_socket, af_packet, sock_raw, 3, 0, 0), result;

	if (file < 0)
		return file;
	/* SOL_SOCKET, SO_RCVBUFFORCE: include/uapi/asm-generic/socket.h */
	call(sys_setsockopt, file, 1, 33, (long)&room, sizeof(room));
	name(&request, interface);
	call(sys_ioctl, file, siocgifindex, (long)&request, 0, 0);
	address.index = request.index;
	result = call(sys_bind, file, (long)&address, sizeof(address), 0, 0);
	/* MSG_DONTWAIT: takes the error off that the interface is not up yet. */
	call(sys_recv, file, (long)got, sizeof(got), 0x40, 0);
	return result < 0 ? result : file;
}

static void run_sink(struct interface *interface, unsigned long count)
{
	unsigned long received = 0;

	/* Behind the last one a second passes: is there one too many? */
	while (take(interface, received < count ? 120000 : 1000) > 0)
		received++;
	print("guest: received ");
	print(interface->name);
	print(" ");
	print_number(received);
	print("\n");
}

/* The boot argument `what` of an interface. */
static const char *about(const char *what, int number)
{
	static char key[16];
	char digit[2] = {(char)('0' + number), 0};

	key[0] = 0;
	append(key, sizeof(key), what);
	append(key, sizeof(key), digit);
	append(key, sizeof(key), "=");
	return key;
}

static void run_addresses(void)
{
	unsigned long count = argument("pings=");
	unsigned targets[4];
	struct interface sinks[4];
	int stays = argument("stay=") != 0;

	for (int i = 0; i < 4; i++) {
		unsigned address = argument_address(about("address", i));
		unsigned long frames = argument(about("sink", i));

		targets[i] = argument_address(about("ping", i));
		if (!address && !frames)
			continue;
		long result = address ? set_address(names[i], address) : 0;

		sinks[i].name = names[i];
		if (frames)
			result = sinks[i].socket = open_sink(names[i]);

		if (result >= 0)
			result = bring_up(names[i], frames ? iff_promisc : 0);
		say("interface", names[i], result);
	}
	for (int i = 0; i < 4; i++)
		if (targets[i])
			run_pings("pings", i, targets[i], count);
	for (int i = 0; i < 4; i++) {
		unsigned long frames = argument(about("sink", i));

		if (frames)
			run_sink(&sinks[i], frames);
	}
	if (stays)
		print("guest: stays\n");
	for (int i = 0; stays && i < 4; i++)
		while (targets[i])
			run_pings("still", i, targets[i], 100);
}

void run_network(void)
{
	unsigned long frames = argument("frames=");

	if (!frames && !argument("network="))
		return;
	load("fsl_dpaa_fman");
	load("fsl_dpaa_fman_port");
	load("fsl_dpaa_mac");
	load("fsl_dpa");
	if (frames)
		run_frames(frames);
	else
		run_addresses();
}
