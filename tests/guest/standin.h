/* What the parts of the stand-ins for old releases of DPDK share; RELEASE is 1604, 1607 or 1908.
 *
 * These releases don't build with a compiler of today. A stand-in has its release's symbols, argument
 * order, struct layout and order of exits, and none of its data path:
 *
 *   standin-eal.c   librte_eal: what librte_kni calls of it
 *   standin-kni.c   librte_kni
 *   standin-app.c   a program that wants a KNI interface, in a situation which that release refuses
 */
#ifndef STANDIN_H
#define STANDIN_H

#include <stddef.h>
#include <stdint.h>

/* Log levels of lib/librte_eal/common/include/rte_log.h. Log types were bits until 17.02, then numbers. */
enum { LOG_CRIT = 3, LOG_ERR = 4, LOG_WARNING = 5, LOG_INFO = 7 };
enum { LOGTYPE_EAL = RELEASE < 1705 ? 1 : 0, LOGTYPE_KNI = RELEASE < 1705 ? 0x100 : 8 };
enum { SOCKET_ID_ANY = -1 };
/* enum rte_iova_mode, lib/librte_eal/common/include/rte_bus.h of 19.08. */
enum { IOVA_PA = 1, IOVA_VA = 2 };

struct rte_mempool { char name[32]; unsigned nb_mem_chunks; };
struct rte_memzone { char name[32]; void *addr; };
struct rte_pci_addr { uint16_t domain; uint8_t bus, devid, function; };
struct rte_pci_id { uint16_t vendor_id, device_id, subsystem_vendor_id, subsystem_device_id; };

/* lib/librte_kni/rte_kni.h */
struct rte_kni_conf {
	char name[32];
	uint32_t core_id;
	uint16_t group_id;
	unsigned mbuf_size;
	struct rte_pci_addr addr;
	struct rte_pci_id id;
	uint8_t force_bind : 1;
#if RELEASE >= 1802
	uint8_t mac_addr[6];
	uint16_t mtu;
#endif
};
struct rte_kni { char name[32]; int in_use; };

int rte_log(uint32_t level, uint32_t type, const char *format, ...);
void __rte_panic(const char *function, const char *format, ...) __attribute__((noreturn));
const struct rte_memzone *rte_memzone_lookup(const char *name);
const struct rte_memzone *rte_memzone_reserve(const char *name, size_t length, int socket, unsigned flags);
#if RELEASE >= 1908
int rte_eal_iova_mode(void);
void *rte_zmalloc(const char *type, size_t size, unsigned align);
void rte_mcfg_tailq_write_lock(void);
void rte_mcfg_tailq_write_unlock(void);
int rte_kni_init(unsigned max_kni_ifaces);
#else
void rte_kni_init(unsigned max_kni_ifaces);
#endif
struct rte_kni *rte_kni_alloc(struct rte_mempool *pool, const struct rte_kni_conf *conf, void *ops);
int rte_kni_release(struct rte_kni *kni);

#endif
