/* ioctl-storm: foreign ioctls as fast as they go, in gusts, until it is killed.
 *
 * None of them is a KNI request; some are one bit away from it. In the lulls the guest's only processor
 * idles, which costs an emulator nothing.
 *
 * gcc -O2 -o ioctl-storm ioctl-storm.c
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { GUST = 1000, LULL_US = 5000 };

int main(void)
{
	static const unsigned long requests[] = {
		0x541b,     /* FIONREAD */
		0x5401,     /* TCGETS */
		0x400454ca, /* TUNSETIFF */
		0x80880002, /* as CREATE, but read only */
		0x40880002, /* as CREATE, but write only */
		0xc0887802, /* as CREATE, but of type 'x' */
		0xc0880000, /* type, direction and size as KNI's, numbers before and behind */
		0xc0880004,
	};
	char argument[256] = { 0 };
	int null = open("/dev/null", O_RDWR);

	if (null < 0) {
		perror("ioctl-storm: /dev/null");
		return 2;
	}
	for (;;) {
		for (unsigned i = 0; i < GUST; i++)
			ioctl(null, requests[i % (sizeof(requests) / sizeof(requests[0]))], argument);
		usleep(LULL_US);
	}
}
