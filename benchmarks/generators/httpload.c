// httpload: HTTP and server-sent-event load on 127.0.0.1 from one thread, keep-alive, every client in a closed loop.
//
// An answer ends with its body. An event is a line that begins with `data:`; the first one counts as the first event.
// A status other than 200 is a refusal. Prints one JSON object.
#define _GNU_SOURCE
#include "kit.h"
#include <getopt.h>
#include <signal.h>

enum { HEAD = 4096, LINE = 5 };
enum part { IN_HEAD, SIZED, UNSIZED, CHUNK_SIZE, CHUNK, CHUNK_END };

struct connection {
    int fd;
    bool dialling, waiting, first_seen;
    enum part part;
    uint32_t index, serial;
    uint64_t remaining, asked_at;
    uint16_t head_length;
    uint8_t line_length;
    bool trailer;
    char head[HEAD], line[LINE];
};

static struct {
    int port;
    uint32_t connections;
    uint64_t replies;
    double seconds, warmup;
    const char *path, *header, *clients, *body, *type;
} option = {.connections = 100, .seconds = 5, .warmup = 1, .path = "/", .header = "", .body = "", .type = "application/json"};

static struct connection *all;
static struct clients clients;
static struct template body;
static int poller;
static bool recording, running = true;
static uint64_t replies, total, events, bytes, faults, refusals, redialled;
static struct histogram to_first, to_end;

static void ask(struct connection *c, uint64_t now) {
    static char request[1 << 17];
    fill_template(&body, c->index, c->serial++);
    const char *header = clients.headers[c->index % clients.count];
    int length = snprintf(request, sizeof request,
                          "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: %s\r\nAccept: text/event-stream\r\n"
                          "%s%sContent-Length: %zu\r\n\r\n%.*s",
                          clients.paths[c->index % clients.count], option.port, option.type, header, *header ? "\r\n" : "",
                          body.length, (int)body.length, body.bytes);
    if (length >= (int)sizeof request) die("a request is too long");
    c->part = IN_HEAD;
    c->head_length = 0;
    c->line_length = 0;
    c->waiting = true;
    c->first_seen = false;
    c->asked_at = now;
    if (send(c->fd, request, (size_t)length, MSG_NOSIGNAL) != length) faults++;
}

static void dial(struct connection *c) {
    c->dialling = true;
    c->waiting = false;
    c->fd = dial_loopback(option.port, poller, c->index);
}

static void answered(struct connection *c, uint64_t now) {
    c->waiting = false;
    total++;
    if (recording) {
        replies++;
        record(&to_end, now - c->asked_at);
    }
    if (running && c->part != UNSIZED) ask(c, now);
}

static void read_head(struct connection *c, uint64_t now) {
    c->head[c->head_length] = 0;
    if (strncmp(c->head, "HTTP/1.1 200", 12) && refusals++ < 3) fprintf(stderr, "refused: %.300s\n", c->head);
    const char *sized = strcasestr(c->head, "\ncontent-length:");
    if (strcasestr(c->head, "\ntransfer-encoding: chunked")) c->part = CHUNK_SIZE;
    else c->part = sized ? SIZED : UNSIZED;
    c->remaining = c->part == SIZED ? strtoull(sized + 16, NULL, 10) : 0;
    if (c->part == SIZED && !c->remaining) answered(c, now);
}

static void read_text(struct connection *c, char letter, uint64_t now) {
    if (letter == '\n' || letter == '\r') { c->line_length = 0; return; }
    if (c->line_length == LINE) return;
    c->line[c->line_length++] = letter;
    if (c->line_length < LINE || memcmp(c->line, "data:", LINE)) return;
    if (recording) events++;
    if (!c->first_seen && recording) record(&to_first, now - c->asked_at);
    c->first_seen = true;
}

static void read_byte(struct connection *c, char letter, uint64_t now) {
    switch (c->part) {
    case IN_HEAD:
        if (c->head_length < HEAD - 1) c->head[c->head_length++] = letter;
        if (c->head_length >= 4 && !memcmp(c->head + c->head_length - 4, "\r\n\r\n", 4)) read_head(c, now);
        break;
    case SIZED:
        read_text(c, letter, now);
        if (!--c->remaining) answered(c, now);
        break;
    case UNSIZED:
        read_text(c, letter, now);
        break;
    case CHUNK_SIZE:
        if (letter == '\n') c->part = c->remaining ? CHUNK : CHUNK_END;
        else if (letter != '\r') c->remaining = c->remaining * 16 + (uint64_t)(letter <= '9' ? letter - '0' : (letter | 32) - 'a' + 10);
        c->trailer = c->part == CHUNK_END;
        break;
    case CHUNK:
        read_text(c, letter, now);
        if (!--c->remaining) c->part = CHUNK_END;
        break;
    case CHUNK_END:
        if (letter != '\n') break;
        if (c->trailer) answered(c, now);
        else c->part = CHUNK_SIZE;
        break;
    }
}

static void on_readable(struct connection *c) {
    static char buffer[1 << 18];
    for (;;) {
        ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EAGAIN) return;
        uint64_t now = now_ns();
        if (got <= 0) {
            if (c->waiting && c->part == UNSIZED) answered(c, now);
            else faults += c->waiting;
            close(c->fd);
            redialled++;
            if (running) dial(c);
            return;
        }
        bytes += (uint64_t)got;
        for (ssize_t i = 0; i < got; i++) read_byte(c, buffer[i], now);
    }
}

static void turn(void) {
    static struct epoll_event ready[1024];
    int count = epoll_wait(poller, ready, 1024, 20);
    for (int i = 0; i < count; i++) {
        struct connection *c = &all[ready[i].data.u32];
        if (c->dialling) {
            if (socket_fault(c->fd)) die("the server does not accept connections");
            c->dialling = false;
            ask(c, now_ns());
        }
        if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(c);
    }
}

static void parse_options(int count, char **words) {
    static const struct option names[] = {
        {"port", 1, 0, 'p'},    {"connections", 1, 0, 'c'}, {"path", 1, 0, 'u'}, {"header", 1, 0, 'H'}, {"clients", 1, 0, 'C'},
        {"body", 1, 0, 'B'},    {"type", 1, 0, 'T'},        {"seconds", 1, 0, 's'}, {"warmup", 1, 0, 'w'},
        {"replies", 1, 0, 'n'}, {0, 0, 0, 0}};
    for (int name; (name = getopt_long(count, words, "", names, NULL)) != -1;) {
        switch (name) {
        case 'p': option.port = atoi(optarg); break;
        case 'c': option.connections = (uint32_t)atoi(optarg); break;
        case 'u': option.path = optarg; break;
        case 'H': option.header = optarg; break;
        case 'C': option.clients = optarg; break;
        case 'B': option.body = optarg; break;
        case 'T': option.type = optarg; break;
        case 's': option.seconds = atof(optarg); break;
        case 'n': option.replies = strtoull(optarg, NULL, 10); break;
        case 'w': option.warmup = atof(optarg); break;
        default: exit(2);
        }
    }
}

int main(int count, char **words) {
    parse_options(count, words);
    signal(SIGPIPE, SIG_IGN);
    clients = read_clients(option.clients, option.path, option.header);
    body = parse_template(option.body);
    all = claim(option.connections, sizeof *all);
    to_first = new_histogram();
    to_end = new_histogram();
    if ((poller = epoll_create1(0)) < 0) die("epoll");
    uint64_t from = now_ns() + (uint64_t)(option.warmup * 1e9), until = from + (uint64_t)(option.seconds * 1e9), began = from;
    for (uint32_t i = 0; i < option.connections; i++) {
        all[i].index = i;
        dial(&all[i]);
    }
    double cpu = 0;
    uint64_t now = now_ns(), faults_before = 0, refusals_before = 0;
    for (; now < until && (!option.replies || total < option.replies); now = now_ns()) {
        if (!recording && now >= from) {
            recording = true;
            began = now;
            cpu = cpu_seconds();
            bytes = 0;
            faults_before = faults;
            refusals_before = refusals;
        }
        turn();
    }
    running = false;
    uint32_t unanswered = 0;
    for (uint32_t i = 0; i < option.connections; i++) unanswered += all[i].waiting && now - all[i].asked_at > 10 * SECOND;
    double seconds = (double)(now - began) / 1e9;
    printf("{\"mode\":\"http\",\"connections\":%u,\"seconds\":%.3f,\"answered\":%lu,\"replies\":%lu,\"frames\":%lu,\"replies_per_s\":%.1f,\"frames_per_s\":%.1f,"
           "\"megabytes_per_s\":%.2f,\"faults\":%lu,\"refusals\":%lu,\"redialled\":%lu,\"unanswered\":%u,\"cpu_share\":%.3f",
           option.connections, seconds, total, replies, events, (double)replies / seconds, (double)events / seconds,
           (double)bytes / 1e6 / seconds, faults - faults_before, refusals - refusals_before, redialled, unanswered,
           (cpu_seconds() - cpu) / seconds);
    print_histogram("first", &to_first);
    print_histogram("reply", &to_end);
    printf("}\n");
    return 0;
}
