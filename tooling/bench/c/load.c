/*
 * The load generator for protocols that are plain text: STOMP, and NATS with JetStream. The same loads
 * and the same output as java/Load.java; src/load-shape.ts describes both. One thread, one epoll loop,
 * so that it costs little beside the broker that is measured.
 *
 *     load mode=load uri=tcp://127.0.0.1:61613 size=1024 seconds=5 …
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Without progress for so long, those that are missing count as lost. */
#define PATIENCE_MS 60000.0
/* A connection that is still open then was meant. */
#define TRIAL_MS 5
/* Bytes a producer without receipts keeps ready for its socket. */
#define READY_BYTES (256 * 1024)
/* Digits of a receipt, and of the time that starts a body. */
#define DIGITS 16
#define PREFETCH 1000

static struct {
  bool is_nats;
  char mode[16];
  char host[64];
  int port;
  char destination[64];
  bool is_topic;
  bool is_persistent;
  long producers, consumers, window, transaction, size, connections;
  double rate, warm_up_seconds, seconds;
  long count;
} shape = {.mode = "load", .destination = "bench", .is_persistent = true, .producers = 1, .window = 1,
           .size = 1024, .seconds = 5, .connections = 1000};

struct bytes {
  char *data;
  size_t length, taken, room;
};

struct samples {
  double *values;
  size_t length, room;
};

enum role { PRODUCER, CONSUMER, IDLE };

struct connection {
  enum role role;
  int fd;
  long index;
  bool is_open, waits_for_socket;
  struct bytes in, out;
  /* Of a producer: messages, or transactions, that are sent and answered; when each was due. */
  long sent, started, answered, share;
  double *due_ms;
  long due_mask;
  /* Of a consumer. */
  long in_transaction, transactions;
};

static struct connection **connections;
static long connection_count;
static int epoll_fd;
static struct samples receipts, deliveries;
static long received;
static double first_ms, last_ms;
/* A message as it is sent, and where in it the receipt and the time are. */
static char *template;
static size_t template_length, sender_at, receipt_at, time_at;
static bool has_receipts, is_measured, is_sending;
static double phase_start_ms, phase_stop_ms;

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static double wall_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

__attribute__((noreturn)) static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

static void *grown(void *data, size_t bytes) {
  void *larger = realloc(data, bytes);
  if (larger == NULL) fail("out of memory");
  return larger;
}

static void add(struct bytes *to, const char *data, size_t length) {
  if (to->taken == to->length) to->taken = to->length = 0;
  if (to->length + length > to->room) {
    to->room = (to->length + length) * 2;
    to->data = grown(to->data, to->room);
  }
  memcpy(to->data + to->length, data, length);
  to->length += length;
}

static void addf(struct bytes *to, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  add(to, text, (size_t)length);
}

/* A STOMP frame without a body. */
#define add_frame(to, ...) (addf(to, __VA_ARGS__), add(to, "", 1))

static void sample(struct samples *to, double value) {
  if (to->length == to->room) {
    to->room = to->room == 0 ? 65536 : to->room * 2;
    to->values = grown(to->values, to->room * sizeof(double));
  }
  to->values[to->length++] = value;
}

/* Decimal, as many digits as there is room for. */
static void put_number(char *at, int64_t value) {
  for (int digit = DIGITS - 1; digit >= 0; digit--) {
    at[digit] = (char)('0' + value % 10);
    value /= 10;
  }
}

/* ---- what the protocols say */

static void make_template(void) {
  struct bytes made = {0};
  has_receipts = shape.is_persistent && !shape.transaction;
  if (shape.is_nats) {
    addf(&made, "PUB %s ", shape.destination);
    if (has_receipts) {
      addf(&made, "_r.");
      sender_at = made.length;
      addf(&made, "%0*d.", DIGITS, 0);
      receipt_at = made.length;
      addf(&made, "%0*d ", DIGITS, 0);
    }
    addf(&made, "%ld\r\n", shape.size);
  } else {
    addf(&made, "SEND\ndestination:/%s/%s\n", shape.is_topic ? "topic" : "queue", shape.destination);
    if (shape.is_persistent) addf(&made, "persistent:true\n");
    if (has_receipts) {
      addf(&made, "receipt:");
      receipt_at = made.length;
      addf(&made, "%0*d\n", DIGITS, 0);
    }
    if (shape.transaction) {
      addf(&made, "transaction:");
      receipt_at = made.length;
      addf(&made, "%0*d\n", DIGITS, 0);
    }
    addf(&made, "content-length:%ld\n\n", shape.size);
  }
  time_at = made.length;
  const char *filling = "any bytes that do not repeat every few of them; ";
  for (long i = 0; i < shape.size; i++) add(&made, filling + i % (long)strlen(filling), 1);
  if (shape.is_nats) add(&made, "\r\n", 2);
  else add(&made, "", 1);
  template = made.data;
  template_length = made.length;
}

static void greet(struct connection *c) {
  if (shape.is_nats) {
    addf(&c->out, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n");
    return;
  }
  add_frame(&c->out, "CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n");
}

/* NATS: what must be there before the first message of a persistent load. */
static void declare_stream(struct connection *c) {
  char config[512];
  addf(&c->out, "SUB _s 9\r\n");
  int length = snprintf(config, sizeof config,
      "{\"name\":\"%s\",\"subjects\":[\"%s\"],\"retention\":\"workqueue\",\"storage\":\"file\",\"num_replicas\":1}",
      shape.destination, shape.destination);
  addf(&c->out, "PUB $JS.API.STREAM.CREATE.%s _s %d\r\n%s\r\n", shape.destination, length, config);
  length = snprintf(config, sizeof config,
      "{\"stream_name\":\"%s\",\"config\":{\"durable_name\":\"c\",\"deliver_subject\":\"d\",\"deliver_group\":\"g\","
      "\"ack_policy\":\"explicit\",\"ack_wait\":600000000000,\"max_ack_pending\":%ld}}",
      shape.destination, PREFETCH * (shape.consumers > 0 ? shape.consumers : 1));
  addf(&c->out, "PUB $JS.API.CONSUMER.DURABLE.CREATE.%s.c _s %d\r\n%s\r\n", shape.destination, length, config);
}

static void opened(struct connection *c) {
  if (c->role == PRODUCER && shape.is_nats && has_receipts) addf(&c->out, "SUB _r.%0*ld.* 2\r\n", DIGITS, c->index);
  if (c->role != CONSUMER) return;
  if (!shape.is_nats) {
    add_frame(&c->out,
        "SUBSCRIBE\nid:0\ndestination:/%s/%s\nack:client-individual\nactivemq.prefetchSize:%d\nprefetch-count:%d\nreceipt:sub\n\n",
        shape.is_topic ? "topic" : "queue", shape.destination, PREFETCH, PREFETCH);
  } else if (shape.is_persistent) {
    addf(&c->out, "SUB d g 1\r\nPING\r\n");
  } else {
    addf(&c->out, "SUB %s%s 1\r\nPING\r\n", shape.destination, shape.is_topic ? "" : " g");
  }
}

static void ack(struct connection *c, const char *id, size_t length) {
  if (shape.is_nats) {
    if (!shape.is_persistent) return;
    add(&c->out, "PUB ", 4);
    add(&c->out, id, length);
    add(&c->out, " 4\r\n+ACK\r\n", 10);
    return;
  }
  if (shape.transaction && c->in_transaction == 0) {
    add_frame(&c->out, "BEGIN\ntransaction:c%ld\n\n", c->transactions);
  }
  add(&c->out, "ACK\nid:", 7);
  add(&c->out, id, length);
  if (shape.transaction) addf(&c->out, "\ntransaction:c%ld", c->transactions);
  add(&c->out, "\n\n", 3);
  if (shape.transaction && ++c->in_transaction == shape.transaction) {
    add_frame(&c->out, "COMMIT\ntransaction:c%ld\n\n", c->transactions);
    c->in_transaction = 0;
    c->transactions++;
  }
}

/* ---- what the broker says */

static void receipt(struct connection *c, const char *digits) {
  int64_t number = strtoll(digits, NULL, 10);
  c->answered++;
  if (is_measured) sample(&receipts, now_ms() - c->due_ms[number & c->due_mask]);
}

static void delivery(struct connection *c, const char *body, const char *id, size_t id_length) {
  char digits[DIGITS + 1];
  memcpy(digits, body, DIGITS);
  digits[DIGITS] = 0;
  last_ms = now_ms();
  if (received++ == 0) first_ms = last_ms;
  if (is_measured) sample(&deliveries, last_ms - strtoll(digits, NULL, 10) / 1e3);
  ack(c, id, id_length);
}

static const char *header(const char *from, const char *end, const char *name, size_t *length) {
  char wanted[32];
  int wanted_length = snprintf(wanted, sizeof wanted, "\n%s:", name);
  const char *at = memmem(from, (size_t)(end - from), wanted, (size_t)wanted_length);
  if (at == NULL) return NULL;
  at += wanted_length;
  const char *stop = memchr(at, '\n', (size_t)(end - at));
  *length = (size_t)((stop ? stop : end) - at);
  return at;
}

/* Takes one STOMP frame; 0 if it is not all there. */
static size_t take_stomp(struct connection *c, const char *from, size_t length) {
  if (*from == '\n' || *from == '\r') return 1;
  const char *end = memmem(from, length, "\n\n", 2);
  if (end == NULL) return 0;
  size_t value_length, body_length;
  const char *content_length = header(from, end, "content-length", &value_length);
  const char *body = end + 2;
  size_t left = length - (size_t)(body - from);
  if (content_length != NULL) {
    body_length = (size_t)atol(content_length);
    if (left < body_length + 1) return 0;
  } else {
    const char *nul = memchr(body, 0, left);
    if (nul == NULL) return 0;
    body_length = (size_t)(nul - body);
  }
  if (!strncmp(from, "MESSAGE", 7)) {
    const char *id = header(from, end, "ack", &value_length);
    if (id == NULL) fail("a message without an ack header");
    delivery(c, body, id, value_length);
  } else if (!strncmp(from, "RECEIPT", 7)) {
    const char *id = header(from, end, "receipt-id", &value_length);
    if (id != NULL && !strncmp(id, "sub", 3)) c->is_open = true;
    else if (id != NULL) receipt(c, id);
  } else if (!strncmp(from, "CONNECTED", 9)) {
    opened(c);
    if (c->role != CONSUMER) c->is_open = true;
  } else {
    fail("the broker said: %.*s", (int)length, from);
  }
  return (size_t)(body - from) + body_length + 1;
}

/* Takes one NATS message; 0 if it is not all there. */
static size_t take_nats(struct connection *c, const char *from, size_t length) {
  const char *end = memmem(from, length, "\r\n", 2);
  if (end == NULL) return 0;
  size_t line = (size_t)(end - from) + 2;
  if (!strncmp(from, "PING", 4)) addf(&c->out, "PONG\r\n");
  else if (!strncmp(from, "-ERR", 4)) fail("the broker said: %.*s", (int)line, from);
  if (!strncmp(from, "PONG", 4)) {
    if (!c->is_open && c->role == CONSUMER && c->transactions++ == 0) opened(c);
    else if (!c->is_open) {
      opened(c);
      c->is_open = true;
    }
  }
  if (strncmp(from, "MSG ", 4)) return line;
  const char *words[5];
  int count = 0;
  for (const char *at = from + 4; count < 5;) {
    words[count++] = at;
    const char *space = memchr(at, ' ', (size_t)(end - at));
    if (space == NULL) break;
    at = space + 1;
  }
  size_t body_length = (size_t)atol(words[count - 1]);
  if (length < line + body_length + 2) return 0;
  const char *body = end + 2;
  if (memmem(body, body_length < 200 ? body_length : 200, "\"error\":", 8)) {
    fail("the broker said: %.*s", (int)body_length, body);
  }
  if (from[4] == '_' && from[5] == 'r') receipt(c, from + 8 + DIGITS);
  else if (from[4] == '_') c->answered++;
  else delivery(c, body, count == 4 ? words[2] : "", count == 4 ? (size_t)(words[3] - words[2] - 1) : 0);
  return line + body_length + 2;
}

/* ---- sockets */

static bool flush(struct connection *c) {
  struct bytes *out = &c->out;
  while (out->taken < out->length) {
    ssize_t written = send(c->fd, out->data + out->taken, out->length - out->taken, MSG_NOSIGNAL);
    if (written < 0) {
      if (errno != EAGAIN) fail("the broker closed a connection: %s", strerror(errno));
      if (!c->waits_for_socket) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
        c->waits_for_socket = true;
      }
      return false;
    }
    out->taken += (size_t)written;
  }
  out->taken = out->length = 0;
  if (c->waits_for_socket) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
    c->waits_for_socket = false;
  }
  return true;
}

static void drain_socket(struct connection *c) {
  static char block[512 * 1024];
  ssize_t got = recv(c->fd, block, sizeof block, 0);
  if (got == 0) fail("the broker closed a connection");
  if (got < 0) {
    if (errno == EAGAIN) return;
    fail("a connection failed: %s", strerror(errno));
  }
  add(&c->in, block, (size_t)got);
  while (c->in.taken < c->in.length) {
    const char *from = c->in.data + c->in.taken;
    size_t left = c->in.length - c->in.taken;
    size_t used = shape.is_nats ? take_nats(c, from, left) : take_stomp(c, from, left);
    if (used == 0) break;
    c->in.taken += used;
  }
  if (c->in.taken > 0) {
    memmove(c->in.data, c->in.data + c->in.taken, c->in.length - c->in.taken);
    c->in.length -= c->in.taken;
    c->in.taken = 0;
  }
}

static int dial(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)shape.port)};
  inet_pton(AF_INET, shape.host, &address.sin_addr);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    close(fd);
    return -1;
  }
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static void turn(int timeout_ms);

/* A broker that only tries whether its port is free resets who comes in that moment. */
static bool stays_open(int fd) {
  struct pollfd end = {.fd = fd, .events = POLLIN};
  char byte;
  if (poll(&end, 1, TRIAL_MS) == 0) return true;
  return recv(fd, &byte, 1, MSG_PEEK) > 0;
}

static int dial_patiently(double deadline) {
  for (;;) {
    int fd = dial();
    if (fd >= 0 && stays_open(fd)) return fd;
    if (fd >= 0) close(fd);
    if (now_ms() > deadline) return -1;
    usleep(2000);
  }
}

static struct connection *open_connection(enum role role, long index, bool is_patient) {
  struct connection *c = calloc(1, sizeof *c);
  double deadline = now_ms() + PATIENCE_MS;
  c->fd = is_patient ? dial_patiently(deadline) : dial();
  if (c->fd < 0) fail("cannot connect to %s:%d", shape.host, shape.port);
  c->role = role;
  c->index = index;
  long slots = 16;
  while (slots < shape.window * 4) slots *= 2;
  if (role == PRODUCER) c->due_ms = calloc((size_t)slots, sizeof(double));
  c->due_mask = slots - 1;
  connections = grown(connections, (size_t)(connection_count + 1) * sizeof *connections);
  connections[connection_count++] = c;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
  greet(c);
  flush(c);
  while (!c->is_open) {
    if (now_ms() > deadline) fail("the broker does not answer");
    turn(100);
  }
  return c;
}

/* ---- load */

static void put_message(struct connection *c, double due_ms) {
  add(&c->out, template, template_length);
  char *copy = c->out.data + c->out.length - template_length;
  if (sender_at != 0) put_number(copy + sender_at, c->index);
  if (receipt_at != 0) put_number(copy + receipt_at, shape.transaction ? c->started : c->sent);
  put_number(copy + time_at, (int64_t)(due_ms * 1e3));
  c->due_ms[(shape.transaction ? c->started : c->sent) & c->due_mask] = due_ms;
  c->sent++;
}

/* Sends what may be sent now. */
static void pump(struct connection *c) {
  if (c->role != PRODUCER || !c->is_open) return;
  double now = now_ms();
  while (is_sending && c->sent < c->share && now < phase_stop_ms) {
    if (c->waits_for_socket || c->out.length - c->out.taken > READY_BYTES) break;
    double due = now;
    if (shape.rate > 0) {
      due = phase_start_ms + (double)c->sent * 1000 / shape.rate;
      if (due > now) break;
    }
    if (shape.transaction) {
      if (c->started - c->answered >= shape.window) break;
      add_frame(&c->out, "BEGIN\ntransaction:%0*ld\n\n", DIGITS, c->started);
      for (long i = 0; i < shape.transaction; i++) put_message(c, due);
      add_frame(&c->out, "COMMIT\ntransaction:%0*ld\nreceipt:%0*ld\n\n", DIGITS, c->started, DIGITS, c->started);
      c->started++;
    } else {
      if (has_receipts && c->sent - c->answered >= shape.window) break;
      put_message(c, due);
      c->started = c->sent;
    }
    now = now_ms();
  }
}

static void turn(int timeout_ms) {
  struct epoll_event events[256];
  int count = epoll_wait(epoll_fd, events, 256, timeout_ms);
  for (int i = 0; i < count; i++) {
    struct connection *c = events[i].data.ptr;
    if (c == NULL) {
      /* Standard input: whoever started this is gone. */
      char text[16];
      if (read(0, text, sizeof text) <= 0) exit(1);
      continue;
    }
    if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) drain_socket(c);
    if (c->waits_for_socket) flush(c);
    pump(c);
    if (!c->waits_for_socket) flush(c);
  }
}

static void wait_until_received(long expected) {
  long before = -1;
  double deadline = 0;
  while (received < expected) {
    if (received != before) {
      before = received;
      deadline = now_ms() + PATIENCE_MS;
    } else if (now_ms() > deadline) {
      fail("received %ld of %ld", received, expected);
    }
    turn(10);
  }
}

static int by_value(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return difference < 0 ? -1 : difference > 0;
}

static void say_latency(const char *name, struct samples *of) {
  if (of->length == 0) {
    printf(",\"%s\":null", name);
    return;
  }
  qsort(of->values, of->length, sizeof(double), by_value);
  printf(",\"%s\":{\"p50\":%.6g,\"p99\":%.6g,\"max\":%.6g}", name, of->values[of->length / 2],
         of->values[of->length * 99 / 100], of->values[of->length - 1]);
}

static void say(const char *line) {
  puts(line);
  fflush(stdout);
}

static void run_phase(double seconds, long count, bool measured) {
  long received_before = received, sent = 0;
  is_measured = measured;
  phase_start_ms = now_ms();
  phase_stop_ms = phase_start_ms + seconds * 1000;
  is_sending = true;
  for (long i = 0; i < connection_count; i++) {
    struct connection *c = connections[i];
    if (c->role != PRODUCER) continue;
    c->sent = c->started = c->answered = 0;
    c->share = count / shape.producers;
    pump(c);
    flush(c);
  }
  double deadline = now_ms() + PATIENCE_MS, answered_ms = 0;
  for (;;) {
    bool is_done = true;
    long answered = 0;
    sent = 0;
    bool is_time = now_ms() >= phase_stop_ms;
    for (long i = 0; i < connection_count; i++) {
      struct connection *c = connections[i];
      if (c->role != PRODUCER) continue;
      if (!is_time && c->sent < c->share) is_done = false;
      if (c->out.length > c->out.taken) is_done = false;
      if ((has_receipts || shape.transaction) && c->answered < c->started) is_done = false;
      sent += c->sent;
      answered += c->answered;
    }
    if (answered_ms != (double)(sent + answered)) {
      answered_ms = (double)(sent + answered);
      deadline = now_ms() + PATIENCE_MS;
    }
    if (is_done) break;
    if (now_ms() > deadline) fail("a producer waits for its receipts");
    turn(shape.rate > 0 ? 1 : 10);
    if (shape.rate > 0 || !has_receipts) {
      for (long i = 0; i < connection_count; i++) {
        pump(connections[i]);
        if (!connections[i]->waits_for_socket) flush(connections[i]);
      }
    }
  }
  is_sending = false;
  double end_ms = now_ms();
  if (shape.consumers > 0) {
    wait_until_received(received_before + sent * (shape.is_topic ? shape.consumers : 1));
    end_ms = last_ms;
  }
  if (!measured) return;
  printf("{\"event\":\"result\",\"sent\":%ld,\"received\":%ld,\"seconds\":%.6f", sent,
         received - received_before, (end_ms - phase_start_ms) / 1000);
  say_latency("receiptMs", &receipts);
  say_latency("deliveryMs", &deliveries);
  say("}");
}

static void prepare_stream(void) {
  if (!shape.is_nats || !shape.is_persistent) return;
  struct connection *c = open_connection(IDLE, -1, true);
  declare_stream(c);
  flush(c);
  while (c->answered < 2) turn(100);
}

static void watch_input(void) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &event);
}

static void wait_for_go(void) {
  char line[16];
  if (fgets(line, sizeof line, stdin) == NULL) exit(1);
}

static void load(void) {
  watch_input();
  prepare_stream();
  for (long i = 0; i < shape.consumers; i++) open_connection(CONSUMER, i, false);
  for (long i = 0; i < shape.producers; i++) open_connection(PRODUCER, i, false);
  if (shape.warm_up_seconds > 0) run_phase(shape.warm_up_seconds, INT64_MAX / 2, false);
  say("{\"event\":\"measuring\"}");
  if (shape.count > 0) run_phase(1e9, shape.count, true);
  else run_phase(shape.seconds, INT64_MAX / 2, true);
}

static void drain(void) {
  say("{\"event\":\"ready\"}");
  wait_for_go();
  watch_input();
  shape.consumers = 1;
  prepare_stream();
  open_connection(CONSUMER, 0, true);
  wait_until_received(1);
  double first_wall_ms = wall_ms() - (now_ms() - first_ms);
  wait_until_received(shape.count);
  printf("{\"event\":\"result\",\"sent\":0,\"received\":%ld,\"seconds\":%.6f,\"firstWallMs\":%.3f", received,
         (last_ms - first_ms) / 1000, first_wall_ms);
  say("}");
}

static void idle(void) {
  for (long i = 0; i < shape.connections; i++) open_connection(IDLE, i, false);
  say("{\"event\":\"ready\"}");
  wait_for_go();
  say("{\"event\":\"result\",\"sent\":0,\"received\":0,\"seconds\":0}");
}

static void read_argument(const char *argument) {
  const char *value = strchr(argument, '=');
  if (value++ == NULL) fail("%s is no key=value", argument);
  size_t length = (size_t)(value - argument) - 1;
#define IS(name) (length == sizeof name - 1 && !memcmp(argument, name, length))
  if (IS("mode")) snprintf(shape.mode, sizeof shape.mode, "%s", value);
  else if (IS("uri")) {
    shape.is_nats = !strncmp(value, "nats:", 5);
    sscanf(value, "%*[^/]//%63[^:]:%d", shape.host, &shape.port);
  }
  else if (IS("destination")) snprintf(shape.destination, sizeof shape.destination, "%s", value);
  else if (IS("topic")) shape.is_topic = !strcmp(value, "true");
  else if (IS("persistent")) shape.is_persistent = !strcmp(value, "true");
  else if (IS("producers")) shape.producers = atol(value);
  else if (IS("consumers")) shape.consumers = atol(value);
  else if (IS("window")) shape.window = atol(value);
  else if (IS("transaction")) shape.transaction = atol(value);
  else if (IS("rate")) shape.rate = atof(value);
  else if (IS("size")) shape.size = atol(value);
  else if (IS("warmUpSeconds")) shape.warm_up_seconds = atof(value);
  else if (IS("seconds")) shape.seconds = atof(value);
  else if (IS("count")) shape.count = atol(value);
  else if (IS("connections")) shape.connections = atol(value);
  else fail("there is no %s", argument);
}

int main(int count, char **arguments) {
  for (int i = 1; i < count; i++) read_argument(arguments[i]);
  if (shape.size < DIGITS) fail("size is at least %d", DIGITS);
  if (shape.is_nats && shape.transaction) fail("NATS has no transactions");
  epoll_fd = epoll_create1(0);
  make_template();
  if (!strcmp(shape.mode, "drain")) drain();
  else if (!strcmp(shape.mode, "idle")) idle();
  else load();
  return 0;
}
