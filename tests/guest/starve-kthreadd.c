/* starve-kthreadd CMD ARGS...: CMD, while kthreadd, which starts kernel threads, gets no processor.
 *
 * kthreadd is given a microsecond of each minute (SCHED_DEADLINE), and one thread to start, which takes longer:
 * until the minute is over it may not run, whoever waits for it. A process that hogs kthreadd's processor does
 * the same to it, and to everything else there: a guest with one processor would come to a standstill.
 *
 * CMD and what it starts are killed 2.5 s after it was seen waiting for kthreadd; then kthreadd is as
 * before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched/types.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KTHREADD = 2, SCHED_NORMAL_POLICY = 0, SCHED_DEADLINE_POLICY = 6, RESET_ON_FORK = 1 };

static const uint64_t MICROSECOND = 1024, MINUTE = 60000000000;

static int give_up(const char *what)
{
	fprintf(stderr, "starve-kthreadd: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		give_up(path);
	close(fd);
}

static void schedule_kthreadd(struct sched_attr attr)
{
	attr.size = sizeof(attr);
	if (syscall(SYS_sched_setattr, KTHREADD, &attr, 0) < 0)
		give_up("sched_setattr");
}

/* khugepaged ends when nobody is to have huge pages, and is started anew. */
static void starve(void)
{
	static const char huge_pages[] = "/sys/kernel/mm/transparent_hugepage/enabled";
	struct sched_attr attr = {
		.sched_policy = SCHED_DEADLINE_POLICY,
		.sched_flags = RESET_ON_FORK,
		.sched_runtime = MICROSECOND,
		.sched_deadline = MINUTE,
		.sched_period = MINUTE,
	};

	put(huge_pages, "never");
	put("/proc/sys/kernel/sched_deadline_period_max_us", "100000000");
	schedule_kthreadd(attr);
	put(huge_pages, "always");
}

/* What the kernel says of a process there. */
static const char *about(pid_t pid, const char *what)
{
	static char text[512];
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	close(fd);
	text[length < 0 ? 0 : length] = 0;
	return text;
}

/* By the function that it sleeps in, and not by its stack: that of one that runs must not be looked at while a probe
 * waits for one of its functions to return (a warning in kernel/trace/rethook.c of Linux 6.1). Linux 5.10 does not know
 * that function where the kernel has no frame pointers (arch/x86/kernel/process.c), and says 0. */
static int waits_for_kthreadd(pid_t pid)
{
	const char *where = about(pid, "wchan");

	if (strcmp(where, "0") == 0 && strstr(about(pid, "stat"), ") D ") != NULL)
		where = about(pid, "stack");
	return strstr(where, "kthread_create") != NULL;
}

/* Who dies while it dies is dead without its parent's being told. */
static int is_dead(pid_t pid)
{
	return strstr(about(pid, "stat"), ") X ") != NULL;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	starve();
	pid_t child = fork();
	if (child == 0) {
		setpgid(0, 0);
		execvp(argv[1], argv + 1);
		give_up(argv[1]);
	}
	int status = 2 << 8;
	while (waitpid(child, &status, WNOHANG) == 0 && !waits_for_kthreadd(child))
		usleep(10000);
	/* So long everybody can see it waiting; who looks once a second does not look just when it is killed. */
	usleep(2500000);
	kill(-child, SIGKILL);
	while (waitpid(child, &status, WNOHANG) == 0 && !is_dead(child))
		usleep(10000);
	schedule_kthreadd((struct sched_attr){ .sched_policy = SCHED_NORMAL_POLICY });
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
