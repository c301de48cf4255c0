/* kni-create [--on PATH | --on-closed | --opened-elsewhere] NAME: a CREATE request without librte_kni.
 *
 * Sends RTE_KNI_IOCTL_CREATE with layout D (DPDK 19.11 to 23.07) for NAME. All addresses are 0, so it is
 * for requests that are refused: the module would poll queues at those addresses.
 *
 *   (default)            on /dev/kni
 *   --on PATH            on another file: a descriptor that isn't the device's
 *   --on-closed          on a descriptor that was closed
 *   --opened-elsewhere   on /dev/kni opened in a network namespace of its own, where it is free; the
 *                        request is made in the namespace of the start, where it may be in use
 *
 * gcc -O2 -o kni-create kni-create.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* struct rte_kni_device_info, kernel/linux/kni/rte_kni_common.h of DPDK 22.11. */
struct rte_kni_device_info {
	char name[16];
	uint64_t tx_phys, rx_phys, alloc_phys, free_phys, req_phys, resp_phys, sync_phys;
	void *sync_va, *mbuf_va;
	uint64_t mbuf_phys;
	uint16_t group_id;
	uint32_t core_id;
	uint8_t force_bind : 1;
	unsigned mbuf_size, mtu, min_mtu, max_mtu;
	uint8_t mac_addr[6], iova_mode;
};
_Static_assert(sizeof(struct rte_kni_device_info) == 136, "layout D");
#define RTE_KNI_IOCTL_CREATE _IOWR(0, 2, struct rte_kni_device_info)

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
	int fd = open("/dev/kni", O_RDWR);
	if (fd >= 0 && setns(home, CLONE_NEWNET) < 0)
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "on", required_argument, NULL, 'o' },
		{ "on-closed", no_argument, NULL, 'c' },
		{ "opened-elsewhere", no_argument, NULL, 'e' },
		{ 0 },
	};
	const char *path = "/dev/kni";
	int option, closed = 0, elsewhere = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			path = optarg;
		else if (option == 'c')
			path = "/dev/null", closed = 1;
		else if (option == 'e')
			elsewhere = 1;
		else
			return 2;
	}
	if (optind != argc - 1) {
		fprintf(stderr, "usage: kni-create [--on PATH | --on-closed | --opened-elsewhere] NAME\n");
		return 2;
	}

	int fd = elsewhere ? open_elsewhere() : open(path, O_RDWR);
	if (fd < 0)
		return fail(path);
	if (closed)
		close(fd);

	struct rte_kni_device_info info = { .mbuf_size = 2048, .mtu = 1500 };
	snprintf(info.name, sizeof(info.name), "%s", argv[optind]);
	if (ioctl(fd, RTE_KNI_IOCTL_CREATE, &info) < 0) {
		fail(info.name);
		return 1;
	}
	return 0;
}
