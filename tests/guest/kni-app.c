/* kni-app [EAL OPTIONS --] FAULT[,FAULT...] NAME...: an ordinary DPDK program that wants KNI interfaces, with faults.
 *
 * It initialises EAL and KNI, makes an mbuf pool, asks for each interface in turn, releases what it got and
 * ends: with 0 if it got all of them, else with 1. As many programs do, it doesn't look at what rte_kni_init
 * returns. The same NAME twice is a fault of its own (DPDK: "KNI already exists"). Faults:
 *
 *   none           no other
 *   reserve-QUEUE  has reserved the memzone kni_QUEUE_NAME itself: reserve-tx, reserve-req, reserve-sync, ...
 *   no-memory      has used up DPDK's heap
 *   empty-pool     has taken every mbuf out of the pool
 *   no-conf        passes no configuration
 *   no-name        passes a configuration with an empty name
 *   no-init        never calls rte_kni_init
 *   closed         calls rte_kni_close after rte_kni_init
 *   no-pool        asks for a pool that can't be had, and passes on what it got
 *   no-pool-exit   asks for a pool that can't be had, sees it, and exits
 *   fork           asks in a child, which was forked after rte_kni_init
 *   threads        asks for each interface in a thread of its own, all at once
 *   then=COMMAND   runs a command of the shell's (without a comma) when it has asked
 *   answering      answers set-up requests, as long as COMMAND runs; else nobody does
 *   killed         is killed by SIGKILL instead of releasing what it got
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_kni.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>

enum { MAX_NAMES = 4, MBUFS = 1023, MORE_MBUFS_THAN_MEMORY = 10000000 };

/* One interface that is wanted. */
struct wanted {
	const char *name;
	struct rte_mempool *pool;
	struct rte_kni *kni;
};

static const char *faults;
static pthread_barrier_t start;
static atomic_int answering;

/* What follows the fault that begins with name, up to the next fault; NULL: there is none. */
static const char *fault_with(const char *name)
{
	static char fault[256];

	for (const char *at = faults; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, strlen(name)) == 0) {
			snprintf(fault, sizeof(fault), "%s", at + strlen(name));
			fault[strcspn(fault, ",")] = 0;
			return fault;
		}
	}
	return NULL;
}

static int fault_is(const char *name)
{
	const char *rest = fault_with(name);
	return rest != NULL && *rest == 0;
}

static struct rte_mempool *make_pool(void)
{
	unsigned mbufs = fault_with("no-pool") ? MORE_MBUFS_THAN_MEMORY : MBUFS;
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("mbuf_pool", mbufs, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		fprintf(stderr, "kni-app: no mbuf pool: %s\n", rte_strerror(rte_errno));
	if (pool == NULL && !fault_is("no-pool"))
		exit(1);
	return pool;
}

/* From big pieces to the smallest that there are. */
static void use_up_the_heap(void)
{
	for (size_t size = 1 << 24; size > 0; size /= 2)
		while (rte_malloc(NULL, size, 0) != NULL)
			;
}

static void use_up_the_pool(struct rte_mempool *pool)
{
	while (rte_pktmbuf_alloc(pool) != NULL)
		;
}

static void reserve(const char *queue, const char *name)
{
	char zone[RTE_MEMZONE_NAMESIZE];
	snprintf(zone, sizeof(zone), "kni_%s_%s", queue, name);
	if (rte_memzone_reserve(zone, 64, SOCKET_ID_ANY, 0) == NULL)
		rte_exit(2, "can't reserve %s\n", zone);
}

static void *ask(void *argument)
{
	struct wanted *wanted = argument;
	struct rte_kni_conf conf = { .mbuf_size = RTE_MBUF_DEFAULT_BUF_SIZE };

	if (!fault_is("no-name"))
		snprintf(conf.name, sizeof(conf.name), "%s", wanted->name);
	if (fault_is("threads"))
		pthread_barrier_wait(&start);
	wanted->kni = rte_kni_alloc(wanted->pool, fault_is("no-conf") ? NULL : &conf, NULL);
	fprintf(stderr, "kni-app: %s KNI interface %s\n", wanted->kni ? "a" : "no", wanted->name);
	return NULL;
}

static void ask_in_threads(struct wanted *wanted, int count)
{
	pthread_t threads[MAX_NAMES];
	pthread_barrier_init(&start, NULL, count);
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, ask, &wanted[i]) != 0)
			rte_exit(2, "can't start a thread\n");
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static void *answer(void *argument)
{
	for (struct wanted *wanted = argument; answering; usleep(1000))
		for (int i = 0; i < MAX_NAMES; i++)
			if (wanted[i].kni != NULL)
				rte_kni_handle_request(wanted[i].kni);
	return NULL;
}

/* Runs the command, if there is one. */
static void go_on(struct wanted *wanted)
{
	pthread_t thread;

	answering = fault_is("answering");
	if (answering && pthread_create(&thread, NULL, answer, wanted) != 0)
		rte_exit(2, "can't start a thread\n");
	const char *command = fault_with("then=");
	if (command != NULL && system(command) != 0)
		fprintf(stderr, "kni-app: %s: failed\n", command);
	if (answering) {
		answering = 0;
		pthread_join(thread, NULL);
	}
}

/* Asks for all of them; gives whether it got all of them. */
static int get_and_release(struct wanted *wanted, int count)
{
	int all = 1;

	if (fault_is("threads"))
		ask_in_threads(wanted, count);
	else
		for (int i = 0; i < count; i++)
			ask(&wanted[i]);
	go_on(wanted);
	/* As others would: sent to a thread it would be forgotten once that is dying, and so not keep the module
	 * from waiting for an answer. */
	if (fault_is("killed"))
		kill(getpid(), SIGKILL);
	for (int i = 0; i < count; i++)
		all = wanted[i].kni != NULL && rte_kni_release(wanted[i].kni) == 0 && all;
	return all;
}

/* The same in a child; the parent waits for it. */
static int in_child(struct wanted *wanted, int count)
{
	int status = 1;
	pid_t child = fork();

	if (child == 0)
		_exit(!get_and_release(wanted, count));
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(int argc, char **argv)
{
	struct wanted wanted[MAX_NAMES] = { 0 };
	int used = rte_eal_init(argc, argv);
	int count = argc - used - 2;

	if (used < 0)
		rte_exit(2, "can't initialise EAL\n");
	if (count < 1 || count > MAX_NAMES)
		rte_exit(2, "usage: kni-app [EAL OPTIONS --] FAULT[,FAULT...] NAME...\n");
	faults = argv[used + 1];
	if (!fault_is("no-init"))
		rte_kni_init(count);
	if (fault_is("closed"))
		rte_kni_close();

	struct rte_mempool *pool = make_pool();
	for (int i = 0; i < count; i++) {
		wanted[i].name = argv[used + 2 + i];
		wanted[i].pool = pool;
		if (fault_with("reserve-"))
			reserve(fault_with("reserve-"), wanted[i].name);
	}
	if (fault_is("empty-pool"))
		use_up_the_pool(pool);
	if (fault_is("no-memory"))
		use_up_the_heap();

	int all = fault_is("fork") ? in_child(wanted, count) : get_and_release(wanted, count);
	rte_eal_cleanup();
	return !all;
}
