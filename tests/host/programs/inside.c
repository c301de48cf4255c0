/* inside: a program with the library inside, as far as it can be told from its functions.
 *
 * Calls rte_kni_init, and rte_kni_alloc once for each byte that it reads.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int rte_kni_init(unsigned int max_kni_ifaces)
{
	(void)max_kni_ifaces;
	return open("/dev/kni", O_RDWR);
}

/* Sends CREATE, as DPDK 19.11 and later do, to a device that knows no such request. */
void *rte_kni_alloc(void *pool, const void *conf, void *ops)
{
	char info[136];
	int fd = open("/dev/null", O_RDWR);

	(void)pool;
	(void)ops;
	memcpy(info, conf, sizeof(info));
	ioctl(fd, 0xc0880002, info);
	close(fd);
	return NULL;
}

int main(void)
{
	char conf[512] = "vEth0_0";
	char byte;

	rte_kni_init(1);
	while (read(0, &byte, 1) == 1)
		rte_kni_alloc(conf, conf, NULL);
	return 0;
}
