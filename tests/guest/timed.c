/* timed CMD ARGS...: runs it with its output thrown away, and prints the nanoseconds from its start to its exit, and
 * for how many of them the processors were busy, whatever with.
 *
 * Ends with its exit status. In a shell the clock would have to be read by programs of their own.
 *
 * gcc -O2 -o timed timed.c
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* Of all processors: the seventh number of each line "cpuN ..." of /proc/schedstat, the nanoseconds that tasks ran
 * (Documentation/scheduler/sched-stats.rst, version 15; the same in 17). */
static long long busy(void)
{
	char line[1024];
	long long sum = 0, ran;
	FILE *file = fopen("/proc/schedstat", "r");

	if (!file)
		return 0;
	while (fgets(line, sizeof line, file))
		if (sscanf(line, "cpu%*d %*d %*d %*d %*d %*d %*d %lld", &ran) == 1)
			sum += ran;
	fclose(file);
	return sum;
}

static void become(char **command)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp(command[0], command);
	_exit(127);
}

int main(int argc, char **argv)
{
	int status = 0;

	if (argc < 2)
		return 2;
	long long ran = busy(), start = now();
	pid_t child = fork();
	if (child == 0)
		become(argv + 1);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 126;
	printf("%lld ", now() - start);
	printf("%lld\n", busy() - ran);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
