/*
 * The first program of a virtual machine that `dpaac run` starts: mounts what the guest's program needs to be
 * there, runs /program, and switches the machine off. scripts/guest-image puts it into the file system.
 *
 * The program cannot be the first one itself: Swift's runtime reads /proc before main.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void provide(const char *kind, const char *place)
{
	mkdir(place, 0755);
	if (mount(kind, place, kind, 0, NULL) != 0)
		perror(place);
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
