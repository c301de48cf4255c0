/* kni-create [OPTIONS] NAME...: CREATE requests without librte_kni, one for each NAME, and what may go wrong.
 *
 * Sends RTE_KNI_IOCTL_CREATE with layout D (DPDK 19.11 to 23.07) and queues of its own, which stay empty. What
 * it got it closes when it ends: 0 if it got all of them, else 1. It is nobody's answer to set-up requests.
 * A NAME of 16 bytes has no place for its NUL.
 *
 * The descriptor:
 *   (default)            /dev/kni's
 *   --on PATH            another file's
 *   --on-closed          one that was closed
 *   --opened-elsewhere   /dev/kni's, opened in a network namespace of its own, where it is free; the
 *                        request is made in the namespace of the start, where it may be in use
 *   --created-elsewhere  /dev/kni's, opened in the namespace of the start; the request is made in one of its own
 * The request:
 *   --request NUMBER     another one than CREATE (2), with the same struct
 *   --type NUMBER        of another type than 0, at which the module doesn't look
 *   --size BYTES         as a library with a larger struct makes it
 *   --layout-a           as DPDK 16.04 to 17.11 fill it, for an Intel 82574L
 *   --bad-pointer        a pointer to nowhere
 *   --core NUMBER        bound to that core
 *   --queues-at ADDRESS  queues at that physical address
 *   --int80              by the system call of 32-bit programs
 * And around it:
 *   --test               a TEST request before, which is always refused
 *   --before COMMAND     a command of the shell's, when the device is open
 *   --then COMMAND       another one, when the first NAME was asked for
 *   --crowd              each further NAME in a thread of its own, all at once
 *   --release NAME       a RELEASE request for NAME, when all were asked for
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGEST = 152, PAGE = 4096, QUEUES = 7, HUGE_PAGE = 2 << 20, TEST = 1, CREATE = 2, RELEASE = 3 };

/* struct rte_kni_device_info, kernel/linux/kni/rte_kni_common.h of DPDK 22.11. */
struct layout_d {
	char name[16];
	uint64_t queues[QUEUES]; /* tx, rx, alloc, free, req, resp, sync: physical addresses */
	void *sync_va, *mbuf_va;
	uint64_t mbuf_phys;
	uint16_t group_id;
	uint32_t core_id;
	uint8_t force_bind : 1;
	unsigned mbuf_size, mtu, min_mtu, max_mtu;
	uint8_t mac_addr[6], iova_mode;
};
_Static_assert(sizeof(struct layout_d) == 136, "layout D");

/* The same, lib/librte_eal/linuxapp/eal/include/exec-env/rte_kni_common.h of DPDK 16.04. */
struct layout_a {
	char name[32];
	uint64_t queues[QUEUES];
	void *sync_va, *mbuf_va;
	uint64_t mbuf_phys;
	uint16_t vendor_id, device_id;
	uint8_t bus, devid, function;
	uint16_t group_id;
	uint32_t core_id;
	uint8_t force_bind : 1;
	unsigned mbuf_size;
};
_Static_assert(sizeof(struct layout_a) == 136, "layout A");

static struct {
	const char *path, *before, *then, *release;
	int closed, opened_elsewhere, created_elsewhere, test, layout_a, bad_pointer, bound, int80, crowd;
	unsigned type, request, size, core;
	uint64_t queues;
} asked = { .path = "/dev/kni", .request = CREATE, .size = sizeof(struct layout_d) };

static int fail(const char *what)
{
	fprintf(stderr, "kni-create: %s: %s\n", what, strerror(errno));
	return 2;
}

static int open_elsewhere(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0 || unshare(CLONE_NEWNET) < 0)
		return -1;
	int fd = open("/dev/kni", O_RDWR | O_CLOEXEC);
	if (fd >= 0 && setns(home, CLONE_NEWNET) < 0)
		return -1;
	return fd;
}

static int open_device(void)
{
	if (asked.opened_elsewhere)
		return open_elsewhere();
	int fd = open(asked.path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && asked.created_elsewhere && unshare(CLONE_NEWNET) < 0)
		return -1;
	if (fd >= 0 && asked.closed)
		close(fd);
	return fd;
}

/* The physical address of a huge page, which nobody gets but who asks for one: the module may still look at it
 * when this process is gone. Its bytes are 0: queues that are empty. */
static uint64_t make_queues(void)
{
	char *page = mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (page == MAP_FAILED || pread(pagemap, &entry, 8, (uintptr_t)page / PAGE * 8) != 8)
		exit(fail("a huge page for the queues"));
	close(pagemap);
	memset(page, 0, QUEUES * PAGE);
	return (entry & ((1ULL << 55) - 1)) * PAGE;
}

static void fill(char *request, const char *name)
{
	struct layout_d d = { .mbuf_size = 2048, .mtu = 1500, .core_id = asked.core, .force_bind = asked.bound };
	struct layout_a a = { .mbuf_size = 2048, .vendor_id = 0x8086, .device_id = 0x10d3, .bus = 3 };

	memcpy(d.name, name, strnlen(name, sizeof(d.name)));
	memcpy(a.name, name, strnlen(name, sizeof(a.name) - 1));
	for (int i = 0; i < QUEUES; i++)
		a.queues[i] = d.queues[i] = asked.queues + i * PAGE;
	if (asked.layout_a)
		memcpy(request, &a, sizeof(a));
	else
		memcpy(request, &d, sizeof(d));
}

/* ioctl has the number 54 among the system calls of 32-bit programs. */
static int ioctl_int80(int fd, unsigned cmd, void *request)
{
	int result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(54), "b"(fd), "c"(cmd), "d"(request) : "memory");
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

/* Where 32 bits reach, whoever asks. */
static char *make_request(void)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
}

static int ask(int fd, unsigned number, const char *name)
{
	char *request = make_request();
	unsigned cmd = _IOC(_IOC_READ | _IOC_WRITE, asked.type, number, asked.size);

	if (request == MAP_FAILED)
		return fail("a request");
	fill(request, name);

	void *pointer = asked.bad_pointer ? (void *)8 : request;
	int failed = (asked.int80 ? ioctl_int80(fd, cmd, pointer) : ioctl(fd, cmd, pointer)) < 0;
	if (failed)
		fail(name);
	munmap(request, PAGE);
	return failed;
}

/* A thread's part of a crowd. */
struct one {
	pthread_t thread;
	int fd, failed;
	const char *name;
};

static void *ask_alone(void *argument)
{
	struct one *one = argument;
	one->failed = ask(one->fd, asked.request, one->name);
	return NULL;
}

/* All at once. */
static int ask_crowd(int fd, char **names, int count)
{
	struct one crowd[count + 1];
	int failed = 0;

	for (int i = 0; i < count; i++) {
		crowd[i] = (struct one){ .fd = fd, .name = names[i] };
		if (pthread_create(&crowd[i].thread, NULL, ask_alone, &crowd[i]) != 0)
			exit(fail("a thread"));
	}
	for (int i = 0; i < count; i++) {
		pthread_join(crowd[i].thread, NULL);
		failed |= crowd[i].failed;
	}
	return failed;
}

static void run(const char *command)
{
	if (command != NULL && system(command) != 0)
		fprintf(stderr, "kni-create: %s: failed\n", command);
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "on", required_argument, NULL, 'o' },
		{ "on-closed", no_argument, NULL, 'c' },
		{ "opened-elsewhere", no_argument, &asked.opened_elsewhere, 1 },
		{ "created-elsewhere", no_argument, &asked.created_elsewhere, 1 },
		{ "request", required_argument, NULL, 'n' },
		{ "type", required_argument, NULL, 'y' },
		{ "size", required_argument, NULL, 's' },
		{ "layout-a", no_argument, &asked.layout_a, 1 },
		{ "bad-pointer", no_argument, &asked.bad_pointer, 1 },
		{ "core", required_argument, NULL, 'b' },
		{ "queues-at", required_argument, NULL, 'q' },
		{ "int80", no_argument, &asked.int80, 1 },
		{ "test", no_argument, &asked.test, 1 },
		{ "before", required_argument, NULL, 'f' },
		{ "then", required_argument, NULL, 't' },
		{ "crowd", no_argument, &asked.crowd, 1 },
		{ "release", required_argument, NULL, 'r' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'o': asked.path = optarg; break;
		case 'c': asked.path = "/dev/null", asked.closed = 1; break;
		case 'n': asked.request = strtoul(optarg, NULL, 0); break;
		case 'y': asked.type = strtoul(optarg, NULL, 0); break;
		case 's': asked.size = strtoul(optarg, NULL, 0); break;
		case 'b': asked.core = strtoul(optarg, NULL, 0), asked.bound = 1; break;
		case 'q': asked.queues = strtoull(optarg, NULL, 0); break;
		case 'f': asked.before = optarg; break;
		case 't': asked.then = optarg; break;
		case 'r': asked.release = optarg; break;
		case 0: break;
		default: exit(2);
		}
	}
	if (optind == argc || asked.size > LARGEST) {
		fprintf(stderr, "usage: kni-create [OPTIONS] NAME...\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	read_options(argc, argv);

	int fd = open_device();
	if (fd < 0)
		return fail(asked.path);
	if (asked.queues == 0)
		asked.queues = make_queues();
	run(asked.before);
	if (asked.test)
		ioctl(fd, _IOWR(0, TEST, int), NULL);

	int failed = ask(fd, asked.request, argv[optind++]);
	run(asked.then);
	if (asked.crowd)
		failed |= ask_crowd(fd, argv + optind, argc - optind);
	for (; !asked.crowd && optind < argc; optind++)
		failed |= ask(fd, asked.request, argv[optind]);
	if (asked.release != NULL)
		failed |= ask(fd, RELEASE, asked.release);
	close(fd);
	return failed;
}
