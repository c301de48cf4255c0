/*
 * Functions of DPDK's names, as deep in each other as DPDK's are, and a program that calls them as it is told. Its
 * arguments are what it does, in order: a verb, and a number that the failure gets as rte_errno.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *rte_memzone_reserve(const char *name, size_t length, int socket, unsigned flags);
void *rte_memzone_lookup(const char *name);
void rte_mcfg_tailq_write_lock(void);
int rte_eal_iova_mode(void);
int rte_log(unsigned level, unsigned type, const char *format, ...);

static jmp_buf out;
static int leave_alloc, leave_create, die_of;
static char a_pool[64];

__attribute__((noinline)) void *rte_kni_alloc(void *pool, const char *conf, void *number)
{
	(void)pool;
	if (leave_alloc)
		longjmp(out, 1);
	if (die_of)
		raise(die_of);
	return rte_memzone_reserve(conf, 1, 0, (unsigned)(size_t)number);
}

__attribute__((noinline)) void *rte_mempool_create_empty(const char *name, unsigned number)
{
	if (leave_create)
		longjmp(out, 1);
	if (number == 0)
		return a_pool;
	return rte_memzone_reserve(name, 1, 0, number);
}

__attribute__((noinline)) void *rte_mempool_create(const char *name, unsigned number)
{
	/* The one that it is made of may fail, and it may not. */
	rte_mempool_create_empty("inner", 28);
	char *pool = rte_mempool_create_empty(name, number);
	__asm__ volatile("");
	return pool;
}

__attribute__((noinline)) void *rte_pktmbuf_pool_create_by_ops(const char *name, unsigned number)
{
	char *pool = rte_mempool_create_empty(name, number);
	__asm__ volatile("");
	return pool;
}

__attribute__((noinline)) void *rte_pktmbuf_pool_create(const char *name, unsigned number)
{
	char *pool = rte_pktmbuf_pool_create_by_ops(name, number);
	__asm__ volatile("");
	return pool;
}

__attribute__((noinline)) void __rte_panic(const char *function, const char *format)
{
	(void)function, (void)format;
	abort();
}

__attribute__((noinline)) void *rte_ring_create(const char *name, unsigned number)
{
	return rte_memzone_reserve(name, 1, 0, number);
}

__attribute__((noinline)) int rte_kni_init(unsigned interfaces)
{
	rte_log(4, 8, "KNI: cannot\n");
	return interfaces ? -1 : 0;
}

__attribute__((noinline)) int rte_kni_release(void *kni)
{
	rte_mcfg_tailq_write_lock();
	rte_memzone_lookup("kni");
	rte_eal_iova_mode();
	return kni ? 0 : -1;
}

__attribute__((noinline)) void rte_kni_close(void)
{
	__asm__ volatile("");
}

static pthread_t first;

static void *outlive_the_first(void *number)
{
	pthread_join(first, NULL);
	rte_kni_alloc(NULL, "late", (void *)5);
	exit((int)(size_t)number);
}

static void perform(const char *verb, unsigned number);

static void *perform_in_thread(void *verb)
{
	perform(verb, 12);
	return NULL;
}

static __attribute__((noinline)) void perform(const char *verb, unsigned number)
{
	pthread_t thread;

	if (!strcmp(verb, "alloc")) {
		strcpy(a_pool, "a pool of 26 characters");
		rte_kni_alloc(a_pool, "vEth0_0", (void *)(size_t)number);
	} else if (!strcmp(verb, "unreadable")) {
		rte_kni_alloc((void *)8, "vEth0_0", (void *)(size_t)number);
	} else if (!strcmp(verb, "jump")) {
		leave_alloc = leave_create = 1;
		if (!setjmp(out))
			rte_kni_alloc(NULL, "left", NULL);
		if (!setjmp(out))
			rte_mempool_create("left", 0);
		leave_alloc = leave_create = 0;
	} else if (!strcmp(verb, "pool")) {
		rte_pktmbuf_pool_create("pool", number);
	} else if (!strcmp(verb, "mempool")) {
		rte_mempool_create("mempool", number);
	} else if (!strcmp(verb, "thread")) {
		pthread_create(&thread, NULL, perform_in_thread, "alloc");
		pthread_join(thread, NULL);
	} else if (!strcmp(verb, "outlive")) {
		first = pthread_self();
		pthread_create(&thread, NULL, outlive_the_first, (void *)(size_t)number);
		pthread_exit(NULL);
	} else if (!strcmp(verb, "die")) {
		die_of = (int)number;
		rte_kni_alloc(NULL, "dies", NULL);
	} else if (!strcmp(verb, "every")) {
		rte_ring_create("ring", number);
		rte_mempool_create("mempool", number);
		rte_pktmbuf_pool_create("pool", number);
		rte_kni_init(number);
		rte_kni_alloc(NULL, "vEth0_0", (void *)(size_t)number);
		rte_kni_release(NULL);
		rte_kni_close();
	} else if (!strcmp(verb, "panic")) {
		__rte_panic("rte_kni_init", "Can not open /dev/%s\n");
	}
}

int main(int argc, char **argv)
{
	for (int at = 1; at + 1 < argc; at += 2)
		perform(argv[at], (unsigned)atoi(argv[at + 1]));
	return 0;
}
