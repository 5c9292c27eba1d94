/* SPDX-License-Identifier: BSD-3-Clause */
/* What parallel.c needs of OpenMP, on POSIX threads made and joined for each team. ThreadSanitizer sees
 * these, while it knows nothing of libgomp's own waiting, and would report a race at every fork and join.
 * Linked into the module by scripts/sanitize.sh, in place of libgomp. */
#define _GNU_SOURCE
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

enum { MAX_TEAM = 64 };

typedef struct {
    pthread_t thread;
    void (*work)(void *);
    void *data;
    int number, team;
} member;

static _Thread_local const member *self;

static void *begin(void *data)
{
    self = data;
    self->work(self->data);
    return NULL;
}

/* What GCC makes of `#pragma omp parallel`. */
void GOMP_parallel(void (*work)(void *), void *data, unsigned wanted, unsigned flags);
void GOMP_parallel(void (*work)(void *), void *data, unsigned wanted, unsigned flags)
{
    (void)flags;
    const int team = wanted < MAX_TEAM ? (int)wanted : MAX_TEAM;
    member members[MAX_TEAM];
    for (int k = 0; k < team; k++) {
        members[k] = (member){.work = work, .data = data, .number = k, .team = team};
    }
    for (int k = 1; k < team; k++) {
        if (pthread_create(&members[k].thread, NULL, begin, &members[k]) != 0) {
            _exit(77);
        }
    }
    self = &members[0];
    work(data);
    self = NULL;
    for (int k = 1; k < team; k++) {
        pthread_join(members[k].thread, NULL);
    }
}

/* And of `#pragma omp critical`. */
static pthread_mutex_t critical = PTHREAD_MUTEX_INITIALIZER;
void GOMP_critical_start(void);
void GOMP_critical_end(void);
void GOMP_critical_start(void) { pthread_mutex_lock(&critical); }
void GOMP_critical_end(void) { pthread_mutex_unlock(&critical); }

int omp_get_thread_num(void) { return self ? self->number : 0; }
int omp_get_num_threads(void) { return self ? self->team : 1; }
int omp_in_parallel(void) { return self != NULL; }
int omp_get_max_threads(void) { return MAX_TEAM; }

int omp_get_num_procs(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

double omp_get_wtime(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
