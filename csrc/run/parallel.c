/* SPDX-License-Identifier: BSD-3-Clause */
/* The team of threads. Contract in run/parallel.h; the operating system is behind run/threads.h.
 *
 * Whoever calls works. A call's work is cut into chunks, and every thread of the team has a share of them, the same at
 * each call, so that what it touched last still lies in its cache. It does its own share, chunk by chunk, and then
 * helps with the others'. When no chunk is left, the caller closes the job, and waits only for workers that are inside
 * a chunk. A worker that the system has not started yet finds the job closed, and is not waited for.
 *
 * That leaves three costs, and a rule for each:
 * - Waking. It takes the waker 5 to 20 us, and the woken thread begins 35 to 75 us later (virtual machines
 *   with two CPUs). So a worker stays awake for SPIN after its last job, and those asleep are woken only for work that
 *   takes one thread longer: that of one call, or of several that follow each other closely.
 * - A worker that is woken on the caller's own CPU, in the caller's place. rs_keep_off prevents it.
 * - A worker that loses its CPU inside a chunk, to another process or to a thread of another library that waits
 *   awake. The system would give it back after milliseconds. The caller has nothing to do but to wait for it, so it
 *   gives its own CPU: it fetches the worker there. */
#include "run/parallel.h"

#include <string.h>

#include "run/fpmode.h"
#include "run/threads.h"

enum {
    /* Bytes moved by each thread of a team that is awake: with fewer it is no faster than one thread alone. relu of
     * float32 on two threads against one: 1.0x at 200 kB read and written, 1.3x at 400 kB, 1.5x at 800 kB. */
    BYTES_PER_THREAD = 100000,
    /* Bytes of one call for which sleeping workers are woken. One thread needs some 150 us for them outside its own
     * caches. */
    WORTH_WAKING = 2000000,
    /* Of a chunk. Half as much and twice as much are up to 10 % slower at one size or another. */
    CHUNK_BYTES = 65536,
    /* Nanoseconds. How long a worker stays awake for the next call: */
    SPIN = 10000,
    /* for how long calls have followed each other closely when sleeping workers are woken for them. With less, threads
     * of another library that work in between, 5 to 15 us at a time, have them woken again and again for a few calls,
     * and what lies in one CPU's cache moves to the other's and back; */
    LONG_RUN = 50000,
    /* for how long at most calls are at work before workers are woken again where that has been in vain: so it takes a
     * hundredth of the time; */
    RELUCTANCE = 2400000,
    /* how long the caller waits for a worker before it takes it for one that has lost its CPU: a chunk and more; */
    PATIENCE = 20000,
    /* for how long the answers of the system count: which CPUs there are, and that it had no thread to give. */
    ANSWER_COUNTS = 1000000
};

/* The job in one word, so that a worker enters only if it is still the job that it saw: its generation, whether
 * it is open, how many threads the team has, and how many workers are inside. */
#define GENERATION ((uint64_t)1 << 32)
#define OPEN ((uint64_t)1 << 31)
#define TEAM ((uint64_t)1 << 16)
static RS_ALIGNED(128) uint64_t state;

static uint32_t generation_of(uint64_t s) { return (uint32_t)(s / GENERATION); }
static size_t team_of(uint64_t s) { return s / TEAM & 0x7fff; }
static int inside(uint64_t s) { return (int)(s & (TEAM - 1)); }

/* Written while the job is closed and nobody is inside. */
static RS_ALIGNED(128) struct {
    rs_work *work;
    const void *context;
    size_t chunk, team;
} job;

/* Of the workers from here on, those that sleep are to be woken. */
static RS_ALIGNED(128) uint64_t next_to_wake;
static uint32_t helped; /* the last generation that a worker was in */

/* Each thread of a team has a seat: the caller the first one, and each worker one of the others for good. */
typedef struct {
    RS_ALIGNED(128) uint64_t next; /* its share begins here, and ends there */
    uint64_t end;
    RS_ALIGNED(128) rs_bed bed;
    uint32_t working; /* it is inside, or about to enter */
    uint32_t fetched; /* the caller waits for it, and it is on the caller's CPU */
} seat;
static seat seats[RS_MAX_THREADS];

static int num_threads = 1, follow_cpus;
static uint64_t callers;        /* calls at work that are large enough for a team */
static int64_t last_end, took;  /* when one of them ended, and how long it took */
static int busy;                /* somebody has the team, and to them belongs all that follows */
static int64_t close_together;  /* nanoseconds of the last calls that each came within SPIN after the one before */
static int64_t reluctance;      /* nanoseconds of calls that pass by before workers are woken: 0 once it has paid */
static int64_t passed_by, paid; /* nanoseconds of calls: that passed by, and in which those woken last have helped */
static size_t made;             /* workers, in the seats 1 to made */
static rs_thread threads[RS_MAX_THREADS];
static rs_place place; /* of a caller, to which the workers' places are fitted */
static int64_t last_look, last_refusal;

/* ---------------------------------------------------------------------------------------------
 * What every thread of a team does */

/* Each wakes two others, so that a large team is awake soon. */
static void wake_others(size_t team)
{
    for (int woken = 0; woken < 2 && RS_ATOMIC_LOAD(&next_to_wake) < team;) {
        const uint64_t number = RS_ATOMIC_ADD(&next_to_wake, 1);
        if (number < team) {
            woken += rs_wake(&seats[number].bed);
        }
    }
}

static void do_chunks(size_t number)
{
    const size_t chunk = job.chunk, team = job.team;
    for (size_t k = 0; k < team; k++) {
        seat *const s = &seats[(number + k) % team];
        while (RS_ATOMIC_LOAD(&s->next) < s->end) {
            const uint64_t from = RS_ATOMIC_ADD(&s->next, chunk);
            if (from < s->end) {
                job.work(job.context, from, s->end - from < chunk ? s->end : from + chunk);
            }
        }
    }
}

/* ---------------------------------------------------------------------------------------------
 * The workers */

static int is_for(size_t number, uint64_t s, uint32_t last)
{
    return s & OPEN && number < team_of(s) && generation_of(s) != last;
}

/* Returns the state once there is a job for this worker in which it has not been. */
static uint64_t wait_for_job(seat *own, size_t number, uint32_t last)
{
    for (;;) {
        const int64_t start = rs_now(), spin = RS_ATOMIC_LOAD(&own->fetched) ? 0 : SPIN;
        for (int k = 1; k % 16 != 0 || rs_now() - start < spin; k++) {
            const uint64_t s = RS_ATOMIC_LOAD(&state);
            if (is_for(number, s, last)) {
                return s;
            }
            rs_pause();
        }
        rs_lie_down(&own->bed);
        if (!is_for(number, RS_ATOMIC_LOAD(&state), last)) {
            rs_sleep(&own->bed);
        }
        rs_get_up(&own->bed);
    }
}

static RS_THREAD_BODY(worker, data)
{
    seat *const own = data;
    const size_t number = (size_t)(own - seats);
    rs_fp_default();
    for (uint32_t last = 0;;) {
        const uint64_t s = wait_for_job(own, number, last);
        RS_ATOMIC_EXCHANGE(&own->working, 1);
        const int entered = RS_ATOMIC_REPLACE(&state, s, s + 1);
        if (entered) {
            last = generation_of(s);
            RS_ATOMIC_STORE(&helped, last);
            wake_others(team_of(s));
            do_chunks(number);
        }
        RS_ATOMIC_STORE(&own->working, 0);
        if (entered && inside(RS_ATOMIC_ADD(&state, -1)) == 1) {
            rs_wake(&seats[0].bed);
        }
    }
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * The caller that has the team */

/* Fits the workers' places to the caller's, which may have moved, or been told to use other CPUs. */
static void look_around(int64_t now)
{
    rs_place found;
    rs_look_around(&found);
    if (!RS_ATOMIC_LOAD(&follow_cpus) && found.cpus < RS_ATOMIC_LOAD(&num_threads)) {
        found.here = -1; /* there are more threads than CPUs: they need the caller's, too */
    }
    last_look = now;
    if (memcmp(&found, &place, sizeof place) != 0) {
        place = found;
        for (size_t number = 1; number <= made; number++) {
            rs_keep_off(threads[number], &place);
        }
    }
}

static void make_workers(size_t team, int64_t now)
{
    while (made < team - 1 && now - last_refusal > ANSWER_COUNTS) {
        seat *const s = &seats[made + 1];
        rs_make_bed(&s->bed);
        if (rs_start_thread(&threads[made + 1], worker, s)) {
            made++;
            rs_keep_off(threads[made], &place);
        } else {
            last_refusal = now; /* the others do its share */
        }
    }
}

/* How many threads are to work on a call for which `team` would be enough. Those asleep are to be woken, or there are
 * others awake. */
static size_t gather(size_t team, size_t bytes, int64_t now)
{
    close_together = now - RS_ATOMIC_LOAD(&last_end) < SPIN ? close_together + RS_ATOMIC_LOAD(&took) : 0;
    size_t awake = 0;
    for (size_t number = 1; number <= made && number < team; number++) {
        awake += !rs_is_down(&seats[number].bed);
    }
    int waking = awake + 1 < team && (bytes >= WORTH_WAKING || close_together >= LONG_RUN);
    if (waking && reluctance != 0) {
        passed_by += RS_ATOMIC_LOAD(&took);
        waking = passed_by >= reluctance;
    }
    if (!waking && awake == 0) {
        return 1;
    }
    if (waking || now - last_look > ANSWER_COUNTS) {
        look_around(now);
    }
    /* A CPU on which another call is at work is none for this one. */
    const size_t others = (size_t)RS_ATOMIC_LOAD(&callers) - 1, cpus = (size_t)place.cpus;
    if (others > 0 || RS_ATOMIC_LOAD(&follow_cpus)) {
        const size_t left = cpus > others ? cpus - others : 1;
        team = left < team ? left : team;
    }
    if (waking) {
        const int64_t more = reluctance != 0 ? 2 * reluctance : LONG_RUN;
        reluctance = more < RELUCTANCE ? more : RELUCTANCE;
        passed_by = 0;
        paid = 0;
        make_workers(team, now);
    }
    RS_ATOMIC_STORE(&next_to_wake, waking ? 1 : team);
    return team;
}

/* Waits for workers that have lost their CPU, and gives them the caller's meanwhile. */
static void fetch(size_t team, int64_t now)
{
    look_around(now);
    for (size_t number = 1; number < team; number++) {
        if (RS_ATOMIC_LOAD(&seats[number].working)) {
            RS_ATOMIC_STORE(&seats[number].fetched, 1);
            rs_fetch(threads[number], &place);
        }
    }
    rs_bed *const bed = &seats[0].bed;
    while (inside(RS_ATOMIC_LOAD(&state)) != 0) {
        rs_lie_down(bed);
        if (inside(RS_ATOMIC_LOAD(&state)) != 0) {
            rs_sleep(bed);
        }
        rs_get_up(bed);
    }
    for (size_t number = 1; number < team; number++) {
        if (RS_ATOMIC_LOAD(&seats[number].fetched)) {
            rs_keep_off(threads[number], &place);
            RS_ATOMIC_STORE(&seats[number].fetched, 0);
        }
    }
}

static void wait_until_all_are_out(size_t team)
{
    int64_t start = 0;
    for (int k = 1; inside(RS_ATOMIC_LOAD(&state)) != 0; k++) {
        rs_pause();
        if (k % 64 == 0) {
            const int64_t now = rs_now();
            start = start != 0 ? start : now;
            if (now - start > PATIENCE) {
                fetch(team, now);
            }
        }
    }
}

/* Whether a worker has helped. */
static int run_team(size_t team, rs_work *work, const void *context, size_t n, size_t grain, size_t bytes)
{
    const size_t wanted = bytes / CHUNK_BYTES > team ? bytes / CHUNK_BYTES : team;
    const size_t chunk = ((n + wanted - 1) / wanted + grain - 1) / grain * grain, chunks = (n + chunk - 1) / chunk;
    for (size_t k = 0; k < team; k++) {
        const size_t end = chunks * (k + 1) / team * chunk;
        RS_ATOMIC_STORE(&seats[k].next, chunks * k / team * chunk);
        seats[k].end = end < n ? end : n;
    }
    job.work = work;
    job.context = context;
    job.chunk = chunk;
    job.team = team;
    RS_ATOMIC_ADD(&state, GENERATION + OPEN + team * TEAM);
    wake_others(team);
    do_chunks(0);
    const uint64_t s = RS_ATOMIC_ADD(&state, -(OPEN + team * TEAM));
    wait_until_all_are_out(team);
    return RS_ATOMIC_LOAD(&helped) == generation_of(s);
}

void rs_parallel_for(rs_work *work, const void *context, size_t n, size_t grain, size_t bytes)
{
    const size_t limit = (size_t)RS_ATOMIC_LOAD(&num_threads), worth = bytes / BYTES_PER_THREAD;
    size_t team = worth < limit ? worth : limit;
    if (team < 2) {
        work(context, 0, n);
        return;
    }
    RS_ATOMIC_ADD(&callers, 1);
    const int64_t start = rs_now();
    /* The team is one caller's at a time: the others would only compete with it for the same CPUs. */
    if (RS_ATOMIC_EXCHANGE(&busy, 1) != 0) {
        team = 1;
    } else {
        team = gather(team, bytes, start);
        if (team > 1 && run_team(team, work, context, n, grain, bytes)) {
            paid += rs_now() - start;
            reluctance = bytes >= WORTH_WAKING || paid >= LONG_RUN ? 0 : reluctance;
        }
        RS_ATOMIC_STORE(&busy, 0);
    }
    if (team == 1) {
        work(context, 0, n);
    }
    const int64_t end = rs_now();
    RS_ATOMIC_STORE(&took, end - start);
    RS_ATOMIC_STORE(&last_end, end);
    RS_ATOMIC_ADD(&callers, -1);
}

/* ---------------------------------------------------------------------------------------------
 * Set-up */

/* The child has the thread that forked and no other, whatever they were at. It makes workers when it needs them. */
static void start_anew(void)
{
    state = state / GENERATION * GENERATION;
    callers = 0;
    busy = 0;
    made = 0;
    rs_make_bed(&seats[0].bed);
}

void rs_parallel_init(void)
{
    rs_make_bed(&seats[0].bed);
    rs_after_fork(start_anew);
}

void rs_set_num_threads(int n, int follow)
{
    RS_ATOMIC_STORE(&follow_cpus, follow);
    RS_ATOMIC_STORE(&num_threads, n);
}

int rs_get_num_threads(void)
{
    const int n = RS_ATOMIC_LOAD(&num_threads);
    rs_place here;
    rs_look_around(&here);
    return RS_ATOMIC_LOAD(&follow_cpus) && here.cpus < n ? here.cpus : n;
}
