/*
 * The first program of a virtual machine that `dpaac run` starts: mounts what the guest's program needs to be
 * there, gives the device with the portals to vfio-pci if the machine has an IOMMU, runs /program, and switches
 * the machine off. scripts/guest-image puts it into the file system.
 *
 * The program cannot be the first one itself: Swift's runtime reads /proc before main.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void provide(const char *kind, const char *place)
{
	mkdir(place, 0755);
	if (mount(kind, place, kind, 0, NULL) != 0)
		perror(place);
}

/* Whether a file of a device begins with a word. */
static int says(const char *device, const char *file, const char *word)
{
	char path[512], bytes[32] = "";
	int descriptor;
	ssize_t count;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", device, file);
	descriptor = open(path, O_RDONLY);
	if (descriptor < 0)
		return 0;
	count = read(descriptor, bytes, sizeof(bytes) - 1);
	close(descriptor);
	return count > 0 && strncmp(bytes, word, strlen(word)) == 0;
}

static void tell(const char *path, const char *what)
{
	int descriptor = open(path, O_WRONLY);

	if (descriptor < 0 || write(descriptor, what, strlen(what)) < 0)
		perror(path);
	if (descriptor >= 0)
		close(descriptor);
}

/* Debian's modules, each behind those that it needs. */
static const char *const modules[] = {
	"irqbypass", "vfio", "vfio_virqfd", "vfio_iommu_type1", "vfio-pci-core", "vfio-pci",
};

static void load_modules(void)
{
	char path[64];
	int descriptor;

	for (size_t place = 0; place < sizeof(modules) / sizeof(modules[0]); place++) {
		snprintf(path, sizeof(path), "/modules/%s.ko", modules[place]);
		descriptor = open(path, O_RDONLY | O_CLOEXEC);
		if (syscall(SYS_finit_module, descriptor, "", 0) != 0)
			perror(path);
		if (descriptor >= 0)
			close(descriptor);
	}
}

/* Only a machine that waits for interrupts has an IOMMU, and its devices are in groups then. */
static void give_to_vfio(void)
{
	DIR *devices = opendir("/sys/bus/pci/devices");
	char path[512];
	struct dirent *entry;

	while (devices && (entry = readdir(devices))) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", entry->d_name);
		if (access(path, F_OK) != 0 || !says(entry->d_name, "vendor", "0x1af4") ||
		    !says(entry->d_name, "device", "0x1110"))
			continue;
		load_modules();
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", entry->d_name);
		tell(path, "vfio-pci");
		tell("/sys/bus/pci/drivers_probe", entry->d_name);
		break;
	}
	if (devices)
		closedir(devices);
}

int main(void)
{
	int console, status = 0;
	pid_t child;

	provide("proc", "/proc");
	provide("sysfs", "/sys");
	provide("devtmpfs", "/dev");
	/* Who makes the file system need not be root, so it has no node that the kernel could open for us. */
	console = open("/dev/console", O_RDWR);
	for (int place = 0; place < 3; place++)
		dup2(console, place);
	if (console > 2)
		close(console);
	give_to_vfio();
	child = fork();
	if (child == 0) {
		execl("/program", "program", (char *)NULL);
		perror("/program");
		_exit(127);
	}
	if (child > 0)
		waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("init: the program was killed by signal %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		printf("init: the program exited with code %d\n", WEXITSTATUS(status));
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
