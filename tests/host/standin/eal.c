/* The part of librte_eal that the tests want to choose the answers of: in an executable or in a library. */
#include <stddef.h>

__thread char before[200] __attribute__((aligned(64)));
__thread int per_lcore__rte_errno __attribute__((visibility(VISIBILITY)));

/* Fails with `flags` as its reason. */
void *rte_memzone_reserve(const char *name, size_t length, int socket, unsigned flags)
{
	(void)name, (void)length, (void)socket;
	before[0]++;
	per_lcore__rte_errno = (int)flags;
	return NULL;
}
