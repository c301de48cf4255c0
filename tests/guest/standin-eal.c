/* A STAND-IN for librte_eal: what librte_kni calls of it (see standin.h). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standin.h"

__thread int per_lcore__rte_errno;

static struct rte_memzone zones[64];
static unsigned zone_count;

int rte_log(uint32_t level, uint32_t type, const char *format, ...)
{
	va_list arguments;
	(void)type;
	if (level > LOG_INFO)
		return 0;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	return 0;
}

/* lib/librte_eal/linuxapp/eal/eal_debug.c: it logs, then aborts. */
void __rte_panic(const char *function, const char *format, ...)
{
	va_list arguments;
	rte_log(LOG_CRIT, LOGTYPE_EAL, "PANIC in %s():\n", function);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	abort();
}

static const struct rte_memzone *find(const char *name)
{
	for (unsigned i = 0; i < zone_count; i++)
		if (strncmp(zones[i].name, name, sizeof(zones[i].name)) == 0)
			return &zones[i];
	return NULL;
}

const struct rte_memzone *rte_memzone_lookup(const char *name)
{
	return find(name);
}

static const struct rte_memzone *refuse(int error)
{
	per_lcore__rte_errno = error;
	return NULL;
}

const struct rte_memzone *rte_memzone_reserve(const char *name, size_t length, int socket, unsigned flags)
{
	(void)socket, (void)flags;
	if (find(name) != NULL)
		return refuse(EEXIST);
	if (zone_count == sizeof(zones) / sizeof(zones[0]))
		return refuse(ENOSPC);
	struct rte_memzone *zone = &zones[zone_count++];
	snprintf(zone->name, sizeof(zone->name), "%s", name);
	zone->addr = calloc(1, length);
	return zone;
}

#if RELEASE >= 1908
/* The stand-in's program works with virtual addresses. */
int rte_eal_iova_mode(void)
{
	return IOVA_VA;
}

void *rte_zmalloc(const char *type, size_t size, unsigned align)
{
	(void)type, (void)align;
	return calloc(1, size);
}

void rte_mcfg_tailq_write_lock(void)
{
}

void rte_mcfg_tailq_write_unlock(void)
{
}
#endif
