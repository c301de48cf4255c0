/* kni-reserved [EAL OPTIONS --] NAME: the silent refusal of DPDK 18.11 to 23.07.
 *
 * An ordinary DPDK program that wants a KNI interface, with one fault: it has reserved the memzone
 * kni_tx_NAME before. rte_kni_alloc's own reservation then fails, and it returns NULL without a word.
 *
 * gcc -O2 -o kni-reserved kni-reserved.c $(pkg-config --cflags --libs libdpdk) -lrte_kni
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_kni.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>

static struct rte_mempool *init(int *argc, char ***argv)
{
	int used = rte_eal_init(*argc, *argv);
	if (used < 0)
		rte_exit(2, "can't initialise EAL\n");
	*argc -= used;
	*argv += used;
	if (*argc != 2)
		rte_exit(2, "usage: kni-reserved [EAL OPTIONS --] NAME\n");
	/* As many programs do, this one doesn't look at what rte_kni_init returns. */
	rte_kni_init(1);
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("mbuf_pool", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		rte_exit(2, "can't make the mbuf pool\n");
	return pool;
}

int main(int argc, char **argv)
{
	struct rte_mempool *pool = init(&argc, &argv);
	struct rte_kni_conf conf = { .mbuf_size = RTE_MBUF_DEFAULT_BUF_SIZE };
	snprintf(conf.name, sizeof(conf.name), "%s", argv[1]);

	char zone[RTE_MEMZONE_NAMESIZE];
	snprintf(zone, sizeof(zone), "kni_tx_%s", conf.name);
	if (rte_memzone_reserve(zone, 64, SOCKET_ID_ANY, 0) == NULL)
		rte_exit(2, "can't reserve %s\n", zone);

	if (rte_kni_alloc(pool, &conf, NULL) == NULL) {
		fprintf(stderr, "kni-reserved: no KNI interface %s\n", conf.name);
		rte_eal_cleanup();
		return 1;
	}
	return 0;
}
