/* SPDX-License-Identifier: BSD-3-Clause */
/* A system that refuses, by LD_PRELOAD: what the variable REFUSED names fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int refused(const char *name)
{
    const char *names = getenv("REFUSED");
    return names != NULL && strstr(names, name) != NULL;
}

int madvise(void *start, size_t length, int advice)
{
    int (*real)(void *, size_t, int) = dlsym(RTLD_NEXT, "madvise");
    return refused("madvise") ? (errno = EPERM, -1) : real(start, length, advice);
}

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    int (*real)(pid_t, size_t, cpu_set_t *) = dlsym(RTLD_NEXT, "sched_getaffinity");
    return refused("affinity") ? (errno = EPERM, -1) : real(pid, size, set);
}

int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
    int (*real)(pthread_t, size_t, cpu_set_t *) = dlsym(RTLD_NEXT, "pthread_getaffinity_np");
    return refused("affinity") ? EPERM : real(thread, size, set);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *), void *data)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    if (refused("starting")) { /* a thread that there is, and that never runs */
        *thread = pthread_self();
        return 0;
    }
    return refused("threads") ? EAGAIN : real(thread, attributes, work, data);
}

static int hidden(const char *path)
{
    return refused("files") && (strncmp(path, "/sys/", 5) == 0 || strncmp(path, "/proc/", 6) == 0);
}

#define OPEN(name)                                                            \
    int name(const char *path, int flags, ...)                                \
    {                                                                         \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);        \
        va_list rest;                                                         \
        va_start(rest, flags);                                                \
        const int mode = va_arg(rest, int);                                   \
        va_end(rest);                                                         \
        return hidden(path) ? (errno = ENOENT, -1) : real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

FILE *fopen(const char *path, const char *mode)
{
    FILE *(*real)(const char *, const char *) = dlsym(RTLD_NEXT, "fopen");
    return hidden(path) ? (errno = ENOENT, NULL) : real(path, mode);
}
