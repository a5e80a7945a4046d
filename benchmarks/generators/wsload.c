// wsload: WebSocket load on 127.0.0.1 from one thread, so that the client is never the bottleneck.
//
//   closed   every connection asks again as soon as its reply has ended
//   paced    requests arrive at a given rate, whatever the replies do; latency counts from the arrival
//   idle     connections are opened and held; a line on stdin cuts them all and brings them back; its end ends the program
//
// A load lasts --seconds after its --warmup, or until there were --replies. A frame is known by how its text begins: --ready opens a connection, --first is the first frame of a reply, --end its
// last, --fail a refusal. Only headers and those beginnings are read. Of the process --server it tells the processor time
// that the load took, without that of connecting and of the warmup. Prints one JSON object a line.
#define _GNU_SOURCE
#include "kit.h"
#include <getopt.h>
#include <poll.h>
#include <signal.h>

enum { BEGINNING = 128 }; // a ping, which is answered with its own text, has at most 125
enum state { CLOSED, DIALLING, UPGRADING, GREETING, OPEN };

struct connection {
    int fd;
    enum state state;
    uint32_t index, serial;
    uint8_t header[14], header_length, opcode, end_of_head, beginning_length;
    bool in_payload, final, waiting, first_seen;
    uint64_t remaining, asked_at, cut_at;
    char beginning[BEGINNING];
};

static struct {
    int port, window, server;
    uint32_t connections;
    uint64_t replies;
    double seconds, warmup, rate, patience;
    const char *mode, *path, *header, *clients, *greet, *again, *message, *ready, *resumed, *first, *end, *fail;
} option = {.window = 64, .connections = 100, .seconds = 5, .warmup = 1, .rate = 1000, .patience = 60, .mode = "closed",
            .path = "/", .header = "", .greet = "", .again = "", .message = "", .ready = "", .resumed = "", .first = "",
            .end = "", .fail = ""};

static struct connection *all;
static struct clients clients;
static struct template greeting, greeting_again, message;
static int poller;
static bool paced, recording, running, returning;
static uint32_t opened, *resting, resting_head, resting_tail;
static uint64_t replies, answered, frames, bytes, faults, refusals, closes;
static uint64_t *arrivals, arrivals_head, arrivals_tail;
static struct histogram to_first, to_end, to_return;
enum { ARRIVALS = 1 << 20 };

static void lose(struct connection *c) {
    if (c->state == OPEN) opened--;
    c->state = CLOSED;
    close(c->fd);
}

static void put(struct connection *c, const void *data, size_t length) {
    if (send(c->fd, data, length, MSG_NOSIGNAL) != (ssize_t)length) faults++;
}

static void put_frame(struct connection *c, int opcode, const char *payload, size_t length) {
    static uint8_t frame[1 << 17];
    static const uint8_t mask[4] = {0x5a, 0xc3, 0x17, 0x8e};
    size_t at = 0;
    if (length + 14 > sizeof frame) die("a message is too long");
    frame[at++] = (uint8_t)(0x80 | opcode);
    if (length < 126) frame[at++] = (uint8_t)(0x80 | length);
    else if (length < 65536) {
        frame[at++] = 0x80 | 126;
        frame[at++] = (uint8_t)(length >> 8);
        frame[at++] = (uint8_t)length;
    } else {
        frame[at++] = 0x80 | 127;
        for (int shift = 56; shift >= 0; shift -= 8) frame[at++] = (uint8_t)((uint64_t)length >> shift);
    }
    memcpy(frame + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < length; i++) frame[at + i] = (uint8_t)payload[i] ^ mask[i & 3];
    put(c, frame, at + length);
}

static void put_template(struct connection *c, struct template *t) {
    fill_template(t, c->index, c->serial++);
    put_frame(c, 1, t->bytes, t->length);
}

static void ask(struct connection *c, uint64_t arrived) {
    c->waiting = true;
    c->first_seen = false;
    c->asked_at = arrived;
    put_template(c, &message);
}

static void rest(struct connection *c) {
    resting[resting_tail] = c->index;
    resting_tail = (resting_tail + 1) % (option.connections + 1);
}

static void next_request(struct connection *c, uint64_t now) {
    c->waiting = false;
    if (!running) return;
    if (!paced) ask(c, now);
    else if (arrivals_head != arrivals_tail) ask(c, arrivals[arrivals_head++ % ARRIVALS]);
    else rest(c);
}

static void open_up(struct connection *c, uint64_t now) {
    c->state = OPEN;
    opened++;
    if (c->cut_at) record(&to_return, now - c->cut_at);
}

static bool begins(const struct connection *c, const char *with) {
    size_t length = strlen(with);
    return length <= c->beginning_length && !memcmp(c->beginning, with, length);
}

static void on_frame(struct connection *c, uint64_t now) {
    if (c->opcode == 9) { put_frame(c, 10, c->beginning, c->beginning_length); return; }
    if (c->opcode == 8) { closes++; return; }
    if (c->state == GREETING && begins(c, returning ? option.resumed : option.ready)) { open_up(c, now); return; }
    bool refused = *option.fail && begins(c, option.fail);
    if (refused && refusals++ < 3) fprintf(stderr, "refused: %.*s\n", c->beginning_length, c->beginning);
    if (!c->waiting) return;
    if (recording) frames++;
    if (!c->first_seen && begins(c, option.first)) {
        c->first_seen = true;
        if (recording) record(&to_first, now - c->asked_at);
    }
    if (refused) next_request(c, now);
    else if (begins(c, option.end)) {
        answered++;
        if (recording) {
            replies++;
            record(&to_end, now - c->asked_at);
        }
        next_request(c, now);
    }
}

static void read_frames(struct connection *c, const uint8_t *data, size_t length, uint64_t now) {
    for (size_t i = 0; i < length && c->state != CLOSED;) {
        if (!c->in_payload) {
            c->header[c->header_length++] = data[i++];
            if (c->header_length < 2) continue;
            int code = c->header[1] & 127, wide = code == 126 ? 2 : code == 127 ? 8 : 0;
            if (c->header_length < 2 + wide) continue;
            c->remaining = wide ? 0 : (uint64_t)code;
            for (int k = 0; k < wide; k++) c->remaining = c->remaining << 8 | c->header[2 + k];
            if (c->header[0] & 15) {
                c->opcode = c->header[0] & 15;
                c->beginning_length = 0;
            }
            c->final = c->header[0] >> 7;
            c->header_length = 0;
            c->in_payload = true;
        } else {
            size_t here = length - i < c->remaining ? length - i : c->remaining;
            size_t room = BEGINNING - c->beginning_length, kept = here < room ? here : room;
            memcpy(c->beginning + c->beginning_length, data + i, kept);
            c->beginning_length += (uint8_t)kept;
            i += here;
            c->remaining -= here;
        }
        if (c->in_payload && !c->remaining) {
            c->in_payload = false;
            if (c->final) on_frame(c, now);
        }
    }
}

// The upgrade's answer: its status line is judged, the rest is skipped up to the empty line.
static size_t read_upgrade(struct connection *c, const uint8_t *data, size_t length, uint64_t now) {
    for (size_t i = 0; i < length; i++) {
        if (c->beginning_length < BEGINNING) c->beginning[c->beginning_length++] = (char)data[i];
        c->end_of_head = data[i] == (c->end_of_head % 2 ? '\n' : '\r') ? c->end_of_head + 1 : data[i] == '\r';
        if (c->end_of_head < 4) continue;
        if (!begins(c, "HTTP/1.1 101")) {
            if (faults++ < 3) fprintf(stderr, "no upgrade: %.*s\n", c->beginning_length, c->beginning);
            lose(c);
            return length;
        }
        c->state = GREETING;
        struct template *greet = returning ? &greeting_again : &greeting;
        if (greet->length) put_template(c, greet);
        if (!*(returning ? option.resumed : option.ready)) open_up(c, now);
        return i + 1;
    }
    return length;
}

static void on_readable(struct connection *c) {
    static uint8_t buffer[1 << 18];
    while (c->state != CLOSED) {
        ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            faults += c->waiting || !closes;
            lose(c);
            return;
        }
        uint64_t now = now_ns();
        size_t used = c->state == UPGRADING ? read_upgrade(c, buffer, (size_t)got, now) : 0;
        bytes += (uint64_t)got;
        read_frames(c, buffer + used, (size_t)got - used, now);
    }
}

static void on_connected(struct connection *c) {
    int fault = socket_fault(c->fd);
    if (fault) {
        if (faults++ < 3) fprintf(stderr, "connect: %s\n", strerror(fault));
        lose(c);
        return;
    }
    char request[8192];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: bmV0cmEgYmVuY2htYXJrcw==\r\nSec-WebSocket-Version: 13\r\n%s%s\r\n",
                          clients.paths[c->index % clients.count], option.port, clients.headers[c->index % clients.count],
                          *clients.headers[c->index % clients.count] ? "\r\n" : "");
    c->state = UPGRADING;
    put(c, request, (size_t)length);
}

static void turn(int timeout_ms) {
    static struct epoll_event ready[1024];
    int count = epoll_wait(poller, ready, 1024, timeout_ms);
    for (int i = 0; i < count; i++) {
        struct connection *c = &all[ready[i].data.u32];
        if (c->state == DIALLING && ready[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) on_connected(c);
        if (c->state > DIALLING && ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(c);
    }
}

static double open_all(void) {
    uint64_t start = now_ns();
    for (uint32_t dialled = 0; opened < option.connections;) {
        while (dialled < option.connections && dialled - opened < (uint32_t)option.window) {
            struct connection *c = &all[dialled];
            *c = (struct connection){.index = dialled, .serial = c->serial, .cut_at = c->cut_at, .state = DIALLING};
            c->fd = dial_loopback(option.port, poller, dialled++);
        }
        turn(100);
        if (faults > 100 || (double)(now_ns() - start) / 1e9 > option.patience) {
            fprintf(stderr, "opened %u of %u connections, %lu faults\n", opened, option.connections, faults);
            exit(3);
        }
    }
    return (double)(now_ns() - start) / 1e9;
}

static void hold(double connect_s) {
    printf("{\"opened\":%u,\"connect_s\":%.4f,\"faults\":%lu}\n", opened, connect_s, faults);
    fflush(stdout);
    char line[64];
    for (;;) {
        turn(20);
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        if (poll(&input, 1, 0) <= 0) continue;
        if (read(STDIN_FILENO, line, sizeof line) <= 0) return;
        struct linger at_once = {.l_onoff = 1};
        uint64_t start = now_ns();
        for (uint32_t i = 0; i < option.connections; i++) {
            if (all[i].state != CLOSED) {
                setsockopt(all[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
                lose(&all[i]);
            }
            all[i].cut_at = start;
        }
        returning = true;
        double back_s = open_all();
        printf("{\"returned\":%u,\"seconds\":%.4f,\"faults\":%lu", opened, back_s, faults);
        print_histogram("each", &to_return);
        printf("}\n");
        fflush(stdout);
    }
}

static void offer_arrivals(double *next, uint64_t now) {
    for (; *next <= (double)now; *next += -log(1 - drand48()) * 1e9 / option.rate) {
        if (resting_head != resting_tail) {
            struct connection *c = &all[resting[resting_head]];
            resting_head = (resting_head + 1) % (option.connections + 1);
            ask(c, (uint64_t)*next);
        } else if (arrivals_tail - arrivals_head < ARRIVALS) arrivals[arrivals_tail++ % ARRIVALS] = (uint64_t)*next;
    }
}

// Processor time of the server so far, in all its threads; the kernel tells it in hundredths of a second.
static double server_cpu_seconds(void) {
    char path[64], stat[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", option.server);
    FILE *file = fopen(path, "r");
    if (!file) die(path);
    stat[fread(stat, 1, sizeof stat - 1, file)] = 0;
    fclose(file);
    const char *after_name = strrchr(stat, ')');
    unsigned long user, kernel;
    if (!after_name || sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2) die(path);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static void load(double connect_s) {
    running = true;
    uint64_t start = now_ns(), from = start + (uint64_t)(option.warmup * 1e9), until = from + (uint64_t)(option.seconds * 1e9);
    for (uint32_t i = 0; i < option.connections; i++) paced ? rest(&all[i]) : ask(&all[i], start);
    double next = (double)start, cpu = 0, server_cpu = 0;
    uint64_t now = start, began = start, faults_before = 0, refusals_before = 0;
    for (; now < until && (!option.replies || answered < option.replies); now = now_ns()) {
        if (!recording && now >= from) {
            recording = true;
            began = now;
            cpu = cpu_seconds();
            if (option.server) server_cpu = server_cpu_seconds();
            bytes = 0;
            faults_before = faults;
            refusals_before = refusals;
        }
        if (paced) offer_arrivals(&next, now);
        turn(paced ? 0 : 20);
    }
    recording = running = false;
    uint32_t unanswered = 0;
    for (uint32_t i = 0; i < option.connections; i++) unanswered += all[i].waiting && now - all[i].asked_at > 10 * SECOND;
    double seconds = (double)(now - began) / 1e9;
    printf("{\"mode\":\"%s\",\"connections\":%u,\"connect_s\":%.4f,\"seconds\":%.3f,\"answered\":%lu,\"replies\":%lu,\"frames\":%lu,\"replies_per_s\":%.1f,"
           "\"frames_per_s\":%.1f,\"megabytes_per_s\":%.2f,\"faults\":%lu,\"refusals\":%lu,\"closes\":%lu,\"unanswered\":%u,"
           "\"backlog\":%lu,\"cpu_share\":%.3f",
           option.mode, option.connections, connect_s, seconds, answered, replies, frames, (double)replies / seconds, (double)frames / seconds,
           (double)bytes / 1e6 / seconds, faults - faults_before, refusals - refusals_before, closes, unanswered,
           arrivals_tail - arrivals_head, (cpu_seconds() - cpu) / seconds);
    if (option.server) printf(",\"server_cpu_s\":%.2f", server_cpu_seconds() - server_cpu);
    print_histogram("first", &to_first);
    print_histogram("reply", &to_end);
    printf("}\n");
}

static void parse_options(int count, char **words) {
    static const struct option names[] = {
        {"port", 1, 0, 'p'},    {"connections", 1, 0, 'c'}, {"mode", 1, 0, 'm'},    {"path", 1, 0, 'u'},
        {"header", 1, 0, 'H'},  {"clients", 1, 0, 'C'},     {"greet", 1, 0, 'g'},   {"again", 1, 0, 'a'},
        {"message", 1, 0, 'M'}, {"ready", 1, 0, 'R'},       {"resumed", 1, 0, 'S'}, {"first", 1, 0, 'F'},
        {"end", 1, 0, 'E'},     {"fail", 1, 0, 'X'},        {"seconds", 1, 0, 's'}, {"warmup", 1, 0, 'w'},
        {"rate", 1, 0, 'r'},    {"window", 1, 0, 'W'},      {"patience", 1, 0, 'P'},
        {"replies", 1, 0, 'n'}, {"server", 1, 0, 'V'}, {0, 0, 0, 0}};
    for (int name; (name = getopt_long(count, words, "", names, NULL)) != -1;) {
        switch (name) {
        case 'p': option.port = atoi(optarg); break;
        case 'c': option.connections = (uint32_t)atoi(optarg); break;
        case 'm': option.mode = optarg; break;
        case 'u': option.path = optarg; break;
        case 'H': option.header = optarg; break;
        case 'C': option.clients = optarg; break;
        case 'g': option.greet = optarg; break;
        case 'a': option.again = optarg; break;
        case 'M': option.message = optarg; break;
        case 'R': option.ready = optarg; break;
        case 'S': option.resumed = optarg; break;
        case 'F': option.first = optarg; break;
        case 'E': option.end = optarg; break;
        case 'X': option.fail = optarg; break;
        case 's': option.seconds = atof(optarg); break;
        case 'w': option.warmup = atof(optarg); break;
        case 'r': option.rate = atof(optarg); break;
        case 'W': option.window = atoi(optarg); break;
        case 'n': option.replies = strtoull(optarg, NULL, 10); break;
        case 'P': option.patience = atof(optarg); break;
        case 'V': option.server = atoi(optarg); break;
        default: exit(2);
        }
    }
}

int main(int count, char **words) {
    parse_options(count, words);
    signal(SIGPIPE, SIG_IGN);
    srand48(42);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    paced = !strcmp(option.mode, "paced");
    clients = read_clients(option.clients, option.path, option.header);
    greeting = parse_template(option.greet);
    greeting_again = parse_template(option.again);
    message = parse_template(option.message);
    all = claim(option.connections, sizeof *all);
    resting = claim(option.connections + 1, sizeof *resting);
    arrivals = claim(ARRIVALS, sizeof *arrivals);
    to_first = new_histogram();
    to_end = new_histogram();
    to_return = new_histogram();
    if ((poller = epoll_create1(0)) < 0) die("epoll");
    double connect_s = open_all();
    if (!strcmp(option.mode, "idle")) hold(connect_s);
    else load(connect_s);
    return 0;
}
