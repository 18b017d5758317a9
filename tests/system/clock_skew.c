/*
 * clock_skew — a host whose clock is wrong, for one process: preloaded, it moves the wall clock by CLOCK_SKEW_S seconds for
 * the program itself. Libraries keep the true time (libfaketime moves theirs too, and librdkafka's timed waits, which end
 * at an absolute time of the kernel's clock, then hang). Built by scenario_tools.clock(), not by CMake.
 */
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static uintptr_t program_start, program_end;

static int find_program(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size, (void)data;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
            program_start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            program_end = program_start + info->dlpi_phdr[i].p_memsz;
        }
    return 1; /* the first one is the program */
}

static time_t skew(const void *caller)
{
    static long seconds;
    static int known;
    if (!known) {
        const char *text = getenv("CLOCK_SKEW_S");
        (void)dl_iterate_phdr(find_program, NULL);
        seconds = text ? strtol(text, NULL, 10) : 0;
        known = 1;
    }
    return (uintptr_t)caller >= program_start && (uintptr_t)caller < program_end ? seconds : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, now);
    if (rc == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += skew(__builtin_return_address(0));
    return rc;
}

int gettimeofday(struct timeval *now, void *zone)
{
    (void)zone;
    struct timespec true_now;
    int rc = (int)syscall(SYS_clock_gettime, CLOCK_REALTIME, &true_now);
    now->tv_sec = true_now.tv_sec + skew(__builtin_return_address(0));
    now->tv_usec = true_now.tv_nsec / 1000;
    return rc;
}

time_t time(time_t *ret_now)
{
    struct timespec true_now;
    (void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &true_now);
    time_t now = true_now.tv_sec + skew(__builtin_return_address(0));
    if (ret_now)
        *ret_now = now;
    return now;
}
