/* plugin LIBRARY: loads librte_kni as a plugin is loaded, and calls its rte_kni_alloc once for each byte that it
 * reads.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char conf[512] = "vEth0_0";
	char byte;
	void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
	void *(*alloc)(void *, const void *, void *);

	if (library == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	alloc = dlsym(library, "rte_kni_alloc");
	while (read(0, &byte, 1) == 1)
		alloc(conf, conf, NULL);
	return 0;
}
