// What both load generators need: a clock, histograms, templates with a serial number, and a loopback socket.
#ifndef KIT_H
#define KIT_H

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull

static void die(const char *what) {
    fprintf(stderr, "load generator: %s: %s\n", what, errno ? strerror(errno) : "wrong");
    exit(2);
}

static void *claim(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) die("out of memory");
    return memory;
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

// --- histograms: a microsecond wide up to 4 ms, then 1/2048 of the value, without an upper end ---------------------------

enum { FINE = 2048, BUCKETS = 27 * FINE };

struct histogram {
    uint64_t *counts, total, longest_ns;
};

static struct histogram new_histogram(void) {
    return (struct histogram){.counts = claim(BUCKETS, sizeof(uint64_t))};
}

static uint32_t bucket_of(uint64_t us) {
    int shift = us < 2 * FINE ? 0 : 64 - 12 - __builtin_clzll(us);
    uint64_t bucket = (uint64_t)shift * FINE + (us >> shift);
    return bucket < BUCKETS ? (uint32_t)bucket : BUCKETS - 1;
}

// The first microsecond of a bucket.
static double edge_of(uint32_t bucket) {
    int shift = bucket < 2 * FINE ? 0 : (int)(bucket / FINE) - 1;
    return ldexp(bucket - (double)shift * FINE, shift);
}

static void record(struct histogram *h, uint64_t ns) {
    h->counts[bucket_of(ns / 1000)]++;
    h->total++;
    if (ns > h->longest_ns) h->longest_ns = ns;
}

static double quantile_us(const struct histogram *h, double share) {
    if (!h->total) return -1;
    uint64_t wanted = (uint64_t)ceil(share * (double)h->total), seen = 0;
    for (uint32_t bucket = 0; bucket < BUCKETS; bucket++)
        if ((seen += h->counts[bucket]) >= wanted) return (edge_of(bucket) + edge_of(bucket + 1)) / 2;
    return edge_of(BUCKETS);
}

// Its quantiles, and how many lie below each edge of a coarser scale (a quarter of a doubling).
static void print_histogram(const char *name, const struct histogram *h) {
    printf(",\"%s\":{\"count\":%lu,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,\"buckets\":[",
           name, h->total, quantile_us(h, .5), quantile_us(h, .9), quantile_us(h, .99), quantile_us(h, .999),
           (double)h->longest_ns / 1e3);
    double edge = 1;
    uint64_t inside = 0;
    bool comma = false;
    for (uint32_t bucket = 0; bucket < BUCKETS; bucket++) {
        inside += h->counts[bucket];
        double end = edge_of(bucket + 1);
        if (end < edge && bucket + 1 < BUCKETS) continue;
        if (inside) printf("%s[%.0f,%lu]", comma ? "," : "", end, inside);
        comma = comma || inside;
        inside = 0;
        while (edge <= end) edge *= 1.189207115;
    }
    printf("]}");
}

// --- templates: bytes in which {client} and {serial} are replaced by eight digits --------------------------------------

enum { MARKS = 8, DIGITS = 8 };

struct template {
    char *bytes;
    size_t length;
    size_t client_at[MARKS], serial_at[MARKS];
    int clients, serials;
};

static struct template parse_template(const char *text) {
    struct template t = {.bytes = claim(strlen(text) + 1, 1)};
    for (const char *c = text; *c;) {
        bool client = !strncmp(c, "{client}", 8), serial = !strncmp(c, "{serial}", 8);
        if (!client && !serial) {
            t.bytes[t.length++] = *c++;
            continue;
        }
        if ((client ? t.clients : t.serials) == MARKS) die("too many marks in a template");
        if (client) t.client_at[t.clients++] = t.length;
        if (serial) t.serial_at[t.serials++] = t.length;
        memset(t.bytes + t.length, '0', DIGITS);
        t.length += DIGITS;
        c += 8;
    }
    return t;
}

static void put_digits(char *at, uint32_t number) {
    for (int i = DIGITS - 1; i >= 0; i--, number /= 10) at[i] = (char)('0' + number % 10);
}

static void fill_template(struct template *t, uint32_t client, uint32_t serial) {
    for (int i = 0; i < t->clients; i++) put_digits(t->bytes + t->client_at[i], client);
    for (int i = 0; i < t->serials; i++) put_digits(t->bytes + t->serial_at[i], serial);
}

// --- clients: one line a client, `path` TAB `header`, taken by index ---------------------------------------------------

struct clients {
    char **paths, **headers;
    uint32_t count;
};

static struct clients read_clients(const char *file, const char *path, const char *header) {
    struct clients c = {.paths = claim(1, sizeof(char *)), .headers = claim(1, sizeof(char *)), .count = 1};
    c.paths[0] = (char *)path;
    c.headers[0] = (char *)header;
    if (!file) return c;
    FILE *lines = fopen(file, "r");
    if (!lines) die(file);
    char line[8192];
    for (c.count = 0; fgets(line, sizeof line, lines); c.count++) {
        line[strcspn(line, "\n")] = 0;
        char *tab = strchr(line, '\t');
        if (tab) *tab = 0;
        c.paths = realloc(c.paths, (c.count + 1) * sizeof(char *));
        c.headers = realloc(c.headers, (c.count + 1) * sizeof(char *));
        if (!c.paths || !c.headers) die("out of memory");
        c.paths[c.count] = strdup(line);
        c.headers[c.count] = strdup(tab ? tab + 1 : "");
    }
    fclose(lines);
    if (!c.count) die("no client in the file");
    return c;
}

// --- sockets -----------------------------------------------------------------------------------------------------------

static int dial_loopback(int port, int poller, uint32_t index) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0) die("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) die("connect");
    struct epoll_event event = {.events = EPOLLOUT | EPOLLIN | EPOLLET, .data.u32 = index};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
    return fd;
}

static int socket_fault(int fd) {
    int fault = 0;
    socklen_t size = sizeof fault;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &size);
    return fault;
}

#endif
