/*
 * floor_receive — what it costs at the very least to answer a request when it is on Kafka: libmicrohttpd and librdkafka, the body as it came, no
 * signature, no mapping, no Redis.
 *
 *   floor_receive <bootstrap servers> <topic>      says "listening on http://127.0.0.1:NNN", ends with SIGTERM
 */
#include <arpa/inet.h>
#include <librdkafka/rdkafka.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"

enum { SERVE_MS = 100, BODY_MAX_BYTES = 1024 * 1024 };

struct call {
    struct MHD_Connection *connection;
    struct buf body;
    atomic_bool delivered;
};

static rd_kafka_t *producer;
static rd_kafka_topic_t *topic;
static volatile sig_atomic_t ending;

static void on_signal(int number)
{
    (void)number;
    ending = 1;
}

static void on_report(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    (void)handle, (void)opaque;
    struct call *call = message->_private;
    atomic_store(&call->delivered, !message->err);
    MHD_resume_connection(call->connection);
}

static enum MHD_Result on_request(void *closure, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **state)
{
    (void)closure, (void)url, (void)method, (void)version;
    struct call *call = *state;
    if (!call) {
        *state = call = calloc(1, sizeof(*call));
        if (!call)
            return MHD_NO;
        call->connection = connection;
        buf_init(&call->body, BODY_MAX_BYTES);
        return MHD_YES;
    }
    if (*upload_bytes) {
        buf_put(&call->body, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (atomic_load(&call->delivered)) {
        struct MHD_Response *response =
            MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
        MHD_destroy_response(response);
        return result;
    }
    MHD_suspend_connection(connection);
    if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, call->body.data,
                         call->body.len, NULL, 0, call) != 0)
        MHD_resume_connection(connection);
    return MHD_YES;
}

static void on_completed(void *closure, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)closure, (void)connection, (void)code;
    struct call *call = *state;
    if (call)
        buf_clear(&call->body);
    free(call);
    *state = NULL;
}

static void open_kafka(const char *bootstrap, const char *name)
{
    static const char *const PROPERTIES[][2] = {
        {"enable.idempotence", "true"}, {"linger.ms", "0"}, {"compression.type", "lz4"}};
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof(why));
    for (size_t i = 0; i < sizeof(PROPERTIES) / sizeof(PROPERTIES[0]); i++)
        (void)rd_kafka_conf_set(conf, PROPERTIES[i][0], PROPERTIES[i][1], why, sizeof(why));
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    topic = producer ? rd_kafka_topic_new(producer, name, NULL) : NULL;
    if (!topic) {
        (void)fprintf(stderr, "floor_receive: %s\n", why);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (argc != 3) {
        (void)fprintf(stderr, "usage: floor_receive <bootstrap servers> <topic>\n");
        return 64;
    }
    (void)signal(SIGTERM, on_signal);
    open_kafka(argv[1], argv[2]);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        on_request, NULL, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&where,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    if (!daemon) {
        (void)fprintf(stderr, "floor_receive: cannot listen\n");
        return 1;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    printf("listening on http://127.0.0.1:%u\n", info ? (unsigned)info->port : 0U);
    (void)fflush(stdout);
    while (!ending)
        rd_kafka_poll(producer, SERVE_MS);
    MHD_stop_daemon(daemon);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
    return 0;
}
