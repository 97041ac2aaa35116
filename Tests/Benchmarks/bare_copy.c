/* Copies records from one topic to another with librdkafka and nothing else, as a C program of one thread would: the
   yardstick of what any consumer and producer could reach.

     cc -std=gnu11 -O2 -o bare_copy bare_copy.c -lrdkafka
     bare_copy --bootstrap HOST:PORT --from TOPIC --to TOPIC --group ID
       [--per-transaction N] [--wait-ms M] [--linger-ms L]

   --per-transaction 0 (the default) is at least once: an idempotent producer, and every second an asynchronous commit
   of what was delivered. Above 0 it is exactly once: a transaction of up to N records that carries their offsets; one that
   is older than M ms (100) is committed as soon as nothing more is waiting, so that 0 makes a transaction of each poll.
   SIGTERM ends it after what it has read is delivered and committed. */
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAXIMUM_PARTITIONS = 1024, MAXIMUM_ATTEMPTS = 100, COMMIT_INTERVAL_MS = 1000, PATIENCE_MS = 30000 };

static const char *bootstrap = "localhost:9092", *source, *target, *group, *linger = "5";
static long per_transaction = 0, wait_ms = 100;

static volatile sig_atomic_t is_stopping = 0;
static rd_kafka_t *consumer, *producer;
static rd_kafka_topic_t *destination;

/* Of each partition: the offset after the last record handed to the producer, the one after the last delivered
   (at least once), and the first of the open transaction. */
static int64_t next_offset[MAXIMUM_PARTITIONS], delivered[MAXIMUM_PARTITIONS], first_offset[MAXIMUM_PARTITIONS];
static long in_transaction = 0;
static int64_t transaction_began;

static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("bare_copy: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void stop(int number) { is_stopping = number; }

/* The offsets of the partitions where there are any, -1 meaning none. */
static rd_kafka_topic_partition_list_t *offsets(const int64_t *values) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
  for (int32_t partition = 0; partition < MAXIMUM_PARTITIONS; partition++)
    if (values[partition] >= 0)
      rd_kafka_topic_partition_list_add(list, source, partition)->offset = values[partition];
  return list;
}

static void forget_offsets(int64_t *values) {
  for (int partition = 0; partition < MAXIMUM_PARTITIONS; partition++) values[partition] = -1;
}

typedef enum { DONE, RETRY, ABORT } outcome;

/* A retriable error asks for the same call again, an abortable one for an abort; the rest is fatal. */
static outcome judge(const char *operation, rd_kafka_error_t *error, int attempt) {
  if (!error) return DONE;
  const int is_retriable = rd_kafka_error_is_retriable(error), is_abortable = rd_kafka_error_txn_requires_abort(error);
  fprintf(stderr, "bare_copy: %s: %s\n", operation, rd_kafka_error_string(error));
  if ((!is_retriable && !is_abortable) || attempt >= MAXIMUM_ATTEMPTS) die("%s failed for good", operation);
  rd_kafka_error_destroy(error);
  if (is_retriable) nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
  return is_retriable ? RETRY : ABORT;
}

static outcome send_offsets(void) {
  rd_kafka_topic_partition_list_t *list = offsets(next_offset);
  rd_kafka_consumer_group_metadata_t *membership = rd_kafka_consumer_group_metadata(consumer);
  if (!membership) die("the consumer is in no group");
  outcome found = RETRY;
  for (int attempt = 1; found == RETRY; attempt++)
    found = judge("sending offsets", rd_kafka_send_offsets_to_transaction(producer, list, membership, -1), attempt);
  rd_kafka_consumer_group_metadata_destroy(membership);
  rd_kafka_topic_partition_list_destroy(list);
  return found;
}

/* Reads again what the aborted transaction held. */
static void rewind_consumer(void) {
  rd_kafka_topic_partition_list_t *list = offsets(first_offset);
  rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer, list, -1);
  if (error) die("seeking back: %s", rd_kafka_error_string(error));
  for (int index = 0; index < list->cnt; index++)
    if (list->elems[index].err) die("seeking back: %s", rd_kafka_err2str(list->elems[index].err));
  rd_kafka_topic_partition_list_destroy(list);
}

static void commit_transaction(int may_rewind) {
  if (!in_transaction) return;
  outcome found = send_offsets();
  if (found == DONE) {
    found = RETRY;
    for (int attempt = 1; found == RETRY; attempt++)
      found = judge("committing", rd_kafka_commit_transaction(producer, -1), attempt);
  }
  if (found == ABORT) {
    static int aborts = 0;
    if (++aborts > MAXIMUM_ATTEMPTS) die("%d transactions were aborted", aborts);
    outcome aborted = RETRY;
    for (int attempt = 1; aborted == RETRY; attempt++)
      aborted = judge("aborting", rd_kafka_abort_transaction(producer, -1), attempt);
    if (aborted != DONE) die("the transaction can be neither committed nor aborted");
    if (may_rewind) rewind_consumer();
  }
  in_transaction = 0;
  forget_offsets(first_offset);
  forget_offsets(next_offset);
}

static void begin_transaction(void) {
  rd_kafka_error_t *error = rd_kafka_begin_transaction(producer);
  if (error) die("beginning: %s", rd_kafka_error_string(error));
  transaction_began = now_ms();
}

/* The opaque is the offset of the copied record; a partition's reports come in order. */
static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque) {
  (void)handle, (void)opaque;
  if (message->err) die("a record was not delivered: %s", rd_kafka_err2str(message->err));
  delivered[message->partition] = (int64_t)(intptr_t)message->_private + 1;
}

static void commit_delivered(int is_asynchronous) {
  rd_kafka_topic_partition_list_t *list = offsets(delivered);
  if (list->cnt) {
    rd_kafka_resp_err_t error = rd_kafka_commit(consumer, list, is_asynchronous);
    if (error && error != RD_KAFKA_RESP_ERR__NO_OFFSET)
      fprintf(stderr, "bare_copy: committing: %s\n", rd_kafka_err2str(error));
  }
  rd_kafka_topic_partition_list_destroy(list);
}

/* Delivers and commits whatever was read. */
static void settle(void) {
  if (per_transaction) {
    commit_transaction(0);
  } else {
    if (rd_kafka_flush(producer, PATIENCE_MS)) die("records were not delivered within %d ms", PATIENCE_MS);
    commit_delivered(0);
    forget_offsets(delivered);
  }
}

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *list,
                         void *opaque) {
  (void)opaque;
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    rd_kafka_assign(handle, list);
  } else {
    settle();
    rd_kafka_assign(handle, NULL);
  }
}

static void copy(rd_kafka_message_t *message) {
  if (message->partition >= MAXIMUM_PARTITIONS) die("partition %d is too high", message->partition);
  if (per_transaction && in_transaction++ == 0) begin_transaction();
  rd_kafka_headers_t *headers = NULL;
  rd_kafka_message_detach_headers(message, &headers);
  rd_kafka_vu_t parts[] = {
      {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = destination},
      {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = message->partition},
      {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
      {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {message->key, message->key_len}},
      {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {message->payload, message->len}},
      {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(intptr_t)message->offset},
      {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
  };
  const size_t count = sizeof parts / sizeof *parts - (headers ? 0 : 1);
  const int64_t deadline = now_ms() + PATIENCE_MS;
  rd_kafka_error_t *error;
  while ((error = rd_kafka_produceva(producer, parts, count))) {
    /* A full queue is backpressure. The headers are still ours. */
    if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL || now_ms() > deadline)
      die("producing: %s", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    rd_kafka_poll(producer, 10);
  }
  if (first_offset[message->partition] < 0) first_offset[message->partition] = message->offset;
  next_offset[message->partition] = message->offset + 1;
}

static void run(void) {
  int64_t last_commit = now_ms();
  for (unsigned long turn = 1; !is_stopping; turn++) {
    /* With a transaction open, only what is left of its age is waited for. */
    const int64_t left = in_transaction ? transaction_began + wait_ms - now_ms() : 100;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, left > 0 ? (int)left : 0);
    if (message) {
      if (!message->err) copy(message);
      else if (message->err == RD_KAFKA_RESP_ERR__FATAL) die("consuming: %s", rd_kafka_message_errstr(message));
      else fprintf(stderr, "bare_copy: consuming: %s\n", rd_kafka_message_errstr(message));
      rd_kafka_message_destroy(message);
    }
    if (!message || turn % 256 == 0) {
      rd_kafka_poll(producer, 0);
      if (!per_transaction && now_ms() - last_commit >= COMMIT_INTERVAL_MS) {
        commit_delivered(1);
        last_commit = now_ms();
      }
    }
    if (in_transaction && (in_transaction >= per_transaction || (!message && now_ms() - transaction_began >= wait_ms)))
      commit_transaction(1);
  }
}

static void set(rd_kafka_conf_t *configuration, const char *name, const char *value) {
  char text[512];
  if (rd_kafka_conf_set(configuration, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) die("%s", text);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *configuration) {
  char text[512];
  set(configuration, "bootstrap.servers", bootstrap);
  rd_kafka_t *made = rd_kafka_new(type, configuration, text, sizeof text);
  if (!made) die("%s", text);
  return made;
}

static void open_clients(void) {
  rd_kafka_conf_t *configuration = rd_kafka_conf_new();
  set(configuration, "group.id", group);
  set(configuration, "enable.auto.commit", "false");
  set(configuration, "auto.offset.reset", "earliest");
  set(configuration, "isolation.level", "read_committed");
  set(configuration, "fetch.wait.max.ms", "10");
  rd_kafka_conf_set_rebalance_cb(configuration, on_rebalance);
  consumer = client(RD_KAFKA_CONSUMER, configuration);
  rd_kafka_poll_set_consumer(consumer);

  configuration = rd_kafka_conf_new();
  /* For throughput: batches of up to 1 MB (the default) gather for 5 ms, and the queue never is what limits. */
  set(configuration, "linger.ms", linger);
  /* A transaction that follows another at once meets CONCURRENT_TRANSACTIONS; the default waits 100 ms to ask again. */
  set(configuration, "retry.backoff.ms", "1");
  set(configuration, "queue.buffering.max.messages", "1000000");
  set(configuration, "enable.idempotence", "true");
  if (per_transaction) set(configuration, "transactional.id", group);
  else rd_kafka_conf_set_dr_msg_cb(configuration, on_delivery);
  producer = client(RD_KAFKA_PRODUCER, configuration);
  if (!(destination = rd_kafka_topic_new(producer, target, NULL))) die("%s is no topic name", target);
  outcome found = per_transaction ? RETRY : DONE;
  for (int attempt = 1; found == RETRY; attempt++)
    found = judge("initializing", rd_kafka_init_transactions(producer, -1), attempt);
  if (found != DONE) die("transactions cannot be initialized");
}

static long number(const char *name, const char *text, long maximum) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*end || end == text || value < 0 || value > maximum) die("%s: found %s, expected 0 to %ld", name, text, maximum);
  return value;
}

int main(int count, char **arguments) {
  for (int index = 1; index + 1 < count; index += 2) {
    const char *name = arguments[index], *value = arguments[index + 1];
    if (!strcmp(name, "--bootstrap")) bootstrap = value;
    else if (!strcmp(name, "--from")) source = value;
    else if (!strcmp(name, "--to")) target = value;
    else if (!strcmp(name, "--group")) group = value;
    else if (!strcmp(name, "--per-transaction")) per_transaction = number(name, value, 1000000);
    else if (!strcmp(name, "--wait-ms")) wait_ms = number(name, value, 10000);
    else if (!strcmp(name, "--linger-ms")) number(name, value, 10000), linger = value;
    else die("unknown argument %s", name);
  }
  if (count % 2 == 0 || !source || !target || !group) die("--from, --to and --group are needed, each with a value");
  forget_offsets(next_offset), forget_offsets(delivered), forget_offsets(first_offset);
  const struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  open_clients();
  rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, source, RD_KAFKA_PARTITION_UA);
  rd_kafka_resp_err_t error = rd_kafka_subscribe(consumer, topics);
  if (error) die("subscribing: %s", rd_kafka_err2str(error));
  rd_kafka_topic_partition_list_destroy(topics);
  run();
  settle();
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  rd_kafka_topic_destroy(destination);
  rd_kafka_destroy(producer);
  return 0;
}
