/* A STAND-IN for librte_kni (see standin.h): lib/librte_kni/rte_kni.c of v16.04, v16.07 or v19.08. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "standin.h"

#define LOG(level, ...) rte_log(LOG_##level, LOGTYPE_KNI, "KNI: " __VA_ARGS__)

enum { QUEUE_BYTES = 0x2010 };

/* Layouts A and C, lib/librte_eal/linuxapp/eal/include/exec-env/rte_kni_common.h. */
struct rte_kni_device_info {
	char name[32];
	uint64_t tx_phys, rx_phys, alloc_phys, free_phys, req_phys, resp_phys, sync_phys;
	void *sync_va, *mbuf_va;
	uint64_t mbuf_phys;
#if RELEASE < 1908
	uint16_t vendor_id, device_id;
	uint8_t bus, devid, function;
#endif
	uint16_t group_id;
	uint32_t core_id;
	uint8_t force_bind : 1;
	unsigned mbuf_size;
#if RELEASE >= 1908
	unsigned mtu;
	uint8_t mac_addr[6];
#endif
};
_Static_assert(sizeof(struct rte_kni_device_info) == (RELEASE < 1908 ? 136 : 144), "layout A or C");
#define RTE_KNI_IOCTL_CREATE _IOWR(0, 2, struct rte_kni_device_info)

static int kni_fd = -1;
static struct rte_kni context;

#if RELEASE < 1908

static int initialized;

static const struct rte_memzone *reserve(const char *name)
{
	const struct rte_memzone *zone = rte_memzone_lookup(name);
	return zone ? zone : rte_memzone_reserve(name, QUEUE_BYTES, SOCKET_ID_ANY, 0);
}

void rte_kni_init(unsigned max_kni_ifaces)
{
	static const char *const kinds[] = { "KNI_INFO", "kni_tx", "kni_rx", "kni_alloc",
					     "kni_free", "kni_req", "kni_resp", "kni_sync" };
	if (initialized) {
		LOG(WARNING, "Double call to rte_kni_init()");
		return;
	}
	if (max_kni_ifaces == 0) {
		LOG(ERR, "Invalid number of max_kni_ifaces %d\n", max_kni_ifaces);
		__rte_panic(__func__, "Unable to initialize KNI\n");
	}
	kni_fd = open("/dev/kni", O_RDWR);
	if (kni_fd < 0)
		__rte_panic(__func__, "Can not open /dev/%s\n", "kni");
	initialized = 1;
	for (unsigned slot = 0; slot < max_kni_ifaces; slot++)
		for (unsigned kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
			char name[32];
			snprintf(name, sizeof(name), "%s_%u", kinds[kind], slot);
			if (reserve(name) == NULL)
				__rte_panic(__func__,
					    "Unable to allocate memory for max_kni_ifaces:%d. "
					    "Increase the amount of hugepages memory\n",
					    max_kni_ifaces);
		}
}

/* The pool's memory as one piece that has a memzone: one lookup, and in 16.07 the number of pieces. */
static int usable(const struct rte_mempool *pool)
{
	char name[36];
	snprintf(name, sizeof(name), "MP_%s", pool->name);
	if (rte_memzone_lookup(name) == NULL)
		return 0;
	return RELEASE < 1607 || pool->nb_mem_chunks == 1;
}

struct rte_kni *rte_kni_alloc(struct rte_mempool *pool, const struct rte_kni_conf *conf, void *ops)
{
	struct rte_kni_device_info info = { .mbuf_size = 0 };

	(void)ops;
	if (!pool || !conf || !conf->name[0])
		return NULL;
	if (!initialized) {
		LOG(ERR, "KNI subsystem has not been initialized. Invoke rte_kni_init() first\n");
		return NULL;
	}
	if (context.in_use) {
		LOG(ERR, "KNI %s is in use\n", context.name);
		return NULL;
	}
	snprintf(info.name, sizeof(info.name), "%s", conf->name);
	LOG(INFO, "pci: %02x:%02x:%02x \t %02x:%02x\n", info.bus, info.devid, info.function, info.vendor_id,
	    info.device_id);
	if (!usable(pool))
		return NULL;
	if (ioctl(kni_fd, RTE_KNI_IOCTL_CREATE, &info) < 0)
		return NULL;
	context.in_use = 1;
	return &context;
}

#else

int rte_kni_init(unsigned max_kni_ifaces)
{
	(void)max_kni_ifaces;
	if (rte_eal_iova_mode() != IOVA_PA) {
		LOG(ERR, "KNI requires IOVA as PA\n");
		return -1;
	}
	if (kni_fd < 0)
		kni_fd = open("/dev/kni", O_RDWR);
	if (kni_fd < 0) {
		LOG(ERR, "Can not open /dev/%s\n", "kni");
		return -1;
	}
	return 0;
}

static int reserve_all(const char *interface)
{
	static const char *const kinds[] = { "tx", "rx", "alloc", "free", "req", "resp", "sync" };
	for (unsigned kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		char name[64];
		snprintf(name, sizeof(name), "kni_%s_%s", kinds[kind], interface);
		if (rte_memzone_reserve(name, QUEUE_BYTES, SOCKET_ID_ANY, 0) == NULL)
			return -1;
	}
	return 0;
}

static struct rte_kni *alloc_locked(const struct rte_kni_conf *conf)
{
	struct rte_kni_device_info info = { .mbuf_size = conf->mbuf_size };

	if (context.in_use && strncmp(context.name, conf->name, sizeof(context.name)) == 0) {
		LOG(ERR, "KNI already exists\n");
		return NULL;
	}
	if (rte_zmalloc("KNI_TAILQ_ENTRY", 32, 0) == NULL) {
		LOG(ERR, "Failed to allocate tailq entry\n");
		return NULL;
	}
	if (rte_zmalloc("KNI", sizeof(struct rte_kni), 64) == NULL) {
		LOG(ERR, "KNI memory allocation failed\n");
		return NULL;
	}
	snprintf(info.name, sizeof(info.name), "%s", conf->name);
	if (reserve_all(conf->name) < 0)
		return NULL;
	if (ioctl(kni_fd, RTE_KNI_IOCTL_CREATE, &info) < 0)
		return NULL;
	context.in_use = 1;
	return &context;
}

struct rte_kni *rte_kni_alloc(struct rte_mempool *pool, const struct rte_kni_conf *conf, void *ops)
{
	(void)ops;
	if (!pool || !conf || !conf->name[0])
		return NULL;
	if (kni_fd < 0) {
		LOG(ERR, "KNI subsystem has not been initialized. Invoke rte_kni_init() first\n");
		return NULL;
	}
	rte_mcfg_tailq_write_lock();
	struct rte_kni *kni = alloc_locked(conf);
	rte_mcfg_tailq_write_unlock();
	return kni;
}

#endif

int rte_kni_release(struct rte_kni *kni)
{
	return kni && kni->in_use ? 0 : -1;
}
