/* standin-kni-RELEASE NAME: a STAND-IN for a program of DPDK 16.04, 16.07 or 19.08 that wants the KNI
 * interface NAME and gets none (see standin.h):
 *
 *   1604  its pool comes from a mempool library that makes no memzone MP_mbuf_pool, which rte_kni_alloc
 *         looks for; without /dev/kni, rte_kni_init panics
 *   1607  its pool consists of two pieces of memory, as pools on 2 MB pages do; rte_kni_alloc takes one only
 *   1908  it works with virtual addresses, which rte_kni_init refuses
 *
 * Except for the panic, none of them looks at what rte_kni_init came to.
 */
#include <stdio.h>

#include "standin.h"

int main(int argc, char **argv)
{
	struct rte_mempool pool = { .name = "mbuf_pool", .nb_mem_chunks = RELEASE == 1607 ? 2 : 1 };
	struct rte_kni_conf conf = { .mbuf_size = 2048 };

	if (argc != 2) {
		fprintf(stderr, "usage: %s NAME\n", argv[0]);
		return 2;
	}
	snprintf(conf.name, sizeof(conf.name), "%s", argv[1]);
	if (RELEASE != 1604)
		rte_memzone_reserve("MP_mbuf_pool", 64, SOCKET_ID_ANY, 0);
	rte_kni_init(1);
	struct rte_kni *kni = rte_kni_alloc(&pool, &conf, NULL);
	if (kni == NULL) {
		fprintf(stderr, "%s: no KNI interface %s\n", argv[0], conf.name);
		return 1;
	}
	return rte_kni_release(kni);
}
