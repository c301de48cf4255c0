/* standin-kni-1604 NAME: a STAND-IN for a static program of DPDK 16.04.
 *
 * DPDK 16.04 doesn't build with a compiler of today. This has its librte_kni's symbols, argument order,
 * struct layout (A) and control flow (lib/librte_kni/rte_kni.c of v16.04), down to the order in which
 * rte_kni_init looks memzones up before it reserves them, and none of its data path. Its pool comes from
 * a mempool library that makes no memzone MP_mbuf_pool: rte_kni_alloc looks for that one, finds
 * nothing and returns NULL without a word and without an ioctl.
 *
 * gcc -O2 -static -fno-ipa-cp -o standin-kni-1604 standin-kni-1604.c
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define KEEP __attribute__((noinline, noclone, used))

enum { LOG_ERR = 4, LOG_INFO = 7, LOGTYPE_KNI = 0x100, SOCKET_ID_ANY = -1 };

struct rte_mempool { char name[32]; };
struct rte_memzone { char name[32]; void *addr; };
struct rte_pci_addr { uint16_t domain; uint8_t bus, devid, function; };
struct rte_pci_id { uint16_t vendor_id, device_id, subsystem_vendor_id, subsystem_device_id; };

struct rte_kni_conf {
	char name[32];
	uint32_t core_id;
	uint16_t group_id;
	unsigned mbuf_size;
	struct rte_pci_addr addr;
	struct rte_pci_id id;
	uint8_t force_bind : 1;
};

struct rte_kni { char name[32]; int in_use; };

/* Layout A of struct rte_kni_device_info: 136 bytes. */
struct rte_kni_device_info {
	char name[32];
	uint64_t tx_phys, rx_phys, alloc_phys, free_phys, req_phys, resp_phys, sync_phys;
	void *sync_va, *mbuf_va;
	uint64_t mbuf_phys;
	uint16_t vendor_id, device_id;
	uint8_t bus, devid, function;
	uint16_t group_id;
	uint32_t core_id;
	uint8_t force_bind : 1;
	unsigned mbuf_size;
};
_Static_assert(sizeof(struct rte_kni_device_info) == 136, "layout A");
#define RTE_KNI_IOCTL_CREATE _IOWR(0, 2, struct rte_kni_device_info)

static struct rte_memzone zones[64];
static unsigned zone_count;
static int kni_fd = -1;

KEEP int rte_log(uint32_t level, uint32_t type, const char *format, ...)
{
	va_list arguments;
	(void)type;
	/* RTE_LOG_LEVEL's default in 16.04. */
	if (level > LOG_INFO)
		return 0;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	return 0;
}

KEEP void __rte_panic(const char *function, const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "PANIC in %s():\n", function);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	abort();
}

KEEP const struct rte_memzone *rte_memzone_lookup(const char *name)
{
	for (unsigned i = 0; i < zone_count; i++)
		if (strncmp(zones[i].name, name, sizeof(zones[i].name)) == 0)
			return &zones[i];
	return NULL;
}

KEEP const struct rte_memzone *rte_memzone_reserve(const char *name, size_t length, int socket, unsigned flags)
{
	(void)socket, (void)flags;
	if (zone_count == sizeof(zones) / sizeof(zones[0]))
		return NULL;
	struct rte_memzone *zone = &zones[zone_count++];
	snprintf(zone->name, sizeof(zone->name), "%s", name);
	zone->addr = calloc(1, length);
	return zone;
}

static const struct rte_memzone *reserve(const char *name)
{
	const struct rte_memzone *zone = rte_memzone_lookup(name);
	return zone ? zone : rte_memzone_reserve(name, 0x2010, SOCKET_ID_ANY, 0);
}

KEEP void rte_kni_init(unsigned max_kni_ifaces)
{
	static const char *const kinds[] = { "KNI_INFO", "kni_tx", "kni_rx", "kni_alloc",
					     "kni_free", "kni_req", "kni_resp", "kni_sync" };
	kni_fd = open("/dev/kni", O_RDWR);
	if (kni_fd < 0)
		__rte_panic(__func__, "Can not open /dev/kni\n");
	for (unsigned slot = 0; slot < max_kni_ifaces; slot++)
		for (unsigned kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
			char name[32];
			snprintf(name, sizeof(name), "%s_%u", kinds[kind], slot);
			if (reserve(name) == NULL)
				__rte_panic(__func__, "Unable to allocate memory for max_kni_ifaces:%d.\n",
					    max_kni_ifaces);
		}
}

KEEP struct rte_kni *rte_kni_alloc(struct rte_mempool *pool, const struct rte_kni_conf *conf, void *ops)
{
	static struct rte_kni context;
	struct rte_kni_device_info info;
	char name[36];

	(void)ops;
	if (!pool || !conf || !conf->name[0])
		return NULL;
	if (kni_fd < 0) {
		rte_log(LOG_ERR, LOGTYPE_KNI,
			"KNI: KNI subsystem has not been initialized. Invoke rte_kni_init() first\n");
		return NULL;
	}
	if (context.in_use) {
		rte_log(LOG_ERR, LOGTYPE_KNI, "KNI: KNI %s is in use\n", context.name);
		return NULL;
	}
	memset(&info, 0, sizeof(info));
	snprintf(info.name, sizeof(info.name), "%s", conf->name);
	rte_log(LOG_INFO, LOGTYPE_KNI, "KNI: pci: %02x:%02x:%02x \t %02x:%02x\n", info.bus, info.devid,
		info.function, info.vendor_id, info.device_id);

	snprintf(name, sizeof(name), "MP_%s", pool->name);
	if (rte_memzone_lookup(name) == NULL)
		return NULL;
	if (ioctl(kni_fd, RTE_KNI_IOCTL_CREATE, &info) < 0)
		return NULL;
	context.in_use = 1;
	return &context;
}

KEEP int rte_kni_release(struct rte_kni *kni)
{
	return kni && kni->in_use ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct rte_mempool pool = { .name = "mbuf_pool" };
	struct rte_kni_conf conf = { .mbuf_size = 2048 };

	if (argc != 2) {
		fprintf(stderr, "usage: standin-kni-1604 NAME\n");
		return 2;
	}
	snprintf(conf.name, sizeof(conf.name), "%s", argv[1]);
	rte_kni_init(1);
	struct rte_kni *kni = rte_kni_alloc(&pool, &conf, NULL);
	if (kni == NULL) {
		fprintf(stderr, "standin-kni-1604: no KNI interface %s\n", conf.name);
		return 1;
	}
	return rte_kni_release(kni);
}
