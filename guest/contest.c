/*
 * What a virtual machine with a virtio network interface runs when `dpaac bench` measures it: loads the
 * interface's modules, and then takes, sends and returns frames through packet sockets as a page tells it that
 * is shared with the host. The page has the words of Sources/Portal/Programs/Traffic/TrafficOrder.swift.
 * scripts/contest-image puts it, as the first program, beside the modules.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TASK_TAKE, TASK_SEND, TASK_ECHO };
enum { WORD_TASK = 0, WORD_SIZE = 1, WORD_STATION = 2, WORD_SLEEPS = 3, WORD_TURN = 4 };
enum { WORD_TAKEN = 16, WORD_SENT = 17, WORD_RECEIVED = 18 };
enum { BURST = 64, SLOT = 2048, SLOTS = 2048, BLOCK = 1 << 16 };

static const int mixture[] = {60, 60, 590, 60, 60, 590, 60, 1514, 590, 60, 590, 60};

static _Atomic uint64_t *page;

static void die(const char *what)
{
	perror(what);
	fflush(stderr);
	reboot(RB_POWER_OFF);
	_exit(1);
}

/* Their names begin with a number: one needs the other. */
static void load_modules(void)
{
	struct dirent **entries;
	char path[512];
	int count = scandir("/modules", &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/modules/%s", entries[i]->d_name);
		int file = open(path, O_RDONLY | O_CLOEXEC);
		if (file < 0 || syscall(SYS_finit_module, file, "", 0) != 0)
			perror(path);
		close(file);
	}
}

/* The page is the memory of QEMU's ivshmem device: vendor 0x1af4, device 0x1110. */
static void find_page(void)
{
	const char *top = "/sys/bus/pci/devices";
	DIR *devices = opendir(top);
	struct dirent *entry;
	char path[512], text[16];

	while (devices && (entry = readdir(devices))) {
		snprintf(path, sizeof path, "%s/%s/device", top, entry->d_name);
		int file = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t count = file < 0 ? -1 : read(file, text, sizeof text - 1);
		close(file);
		if (count < 6 || strncmp(text, "0x1110", 6) != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s/resource2", top, entry->d_name);
		file = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
		void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		if (file >= 0 && memory != MAP_FAILED)
			page = memory;
	}
	if (!page)
		die("no shared page");
}

static int interface_index(int descriptor, uint8_t *address)
{
	struct ifreq request = {.ifr_name = "eth0"};

	for (int tries = 0; ioctl(descriptor, SIOCGIFINDEX, &request) != 0; tries++) {
		if (tries == 1000)
			die("eth0");
		usleep(10000);
	}
	int index = request.ifr_ifindex;
	if (ioctl(descriptor, SIOCGIFHWADDR, &request) != 0)
		die("eth0's address");
	memcpy(address, request.ifr_hwaddr.sa_data, 6);
	request.ifr_flags = IFF_UP | IFF_PROMISC;
	if (ioctl(descriptor, SIOCSIFFLAGS, &request) != 0)
		die("eth0 does not come up");
	return index;
}

static uint8_t *ring;
static int next_slot;

static struct tpacket2_hdr *slot(int number)
{
	return (struct tpacket2_hdr *)(ring + (size_t)number * SLOT);
}

/* A socket whose frames the kernel puts into memory that we see (linux/if_packet.h, TPACKET_V2). */
static int open_receiver(int index)
{
	int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int version = TPACKET_V2, yes = 1;
	struct tpacket_req shape = {
		.tp_block_size = BLOCK, .tp_block_nr = SLOTS * SLOT / BLOCK,
		.tp_frame_size = SLOT, .tp_frame_nr = SLOTS};
	struct sockaddr_ll place = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};

	if (setsockopt(descriptor, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0 ||
	    setsockopt(descriptor, SOL_PACKET, PACKET_RX_RING, &shape, sizeof shape) != 0)
		die("no ring");
	setsockopt(descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes);
	ring = mmap(NULL, (size_t)SLOTS * SLOT, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	if (ring == MAP_FAILED || bind(descriptor, (struct sockaddr *)&place, sizeof place) != 0)
		die("the ring cannot be used");
	return descriptor;
}

static struct mmsghdr messages[BURST];
static struct iovec pieces[BURST];
static uint8_t frames[BURST][1514];

static int open_sender(int index)
{
	int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int yes = 1, room = 1 << 20;
	struct sockaddr_ll place = {.sll_family = AF_PACKET, .sll_ifindex = index};

	setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
	setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
	if (bind(descriptor, (struct sockaddr *)&place, sizeof place) != 0)
		die("no sender");
	for (int i = 0; i < BURST; i++) {
		pieces[i].iov_base = frames[i];
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	return descriptor;
}

static void prepare(const uint8_t *address, uint64_t station, uint64_t size)
{
	static const uint8_t start[] = {2, 0, 0, 0, 0};

	for (int i = 0; i < BURST; i++) {
		memset(frames[i], 0x5a, sizeof frames[i]);
		memcpy(frames[i], start, sizeof start);
		frames[i][5] = (uint8_t)station;
		memcpy(frames[i] + 6, address, 6);
		frames[i][12] = 0x88;
		frames[i][13] = 0xb5; /* for experiments (IEEE 802, local) */
		int wish = size ? (int)size : mixture[i % 12];
		pieces[i].iov_len = wish < 60 ? 60 : wish > 1514 ? 1514 : (size_t)wish;
	}
}

static void count(int word, uint64_t amount)
{
	page[word] += amount;
}

static void send_all(int descriptor, int number)
{
	for (int done = 0; done < number;) {
		int sent = sendmmsg(descriptor, messages + done, (unsigned)(number - done), 0);
		if (sent > 0)
			done += sent;
		else if (errno != EAGAIN && errno != ENOBUFS)
			die("sending");
	}
	count(WORD_SENT, (uint64_t)number);
}

/* Takes up to a burst of what has come, and returns it if that is wanted. */
static int take(int sender, int returns)
{
	int number = 0;

	while (number < BURST) {
		struct tpacket2_hdr *head = slot(next_slot);
		if (!(__atomic_load_n(&head->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		if (returns && head->tp_len <= sizeof frames[0] && head->tp_len >= 14) {
			const uint8_t *frame = (uint8_t *)head + head->tp_mac;
			memcpy(frames[number], frame, head->tp_len);
			memcpy(frames[number], frame + 6, 6);
			memcpy(frames[number] + 6, frame, 6);
			pieces[number].iov_len = head->tp_len;
		}
		__atomic_store_n(&head->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		next_slot = (next_slot + 1) % SLOTS;
		number++;
	}
	if (number > 0) {
		count(WORD_RECEIVED, (uint64_t)number);
		if (returns)
			send_all(sender, number);
	}
	return number;
}

int main(void)
{
	uint8_t address[6];
	uint64_t turn = 0, task = TASK_TAKE, sleeps = 1;
	int idle = 0;

	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	if (mount("sysfs", "/sys", "sysfs", 0, NULL) != 0 ||
	    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) != 0)
		die("mount");
	/* There was none when the kernel looked for one to open for us. */
	int console = open("/dev/console", O_RDWR);
	for (int place = 0; place < 3; place++)
		dup2(console, place);
	load_modules();
	find_page();
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int index = interface_index(control, address);
	int receiver = open_receiver(index);
	int sender = open_sender(index);
	/* Bridges learn who is where. */
	prepare(address, 0xfe, 60);
	send_all(sender, 1);
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (page[WORD_TURN] != turn) {
			turn = page[WORD_TURN];
			task = page[WORD_TASK];
			sleeps = page[WORD_SLEEPS];
			prepare(address, page[WORD_STATION], page[WORD_SIZE]);
			page[WORD_TAKEN] = turn;
		}
		int number = take(sender, task == TASK_ECHO);
		if (task == TASK_SEND) {
			send_all(sender, BURST);
			continue;
		}
		idle = number > 0 ? 0 : idle + 1;
		if (idle > 64 && sleeps) {
			struct pollfd wait = {.fd = receiver, .events = POLLIN};
			poll(&wait, 1, 20);
		} else if (idle > 64) {
			sched_yield();
		}
	}
}
