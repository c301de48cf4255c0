/* The part of librte_eal that the tests want to choose the answers of: in an executable or in a library. */
#include <stddef.h>

#ifndef VISIBILITY
#define VISIBILITY "default"
#endif

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

void *rte_memzone_lookup(const char *name)
{
	(void)name;
	return NULL;
}

void rte_mcfg_tailq_write_lock(void)
{
}

int rte_eal_iova_mode(void)
{
	return 1;
}

int rte_log(unsigned level, unsigned type, const char *format, ...)
{
	(void)level, (void)type, (void)format;
	return 0;
}
